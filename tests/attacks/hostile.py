"""The catalogue of hostile files: what an artefact may be made of by someone who means harm, or by accident.

Every file is refused by name. One that executes code when it is unpickled touches a canary file, so that a test can
see that it did not; `live` says that plain unpickling would do it, which is tried (tests/attacks/test_hostile.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.model.contract import Scale


@dataclass(frozen=True)
class Hostile:
    """One hostile file.

    Attributes:
        codes: the refusals that are right; one of them must be given.
        note: what the file tries.
        scale: what a card beside it states.
        live: unpickling it touches the canary. "pickle": `pickle.loads` does; "joblib": `joblib.load` does.
    """

    name: str
    data: bytes
    codes: frozenset[str]
    note: str
    live: str = ""
    scale: Scale | None = None


def hostile(
    name: str, data: bytes, codes: str | Iterable[str], note: str, *, live: str = "", scale: Scale | None = None
) -> Hostile:
    """A Hostile; `codes` may be written as "frame truncated"."""
    return Hostile(name, data, frozenset(codes.split() if isinstance(codes, str) else codes), note, live, scale)


def catalogue(canary: Path) -> Iterator[Hostile]:
    """Every hostile file.

    Args:
        canary: the file that executed code would touch. Nothing here touches it.
    """
    from tests.attacks import (
        hostile_arrays,
        hostile_code,
        hostile_formats,
        hostile_machine,
        hostile_models,
        hostile_scaled,
        hostile_weights,
    )

    yield from hostile_code.files(canary)
    for part in (hostile_machine, hostile_arrays, hostile_models, hostile_weights, hostile_scaled, hostile_formats):
        yield from part.files()
