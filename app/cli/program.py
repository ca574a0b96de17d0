"""The command `pixelwise`. Results go to stdout, progress and messages to stderr; `--json` gives one stable object."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.progress import track

import app
from app.cli.db import database
from app.cli.diff import diff
from app.cli.flags import flags
from app.cli.keys import keys
from app.cli.labels import labels
from app.cli.models import models
from app.cli.pull import pull
from app.cli.report import report
from app.cli.serve import serve
from app.cli.terminal import Asked, JsonOption, console, print_json, say
from app.cli.terminal import show as show_table
from app.cli.upgrade import upgrade
from app.cli.verify_process import run_alone
from app.drawing.refusals import UnreadableImage
from app.errors import PixelWiseError, printable, system_refusals
from app.settings import ROOT, read_settings
from app.verify.refusals import ContractBroken, RosterMismatch

if TYPE_CHECKING:
    from app.cli.image_files import Images

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=app.__doc__)
cli.command()(pull)
cli.command()(diff)
cli.command()(report)
cli.command()(serve)
cli.command()(upgrade)
cli.add_typer(database, name="db")
cli.add_typer(keys, name="keys")
cli.add_typer(flags, name="flags")
cli.add_typer(labels, name="labels")
cli.add_typer(models, name="models")
MANY = 20
"""From this many images on, reading them shows a progress bar."""
KINDS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".npy"}
OF_PHONES = {".heic", ".heif"}
"""Photographs that are refused by name and with a remedy, even when found in a folder."""
NOT_ASKED: dict[str, Any] = {"prediction": None, "confidence": None, "scores": {}, "certainty": None, "unsure": False}
"""Substitute for the model's answer where there is no digit to read."""


