"""Synthetic databases: answers, shadows and labels of versions whose true accuracy is known, seeded.

.venv/bin/python -m tests.report.filled sqlite:///data/large.db 100000
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sqlalchemy import insert

from app.drawing.normalise import RECIPE
from app.storage.database import Database
from app.storage.drawing_bytes import pack
from app.storage.migrate import upgrade
from app.storage.tables import labels, results, shadows

NEWEST = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_ONCE = 20_000
NINE, TEN = tuple("123456789"), tuple("0123456789")
SOURCES, FINDINGS = ("page", "api", "protocol"), ("off-centre", "too-small", "too-thick", "inverted")
NO_DIGIT = -1


class Version(NamedTuple):
    """What a version knows, how often it is right where it knows the digit, and its share of the visitors.

    One that `is_measured` has a certainty that is right as often as it says, and is too confident, as networks are.
    """

    classes: tuple[str, ...]
    accuracy: float
    share: float
    is_measured: bool = False


VERSIONS = {
    "v1.0": Version(NINE, 0.915, 0.5),
    "v1.1": Version(NINE, 0.965, 0.3),
    "v2.0": Version(TEN, 0.968, 0.2, is_measured=True),
}


class Readings(NamedTuple):
    """What one version says of every drawing: (N,) digits, confidences, and certainties if it is measured."""

    digits: NDArray[np.int64]
    confidences: NDArray[np.float64]
    certainties: NDArray[np.float64] | None

    def certainty(self, index: int) -> float | None:
        return None if self.certainties is None else float(self.certainties[index])


def fill(
    database: Database,
    count: int,
    *,
    seed: int = 0,
    days: float = 60,
    versions: Mapping[str, Version] = VERSIONS,
    asked_share: float = 0.1,
    drawings: Mapping[int, Sequence[bytes]] | None = None,
    before: int = 0,
) -> None:
    """`count` results of the `days` before NEWEST, one in ten of them labelled, each with one or two shadows.

    Args:
        drawings: packed ones of each digit and of NO_DIGIT; `pictures()` if there are none.
        before: so many of the oldest came to 28x28 by the recipe before this one.
    """
    random = np.random.default_rng(seed)
    drawn = random.integers(0, 10, count)
    drawn[random.random(count) < 0.02] = NO_DIGIT
    said = {name: _read(drawn, version, random) for name, version in versions.items()}
    shares = np.array([version.share for version in versions.values()])
    served = random.choice(len(versions), count, p=shares / shares.sum())
    asked = random.random(count) < asked_share
    names = list(versions)
    digits = np.choose(served, [said[name].digits for name in names])
    chance = np.where(asked, 0.6, np.where(digits == drawn, 0.02, 0.25))
    is_labelled = random.random(count) < chance
    has_shadow = random.random((count, len(names))) < 0.9
    ids, drawings = _ids(count, days, random), drawings or pictures()
    for start in range(0, count, AT_ONCE):
        part = range(start, min(start + AT_ONCE, count))
        with database.writing(patient=True) as connection:
            connection.execute(
                insert(results),
                list(_results(part, ids, said, versions, served, asked, drawn, drawings, random, before)),
            )
            others = list(_shadows(part, ids, said, versions, served, has_shadow))
            if others:
                connection.execute(insert(shadows), others)
            told = list(_labels(part, ids, drawn, is_labelled))
            if told:
                connection.execute(insert(labels), told)


def _read(drawn: NDArray[np.int64], version: Version, random: np.random.Generator) -> Readings:
    """Right as often as the version is where it knows the digit; any of its classes elsewhere, and less sure."""
    known = np.array([int(name) for name in version.classes])
    other = random.choice(known, len(drawn))
    other = np.where(other == drawn, np.where(drawn == known[-1], known[-2], drawn + 1), other)
    is_right = np.isin(drawn, known) & (random.random(len(drawn)) < version.accuracy)
    sure = np.where(is_right, random.beta(12, 1, len(drawn)), random.beta(4, 2, len(drawn)))
    digits = np.where(is_right, drawn, other)
    if not version.is_measured:
        return Readings(digits, sure, None)
    right, wrong = 12 * sure**11 * version.accuracy, 20 * sure**3 * (1 - sure) * (1 - version.accuracy)
    return Readings(digits, 1 - (1 - sure) ** 4, right / (right + wrong))  # by Bayes, from the densities above


def _ids(count: int, days: float, random: np.random.Generator) -> list[UUID]:
    """UUIDv7 of sorted moments, more of them towards the end."""
    newest = int(NEWEST.timestamp() * 1000)
    ages = (days * 86_400_000 * (1 - np.sqrt(random.random(count)))).astype(np.int64)
    moments = np.sort(newest - ages).tolist()
    tails = random.integers(0, 1 << 62, count).tolist()
    return [
        UUID(int=moment << 80 | 7 << 76 | (place & 0xFFF) << 64 | 2 << 62 | tail)
        for place, (moment, tail) in enumerate(zip(moments, tails, strict=True))
    ]


def _results(
    part: Sequence[int],
    ids: Sequence[UUID],
    said: Mapping[str, Readings],
    versions: Mapping[str, Version],
    served: NDArray[np.int64],
    asked: NDArray[np.bool_],
    drawn: NDArray[np.int64],
    drawings: Mapping[int, Sequence[bytes]],
    random: np.random.Generator,
    before: int,
) -> Iterator[dict[str, Any]]:
    names = list(versions)
    count = len(part)
    waited, computed = random.lognormal(-0.5, 0.8, count).tolist(), random.lognormal(0.3, 0.5, count).tolist()
    rest = random.lognormal(0.2, 0.7, count).tolist()
    found = (random.random(count) * 100).astype(int).tolist()
    sources = random.choice(SOURCES, count, p=[0.7, 0.25, 0.05]).tolist()
    for place, index in enumerate(part):
        name = names[served[index]]
        label, confidence = str(said[name].digits[index]), float(said[name].confidences[index])
        moment = moment_of(ids[index])
        fails = moment.date().toordinal() % 17 == 0 and found[place] % 5 == 0
        reason = "ERROR" if fails else "DEFAULT" if served[index] == 0 else "TARGETING_MATCH"
        yield {
            "id": ids[index],
            "created_at": moment,
            "prediction": label,
            "confidence": confidence,
            "scores": _scores(versions[name].classes, label, round(confidence, 2)),
            "model_version": name,
            "model_sha256": "ab" * 32,
            "latency_ms": waited[place] + computed[place] + rest[place],
            "waited_ms": waited[place] if found[place] < 98 else None,
            "computed_ms": computed[place] if found[place] < 98 else None,
            "source": sources[place],
            "findings": [FINDINGS[found[place] % 4]] if found[place] < 8 else [],
            "pixels": drawings[drawn[index]][index % len(drawings[drawn[index]])] if found[place] != 50 else None,
            "owner": "ab" * 16,
            "flag": "model-version",
            "variant": name,
            "reason": reason,
            "asked": bool(asked[index]),
            "recipe": None if sources[place] == "protocol" else 1 if index < before else RECIPE,
            "certainty": said[name].certainty(index),
        }


def _shadows(
    part: Sequence[int],
    ids: Sequence[UUID],
    said: Mapping[str, Readings],
    versions: Mapping[str, Version],
    served: NDArray[np.int64],
    has_shadow: NDArray[np.bool_],
) -> Iterator[dict[str, Any]]:
    for index in part:
        for place, name in enumerate(versions):
            if place != served[index] and has_shadow[index, place]:
                label, confidence = str(said[name].digits[index]), float(said[name].confidences[index])
                yield {
                    "result_id": ids[index],
                    "model_version": name,
                    "model_sha256": "ab" * 32,
                    "created_at": moment_of(ids[index]),
                    "prediction": label,
                    "confidence": confidence,
                    "scores": _scores(versions[name].classes, label, round(confidence, 2)),
                    "certainty": said[name].certainty(index),
                }


def _labels(
    part: Sequence[int], ids: Sequence[UUID], drawn: NDArray[np.int64], is_labelled: NDArray[np.bool_]
) -> Iterator[dict[str, Any]]:
    for index in part:
        if is_labelled[index]:
            later = moment_of(ids[index]) + timedelta(seconds=9)
            label = None if drawn[index] == NO_DIGIT else str(drawn[index])
            yield {
                "result_id": ids[index],
                "label": label,
                "owner": "ab" * 16,
                "created_at": later,
                "updated_at": later,
            }


def moment_of(identifier: UUID) -> datetime:
    """To the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def _scores(classes: Sequence[str], label: str, confidence: float) -> dict[str, float]:
    rest = (1 - confidence) / (len(classes) - 1)
    return {one: confidence if one == label else rest for one in classes}


def pictures() -> dict[int, list[bytes]]:
    """Eight packed drawings of each digit, and of what is none."""
    font = ImageFont.load_default(size=24)
    packed = {}
    for digit in range(NO_DIGIT, 10):
        drawings = []
        for turn in range(8):
            image = Image.new("L", (28, 28))
            ImageDraw.Draw(image).text((14, 14), "?" if digit == NO_DIGIT else str(digit), 255, font, anchor="mm")
            drawings.append(image.rotate(5 * (turn - 4), Image.Resampling.BILINEAR).tobytes())
        packed[digit] = pack(drawings)
    return packed


def main(address: str, count: int) -> None:
    database = Database(address, root=Path.cwd())
    upgrade(database)
    fill(database, count)
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
