"""A flag file that a test writes, and the flags that read it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api

from app.flags.evaluator import Context, Flags

VERSIONS = ("v1.0", "v2.0", "v1.1")
PAGE = Context("somebody", None, "/drawings")


class FlagFile:
    """flags.json in a folder of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, flags: dict[str, Any] | None = None, **fields: Any) -> None:
        """Replaces the file, as an editor does that is careful; `fields` stand beside the flags."""
        self.write_text(json.dumps({**fields, "flags": flags or {}}))

    def write_text(self, text: str | bytes) -> None:
        draft = self.path.with_name("draft")
        draft.write_bytes(text.encode() if isinstance(text, str) else text)
        draft.replace(self.path)

    def age(self) -> None:
        """Makes it as old as a file that is left alone."""
        then = self.path.stat().st_mtime - 3600
        os.utime(self.path, (then, then))

    def flags(self, *, versions: tuple[str, ...] = VERSIONS) -> Flags:
        return Flags(self.path, versions=versions, default=versions[0])


@pytest.fixture
def file(tmp_path: Path) -> Iterator[FlagFile]:
    """There is no file yet."""
    yield FlagFile(tmp_path / "flags.json")
    api.shutdown()


def flag(
    variants: dict[str, Any], default: Any = None, targeting: Any = None, state: str = "ENABLED"
) -> dict[str, Any]:
    """A flag as a file has it."""
    found = {"state": state, "variants": variants, "defaultVariant": default, "targeting": targeting}
    return {name: value for name, value in found.items() if value is not None}


def versions_flag(targeting: Any = None, *, default: str | None = "v1.0", state: str = "ENABLED") -> dict[str, Any]:
    """model-version, with a variant for each version, and one that is not served."""
    return {"model-version": flag({one: one for one in (*VERSIONS, "v9.0")}, default, targeting, state)}


def shares(*parts: tuple[str, int]) -> dict[str, Any]:
    return {"fractional": [list(part) for part in parts]}
