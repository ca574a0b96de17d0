"""`pixelwise predict`: digits read from files of pictures, all in one batch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track

from app.cli.terminal import JsonOption, console, print_json, say, width
from app.cli.terminal import show as show_table
from app.drawing.refusals import UnreadableImage
from app.errors import printable
from app.settings import read_settings

if TYPE_CHECKING:
    from app.cli.image_files import Images

MANY = 20
"""From this many images on, reading them shows a progress bar."""
KINDS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".npy"}
OF_PHONES = {".heic", ".heif"}
"""Photographs that are refused by name and with a remedy, even when found in a folder."""
NOT_ASKED: dict[str, Any] = {"prediction": None, "confidence": None, "scores": {}, "certainty": None, "unsure": False}
"""Substitute for the model's answer where there is no digit to read."""


def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG, WebP, GIF or .npy files, or folders of them.")
    ],
    json: JsonOption = False,
    show: Annotated[bool, typer.Option("--show", help="Draw what the model saw.")] = False,
    why: Annotated[
        bool, typer.Option("--why", help="Draw what spoke for the answer and against the runner-up.")
    ] = False,
) -> None:
    """Read digits from pictures, all in one batch."""
    from app.answering.explainer import as_explanation
    from app.classifier import MODEL
    from app.cli.image_files import read_images
    from app.cli.layout import answers_table, as_characters, as_evidence
    from app.drawing.skew import skipped_checks
    from app.model.evidence import evidence

    names, seen, unreadable = [], [], []
    files = _image_files(images)
    bar = console(stderr=True)
    quiet = len(files) < MANY or not bar.is_terminal or "NO_COLOR" in os.environ
    for file in track(files, "Reading images", console=bar, disable=quiet, transient=True):
        try:
            found = read_images(file)
        except UnreadableImage as refusal:
            unreadable.append(refusal)
            continue
        shown = printable(os.fsencode(file).decode("utf-8", "replace"))
        names += [shown if len(found.pixels) == 1 else f"{shown}[{index}]" for index in range(len(found.pixels))]
        seen.append(found)
    answers = _answers(seen)
    contract = MODEL.card.contract if MODEL.card else None
    skipped = skipped_checks(contract.profile if contract else None)
    saw = [image if found.unread is None else None for found in seen for image in found.pixels]
    reasons = [evidence(MODEL.scorer, image) if why and image is not None else None for image in saw]
    if json:
        listed = [
            {"image": name, **answer, "findings": [finding._asdict() for finding in answer["findings"]]}
            | ({"explanation": as_explanation(reason) if reason else None} if why else {})
            for name, answer, reason in zip(names, answers, reasons, strict=True)
        ]
        refused = [{"subject": error.subject, "found": error.found, "remedy": error.remedy} for error in unreadable]
        about = {"model_version": MODEL.version, "skipped_checks": list(skipped)}
        print_json({**about, "images": listed, "unreadable": refused})
    else:
        if skipped:
            say(f"Not checked for want of a profile in the card: {', '.join(skipped)}")
        for name, image, reason in zip(names, saw, reasons, strict=True):
            if show and image is not None:  # for a picture that was not read the table gives the reason
                typer.echo(f"{name}\n{as_characters(image, ink=MODEL.scorer.ink)}")
            if image is not None and reason is not None:
                show_table(as_evidence(name, image, reason, width=width()))
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
    from app.drawing.ring_of_zero import is_doubted, with_withheld
    from app.drawing.skew import find_skew, with_no_digit
    from app.model.contract import no_digit_below, temperature_for, withheld_from
    from app.model.unsure import certainties_of, is_unsure

    batches = [found.pixels for found in seen if found.unread is None]
    batch = np.concatenate(batches) if batches else np.empty((0, 28, 28), np.uint8)
    answers = classify_batch(batch)
    contract = MODEL.card.contract if MODEL.card else None
    temperature = temperature_for(contract, RECIPE)
    certain, below = certainties_of(answers, temperature), _sure_from(temperature)
    findings = find_skew(batch, contract.profile if contract else None)
    findings = with_withheld(findings, batch, withheld_from(MODEL.scorer.classes))
    findings = with_no_digit(findings, (answer["confidence"] for answer in answers), no_digit_below(contract))
    read = zip(answers, certain, findings, strict=True)
    said: list[dict[str, Any]] = []
    for found in seen:
        about = {"recipe": found.recipe}
        if found.unread is not None:
            said.append({**NOT_ASKED, **about, "findings": [found.unread]})
            continue
        for _, (answer, certainty, one) in zip(found.pixels, read, strict=False):
            unsure = is_unsure(answer["confidence"], certainty, below=below, is_doubted=is_doubted(one))
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
                f"folder {path}", found="no pictures", expected=" ".join(sorted(KINDS)), remedy="Name another folder."
            )
        files += inside
    return files
