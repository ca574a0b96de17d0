"""Refusals to answer now."""

from __future__ import annotations

from app.errors import Busy


class Overloaded(Busy):
    """More drawings wait than can be answered soon."""

    def __init__(self, found: str, *, retry_after: int) -> None:
        super().__init__("queue", found=found, expected="no more than can be answered soon", retry_after=retry_after)


class Stalled(Busy):
    """A drawing was taken, and the engine or the database did not finish; it may have been stored."""

    def __init__(self, *, seconds: float) -> None:
        remedy = "It may have been stored: look at GET /results before you send it again."
        found = f"none after {seconds:g} s"
        super().__init__("answer", found=found, expected="one in time", retry_after=5, remedy=remedy)


class NoReport(Busy):
    """The report on the stored answers could not be made; the log has what failed."""

    def __init__(self, found: str) -> None:
        remedy = "Try again in 5 s. The service's log says what it was."
        super().__init__("report", found=found, expected="one in time", retry_after=5, remedy=remedy)


class Stopping(Busy):
    """The service is ending; a new one is likely to follow."""

    def __init__(self) -> None:
        super().__init__("service", found="stopping", expected="one that goes on", retry_after=2)
