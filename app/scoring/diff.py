"""Two folders of answers to the same input, row by row."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.errors import PixelWiseError
from app.report.scored_diff import ScoredDiff, Shown, evaluate_diff
from app.scoring.counts import NONE
from app.scoring.folder import read_record
from app.scoring.inputs.source import Piece, Source
from app.scoring.manifest import Manifest, read_manifest
from app.scoring.outputs.columns import Answers
from app.scoring.outputs.formats import format_named
from app.scoring.plan import SHARD_ROWS, Record, place_pieces
from app.scoring.refusals import OtherResults

MOST_SHOWN = 24


class _Folder(NamedTuple):
    path: Path
    record: Record
    manifest: Manifest

    def answers(self, shard: int, classes: Sequence[str]) -> Answers:
        return format_named(self.record.format).read_answers(self.base(shard), classes)

    def base(self, shard: int) -> Path:
        return self.path / f"part-{shard:05}-of-{self.record.shards:05}"


class _Candidate(NamedTuple):
    """A disagreement that may be shown; those of which both are most confident come first."""

    weight: float
    shard: int
    row: int
    places: tuple[int, int]
    confidences: tuple[float, float]
    label: int | None


def diff(first: Path, second: Path, open_sources: Callable[[str], Sequence[Source]]) -> ScoredDiff:
    """The comparison of two finished folders.

    Args:
        open_sources: opens what was scored, by the name in the plan, to show digits.

    Raises:
        OtherResults: one is not finished, or they are of different inputs.
    """
    one, other = (_Folder(path, read_record(path), read_manifest(path)) for path in (first, second))
    _check_same(one, other)
    classes = tuple(dict.fromkeys((*one.manifest.classes, *other.manifest.classes)))
    names = (*classes, NONE)  # subtle: place -1 is the last of them
    common = [classes.index(label) for label in one.manifest.classes if label in other.manifest.classes]
    pairs: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[bool, bool]] = Counter()
    best: list[_Candidate] = []
    for shard in range(one.record.shards):
        a, b = one.answers(shard, classes), other.answers(shard, classes)
        table = np.bincount(a.places % len(names) * len(names) + b.places % len(names), minlength=len(names) ** 2)
        for place in np.flatnonzero(table).tolist():
            pairs[names[place // len(names)], names[place % len(names)]] += int(table[place])
        if a.labels is not None:
            right.update(_right(a, b, classes, common))
        best = heapq.nlargest(MOST_SHOWN, [*best, *_candidates(shard, a, b)])
    shown = _shown(one, best, names, open_sources)
    sides = [(str(side.path), side.manifest.model_version, side.manifest.model_sha256) for side in (one, other)]
    return evaluate_diff(sides, pairs, right, shown)


def _check_same(one: _Folder, other: _Folder) -> None:
    plain = [[msgspec.structs.replace(said, sha256=None) for said in side.record.inputs] for side in (one, other)]
    if plain[0] != plain[1] or one.record.pieces != other.record.pieces:
        found = f"answers to {other.record.inputs[0].name} of {other.record.rows:,} rows"
        raise OtherResults(
            f"folder {other.path}",
            found=found,
            expected=f"answers to {one.record.inputs[0].name} of {one.record.rows:,} rows, as {one.path} has",
            remedy="Score the same input, unchanged, with both releases.",
        )


def _right(a: Answers, b: Answers, classes: Sequence[str], common: Sequence[int]) -> dict[tuple[bool, bool], int]:
    """Labelled rows of classes that both know, by which of the two was right."""
    labels = np.full(12, -1, np.int8)  # by label, -2 and -1 last
    for place in common:
        labels[int(classes[place])] = place
    truth = labels[a.labels]
    known = truth >= 0
    is_right = [(side.places[known] == truth[known]).astype(np.int64) for side in (a, b)]
    counts = np.bincount(is_right[0] * 2 + is_right[1], minlength=4).tolist()
    return {(bool(code & 2), bool(code & 1)): n for code, n in enumerate(counts)}


def _candidates(shard: int, a: Answers, b: Answers) -> list[_Candidate]:
    rows: NDArray[np.intp] = np.flatnonzero(a.places != b.places)
    weights = np.nan_to_num(np.minimum(a.confidences[rows], b.confidences[rows]))
    chosen = rows[np.argsort(-weights, kind="stable")[:MOST_SHOWN]].tolist()
    found = []
    for row in chosen:
        both = float(a.confidences[row]), float(b.confidences[row])
        label = None if a.labels is None or a.labels[row] < 0 else int(a.labels[row])
        weight = float(np.nan_to_num(min(both)))
        found.append(_Candidate(weight, shard, row, (int(a.places[row]), int(b.places[row])), both, label))
    return found


def _shown(
    one: _Folder, best: Sequence[_Candidate], names: Sequence[str], open_sources: Callable[[str], Sequence[Source]]
) -> list[Shown] | None:
    """The digits of candidates; None where the input cannot be read as it was."""
    try:
        sources = open_sources(one.record.source)
        placed = place_pieces(sources, SHARD_ROWS)
    except PixelWiseError:
        return None
    same = [msgspec.structs.replace(source.fingerprint, sha256=None, labels=None) for source in sources]
    was = [msgspec.structs.replace(said, sha256=None, labels=None) for said in one.record.inputs]
    if same != was or len(placed) != one.record.shards:
        return None
    found = []
    for candidate in best:
        source, piece = placed[candidate.shard]
        identifier, pixels = _row(source, piece, candidate.row)
        predictions = tuple(None if place < 0 else names[place] for place in candidate.places)
        confidences = tuple(None if np.isnan(value) else value for value in candidate.confidences)
        label = None if candidate.label is None else str(candidate.label)
        found.append(
            Shown(identifier, pixels, (predictions[0], predictions[1]), (confidences[0], confidences[1]), label)
        )
    return found


def _row(source: Source, piece: Piece, row: int) -> tuple[str, bytes]:
    """The identifier and the pixels of a row of a piece."""
    for batch in source.read(piece):
        if row < len(batch.pixels):
            return str(batch.ids[row]), batch.pixels[row].tobytes()
        row -= len(batch.pixels)
    raise OtherResults(
        f"input {source.fingerprint.name}", found="fewer rows", expected="those planned", remedy="Score it anew."
    )
