"""Refusals of artefacts, golden sets and digits."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import ClassVar

from app.errors import ConfigurationError, Refused


class MissingDigits(ConfigurationError):
    """MNIST's test files are not where they are cached."""

    def __init__(self, path: Path, *, found: str) -> None:
        super().__init__(
            f"MNIST file {path.name}",
            found=found,
            promised="the original file in MNIST_DIR",
            remedy="Run `.venv/bin/python pixelwise-model/mnist.py --test-only --cache "
            f"{shlex.quote(str(path.parent))}` in the folder of this installation.",
        )


class ArtefactRefused(Refused, ValueError):
    """An artefact that is not read: `code` names the broken rule, `offset` the byte where it was broken."""

    REMEDIES: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            ("estimator", "pipeline", "solver", "activation"),
            "Train a Pipeline of Binarizer(threshold=0.5) and LogisticRegression or MLPClassifier, and release that.",
        ),
        "attribute": "Fit a plain Pipeline (no memory, no set_output, nothing put into it) and write that with "
        "`joblib.dump(model, path)`; if the file is not yours, do not open it with joblib or pickle.",
        **dict.fromkeys(("size", "file"), "Name the artefact itself, as `joblib.dump(model, path)` wrote it."),
        "dtype": "Fit it on numbers of float64 or float32 (`X.astype(float)`), and write that with "
        "`joblib.dump(model, path)`; if the file is not yours, do not open it with joblib or pickle.",
        "truncated": "It was cut short: copy or fetch it again from where it is whole.",
    }
    """By the broken rule; `UNKNOWN` for all that no honest file breaks."""

    UNKNOWN = (
        "Do not open it with joblib or pickle: ask whoever made it for what `joblib.dump` of a fitted pipeline writes, "
        "or pin another version."
    )

    def __init__(
        self, code: str, why: str, *, offset: int | None = None, remedy: str | None = None, file: str = ""
    ) -> None:
        self.code, self.offset = code, offset
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(
            f"artefact {file} ({code}{where})" if file else f"artefact ({code}{where})",
            found=why,
            promised="a Binarizer with a LogisticRegression or MLPClassifier, written by joblib.dump",
            remedy=remedy or self.REMEDIES.get(code, self.UNKNOWN),
        )

    def of_file(self, name: str) -> ArtefactRefused:
        """The same refusal, naming the file that has these bytes."""
        return ArtefactRefused(self.code, self.found, offset=self.offset, remedy=self.remedy, file=name)


class BadGoldenSet(Refused):
    """A golden set that cannot be read."""
