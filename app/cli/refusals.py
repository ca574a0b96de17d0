"""Refusals of commands that change what is served."""

from __future__ import annotations

from app.errors import PixelWiseError, Refused


class BadVersion(PixelWiseError):
    """A version that is invalid for a command: unknown, or the default."""

    exit_code = 2


class NotTakenUp(PixelWiseError):
    """A change of the served versions that the running service, or the environment, does not follow."""

    exit_code = 4

    def __init__(self, version: str, *, found: str) -> None:
        remedy = "What was served goes on, and .env is what it was."
        super().__init__(f"release {version}", found=found, expected="a service that does as .env says", remedy=remedy)


class NotStartable(Refused):
    """A complete release that does not start here, and so replaces none. `why` is the refusal of its start."""

    def __init__(self, version: str, why: PixelWiseError) -> None:
        super().__init__(
            f"release {version} does not start: {why.subject}",
            found=why.found,
            expected=why.expected,
            remedy=f"{why.remedy} Nothing was replaced.",
        )
        self.word = why.word
