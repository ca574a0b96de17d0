"""Versions that read along in the whole service: every stored drawing, as their own engines read it; nobody waits."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select, text

from app.storage.drawing_bytes import unpack
from app.storage.tables import results, shadows
from tests.installation import Published
from tests.web.inside import Inside
from tests.web.load import until
from tests.web.test_flags import OCTETS, flag
from tests.web.test_versions import body_of
from tests.web.visits import STROKES

VERSIONS = ("v1.0", "v1.1", "v2.0")


@pytest.fixture
def three(published: Callable[[str], Published], tmp_path: Path) -> Iterator[Inside]:
    first, *others = map(published, VERSIONS)
    with Inside(first, tmp_path, *others) as made:
        yield made


def rows_of(inside: Inside) -> dict[tuple[UUID, str], Any]:
    with inside.database.reading() as connection:
        return {(row.result_id, row.model_version): row for row in connection.execute(select(shadows))}


def counted(inside: Inside, outcome: str) -> dict[str, float]:
    name = "pixelwise_shadow_answers_total"
    return {version: inside.metric(name, version=version, outcome=outcome) for version in VERSIONS}


def test_every_stored_drawing_is_read_by_all_other_versions_as_their_own_engines_read_it(
    three: Inside, published: Callable[[str], Published]
):
    images = published("v2.0").golden.images[:60]
    three.ask_together([("POST", "/classify", body_of(image.tobytes())) for image in images[:20]])
    three.ask_together([("POST", "/classify?model=v2.0", body_of(image.tobytes())) for image in images[20:40]])
    three.ask("POST", "/classify/batch", images[40:].tobytes(), OCTETS)
    three.ask("POST", "/drawings", STROKES)
    until(lambda: len(rows_of(three)) == 122, "two shadows of each of 61 drawings")
    scorers = {name: reader.version.scorer for name, reader in three.service.readers.items()}
    with three.database.reading() as connection:
        stored = connection.execute(select(results)).all()
    assert Counter(row.model_version for row in stored) == {"v1.0": 41, "v2.0": 20}
    found = rows_of(three)
    for row in stored:
        image = np.frombuffer(unpack(row.pixels), np.uint8).reshape(1, 28, 28)
        for version in VERSIONS:
            if version == row.model_version:
                assert (row.id, version) not in found
                continue
            shadow, (scores,) = found[row.id, version], scorers[version].scores(image)
            assert list(shadow.scores.values()) == pytest.approx(scores.tolist(), abs=1e-5)
            classes = three.service.readers[version].version.classes
            assert tuple(shadow.scores) == classes
            assert shadow.prediction == classes[scores.argmax()]
            assert shadow.confidence == pytest.approx(float(scores.max()), abs=1e-5)
            assert shadow.model_sha256 == three.service.readers[version].version.sha256
    assert counted(three, "stored") == {"v1.0": 20, "v1.1": 61, "v2.0": 41}
    assert set(counted(three, "shed").values()) == set(counted(three, "failed").values()) == {0}


def test_what_is_not_stored_has_no_shadow_and_a_flag_names_those_that_read_along(three: Inside):
    three.ask("POST", "/drawings/preview", STROKES)
    three.ask("POST", "/drawings", b'{"strokes": []}')
    three.flag({"shadow-versions": flag({"off": "", "one": "v2.0"}, "off")})
    three.ask("POST", "/drawings", STROKES)
    three.flag({"shadow-versions": flag({"off": "", "one": "v2.0"}, "one")})
    last = UUID(three.ask("POST", "/drawings", STROKES).json["id"])
    until(lambda: rows_of(three), "the one shadow")
    three.service.shadowing.close()
    assert list(rows_of(three)) == [(last, "v2.0")]
    assert counted(three, "stored") == {"v1.0": 0, "v1.1": 0, "v2.0": 1}


def test_drawings_that_are_not_kept_are_read_along_all_the_same(three: Inside):
    three.flag({"keep-drawings": flag({"on": True, "off": False}, "off")})
    answer = three.ask("POST", "/drawings", STROKES).json
    assert three.row(answer["id"]).pixels is None
    until(lambda: len(rows_of(three)) == 2, "both shadows")


def test_answers_never_wait_for_shadows(three: Inside, monkeypatch: pytest.MonkeyPatch):
    """Neither for an engine that does not return, nor for what waits behind it."""
    gate, entered = threading.Event(), threading.Event()
    for version in ("v1.1", "v2.0"):
        scorer = three.service.readers[version].version.scorer
        scores = scorer.scores

        def held_up(images: NDArray[np.uint8], scores: Any = scores) -> Any:
            entered.set()
            assert gate.wait(30)
            return scores(images)

        monkeypatch.setitem(vars(scorer), "scores", held_up)
    try:
        replies = [three.ask("POST", "/drawings", STROKES)]
        assert entered.wait(10)
        replies += [three.ask("POST", "/drawings", STROKES) for _ in range(100)]
        assert {reply.status for reply in replies} == {200}
        assert three.stored() == 101
        assert rows_of(three) == {}
    finally:
        gate.set()
    until(lambda: len(rows_of(three)) == 202, "all shadows")


def test_shadows_that_cannot_be_stored_are_counted_and_nothing_else_breaks(
    three: Inside, caplog: pytest.LogCaptureFixture
):
    with three.database.writing() as connection:
        connection.execute(text("ALTER TABLE shadows RENAME TO elsewhere"))
    with caplog.at_level(logging.ERROR):
        assert three.ask("POST", "/drawings", STROKES).status == 200
        until(lambda: counted(three, "failed") == {"v1.0": 0, "v1.1": 1, "v2.0": 1}, "both failures")
    assert three.metric("pixelwise_database_up") == 1
    assert "shadow answers of v2.0 were not stored" in caplog.text
    with three.database.writing() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO shadows"))
    assert three.ask("POST", "/drawings", STROKES).status == 200
    until(lambda: len(rows_of(three)) == 2, "both shadows")
    assert three.stored() == 2


def test_under_pressure_answers_go_on_and_shadows_are_shed(three: Inside, monkeypatch: pytest.MonkeyPatch):
    """Whichever queue it is that people wait in."""
    with monkeypatch.context() as pressed:
        pressed.setattr("app.answering.batcher.PRESSED_SECONDS", -1.0)
        pressed.setattr(three.service.readers["v2.0"].queue, "_pressed_since", time.monotonic())
        answers = [three.ask("POST", "/drawings", STROKES) for _ in range(5)]
    assert {reply.status for reply in answers} == {200}
    assert counted(three, "shed") == {"v1.0": 0, "v1.1": 5, "v2.0": 5}
    three.ask("POST", "/drawings", STROKES)
    until(lambda: len(rows_of(three)) == 2, "both shadows of the last")
