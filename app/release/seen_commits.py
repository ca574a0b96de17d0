"""`models/seen.json`: the commit, or the manifest digest, last placed for each repository and version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

import msgspec

from app.errors import only_refusals
from app.model.contract import VersionName
from app.model.plain_file import read_needed_file
from app.release.models_folder import settle, write
from app.release.pin import PinId
from app.release.refusals import BadRelease

SEEN = "seen.json"
"""The ledger's file name, in `models/`. No file of a release may have it."""

Seen: TypeAlias = dict[str, dict[VersionName, PinId]]
"""The id of the release last placed, by the key of its repository's address and by its version.

`models/<version>` holds one release; this also remembers earlier ones there from other repositories.
"""

_SEEN_LIMIT = 1 << 20


def read_seen(models: Path) -> Seen:
    """The ledger of placed releases; empty if there is none.

    Raises:
        BadRelease: it is there but cannot be read.
    """
    path = models / SEEN
    if not os.path.lexists(path):
        return {}
    with only_refusals(lambda said: _bad_ledger(path, said)):
        return msgspec.json.decode(read_needed_file(path, limit=_SEEN_LIMIT), type=Seen)


def write_seen(models: Path, seen: Seen, workshop: Path) -> None:
    """Replaces the ledger atomically; `workshop` is a folder of `incoming`."""
    draft = workshop / SEEN
    write(draft, msgspec.json.format(msgspec.json.encode(seen, order="sorted"), indent=2) + b"\n")
    draft.replace(models / SEEN)
    settle(models)


def _bad_ledger(path: Path, found: str) -> BadRelease:
    return BadRelease(
        f"ledger {path}",
        found=found,
        expected="the commits of earlier pulls, as `pixelwise pull` wrote them",
        remedy=f"Remove {path} and run `pixelwise pull`; a tag that moved since its pull may then go unnoticed.",
    )
