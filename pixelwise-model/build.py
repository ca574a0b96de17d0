"""All files of one release, in a folder: the artefact, its measured results, and its training scripts."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

import golden
from calibration import Calibration, DrawnDigits, calibrate
from card import write_card
from contract import Artefact, GoldenFile, contract_block, contract_in
from evaluation import evaluate
from lessons import USUAL, Lessons
from mnist import IdxFile, Mnist, say
from train import Recipe, artefact_name, labels_of
from trained import Trained
from trained_pipeline import trained_pipeline
from training_profile import training_profile

HERE = Path(__file__).resolve().parent


def build_release(
    version: str,
    recipe: Recipe,
    data: Mnist,
    folder: Path,
    *,
    previous: tuple[str, str | None] | None,
    files: tuple[IdxFile, ...],
    drawn: DrawnDigits | None = None,
    lessons: Lessons = USUAL,
    sign_files: Callable[[Path], None] = lambda folder: None,
) -> str:
    """Train, measure, and write everything into an empty folder.

    Args:
        previous: the release before this one and its card; None for the first.
        files: the files that `data` was read from; their digests go into the card.
        drawn: digits as people draw them; it is measured with them, and never trained on them.
        lessons: what a network learns from beside `data`.
        sign_files: called with the folder before SHA256SUMS, which lists the signature too, is written.

    Returns:
        The release in one line, for its commit and tag.
    """
    model = trained(version, recipe, data, drawn, lessons)
    say(model.report)
    artefact = write_described(model, folder / artefact_name(version, model.suffix))

    labels = labels_of(data.test_labels)
    scores = model.scores(data.test_images)
    measured = evaluate(labels, scores, recipe.classes)
    chosen = golden.choose(data.test_images, labels, scores, recipe.classes)
    golden_path = folder / golden_name(artefact.name)
    chosen.write(golden_path)

    calibration = None if drawn is None else calibrated(model, recipe, drawn)
    taught = np.isin(labels_of(data.train_labels), recipe.classes)
    contract = contract_block(
        version,
        recipe,
        artefact,
        model,
        measured,
        GoldenFile(golden_path.name, digest(golden_path), chosen.known, chosen.correct, chosen.withheld),
        training_profile(data.train_images[taught]),
        calibration,
    )
    card = write_card(
        contract,
        artefact,
        model,
        measured,
        previous=None if previous is None else (previous[0], contract_in(previous[1])),
        data={file.name: file.sha256 for file in files}
        | ({"drawn.npz": drawn.sha256} if drawn is not None else {})
        | model.data,
        calibration=calibration,
    )
    (folder / "MODELCARD.md").write_text(card, encoding="utf-8")
    for name in model.files:
        shutil.copyfile(HERE / name, folder / name)
    sign_files(folder)
    write_sums(folder)
    return f"Release {version}: {model.title}, {measured.accuracy.value:.2%} right"


def trained(
    version: str, recipe: Recipe, data: Mnist, drawn: DrawnDigits | None, lessons: Lessons
) -> Trained:
    """The recipe's model."""
    if recipe.estimator is not None:
        return trained_pipeline(version, recipe, data)
    from trained_network import trained_network  # what trains it is installed only for such a version

    return trained_network(recipe, data, drawn, lessons)


def calibrated(model: Trained, recipe: Recipe, drawn: DrawnDigits) -> Calibration:
    """Calibration on drawn digits; reported on stderr too."""
    found = calibrate(drawn, recipe.classes, model.scores)
    say(
        f"drawn digits, recipe {found.recipe}: {found.strokes.value:.2%} of strokes and "
        f"{found.pictures.value:.2%} of pictures right; temperature {found.temperature}, "
        f"calibration error {found.before} before and {found.after} after"
    )
    return found


def write_described(model: Trained, path: Path) -> Artefact:
    """Write the artefact; returns its description for the card."""
    model.write(path)
    return Artefact(name=path.name, sha256=digest(path), size=path.stat().st_size)


def golden_name(artefact: str) -> str:
    """digit_classifier_v1_1.pkl -> golden_v1_1.npz"""
    return Path(artefact.replace("digit_classifier_", "golden_")).stem + ".npz"


def write_sums(folder: Path) -> None:
    """SHA256SUMS of every file in the folder, as `sha256sum --check` reads it."""
    lines = [f"{digest(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
