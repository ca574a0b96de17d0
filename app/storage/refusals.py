"""Refusals of the database, and of names of keys."""

from __future__ import annotations

from app.errors import ConfigurationError, PixelWiseError, Unreachable


class BadName(PixelWiseError):
    """A name for a key that is taken, unknown or invalid."""

    exit_code = 2


class WrongSchema(ConfigurationError):
    """The tables of the database are not those of this code; `found` is None where there are none."""

    def __init__(self, database: str, *, found: str | None, expected: str) -> None:
        super().__init__(
            f"database {database}",
            found="no tables of ours" if found is None else f"tables of revision {found}",
            expected=f"revision {expected}",
            remedy="Run `pixelwise db upgrade`; if the database is the newer one, go back to the code that made it.",
        )


class DatabaseUnavailable(Unreachable):
    """The database does not answer, or takes no write; the data to be stored may be lost.

    Args:
        told: the part of the finding that strangers may know.
    """

    def __init__(self, database: str, *, said: str, remedy: str | None = None, told: str = "no answer") -> None:
        self._told = told
        super().__init__(
            f"database {database}",
            found=said,
            expected="a database that answers and takes writes",
            remedy=remedy or "See that it runs, and that DATABASE_URL names it; the service then goes on by itself.",
        )

    def public(self) -> DatabaseUnavailable:
        """The same for strangers: without paths, hosts and names of users."""
        remedy = "Try again soon. If you sent a drawing, it may have been stored: look at GET /results first."
        return DatabaseUnavailable("of the service", said=self._told, remedy=remedy, told=self._told)
