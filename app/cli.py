"""The command `pixelwise`. Results go to stdout, progress and messages to stderr; `--json` gives one stable object."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.progress import track

import app
from app.commands.database import database
from app.commands.keys import keys
from app.commands.report import report
from app.commands.serve import serve
from app.commands.upgrade import upgrade
from app.errors import (
    ConfigurationError,
    ContractBroken,
    NotStartable,
    NotWritable,
    PixelWiseError,
    RosterMismatch,
    UnreadableImage,
    printable,
)
from app.inference.contract import INK_ABOVE
from app.settings import Settings, read_settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=app.__doc__)
cli.command()(report)
cli.command()(serve)
cli.command()(upgrade)
cli.add_typer(database, name="db")
cli.add_typer(keys, name="keys")
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
MANY = 20
"""From this many images on, reading them shows a progress bar."""
START_SECONDS = 120
"""How long a fetched release may take to start before it is refused."""


def console(*, stderr: bool = False) -> Console:
    """A console that shows neither colour nor bars where there is no terminal, or where NO_COLOR is set."""
    plain = "NO_COLOR" in os.environ
    return Console(stderr=stderr, highlight=False, color_system=None if plain else "auto", soft_wrap=stderr)


def main() -> NoReturn:
    """Runs the command; a refusal is one message on stderr (and one object on stdout with --json) and its exit code."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that cannot show a character
    try:
        cli()
    except PixelWiseError as error:
        _refuse(error)
    except PermissionError as error:
        _refuse(NotWritable(str(error.filename)))
    sys.exit(0)


def _refuse(error: PixelWiseError) -> NoReturn:
    _say(str(error))
    # A broken contract has been shown with all its checks.
    if "--json" in sys.argv and not isinstance(error, RosterMismatch | ContractBroken):
        parts = {key: getattr(error, key) for key in ("subject", "found", "promised", "remedy", "exit_code")}
        _print_json({"error": {"kind": type(error).__name__, **parts}})
    sys.exit(error.exit_code)


def _say(line: str) -> None:
    console(stderr=True).print(line, markup=False)


