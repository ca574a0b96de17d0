"""`pixelwise models`: the versions that are served side by side, and the contents of models/."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from app.cli.flags import say_who_gets_another
from app.cli.pull import fetch
from app.cli.refusals import BadVersion, NotStartable
from app.cli.serve import settings_of_service
from app.cli.terminal import JsonOption, print_json, say, show
from app.cli.verify_in_child import Trial, try_alone
from app.settings import Settings, read_settings

if TYPE_CHECKING:
    from app.server.running_service import Running, Served
    from app.verify.inventory import Held

models = typer.Typer(no_args_is_help=True, help="The versions of the model that are served side by side.")
ListedVersion = Annotated[str, typer.Argument(help="The release, such as v2.0.")]
AT_ONCE = 2
"""Most versions tried at the same time, each in a process of its own."""


@models.command("list")
def list_versions(json: JsonOption = False) -> None:
    """List what is in models/ and what .env names: what is served, what is left out, and why."""
    from app.server.running_service import running_service, served_by
    from app.verify.inventory import take_stock, versions_in

    settings = read_settings()
    others = (version for version in versions_in(settings.models) if version not in settings.model_versions)
    stock = take_stock(settings.models, (*settings.model_versions, *others))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        trials = list(threads.map(lambda held: _try(held, settings), stock))
    service = running_service(settings.data_dir)
    served = served_by(service) if service else None
    rows = [_describe(held, trial, settings, served) for held, trial in zip(stock, trials, strict=True)]
    if json:
        print_json({"service": service.url if service else None, "versions": rows})
    else:
        show(_table(rows, service))


@models.command()
def add(version: ListedVersion) -> None:
    """Fetch a release, verify it, name it in .env, and let the running service serve it too; or change nothing."""
    from app.cli.reload import Versions, take_up

    fetch(version, settings_of_service())

    def decide(now: Versions) -> Versions:
        return now if version in now else (*now, version)

    is_served = take_up(version, decide)
    say(f"{version}: named in .env, and " + ("served." if is_served else "no service runs now."))


@models.command()
def remove(
    version: ListedVersion,
    files: Annotated[bool, typer.Option("--files", help="Delete its files in models/ too.")] = False,
) -> None:
    """Take a version out of .env and let the running service go on without it. The default stays."""
    from app.cli.reload import Versions, take_up
    from app.release.models_folder import discard, only_one_pull
    from app.verify.inventory import versions_in

    settings = read_settings()
    has_files = version in versions_in(settings.models)

    def decide(now: Versions) -> Versions:
        if version == now[0]:
            remedy = "Make another one the default first: `pixelwise models default VERSION`."
            raise BadVersion(f"version {version}", found="the default", expected="another version", remedy=remedy)
        return tuple(other for other in now if other != version)

    if version in settings.model_versions:
        is_running = take_up(version, decide)
        say(f"{version}: no longer in .env, and " + ("no longer served." if is_running else "no service runs now."))
    elif not (files and has_files):
        raise BadVersion(
            f"version {version}",
            found=f"only {', '.join(settings.model_versions)} in .env",
            expected="a version that .env names",
            remedy="`pixelwise models list` shows all; --files deletes one of models/ that .env does not name.",
        )
    if files and has_files:
        with only_one_pull(settings.models, say):
            discard(settings.models, version)
        say(f"{version}: deleted from {settings.models.name}/.")


@models.command()
def default(version: ListedVersion) -> None:
    """Make one of the versions that .env names the default, and let the running service follow."""
    from app.cli.reload import Versions, take_up
    from app.release.models_folder import artefact_of

    def decide(now: Versions) -> Versions:
        if version not in now:
            raise BadVersion(
                f"version {version}",
                found=f"{', '.join(now)} in .env",
                expected="one of these",
                remedy=f"Run `pixelwise models add {version}` first, or `pixelwise upgrade {version}`.",
            )
        return (version, *(other for other in now if other != version))

    settings = settings_of_service()
    decide(settings.model_versions)
    refusal = try_alone(version, root=settings.root, path=artefact_of(settings.models, version)).refusal
    if refusal is not None:
        raise NotStartable(version, refusal)
    is_served = take_up(version, decide)
    say(f"{version}: the default in .env, and " + ("served as such." if is_served else "no service runs now."))
    say_who_gets_another(read_settings())


def _try(held: Held, settings: Settings) -> Trial | None:
    """Tries to start a version; None if its files alone show that it cannot start."""
    from app.release.models_folder import artefact_of

    is_default = held.version == settings.model_version
    if held.release is None and not (is_default and settings.model_path):
        return None
    path = settings.model_path if is_default else artefact_of(settings.models, held.version)
    return try_alone(held.version, root=settings.root, path=path)


def _describe(held: Held, trial: Trial | None, settings: Settings, served: Served | None) -> dict[str, Any]:
    """One version, for --json."""
    version, contract = held.version, held.contract
    fault = held.fault if trial is None else str(trial.refusal or "")
    classes = (trial.classes if trial else ()) or (contract.classes if contract else ())
    left_out = served.left_out.get(version, "") if served else ""
    return {
        "version": version,
        "in_env": _place(version, settings),
        "service": None if served is None else _state(version, served),
        "verified": trial is not None and trial.refusal is None,
        "why": fault or left_out,
        "commit": held.release.commit if held.release else None,
        "artefact": held.artefact.name if held.artefact else None,
        "bytes": held.artefact.size if held.artefact else None,
        "sha256": held.artefact.sha256 if held.artefact else None,
        "classes": list(classes) or None,
        "accuracy": contract.accuracy if contract else None,
        "cited_accuracy": held.cited_accuracy,
    }


def _place(version: str, settings: Settings) -> str | None:
    if version == settings.model_version:
        return "default"
    return "named" if version in settings.model_versions else None


def _state(version: str, served: Served) -> str:
    if version == served.model_version:
        return "default"
    if version in served.versions:
        return "served"
    return "left out" if version in served.left_out else "not served"


def _table(rows: list[dict[str, Any]], service: Running | None) -> Table:
    table = Table(caption=f"service: {service.url}" if service else "no service runs now")
    for column in ("version", "in .env", "service", "check", "size", "sha256", "classes", "accuracy", "why"):
        table.add_column(column, overflow="fold", no_wrap=column == "sha256")
    for row in rows:
        table.add_row(
            row["version"],
            row["in_env"] or "",
            row["service"] or "",
            Text("verified", "green") if row["verified"] else Text("refused", "bold red"),
            f"{row['bytes']:,}" if row["bytes"] is not None else "",
            (row["sha256"] or "")[:12],
            "".join(row["classes"] or ()),
            _accuracy(row),
            Text(row["why"]),
        )
    return table


def _accuracy(row: dict[str, Any]) -> str:
    if row["accuracy"]:
        return f"{row['accuracy'].value:.2%}"
    cited = row["cited_accuracy"]
    return f"{100 * cited:.4g}% by its card's words" if cited is not None else ""
