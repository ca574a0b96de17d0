"""A training's outcome, as a tracker is told it."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from confusion_picture import confusion_png
from evaluation import Evaluation, Share

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Outcome:
    """What was trained, and what came of it.

    Attributes:
        version: such as "v1.0".
        parameters: the recipe, name -> value.
        metrics: name -> number; a share with what it counts: `accuracy`, `accuracy.correct`, `accuracy.n`.
        tags: name -> text: the digests of the artefact and of the data, and the commit of the scripts.
        confusion: PNG, what was drawn in rows, what was read in columns.
        words: name of a text -> the text, such as the card.
    """

    version: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    confusion: bytes
    words: Mapping[str, str]


def outcome(
    version: str,
    parameters: Mapping[str, object],
    measured: Evaluation,
    labels: np.ndarray,
    scores: np.ndarray,
    classes: tuple[str, ...],
    *,
    artefact: Path,
    data: Mapping[str, str],
    words: Mapping[str, str],
    drawn: Mapping[str, Share] | None = None,
) -> Outcome:
    """The outcome of a training.

    Args:
        labels: (N,) text of one character, the truth of the test digits.
        scores: (N, k) float64, columns in the order of `classes`.
        data: name of each file that it learnt from or was measured with -> SHA-256.
        drawn: its results on digits as people draw them, by kind.
    """
    shares = {"accuracy": measured.accuracy}
    shares |= {f"accuracy_of_{label}": share for label, share in measured.per_class.items()}
    shares |= {f"drawn_{kind}": share for kind, share in (drawn or {}).items()}
    return Outcome(
        version=version,
        parameters={"version": version, **{name: str(value) for name, value in parameters.items()}},
        metrics={
            name: value
            for key, share in shares.items()
            for name, value in (
                (key, share.correct / share.n),
                (f"{key}.correct", share.correct),
                (f"{key}.n", share.n),
            )
        },
        tags={
            "artefact": artefact.name,
            "artefact.sha256": hashlib.sha256(artefact.read_bytes()).hexdigest(),
            "git.commit": commit_of(HERE),
            **{f"data.{name}": digest for name, digest in data.items()},
        },
        confusion=confusion_png(confusion_counts(labels, scores, classes), classes),
        words=words,
    )


def confusion_counts(labels: np.ndarray, scores: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """(k, k) int64, [i, j] of digits i that were read as j; digits of unknown classes are left out."""
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for i, label in enumerate(classes):
        counts[i] = np.bincount(scores[labels == label].argmax(axis=1), minlength=len(classes))
    return counts


def commit_of(folder: Path) -> str:
    """The commit of the scripts in a folder, with "-changed" behind it if they differ; "none" outside git."""

    def git(*arguments: str) -> str | None:
        try:
            ran = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            return None
        return ran.stdout.strip() if ran.returncode == 0 else None

    commit = git("rev-parse", "--verify", "HEAD")
    if commit is None:
        return "none"
    return f"{commit}-changed" if git("status", "--porcelain", "--untracked-files=no", "--", ".") else commit
