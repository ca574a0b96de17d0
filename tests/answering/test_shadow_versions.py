"""Versions that read along: each stored drawing once, outside of anybody's waiting time; under load they are shed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from app.answering import shadow_versions as module
from app.answering.served_version import ServedVersion
from app.answering.shadow_versions import Offer, Shadowing
from app.drawing.ink_measures import PIXELS
from app.storage.identifiers import new_ids
from app.storage.refusals import DatabaseUnavailable
from app.storage.shadow_rows import MAX_BATCH, Shadow
from tests.web.load import until


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

    def _version(self, name: str) -> ServedVersion:
        engine: Any = self.engines[name]
        return ServedVersion(
            name,
            f"of {name}",
            engine,
            ("a", "b"),
            None,
            temperature=None,
            unsure_below=None,
            no_digit_below=None,
            samples=(),
        )

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
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.8)
    monkeypatch.setattr(module, "MAX_BATCH", 10)
    engine = house.engines["new"]
    engine.may_go_on.clear()
    house.offer(10)
    assert engine.entered.wait(10)
    house.offer(200)
    engine.seconds = 0.2
    engine.may_go_on.set()
    house.shadowing.close()
    house.settled(210)
    assert 10 <= house.counted["new", "stored"] <= 60
    assert house.counted["new", "shed"] == 210 - house.counted["new", "stored"]


def test_an_engine_that_does_not_return_does_not_hold_the_end_up(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "CLOSING_SECONDS", 0.1)
    engine = house.engines["new"]
    engine.may_go_on.clear()
    house.offer(1)
    assert engine.entered.wait(10)
    begun = time.monotonic()
    house.shadowing.close()
    assert time.monotonic() - begun >= 0.2


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
