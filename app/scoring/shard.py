"""One shard: read, answered, written. May be repeated: what it puts in place is the same each time."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from app.drawing.normalise import RECIPE
from app.errors import system_refusals
from app.scoring.answers import answer
from app.scoring.counts import count
from app.scoring.footer import Footer
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.source import Piece, Source
from app.scoring.outputs.formats import format_named
from app.scoring.refusals import BadInput


class Order(Struct, frozen=True):
    """How a shard is to be written.

    Attributes:
        plan: the digest of the plan.
        format: "parquet" or "csv".
        with_scores: each class's score too.
    """

    plan: str
    format: str
    with_scores: bool


class Shard(Struct, frozen=True):
    """A piece of an input, and where its answers go. Workers are sent it.

    Attributes:
        name: of its file, without a suffix.
    """

    name: str
    source: Source
    piece: Piece
    order: Order


def score_shard(shard: Shard, out: Path, model: HandedModel) -> Footer:
    """Reads the digits of a shard, and puts their answers into the folder `out`, whole.

    Returns:
        the footer that was written with them.

    Raises:
        ChangedInput, BadInput: the input is not what was planned. SystemRefused: the disk is full, or such.
    """
    written = format_named(shard.order.format)
    rows = answer(shard.source.read(shard.piece), model, with_scores=shard.order.with_scores)
    if len(rows.places) != shard.piece.rows:
        raise BadInput(
            f"input {shard.source.fingerprint.name}",
            found=f"{len(rows.places):,} rows in {shard.name}",
            expected=f"{shard.piece.rows:,}, as planned",
            remedy="Leave inputs alone while they are scored; score this one anew, into another folder.",
        )
    footer = Footer(
        shard=shard.name,
        plan=shard.order.plan,
        input=shard.source.fingerprint,
        model_version=model.version,
        model_sha256=model.sha256,
        recipe=RECIPE,
        rows=len(rows.places),
        counts=count(rows),
    )
    with system_refusals(out):
        written.write(out / shard.name, rows, footer)
    return footer
