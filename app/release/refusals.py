"""Refusals of a release, a file of one, or the lock."""

from __future__ import annotations

from app.errors import Refused
from app.release.pin import show_id


class ChangedFile(Refused):
    """A file whose bytes are not the recorded ones."""

    def __init__(self, name: str, *, found: str, promised: str, promised_by: str, remedy: str | None = None) -> None:
        super().__init__(
            f"{name}: changed since it was released",
            found=found,
            promised=f"{promised} by {promised_by}",
            remedy=remedy or "Fetch the release again with `pixelwise pull`.",
        )


class BadRelease(Refused):
    """A release with invalid files, tag or names."""


class MovedTag(Refused):
    """A tag that names another commit, or other files, than the trusted one."""

    def __init__(self, version: str, *, found: str, promised: str, promised_by: str, remedy: str) -> None:
        super().__init__(
            f"tag {version} has moved",
            found=show_id(found),
            promised=f"{show_id(promised)} by {promised_by}",
            remedy=remedy,
        )


class BadLock(Refused):
    """A `model.lock` that cannot be read, or an entry that must not be changed incidentally."""


class Unreviewed(Refused):
    """A release that `model.lock` does not list, where only listed ones are allowed (`--frozen`, REQUIRE_LOCK)."""

    def __init__(self, version: str, *, repository: str, pin: str) -> None:
        super().__init__(
            f"release {version} of {repository}",
            found=f"{show_id(pin)}, which no entry of model.lock has for {version}",
            promised="a reviewed entry of model.lock (--frozen or REQUIRE_LOCK=true)",
            remedy="Pull it without either elsewhere, review it, and commit what `pixelwise lock` adds to model.lock.",
        )
