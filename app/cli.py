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
from app.errors import ContractBroken, NotStartable, PixelWiseError, RosterMismatch, UnreadableImage
from app.inference.contract import INK_ABOVE
from app.settings import Settings, read_settings

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=app.__doc__)
stderr = Console(stderr=True, highlight=False)
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
MANY = 20
"""From this many images on, reading them shows a progress bar."""


def main() -> NoReturn:
    """Runs the command; a refusal is one message on stderr and its exit code."""
    try:
        cli()
    except PixelWiseError as error:
        stderr.print(str(error), markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    sys.exit(0)


def _say(line: str) -> None:
    stderr.print(line, markup=False, soft_wrap=True)


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
    # The release is about to be reviewed, not served: whether it is locked was decided before.
    environ = {**os.environ, "MODEL_PATH": str(folder / name), "REQUIRE_LOCK": "false"}
    command = [sys.executable, "-c", "import app.cli; app.cli.main()", "verify"]
    done = subprocess.run(command, env=environ, cwd=settings.root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotStartable(settings.model_version, said=done.stderr.strip(), exit_code=done.returncode)


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
    from app.release.agreement import check_golden, refuse_differences

    try:
        from app.classifier import MODEL
    except (RosterMismatch, ContractBroken) as error:
        _show_checks(error.checks, json=json)
        raise
    from app.inference.golden import replay
    from app.release.accuracy import Share, check_on_golden_set, check_on_mnist, measure

    checks = [check for check in MODEL.checks if check.name != "recorded answers" or MODEL.recorded is None]
    if MODEL.recorded is not None:
        replayed = replay(MODEL.recorded.digits(), MODEL.engine)
        checks += check_golden(replayed, MODEL.recorded.promise, whole=True)
        checks.append(check_on_golden_set(Share(replayed.correct, replayed.n), MODEL.recorded.accuracy))
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
    out = Console(highlight=False)
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
    from app.inference.drawing import read_images
    from app.inference.skew import find_skew, skipped_checks
    from app.tables import answers_table, as_characters

    files = _image_files(images)
    seen = [
        read_images(file)
        for file in track(files, "Reading images", console=stderr, disable=len(files) < MANY, transient=True)
    ]
    names = [
        str(file) if len(batch) == 1 else f"{file}[{index}]"
        for file, batch in zip(files, seen, strict=True)
        for index in range(len(batch))
    ]
    batch = np.concatenate(seen)
    answers = classify_batch(batch)
    contract = MODEL.card.contract if MODEL.card else None
    profile = contract.profile if contract else None
    findings = find_skew(batch, profile)
    skipped = skipped_checks(profile)
    if json:
        _print_json(
            {
                "model_version": MODEL.version,
                "skipped_checks": list(skipped),
                "images": [
                    {"image": name, **answer, "findings": [finding._asdict() for finding in found]}
                    for name, answer, found in zip(names, answers, findings, strict=True)
                ],
            }
        )
        return
    if skipped:
        _say(f"Not checked for want of a profile in the card: {', '.join(skipped)}")
    out = Console(highlight=False)
    if show:
        for name, image in zip(names, batch, strict=True):
            out.print(f"{name}\n{as_characters(image, ink_above=INK_ABOVE)}", markup=False)
    rows = [
        (
            name,
            answer["prediction"],
            answer["confidence"],
            "; ".join(f"{finding.name}: {finding.remedy}" for finding in found),
        )
        for name, answer, found in zip(names, answers, findings, strict=True)
    ]
    out.print(answers_table(rows))


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
        Console(highlight=False).print(symptoms_table(symptoms))
    worst = [symptom.exit_code for symptom in symptoms if not symptom.healthy]
    if worst:
        raise typer.Exit(worst[0])


if __name__ == "__main__":
    main()
