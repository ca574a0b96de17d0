"""A pin: a version, and the id of the exact content it names. The content behind an id cannot change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

_COMMIT = "[0-9a-f]{40}"
_MANIFEST = "sha256:[0-9a-f]{64}"
_SHORT = 12
"""Digits of an id shown to people."""

Commit = Annotated[str, Meta(pattern=rf"^{_COMMIT}\Z")]
Manifest = Annotated[str, Meta(pattern=rf"^{_MANIFEST}\Z")]
"""The manifest digest (`manifest.py`): the same for the same release from any source."""
PinId = Annotated[str, Meta(pattern=rf"^(?:{_COMMIT}|{_MANIFEST})\Z")]


@dataclass(frozen=True)
class Pin:
    """A release of one source, in its present state.

    Attributes:
        version: such as "v1.0".
        id: a commit, or a manifest digest.
    """

    version: str
    id: str

    def __post_init__(self) -> None:
        if not re.fullmatch(f"{_COMMIT}|{_MANIFEST}", self.id):
            raise ValueError(f"the id {self.id!a} is neither a commit nor a manifest digest")


def is_manifest(pin_id: str) -> bool:
    """True if the id is a manifest digest, false if it is a commit."""
    return pin_id.startswith("sha256:")


def show_id(pin_id: str) -> str:
    """For messages: "commit 7b54…" or "manifest sha256:2f63…"."""
    return f"{'manifest' if is_manifest(pin_id) else 'commit'} {pin_id}"


def show_short_id(pin_id: str) -> str:
    """For lines of progress: "commit 7b54a7ea2b37" or "manifest sha256:2f634166ac98"."""
    digest = pin_id.removeprefix("sha256:")
    return show_id(pin_id).removesuffix(digest) + digest[:_SHORT]
