"""The address of the redis by which processes share their limits; no message shows it, as it may hold a password."""

from __future__ import annotations

from urllib.parse import urlsplit

SCHEMES = ("redis", "rediss")


def wrong_limits_url(text: str) -> list[str]:
    """The faults of LIMITS_URL, without its text."""
    if not text:
        return []
    expected = "expected one like redis://:PASSWORD@HOST:6379/0, with @, : and / of a password as %40, %3A and %2F"
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        is_whole = False
    return [] if is_whole and not parts.query else [f"LIMITS_URL is no address of a redis, {expected}"]
