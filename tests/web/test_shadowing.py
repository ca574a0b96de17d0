"""Versions that read along: each stored drawing once, outside of anybody's waiting time; under load they are shed."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select, text

from app.errors import DatabaseUnavailable
from app.inference.measures import PIXELS
from app.storage.drawings import unpack
from app.storage.identifiers import new_ids
from app.storage.shadows import MAX_BATCH, Shadow
from app.storage.tables import results
from app.storage.tables import shadows as table
from app.web import shadowing as module
from app.web.shadowing import Offer, Shadowing
from tests.installation import Published
from tests.web.inside import Inside
from tests.web.load import until
from tests.web.test_flags import OCTETS, flag
from tests.web.test_versions import body_of
from tests.web.visits import STROKES

VERSIONS = ("v1.0", "v1.1", "v2.0")


class Slow:
    """An engine of two classes: the lightest pixel decides. It may be held up, or take some time for each call."""

    def __init__(self) -> None:
        self.may_go_on, self.entered, self.seconds = threading.Event(), threading.Event(), 0.0
        self.may_go_on.set()
        self.calls: list[int] = []

    def scores(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.calls.append(len(images))
        self.entered.set()
        assert self.may_go_on.wait(30)
        time.sleep(self.seconds)
        first = images.reshape(len(images), -1)[:, 0].astype(np.float32) / 255
        return np.stack([first, 1 - first], axis=1)


class Kept:
    """Where shadows are stored; `fails`: there is no database."""

    def __init__(self) -> None:
        self.rows: list[Shadow] = []
        self.batches: list[int] = []
        self.fails = False

    def add(self, batch: Sequence[Shadow]) -> None:
        if self.fails:
            raise DatabaseUnavailable("a database", said="no answer")
        self.batches.append(len(batch))
        self.rows += batch


class House:
    """Shadowing of "new" and "newer" where "old" answers; `wanted`, `is_pressed` and what is counted are the test's."""

    def __init__(self) -> None:
        self.engines = {name: Slow() for name in ("old", "new", "newer")}
        self.kept, self.counted = Kept(), Counter[tuple[str, str]]()
        self.wanted: tuple[str, ...] = ("new",)
        self.is_pressed = False
        self._lock = threading.Lock()
        self.shadowing = Shadowing(
            {name: self._version(name) for name in self.engines},
            lambda answering: tuple(name for name in self.wanted if name != answering),
            self.kept,  # type: ignore[arg-type]  # looks like one
            is_pressed=lambda: self.is_pressed,
            report=self._report,
        )

    def _version(self, name: str) -> Any:
        return SimpleNamespace(name=name, sha256=f"of {name}", classes=("a", "b"), engine=self.engines[name])

    def _report(self, version: str, outcome: str, rows: int) -> None:
        with self._lock:
            self.counted[version, outcome] += rows

    def offer(self, rows: int, answering: str = "old") -> list[UUID]:
        """Drawings of growing grey, of whom the lighter half is read as "a"."""
        ids = new_ids(rows)
        greys = np.linspace(0, 255, rows).astype(np.uint8)
        self.shadowing.offer(Offer(answering, ids, np.repeat(greys, PIXELS).tobytes()))
        return ids

    def settled(self, rows: int) -> None:
        """Returns when so many are accounted for."""
        until(lambda: self.counted.total() >= rows, f"{rows} accounted for, {self.counted}")


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.005)
    made = House()
    yield made
    for engine in made.engines.values():
        engine.may_go_on.set()
    made.shadowing.close()


# -- what is read ------------------------------------------------------------------------------------------------------


def test_each_drawing_is_read_by_each_wanted_version_and_stored_under_its_result(house: House):
    house.wanted = ("old", "new", "newer")
    ids = house.offer(5)
    house.settled(10)
    assert house.counted == {("new", "stored"): 5, ("newer", "stored"): 5}
    assert sorted((row.result_id, row.model_version) for row in house.kept.rows) == sorted(
        (one, name) for one in ids for name in ("new", "newer")
    )
    for row in house.kept.rows:
        first = round(ids.index(row.result_id) * 255 / 4 - 0.5) / 255
        assert row.scores == pytest.approx({"a": first, "b": 1 - first}, abs=0.005)
        assert (row.prediction, row.confidence) == max(row.scores.items(), key=lambda item: item[1])
        assert row.model_sha256 == f"of {row.model_version}"
    assert house.engines["old"].calls == []


def test_what_comes_together_is_read_together(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.5)
    for _ in range(20):
        house.offer(3)
    house.settled(60)
    assert house.engines["new"].calls == [60]
    assert house.kept.batches == [60]


def test_more_than_a_statement_holds_is_stored_in_parts(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "GATHER_SECONDS", 0.5)
    monkeypatch.setattr(module, "WAITING_ROWS", 2 * MAX_BATCH)
    ids = [*house.offer(MAX_BATCH - 1), *house.offer(7)]
    house.settled(MAX_BATCH + 6)
    assert house.kept.batches == [MAX_BATCH, 6]
    assert [row.result_id for row in house.kept.rows] == ids


def test_where_no_version_reads_along_nothing_is_taken_nor_counted(house: House):
    house.wanted = ("old",)
    house.offer(5)
    house.wanted = ("new",)
    house.offer(2, answering="new")
    house.shadowing.close()
    assert house.counted == {} and house.kept.rows == []


# -- what is shed ------------------------------------------------------------------------------------------------------


