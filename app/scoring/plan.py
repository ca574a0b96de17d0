"""From an input to shards, the same each time for the same input."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from app.drawing.normalise import RECIPE
from app.scoring.fingerprint import Fingerprint
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.source import Piece, Source
from app.scoring.refusals import BadInput
from app.scoring.shard import Order, Shard

SHARD_ROWS = 100_000
"""Rows of a shard: a restart repeats at most these for each worker, and a shard's file has a few megabytes."""


def place_pieces(sources: Sequence[Source], rows: int) -> list[tuple[Source, Piece]]:
    """The pieces of all inputs, in their order; rows are numbered through."""
    placed: list[tuple[Source, Piece]] = []
    first_id = 0
    for source in sources:
        placed += [(source, piece) for piece in source.pieces(rows, first_id)]
        first_id += source.fingerprint.rows
    return placed


class Record(Struct, frozen=True):
    """What a folder of answers is of: PLAN.json.

    Attributes:
        inputs: in their order.
        model_version, model_sha256: of the release that answers.
        recipe: the version of the recipe of this code.
        format, with_scores: of the shards.
        shards: how many.
        pieces: the SHA-256 over where each begins and ends.
        source: where the input was, to find it again; it may be elsewhere now.
    """

    inputs: tuple[Fingerprint, ...]
    model_version: str
    model_sha256: str
    recipe: int
    format: str
    with_scores: bool
    shards: int
    pieces: str
    source: str = ""

    @property
    def digest(self) -> str:
        """Of all of it but digests of all bytes of inputs, which are not always asked for."""
        inputs = tuple(msgspec.structs.replace(one, sha256=None) for one in self.inputs)
        plain = msgspec.structs.replace(self, inputs=inputs, source="")
        return hashlib.sha256(msgspec.json.encode(plain)).hexdigest()

    @property
    def rows(self) -> int:
        """In all inputs."""
        return sum(one.rows for one in self.inputs)


class Plan(NamedTuple):
    """Shards, and the record of what they are of."""

    record: Record
    shards: tuple[Shard, ...]

    def part(self, index: int, of: int) -> tuple[Shard, ...]:
        """The shards of job `index`, from 0, of an array of jobs."""
        return self.shards[index::of]


def plan(
    sources: Sequence[Source],
    model: HandedModel,
    *,
    format: str = "parquet",
    with_scores: bool = False,
    rows: int = SHARD_ROWS,
    fingerprints: Sequence[Fingerprint] | None = None,
    named: str = "",
) -> Plan:
    """The shards of these inputs.

    Args:
        rows: of a shard, about.
        fingerprints: of the inputs, with digests of all their bytes; None: those that the inputs have.
        named: where the input is, for whoever looks for it later.

    Raises:
        BadInput: there is no row.
    """
    placed = place_pieces(sources, rows)
    if not placed:
        named = ", ".join(source.fingerprint.name for source in sources[:3])
        raise BadInput(f"input {named}", found="no digits", expected="at least one", remedy="Name another input.")
    pieces = hashlib.sha256(msgspec.json.encode([piece for _, piece in placed])).hexdigest()
    said = tuple(fingerprints or (source.fingerprint for source in sources))
    record = Record(said, model.version, model.sha256, RECIPE, format, with_scores, len(placed), pieces, named)
    order = Order(record.digest, format, with_scores)
    shards = (
        Shard(f"part-{number:05}-of-{len(placed):05}", source, piece, order)
        for number, (source, piece) in enumerate(placed)
    )
    return Plan(record, tuple(shards))