def main() -> NoReturn:
    """Runs the command; a refusal is one message on stderr (and one object on stdout with --json) and its exit code."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that cannot show a character
    os.umask(os.umask(0o077) | 0o002)  # added to the present mask: no file may be writable for everyone
    _say_which_installation()
    try:
        with system_refusals():
            cli()
    except PixelWiseError as error:
        _refuse(error)
    sys.exit(0)


def _say_which_installation() -> None:
    """Reports on stderr which installation this is: an activated environment belongs to its own tree, in any folder."""
    here = Path(os.path.realpath("."))
    if here != ROOT and (here / "setup-server.sh").is_file() and (here / "app/cli/program.py").is_file():
        say(f"This is the command of {ROOT}, not of the current folder {here}: it reads and changes that one.")


def _refuse(error: PixelWiseError) -> NoReturn:
    say(str(error))
    if Asked.json:
        print_json({"error": error.parts})
    sys.exit(error.exit_code)


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
def lock(
    version: Annotated[
        str | None, typer.Argument(help="The release, such as v2.0; without it, all that .env names.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a new commit of a release that is listed replace its entry.")
    ] = False,
) -> None:
    """Add the pulled releases that .env names, or VERSION, to model.lock, for review."""
    from app.release.lock import add_to_lock

    settings = read_settings()
    for one in settings.model_versions if version is None else (version,):
        say(
            add_to_lock(
                models=settings.models,
                version=one,
                lock_file=settings.lock_file,
                root=settings.root,
                replace=replace,
            )
        )


@cli.command()
def verify(
    version: Annotated[
        str | None, typer.Argument(help="The pulled release, such as v2.0; without it, the default.")
    ] = None,
    json: JsonOption = False,
    mnist: Annotated[bool, typer.Option("--mnist", help="Measure the accuracy on MNIST's test file too.")] = False,
) -> None:
    """Hold artefact, card, code and golden set against each other; exit code 4 when they disagree."""
    from app.release.store import artefact_of
    from app.verify.checks import refuse_differences

    settings = read_settings()
    if version is not None and version != settings.model_version:
        options = [option for option, is_set in (("--json", json), ("--mnist", mnist)) if is_set]
        path = artefact_of(settings.models, version)
        raise typer.Exit(run_alone(version, "verify", *options, root=settings.root, path=path))
    try:
        from app.classifier import MODEL
    except (RosterMismatch, ContractBroken) as error:
        _refuse_checks(error.checks, error)
    from app.verify.accuracy import check_on_mnist, check_recorded, measure

    checks = [check for check in MODEL.checks if check.name != "recorded answers" or MODEL.recorded is None]
    if MODEL.recorded is not None:
        checks += check_recorded(MODEL.recorded, MODEL.scorer)
    if mnist:
        from app.model.mnist import read_mnist_test

        images, labels = read_mnist_test(settings.mnist_dir)
        checks.append(check_on_mnist(measure(MODEL.scorer, images, labels), MODEL.card))
    version, classes = MODEL.version, MODEL.scorer.classes
    try:
        refuse_differences(MODEL.path.name, checks)
    except ContractBroken as error:
        _refuse_checks(checks, error, version=version, classes=classes)
    _show_checks(checks, version=version, classes=classes)


def _refuse_checks(checks: Sequence[Any], error: PixelWiseError, **of_model: Any) -> NoReturn:
    """Shows the refusal, with all comparisons made."""
    _show_checks(checks, error=error, **of_model)
    say(str(error))
    sys.exit(error.exit_code)


def _show_checks(
    checks: Sequence[Any],
    *,
    version: str | None = None,
    classes: tuple[str, ...] | None = None,
    error: PixelWiseError | None = None,
) -> None:
    """Shows the checks; `version` and `classes` are those of the model, if it was opened."""
    from app.cli.tables import checks_report

    if Asked.json:
        listed = [check._asdict() for check in checks]
        shown = {"version": version, "classes": classes, "agree": error is None, "checks": listed}
        print_json(shown if error is None else {**shown, "error": error.parts})
        return
    show_table(checks_report(checks))


@cli.command()
def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG, WebP, GIF or .npy files, or folders of them.")
    ],
    json: JsonOption = False,
    show: Annotated[bool, typer.Option("--show", help="Draw what the model saw.")] = False,
) -> None:
    """Read digits from pictures, all in one batch."""
    from app.classifier import MODEL
    from app.cli.image_files import read_images
    from app.cli.tables import answers_table, as_characters
    from app.drawing.skew import skipped_checks
    from app.model.contract import INK_ABOVE

    names, seen, unreadable = [], [], []
    files = _image_files(images)
    bar = console(stderr=True)
    quiet = len(files) < MANY or not bar.is_terminal or "NO_COLOR" in os.environ
    for file in track(files, "Reading images", console=bar, disable=quiet, transient=True):
        try:
            found = read_images(file)
        except UnreadableImage as reason:
            unreadable.append(reason)
            continue
        shown = printable(os.fsencode(file).decode("utf-8", "replace"))
        names += [shown if len(found.pixels) == 1 else f"{shown}[{index}]" for index in range(len(found.pixels))]
        seen.append(found)
    answers = _answers(seen)
    contract = MODEL.card.contract if MODEL.card else None
    skipped = skipped_checks(contract.profile if contract else None)
    if json:
        listed = [
            {"image": name, **answer, "findings": [finding._asdict() for finding in answer["findings"]]}
            for name, answer in zip(names, answers, strict=True)
        ]
        refused = [{"subject": error.subject, "found": error.found, "remedy": error.remedy} for error in unreadable]
        about = {"model_version": MODEL.version, "skipped_checks": list(skipped)}
        print_json({**about, "images": listed, "unreadable": refused})
    else:
        if skipped:
            say(f"Not checked for want of a profile in the card: {', '.join(skipped)}")
        saw = [image if found.unread is None else None for found in seen for image in found.pixels]
        for name, image in zip(names, saw, strict=True):
            if show and image is not None:  # for a picture that was not read the table gives the reason
                typer.echo(f"{name}\n{as_characters(image, ink_above=INK_ABOVE)}")
        if names:
            show_table(answers_table(names, answers))
    for error in unreadable:
        say(str(error))
    if unreadable:
        raise typer.Exit(UnreadableImage.exit_code)


def _answers(seen: list[Images]) -> list[dict[str, Any]]:
    """The answer for each image, as the service gives it; the model is asked once, for all readable images."""
    import numpy as np

    from app.classifier import MODEL, classify_batch
    from app.drawing.normalise import RECIPE
    from app.drawing.ring import MAY_BE_WITHHELD, with_withheld
    from app.drawing.skew import find_skew
    from app.model.contract import temperature_for, withheld_from
    from app.model.unsure import certainties_of, is_unsure

    batches = [found.pixels for found in seen if found.unread is None]
    batch = np.concatenate(batches) if batches else np.empty((0, 28, 28), np.uint8)
    answers = classify_batch(batch)
    contract = MODEL.card.contract if MODEL.card else None
    temperature = temperature_for(contract, RECIPE)
    certain, below = certainties_of(answers, temperature), _sure_from(temperature)
    findings = find_skew(batch, contract.profile if contract else None)
    findings = with_withheld(findings, batch, withheld_from(MODEL.scorer.classes))
    read = zip(answers, certain, findings, strict=True)
    said: list[dict[str, Any]] = []
    for found in seen:
        about = {"recipe": found.recipe}
        if found.unread is not None:
            said.append({**NOT_ASKED, **about, "findings": [found.unread]})
            continue
        for _, (answer, certainty, one) in zip(found.pixels, read, strict=False):
            unsure = is_unsure(answer["confidence"], certainty, below=below, may_be_withheld=MAY_BE_WITHHELD in one)
            said.append({**answer, "certainty": certainty, "unsure": unsure, **about, "findings": one})
    return said


def _sure_from(temperature: float | None) -> float | None:
    """The certainty, or without a temperature the confidence, below which an answer is called unsure, as in the
    service."""
    from app.classifier import MODEL
    from app.model.unsure import SURE_FROM, unsure_below
    from app.verify.accuracy import mnist_for, read_here

    if temperature is not None:
        return SURE_FROM
    recorded = MODEL.recorded.digits() if MODEL.recorded else None
    judged = recorded or read_here(MODEL, mnist_for([MODEL], read_settings().mnist_dir, warn=say))
    return unsure_below(judged, MODEL.scorer.classes) if judged else None


def _image_files(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named, in order."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in KINDS | OF_PHONES)
        if not inside:
            raise UnreadableImage(
                f"folder {path}", found="no pictures", promised=" ".join(sorted(KINDS)), remedy="Name another folder."
            )
        files += inside
    return files


@cli.command()
def doctor(json: JsonOption = False) -> None:
    """Check this installation; every fault with the line that mends it."""
    from app.cli.doctor import diagnose, symptoms_table

    symptoms = diagnose()
    if json:
        print_json({"healthy": all(symptom.healthy for symptom in symptoms), "checks": symptoms})
    else:
        console().print(symptoms_table(symptoms))
    worst = [symptom.exit_code for symptom in symptoms if not symptom.healthy]
    if worst:
        raise typer.Exit(worst[0])


if __name__ == "__main__":
    main()