def test_while_people_wait_everything_is_shed_and_counted_for_each_version(house: House):
    house.wanted, house.is_pressed = ("new", "newer"), True
    house.offer(7)
    assert house.counted == {("new", "shed"): 7, ("newer", "shed"): 7}
    house.is_pressed = False
    house.offer(3)
    house.settled(20)
    assert house.counted == {(name, how): n for name in ("new", "newer") for how, n in (("shed", 7), ("stored", 3))}


def test_no_more_waits_than_there_is_room_for_and_each_row_comes_to_one_thing(house: House):
    engine = house.engines["new"]
    engine.may_go_on.clear()
    house.offer(10)
    assert engine.entered.wait(10)  # these wait no longer
    offered, size = 10, module.WAITING_ROWS // 4
    for _ in range(6):
        house.offer(size)
        offered += size
    assert house.counted == {("new", "shed"): 2 * size}
    engine.may_go_on.set()
    house.settled(offered)
    assert house.counted == {("new", "shed"): 2 * size, ("new", "stored"): 10 + 4 * size}
    house.offer(size)  # there is room again
    house.settled(offered + size)
    assert house.counted["new", "shed"] == 2 * size


def test_a_failure_of_the_database_is_counted_and_logged_and_the_next_ones_are_stored(
    house: House, caplog: pytest.LogCaptureFixture
):
    house.kept.fails = True
    house.offer(4)
    house.settled(4)
    assert house.counted == {("new", "failed"): 4}
    assert "4 shadow answers of new were not stored" in caplog.text and "no answer" in caplog.text
    house.kept.fails = False
    house.offer(3)
    house.settled(7)
    assert house.counted == {("new", "failed"): 4, ("new", "stored"): 3}


def test_an_engine_that_fails_fails_its_own_version_only(house: House, caplog: pytest.LogCaptureFixture):
    def scores(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise ValueError("no scores today")

    house.wanted = ("new", "newer")
    house.engines["new"].scores = scores  # type: ignore[method-assign]  # an engine that fails
    house.offer(4)
    house.settled(8)
    assert house.counted == {("new", "failed"): 4, ("newer", "stored"): 4}
    assert "no scores today" in caplog.text


# -- the end -----------------------------------------------------------------------------------------------------------


def test_the_end_waits_for_what_was_taken_and_sheds_what_comes_after(house: House):
    house.engines["new"].seconds = 0.2
    for _ in range(5):
        house.offer(2)
    house.shadowing.close()
    assert house.counted == {("new", "stored"): 10}
    house.offer(3)
    assert house.counted == {("new", "stored"): 10, ("new", "shed"): 3}
    house.shadowing.close()  # nothing to do


def test_the_end_has_a_bound_and_sheds_what_it_does_not_reach(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.5)
    monkeypatch.setattr(module, "MAX_BATCH", 10)
    engine = house.engines["new"]
    engine.may_go_on.clear()
    house.offer(10)
    assert engine.entered.wait(10)
    house.offer(200)
    engine.seconds = 0.2
    engine.may_go_on.set()
    begun = time.monotonic()
    house.shadowing.close()
    assert time.monotonic() - begun < 3 * module.CLOSING_SECONDS
    assert house.counted.total() == 210
    assert 20 <= house.counted["new", "stored"] <= 60
    assert house.counted["new", "shed"] == 210 - house.counted["new", "stored"]


def test_an_engine_that_does_not_return_does_not_hold_the_end_up(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.1)
    engine = house.engines["new"]
    engine.may_go_on.clear()
    house.offer(1)
    assert engine.entered.wait(10)
    begun = time.monotonic()
    house.shadowing.close()
    assert 0.2 <= time.monotonic() - begun < 2


def test_whatever_comes_while_it_ends_is_stored_or_shed(house: House):
    offered = Counter[str]()
    ending = threading.Event()

    def ask(name: str) -> None:
        while not ending.is_set() or offered[name] < 50:
            house.offer(1)
            offered[name] += 1
            time.sleep(0.0005)

    threads = [threading.Thread(target=ask, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    house.shadowing.close()
    ending.set()
    for thread in threads:
        thread.join()
    assert house.counted.total() == offered.total()
    assert house.counted["new", "stored"] == len(house.kept.rows) > 0


# -- in the service ----------------------------------------------------------------------------------------------------


@pytest.fixture
def three(published: Callable[[str], Published], tmp_path: Path) -> Iterator[Inside]:
    first, *others = map(published, VERSIONS)
    with Inside(first, tmp_path, *others) as made:
        yield made


def rows_of(inside: Inside) -> dict[tuple[UUID, str], Any]:
    with inside.database.reading() as connection:
        return {(row.result_id, row.model_version): row for row in connection.execute(select(table))}


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
    engines = {name: reader.version.engine for name, reader in three.service.readers.items()}
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
            shadow, (scores,) = found[row.id, version], engines[version].scores(image)
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
        engine = three.service.readers[version].version.engine
        scores = engine.scores

        def held_up(images: NDArray[np.uint8], scores: Any = scores) -> Any:
            entered.set()
            assert gate.wait(30)
            return scores(images)

        monkeypatch.setattr(engine, "scores", held_up)
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
        pressed.setattr("app.inference.batcher.PRESSED_SECONDS", -1.0)
        pressed.setattr(three.service.readers["v2.0"].queue, "_pressed_since", time.monotonic())
        answers = [three.ask("POST", "/drawings", STROKES) for _ in range(5)]
    assert {reply.status for reply in answers} == {200}
    assert counted(three, "shed") == {"v1.0": 0, "v1.1": 5, "v2.0": 5}
    three.ask("POST", "/drawings", STROKES)
    until(lambda: len(rows_of(three)) == 2, "both shadows of the last")
