"""Refusals of a release, a file of one, or the lock."""

from __future__ import annotations

from app.errors import ConfigurationError, Refused, Unreachable
from app.release.pin import show_id


class ChangedFile(Refused):
    """A file whose bytes are not the recorded ones."""

    word = "promised"

    def __init__(self, name: str, *, found: str, expected: str, promised_by: str, remedy: str) -> None:
        super().__init__(
            name,
            found=f"changed since it was released ({found})",
            expected=f"{expected} by {promised_by}",
            remedy=remedy,
        )


class BadRelease(Refused):
    """A release with invalid files, tag or names."""


class CredentialsWanted(ConfigurationError, Unreachable):
    """A source that answers, but wants credentials, or other ones. A release in place from there may stay in use."""


class MissingFile(BadRelease):
    """A release without a file that somebody lists."""

    word = "promised"

    def __init__(self, name: str, *, promised_by: str) -> None:
        remedy = "Its owner must publish the release whole; nothing was replaced."
        super().__init__(name, found="missing from the release", expected=f"by {promised_by}", remedy=remedy)


class WrongSize(BadRelease):
    """A file that is shorter or longer than somebody records; its bytes need not be compared."""

    word = "promised"

    def __init__(self, name: str, *, found: int, expected: int, promised_by: str) -> None:
        remedy = "Do not use this release; ask its owner. Nothing was replaced."
        super().__init__(name, found=f"{found:,} bytes", expected=f"{expected:,} bytes by {promised_by}", remedy=remedy)


class MovedTag(Refused):
    """A tag that names another commit, or other files, than the trusted one."""

    word = "promised"

    def __init__(self, version: str, *, found: str, expected: str, promised_by: str, remedy: str) -> None:
        super().__init__(
            f"tag {version}",
            found=f"moved to {show_id(found)}",
            expected=f"{show_id(expected)} by {promised_by}",
            remedy=remedy,
        )


class MixedEntry(Refused):
    """An entry of `model.lock` whose commit and manifest digest are those of two releases."""

    word = "promised"

    def __init__(self, version: str, *, found: str, expected: str) -> None:
        super().__init__(
            f"release {version}",
            found=show_id(found),
            expected=f"{show_id(expected)} by model.lock, where another id of the same entry names this release",
            remedy=f"Look at who changed that entry, and why (`git log -p model.lock`); nothing was replaced. To trust "
            f"this release, take the entry of {version} out of model.lock, run `pixelwise pull {version}`, review what "
            f"came and run `pixelwise lock {version}`.",
        )


class BadLock(Refused):
    """A `model.lock` that cannot be read, or an entry that must not be changed incidentally."""


class Unreviewed(Refused):
    """A release that `model.lock` does not list, where only listed ones are allowed (`--frozen`, REQUIRE_LOCK)."""

    def __init__(self, version: str, *, repository: str, pin: str) -> None:
        super().__init__(
            f"release {version} of {repository}",
            found=f"{show_id(pin)}, which no entry of model.lock has for {version}",
            expected="a reviewed entry of model.lock (--frozen or REQUIRE_LOCK=true)",
            remedy="Pull it without either elsewhere, review it, and commit what "
            f"`pixelwise lock {version}` adds to model.lock.",
        )
