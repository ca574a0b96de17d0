"""`${DB_PASSWORD}` in DATABASE_URL: the password has a line of its own in `.env`, as in the course's.

DB_PASSWORD is not a setting: other programs use that name in the environment too, so it counts only if an address asks
for it.
"""

from __future__ import annotations

import re
from urllib.parse import quote

DB_PASSWORD = "DB_PASSWORD"
_HERE = "${DB_PASSWORD}"
_STAND_IN = re.compile(r"\$\{.*?\}|\$DB_PASSWORD\b")


def asks_for_password(address: str) -> bool:
    """True if `${DB_PASSWORD}` is in it."""
    return _HERE in address


def with_password(address: str, password: str) -> str:
    """The address with the password in place; the password is written unescaped, and escaped here."""
    return address.replace(_HERE, quote(password, safe=""))


def wrong_password(address: str, password: str, *, line: int | None) -> list[str]:
    """The faults of both, without showing the password: parts that would silently be taken as text, or not be used.

    Args:
        line: the line of `.env` that has a password; None if there is none.
    """
    problems = [
        f"DATABASE_URL has {_named(found)}, expected the text itself: only {_HERE} is put in"
        for found in dict.fromkeys(_STAND_IN.findall(address))
        if found != _HERE
    ]
    if asks_for_password(address) and not password:
        problems.append(f"DATABASE_URL has {_HERE} and {DB_PASSWORD} is empty, expected a line {DB_PASSWORD}=… in .env")
    if line is not None and not _STAND_IN.search(address):
        problems.append(
            f"{DB_PASSWORD} in line {line} of .env is not used, expected {_HERE} in DATABASE_URL, or no such line"
        )
    return problems


def _named(found: str) -> str:
    """The name alone: `${NAME:-default}` has a value that may be secret."""
    name = re.sub(r"\W.*", "", found.lstrip("${"))
    return f"${name}" if not found.startswith("${") else f"${{{name}}}" if found == f"${{{name}}}" else f"${{{name}…}}"
