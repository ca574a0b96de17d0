"""`pixelwise pull`, and `fetch`, with which other commands get a release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.build_release import build_if_missing
from app.cli.refusals import NotStartable
from app.cli.terminal import say
from app.cli.verify_in_child import try_alone
from app.errors import ConfigurationError, PixelWiseError
from app.settings import Settings, read_settings

if TYPE_CHECKING:
    from app.release.pull import Pulled


def pull(
    version: Annotated[
        str | None, typer.Argument(help="The release, such as v2.0; without it, all that .env names.")
    ] = None,
    frozen: Annotated[bool, typer.Option("--frozen", help="Take only what model.lock lists.")] = False,
    keep_offline: Annotated[
        bool,
        typer.Option("--keep-offline", help="Keep the release in place if its repository cannot be reached."),
    ] = False,
) -> None:
    """Fetch the releases that .env names, or VERSION; verify each, and put it into models/."""
    from app.release.pin import show_short_id

    settings = read_settings()
    refusals: list[PixelWiseError] = []
    is_new = False
    for one in settings.model_versions if version is None else (version,):
        try:
            pulled = fetch(one, settings, frozen=frozen, keep_offline=keep_offline)
        except PixelWiseError as error:  # the others are still fetched
            refusals.append(error)
            continue
        release = pulled.release
        is_new |= pulled.outcome == "pulled"
        trust = "listed in model.lock" if pulled.covered_by else "not in model.lock"
        say(f"{release.version}: {pulled.outcome}, {show_short_id(release.pin)}, {release.artefact} ({trust}).")
    if version is None:
        _say_what_still_answers(settings, is_new=is_new)
    for refusal in refusals[1:]:
        say(str(refusal))
    if refusals:
        raise refusals[0]


def _say_what_still_answers(settings: Settings, *, is_new: bool) -> None:
    """Reports a running service that answers with something other than is now in place, since a pull does not notify
    it."""
    from app.server.running_service import running_service, served_by

    try:
        service = running_service(settings.data_dir)
    except PermissionError:  # it is another user's, and only that user may signal it
        return
    served = served_by(service) if service else None
    if service is None or served is None:
        return
    named = settings.model_versions
    if is_new or set(served.versions) | set(served.left_out) != set(named) or served.model_version != named[0]:
        answers = f"The service that runs at {service.url} still answers with the {', '.join(served.versions)} it has"
        say(f"{answers}: `pixelwise upgrade {named[0]}` lets it take up what .env names.")


def fetch(version: str, settings: Settings, *, frozen: bool = False, keep_offline: bool = False) -> Pulled:
    """The release, as `models/<version>`; one that does not verify and start is not placed. A local one is built first
    if needed, unless it would then be refused (`frozen`) or can be done without (`keep_offline`).

    Only the default's files are also copied into `models/`.
    """
    from app.release.pull import pull as pull_release

    is_default = version == settings.model_version
    frozen = frozen or settings.require_lock
    if not (frozen or keep_offline):
        build_if_missing(version, settings)

    def accept(folder: Path) -> None:
        _start_from(folder, version, settings)
        if is_default:
            check_served_path(folder, version, settings)

    return pull_release(
        repository=settings.model_repo,
        version=version,
        models=settings.models,
        lock_file=settings.lock_file,
        root=settings.root,
        frozen=frozen,
        keep_offline=keep_offline,
        trust=settings.trust,
        is_default=is_default,
        accept=accept,
        card_artefact=_artefact_named_by_card,
        say=say,
    )


def check_served_path(folder: Path, version: str, settings: Settings) -> None:
    """Checks that MODEL_PATH does not lose its file: making a release the default replaces the files in models/.

    Args:
        folder: the folder of the release.
    """
    path = settings.model_path
    if path is None or path.parent != settings.models or (folder / path.name).exists():
        return
    raise ConfigurationError(
        f"MODEL_PATH={path.relative_to(settings.root)}",
        found=f"no {path.name} in release {version}",
        expected=f"a file of the pinned release, whose files replace those of {settings.models.name}/",
        remedy="Leave MODEL_PATH empty in .env, or name this release's artefact. Nothing was replaced.",
    )


def _start_from(folder: Path, version: str, settings: Settings) -> None:
    from app.release.record import read_record

    record = read_record(folder)
    refusal = try_alone(version, root=settings.root, path=folder / (record.artefact if record else "")).refusal
    if refusal is not None:
        raise NotStartable(version, refusal)


def _artefact_named_by_card(folder: Path) -> str | None:
    from app.verify.card import artefact_named  # a pull of what is in place reads no card

    return artefact_named(folder)
