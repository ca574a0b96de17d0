"""Named keys of callers. A key is shown once, when it is made; the database has only its SHA-256."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from app.storage.database import Database
from app.storage.refusals import BadName
from app.storage.tables import api_keys

MAIN_KEY = "SECRET_API_KEY"
"""The name of the key in `.env`, whose holder may do more: no other key may have this name."""
KEY_BYTES = 32
"""Random bytes of a key: too many to guess, so a plain digest of them needs no salt and no slow hash."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class KeyName(NamedTuple):
    """A key's name, and the time (UTC) it was made."""

    name: str
    created_at: datetime


class Keys:
    """The keys in `database`.

    Raises:
        DatabaseUnavailable: from every method, while the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str) -> str:
        """A new key for `name`: 43 characters that fit into a header and an address.

        Raises:
            BadName: the name is taken or invalid.
        """
        if not _NAME.fullmatch(name) or name == MAIN_KEY:
            expected = (
                f"1 to 100 letters, digits, dots, dashes and underscores, a letter or digit first, not {MAIN_KEY}"
            )
            raise _bad_name(name, found="not a valid name", expected=expected, remedy="Choose another name.")
        key = secrets.token_urlsafe(KEY_BYTES)
        row = {"name": name, "sha256": digest(key), "created_at": datetime.now(UTC)}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(api_keys), row)
        except IntegrityError:
            remedy = f"Choose another name, or take the old key away with `pixelwise keys remove {name}`."
            raise _bad_name(name, found="already taken", expected="a new name", remedy=remedy) from None
        return key

    def list(self) -> list[KeyName]:
        """All names, in their order."""
        with self._database.reading() as connection:
            query = select(api_keys.c.name, api_keys.c.created_at).order_by(api_keys.c.name)
            return [KeyName(*row) for row in connection.execute(query)]

    def remove(self, name: str) -> None:
        """Removes the key of `name`.

        Raises:
            BadName: there is no such name.
        """
        with self._database.writing() as connection:
            removed = connection.execute(delete(api_keys).where(api_keys.c.name == name)).rowcount
        if not removed:
            remedy = "`pixelwise keys list` shows the names."
            raise _bad_name(name, found="no key of this name", expected="the name of a key", remedy=remedy)

    def digests(self) -> dict[str, bytes]:
        """Name -> SHA-256 of its key (32 bytes), to check a request's key against."""
        with self._database.reading() as connection:
            rows = connection.execute(select(api_keys.c.name, api_keys.c.sha256))
            return {row.name: row.sha256 for row in rows}


def digest(key: str) -> bytes:
    """SHA-256 of a key, 32 bytes: all that is kept."""
    return hashlib.sha256(key.encode()).digest()


def _bad_name(name: str, *, found: str, expected: str, remedy: str) -> BadName:
    return BadName(f"key name {name[:100]}", found=found, expected=expected, remedy=remedy)
