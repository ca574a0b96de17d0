"""Refusals of artefacts, golden sets and digits."""

from __future__ import annotations

import shlex
from pathlib import Path

from app.errors import ConfigurationError, Refused


class MissingDigits(ConfigurationError):
    """MNIST's test files are not where they are cached."""

    def __init__(self, path: Path, *, found: str) -> None:
        super().__init__(
            f"MNIST file {path.name}",
            found=found,
            expected="the original file in MNIST_DIR",
            remedy="Run `.venv/bin/python pixelwise-model/mnist.py --test-only --cache "
            f"{shlex.quote(str(path.parent))}` in the folder of this installation.",
        )


class ArtefactRefused(Refused, ValueError):
    """A refused artefact: `code` names the broken rule, `offset` the byte at fault."""

    def __init__(
        self, code: str, why: str, *, expected: str, remedy: str, offset: int | None = None, file: str = ""
    ) -> None:
        self.code, self.offset, self.file = code, offset, file
        where = "" if offset is None else f" at byte {offset}"
        super().__init__(
            f"artefact {file} ({code}{where})" if file else f"artefact ({code}{where})",
            found=why,
            expected=expected,
            remedy=remedy,
        )

    def anew(self, *, file: str | None = None, expected: str | None = None) -> ArtefactRefused:
        """The same refusal, naming the file that has these bytes, or with another promise."""
        return ArtefactRefused(
            self.code,
            self.found,
            expected=expected or self.expected,
            remedy=self.remedy,
            offset=self.offset,
            file=file or self.file,
        )


class BadGoldenSet(Refused):
    """A golden set that cannot be read."""