def _print_json(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pixelwise {app.__version__}")
        raise typer.Exit


@cli.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@cli.command()
def pull(
    frozen: Annotated[bool, typer.Option("--frozen", help="Take only what model.lock lists.")] = False,
    keep_offline: Annotated[
        bool,
        typer.Option("--keep-offline", help="Keep the release in place if its repository cannot be reached."),
    ] = False,
) -> None:
    """Fetch the release that .env pins, verify it, and put it into models/."""
    from app.release.pull import pull as pull_release

    settings = read_settings()
    pulled = pull_release(
        repository=settings.model_repo,
        version=settings.model_version,
        models=settings.models,
        lock_file=settings.lock_file,
        root=settings.root,
        frozen=frozen or settings.require_lock,
        keep_offline=keep_offline,
        accept=lambda folder: _start_from(folder, settings),
        card_artefact=_artefact_named_by_card,
        say=_say,
    )
    release = pulled.release
    trust = "listed in model.lock" if pulled.covered_by else "not in model.lock"
    _say(f"{release.version}: {pulled.outcome}, commit {release.commit[:12]}, {release.artefact} ({trust}).")


def _start_from(folder: Path, settings: Settings) -> None:
    """Starts the model in `folder` in a process of its own: what does not start is not placed."""
    from app.release.record import read_record

    record = read_record(folder)
    name = record.artefact if record else ""
    environ = {**os.environ, "MODEL_PATH": str(folder / name)}
    command = [sys.executable, "-c", "import app.cli; app.cli.main()", "verify"]
    try:
        done = subprocess.run(
            command,
            env=environ,
            cwd=settings.root,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=START_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NotStartable(settings.model_version, said=f"no start within {START_SECONDS} s") from None
    if done.returncode != 0:
        raise NotStartable(settings.model_version, said=done.stderr.strip() or f"exit code {done.returncode}")
    _check_served_path(folder, settings)


def _check_served_path(folder: Path, settings: Settings) -> None:
    """Placing a release replaces the files in models/: MODEL_PATH must not lose the file it names."""
    path = settings.model_path
    if path is None or path.parent != settings.models or (folder / path.name).exists():
        return
    raise ConfigurationError(
        f"MODEL_PATH={path.relative_to(settings.root)}",
        found=f"no {path.name} in release {settings.model_version}",
        promised=f"a file of the pinned release, whose files replace those of {settings.models.name}/",
        remedy="Leave MODEL_PATH empty in .env, or name this release's artefact. The current model stays as it is.",
    )


def _artefact_named_by_card(folder: Path) -> str | None:
    from app.inference.plain_file import read_plain_file
    from app.release.card import CARD, MAX_BYTES, read_card

    if not (folder / CARD).exists():
        return None
    contract = read_card(read_plain_file(folder / CARD, limit=MAX_BYTES)).contract
    return contract.artefact if contract else None


@cli.command()
def lock(
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a new commit of a release that is listed replace its entry.")
    ] = False,
) -> None:
    """Add the pulled release to model.lock, for review."""
    from app.release.lock import add_to_lock

    settings = read_settings()
    _say(
        add_to_lock(
            models=settings.models,
            version=settings.model_version,
            lock_file=settings.lock_file,
            root=settings.root,
            replace=replace,
        )
    )


@cli.command()
def verify(
    json: Json = False,
    mnist: Annotated[bool, typer.Option("--mnist", help="Measure the accuracy on MNIST's test file too.")] = False,
) -> None:
    """Hold artefact, card, code and golden set against each other; exit code 4 when they disagree."""
    from app.release.agreement import refuse_differences

    try:
        from app.classifier import MODEL
    except (RosterMismatch, ContractBroken) as error:
        _show_checks(error.checks, json=json)
        raise
    from app.release.accuracy import check_on_mnist, check_recorded, measure

    checks = [check for check in MODEL.checks if check.name != "recorded answers" or MODEL.recorded is None]
    if MODEL.recorded is not None:
        checks += check_recorded(MODEL.recorded, MODEL.engine)
    if mnist:
        from app.inference.mnist import read_mnist_test

        images, labels = read_mnist_test(read_settings().mnist_dir)
        checks.append(check_on_mnist(measure(MODEL.engine, images, labels), MODEL.card))
    _show_checks(tuple(checks), json=json, version=MODEL.version)
    refuse_differences(MODEL.path.name, checks)


def _show_checks(checks: tuple[Any, ...], *, json: bool, version: str | None = None) -> None:
    from app.tables import checks_report

    if json:
        agree = all(check.outcome != "differs" for check in checks)
        _print_json({"version": version, "agree": agree, "checks": [check._asdict() for check in checks]})
        return
    out = console()
    if not out.is_terminal:
        out.width = 150
    out.print(checks_report(checks))


@cli.command()
def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG or .npy files, or folders of them.")
    ],
    json: Json = False,
    show: Annotated[bool, typer.Option("--show", help="Draw what the model saw.")] = False,
) -> None:
    """Read digits from pictures, all in one batch."""
    import numpy as np

    from app.classifier import MODEL, classify_batch
    from app.inference.image_files import read_images
    from app.inference.skew import find_skew, skipped_checks
    from app.tables import answers_table, as_characters

    names, seen, unreadable = [], [], []
    files = _image_files(images)
    bar = console(stderr=True)
    quiet = len(files) < MANY or not bar.is_terminal or "NO_COLOR" in os.environ
    for file in track(files, "Reading images", console=bar, disable=quiet, transient=True):
        try:
            batch = read_images(file)
        except UnreadableImage as reason:
            unreadable.append(reason)
            continue
        shown = printable(os.fsencode(file).decode("utf-8", "replace"))
        names += [shown if len(batch) == 1 else f"{shown}[{index}]" for index in range(len(batch))]
        seen.append(batch)
    batch = np.concatenate(seen) if seen else np.empty((0, 28, 28), np.uint8)
    answers = classify_batch(batch)
    contract = MODEL.card.contract if MODEL.card else None
    profile = contract.profile if contract else None
    findings = find_skew(batch, profile)
    skipped = skipped_checks(profile)
    if json:
        found = [
            {"image": name, **answer, "findings": [finding._asdict() for finding in one]}
            for name, answer, one in zip(names, answers, findings, strict=True)
        ]
        refused = [{"subject": error.subject, "found": error.found, "remedy": error.remedy} for error in unreadable]
        _print_json(
            {
                "model_version": MODEL.version,
                "skipped_checks": list(skipped),
                "images": found,
                "unreadable": refused,
            }
        )
    else:
        if skipped:
            _say(f"Not checked for want of a profile in the card: {', '.join(skipped)}")
        out = console()
        if show:
            for name, image in zip(names, batch, strict=True):
                out.print(f"{name}\n{as_characters(image, ink_above=INK_ABOVE)}", markup=False)
        if names:
            out.print(answers_table(names, answers, findings))
    for error in unreadable:
        _say(str(error))
    if unreadable:
        raise typer.Exit(UnreadableImage.exit_code)


def _image_files(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named, in order."""
    kinds = {".png", ".jpg", ".jpeg", ".npy"}
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in kinds)
        if not inside:
            raise UnreadableImage(
                f"folder {path}", found="no pictures", promised=" ".join(sorted(kinds)), remedy="Name another folder."
            )
        files += inside
    return files


@cli.command()
def doctor(json: Json = False) -> None:
    """Check this installation; every fault with the line that mends it."""
    from app.doctor import diagnose, symptoms_table

    symptoms = diagnose()
    if json:
        _print_json({"healthy": all(symptom.healthy for symptom in symptoms), "checks": symptoms})
    else:
        console().print(symptoms_table(symptoms))
    worst = [symptom.exit_code for symptom in symptoms if not symptom.healthy]
    if worst:
        raise typer.Exit(worst[0])


if __name__ == "__main__":
    main()
