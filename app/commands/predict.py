"""`pixelwise predict`: digits read from files of images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track

from app.errors import UnreadableImage, printable
from app.terminal import Json, console, print_json, say

if TYPE_CHECKING:
    from app.inference.image_files import Images

MANY = 20
"""From this many images on, reading them shows a progress bar."""
KINDS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".npy"}
NOT_ASKED: dict[str, Any] = {"prediction": None, "confidence": None, "scores": {}}
"""What stands for the model's answer where there is no digit to read."""


def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="PNG, JPEG, WebP, GIF or .npy files, or folders of them.")
    ],
    json: Json = False,
    show: Annotated[bool, typer.Option("--show", help="Draw what the model saw.")] = False,
) -> None:
    """Read digits from pictures, all in one batch."""
    from app.classifier import MODEL
    from app.inference.contract import INK_ABOVE
    from app.inference.image_files import read_images
    from app.inference.skew import skipped_checks
    from app.tables import answers_table, as_characters

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
        out = console()
        if show:
            for name, image in zip(names, (image for found in seen for image in found.pixels), strict=True):
                out.print(f"{name}\n{as_characters(image, ink_above=INK_ABOVE)}", markup=False)
        if names:
            out.print(answers_table(names, answers))
    for error in unreadable:
        say(str(error))
    if unreadable:
        raise typer.Exit(UnreadableImage.exit_code)


def _answers(seen: list[Images]) -> list[dict[str, Any]]:
    """What is said of each image, as the service says it: the model is asked once, of all that there is to read."""
    import numpy as np

    from app.classifier import MODEL, classify_batch
    from app.inference.certainty import certainties_of, temperature_of
    from app.inference.contract import withheld_from
    from app.inference.ring import with_withheld
    from app.inference.skew import find_skew

    batches = [found.pixels for found in seen if found.unread is None]
    batch = np.concatenate(batches) if batches else np.empty((0, 28, 28), np.uint8)
    answers = classify_batch(batch)
    contract = MODEL.card.contract if MODEL.card else None
    certain = certainties_of(answers, temperature_of(contract))
    findings = find_skew(batch, contract.profile if contract else None)
    findings = with_withheld(findings, batch, withheld_from(MODEL.artefact.classes))
    read = zip(answers, certain, findings, strict=True)
    said: list[dict[str, Any]] = []
    for found in seen:
        about = {"recipe": found.recipe}
        if found.unread is not None:
            said.append({**NOT_ASKED, "certainty": None, **about, "findings": [found.unread]})
            continue
        for _, (answer, certainty, one) in zip(found.pixels, read, strict=False):
            said.append({**answer, "certainty": certainty, **about, "findings": one})
    return said


def _image_files(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named, in order."""
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in KINDS)
        if not inside:
            raise UnreadableImage(
                f"folder {path}", found="no pictures", promised=" ".join(sorted(KINDS)), remedy="Name another folder."
            )
        files += inside
    return files
