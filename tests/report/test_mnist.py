"""MNIST's held-out digits, drawn at the service by people who are asked: the report says what the cards say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import insert, update

from app.report.evaluation import evaluate
from app.report.report_data import Report
from app.storage.report_queries import read_facts
from app.storage.tables import labels, results
from app.verify.card import read_card
from tests.conftest import Mnist
from tests.installation import Published
from tests.web.inside import Inside
from tests.web.load import until
from tests.web.visits import visit

pytestmark = pytest.mark.long

VERSIONS = ("v1.0", "v1.1", "v2.0")
AT_ONCE = 1000
OCTETS = {"content-type": "application/octet-stream"}


class Replayed(NamedTuple):
    """What the report says, and which digits each version reads rightly, by its own engine: (10000,) each."""

    report: Report
    right: dict[str, NDArray[np.bool_]]


@pytest.fixture(scope="module")
def replayed(
    published: Callable[[str], Published], mnist: Mnist, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Replayed]:
    """v1.0 answers a visit of the page, the others read along, and each digit's label is said.

    The verdict counts only labels of people who were asked, a random tenth of the page's answers: whoever speaks up
    unasked mostly complains. Here all ten thousand are known, so all are marked as asked; nothing else is changed.
    """
    folder = tmp_path_factory.mktemp("mnist")
    default, *others = map(published, VERSIONS)
    with pytest.MonkeyPatch.context() as patch, Inside(default, folder, *others) as inside:
        patch.setattr("app.answering.batcher.PRESSED_SECONDS", 60)  # a slow machine is no load here: nothing is shed
        ids = _replay(inside, mnist.test_images)
        _say(inside, ids, [str(label) for label in mnist.test_labels])
        report = evaluate(read_facts(inside.database), default="v1.0", made_at=datetime.now(UTC))
        right = {}
        for name, reader in inside.service.readers.items():
            read = reader.version.scorer.scores(mnist.test_images).argmax(axis=1)
            right[name] = np.array(reader.version.classes)[read] == mnist.test_labels.astype(str)
        yield Replayed(report, right)


def _replay(inside: Inside, images: NDArray[np.uint8]) -> list[UUID]:
    """The results' ids, in order; each has a shadow."""
    headers, ids = {**visit(inside), **OCTETS}, []
    for start in range(0, len(images), AT_ONCE):
        reply = inside.ask("POST", "/classify/batch", images[start : start + AT_ONCE].tobytes(), headers, key=None)
        ids += [UUID(answer["id"]) for answer in reply.json["answers"]]
        _wait_for_shadows(inside, len(ids))
    return ids


def _wait_for_shadows(inside: Inside, count: int) -> None:
    def stored(version: str) -> float:
        return inside.metric("pixelwise_shadow_answers_total", version=version, outcome="stored")

    until(lambda: [stored(version) for version in VERSIONS[1:]] == [count, count], f"{count} shadows of each")


def _say(inside: Inside, ids: list[UUID], said: list[str]) -> None:
    now = datetime.now(UTC)
    with inside.database.writing() as connection:
        connection.execute(update(results).values(asked=True))
        common = {"owner": "ab" * 16, "created_at": now, "updated_at": now}
        told = [{"result_id": one, "label": label, **common} for one, label in zip(ids, said, strict=True)]
        connection.execute(insert(labels), told)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_accuracy_of_each_version_is_that_of_its_card(
    replayed: Replayed, published: Callable[[str], Published], mnist: Mnist, version: str
):
    card = read_card(published(version).files["MODELCARD.md"]).contract
    assert card is not None
    found = next(one for one in replayed.report.versions if one.name == version)
    accuracy = found.asked.accuracy
    low, high = card.accuracy.interval
    assert low <= accuracy.value <= high
    assert (accuracy.part, accuracy.of) == (card.accuracy.correct, card.accuracy.n)
    assert (accuracy.low, accuracy.high) == pytest.approx(card.accuracy.interval, abs=5.1e-4)  # it has three digits
    assert accuracy.part == replayed.right[version].sum()
    recalls = {one.label: one.recall.value for one in found.asked.classes}
    assert recalls == pytest.approx(dict(card.accuracy.per_class), abs=1e-3)
    withheld = [(row.label, sum(row.read_as.values())) for row in found.asked.confusions if row.kind == "withheld"]
    assert withheld == ([] if version == "v2.0" else [("0", (mnist.test_labels == 0).sum())])


def test_every_digit_was_answered_by_one_version_and_read_along_by_the_others(replayed: Replayed):
    read = [(one.name, one.answers, one.shadowed, one.sources) for one in replayed.report.versions]
    assert read == [("v1.0", 10_000, 0, {"page": 10_000}), ("v1.1", 0, 10_000, {}), ("v2.0", 0, 10_000, {})]
    assert (replayed.report.asked.labels.part, replayed.report.asked.labels.of) == (10_000, 10_000)
    assert replayed.report.volunteered.labels.of == 0


def test_between_v1_0_and_v1_1_a_difference_is_shown_on_the_digits_that_both_know(replayed: Replayed, mnist: Mnist):
    verdict = next(one for one in replayed.report.verdicts if one.challenger == "v1.1")
    assert verdict.outcome == "better"
    known, old, new = mnist.test_labels != 0, replayed.right["v1.0"], replayed.right["v1.1"]
    wins, losses = (known & new & ~old).sum(), (known & old & ~new).sum()
    assert verdict.sentence == (
        "v1.1 reads better than v1.0: on 9,020 drawings whose makers said what they drew, "
        f"{wins} times only v1.1 was right, {losses} times only v1.0"
    )
    comparison = next(one for one in replayed.report.comparisons if one.challenger == "v1.1")
    assert comparison.classes == tuple("123456789")
    assert (comparison.asked.wins, comparison.asked.losses, comparison.asked.n) == (wins, losses, known.sum())
