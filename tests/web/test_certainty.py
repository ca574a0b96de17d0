"""How sure an answer is, and which recipe its drawing came by: in answers, in rows, in GET /visit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import select

from app.drawing.normalise import RECIPE
from app.drawing.ring_of_zero import MAY_BE_WITHHELD
from app.model.contract import Accuracy, CalibrationError, Drawn
from app.model.scorer import Scorer
from app.model.unsure import SURE_FROM, certainties
from app.storage.shadow_rows import Shadow, Shadows
from app.storage.tables import results
from tests.installation import ROOT, Published
from tests.web.inside import Inside
from tests.web.load import until
from tests.web.visits import STROKES

TEMPERATURE = 3.5
DRAWN = Drawn(
    recipe=RECIPE,
    temperature=TEMPERATURE,
    error=CalibrationError(before=0.05, after=0.02, n=5000),
    strokes=Accuracy(value=0.97, correct=4850, n=5000, interval=(0.965, 0.974)),
    pictures=Accuracy(value=0.93, correct=930, n=1000, interval=(0.912, 0.944)),
)
RAW = {"content-type": "application/octet-stream"}
BLANK = bytes(100 * 100)


@pytest.fixture(scope="module")
def measured(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """v1.0, whose release measured no certainty, and v2.0, whose release did."""
    stated = {"v1.0": {"drawn": None}, "v2.0": {"drawn": DRAWN}}
    with Inside(published("v1.0"), tmp_path_factory.mktemp("measured"), published("v2.0"), stated=stated) as made:
        yield made


@pytest.fixture(scope="module")
def digits(published: Callable[[str], Published]) -> np.ndarray:
    return published("v2.0").golden.images


def batch(measured: Inside, digits: np.ndarray, query: str = "") -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = measured.ask("POST", f"/classify/batch{query}", digits.tobytes(), RAW).json[
        "answers"
    ]
    return answers


def test_a_certainty_is_the_highest_score_at_the_temperature_of_the_release(measured: Inside, digits):
    answers = batch(measured, digits[:600], "?model=v2.0")
    scorer: Scorer = measured.service.readers["v2.0"].version.scorer
    expected = certainties(scorer.scores(digits[:600]), TEMPERATURE)
    assert [answer["certainty"] for answer in answers] == pytest.approx(expected.tolist(), abs=1e-6)
    assert [answer["confidence"] for answer in answers] == [max(answer["scores"].values()) for answer in answers]


def test_with_a_temperature_an_answer_is_unsure_below_one_certainty_and_without_below_a_confidence(
    measured: Inside, digits
):
    versions = {name: reader.version for name, reader in measured.service.readers.items()}
    for query, name, by, below in (
        ("", "v1.0", "confidence", versions["v1.0"].unsure_below),
        ("?model=v2.0", "v2.0", "certainty", SURE_FROM),
    ):
        answers = batch(measured, digits, query)
        for answer in answers:
            may_be_withheld = MAY_BE_WITHHELD.name in [finding["name"] for finding in answer["findings"]]
            assert answer["unsure"] == (answer[by] < below or may_be_withheld), name
        assert {answer["unsure"] for answer in answers} == {True, False}, name


def test_a_release_that_measured_none_has_no_certainty(measured: Inside, digits):
    assert {answer["certainty"] for answer in batch(measured, digits[:20])} == {None}
    assert measured.ask("POST", "/drawings", STROKES).json["certainty"] is None


@pytest.mark.parametrize("path", ["/drawings", "/drawings/preview", "/api/drawings"])
def test_what_was_drawn_names_the_recipe_by_which_it_came_to_28x28(measured: Inside, path: str):
    for query, certain in (("", False), ("?model=v2.0", True)):
        answer = measured.ask("POST", f"{path}{query}", STROKES).json
        assert (answer["recipe"], answer["certainty"] is not None) == (RECIPE, certain)


def test_what_came_as_28x28_names_none(measured: Inside, digits):
    pixels = {"pixels": digits[0].tolist()}
    assert measured.ask("POST", "/classify", str(pixels).replace("'", '"').encode()).json["recipe"] is None
    assert batch(measured, digits[:2])[1]["recipe"] is None


def test_the_answer_to_a_blank_drawing_has_the_recipe_too(measured: Inside):
    answer = measured.ask("POST", "/drawings?width=100&height=100&model=v2.0", BLANK, RAW).json
    assert (answer["prediction"], answer["recipe"]) == (None, RECIPE)
    assert (answer["confidence"], answer["certainty"], answer["scores"], answer["unsure"]) == (None, None, {}, False)
    assert [finding["name"] for finding in answer["findings"]] == ["blank"]


def test_a_stored_row_says_what_its_answer_said(measured: Inside, digits):
    drawn = measured.ask("POST", "/drawings?model=v2.0", STROKES).json
    (ready,) = batch(measured, digits[:1], "?model=v2.0")
    unmeasured = measured.ask("POST", "/drawings", STROKES).json
    for answer, recipe in ((drawn, RECIPE), (ready, None), (unmeasured, RECIPE)):
        row = measured.row(answer["id"])
        assert (row.recipe, row.certainty) == (recipe, answer["certainty"])


def test_pixels_by_the_protocol_came_by_no_recipe_and_are_stored_with_their_certainty(measured: Inside, digits):
    before = measured.stored()
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 784], "data": digits[:1].reshape(1, -1).tolist()}
    question = str({"inputs": [tensor]}).replace("'", '"').encode()
    reply = measured.ask("POST", "/v2/models/digits/versions/v2.0/infer", question)
    assert reply.status == 200, reply.body
    assert {output["name"] for output in reply.json["outputs"]} == {"prediction", "confidence", "scores", "findings"}
    with measured.database.reading() as connection:
        row = connection.execute(select(results).order_by(results.c.id.desc()).limit(1)).one()
    assert measured.stored() == before + 1
    assert (row.source, row.recipe) == ("protocol", None)
    assert 0 < row.certainty <= row.confidence


def test_a_version_that_reads_along_is_as_sure_as_if_it_had_answered(measured: Inside, digits):
    store = Shadows(measured.database)

    def of(answer: dict[str, Any]) -> list[Shadow]:
        until(lambda: store.of(UUID(answer["id"])) != [], "a shadow")
        return store.of(UUID(answer["id"]))

    (first,), (second,) = batch(measured, digits[3:4]), batch(measured, digits[3:4], "?model=v2.0")
    ((by_v2,), (by_v1,)) = of(first), of(second)
    assert (by_v2.model_version, by_v2.certainty) == ("v2.0", pytest.approx(second["certainty"], abs=1e-6))
    assert (by_v1.model_version, by_v1.certainty) == ("v1.0", None)


def test_a_visit_is_told_the_temperature_what_unsure_follows_and_whether_the_card_covers_pictures(measured: Inside):
    old, new = (measured.ask("GET", f"/visit{query}").json for query in ("", "?model=v2.0"))
    told = ("temperature", "unsure_by", "unsure_below", "pictures_in_scope")
    below = measured.service.readers["v1.0"].version.unsure_below
    assert [old[name] for name in told] == [None, "confidence", below, False]
    assert [new[name] for name in told] == [TEMPERATURE, "certainty", SURE_FROM, True]


def test_the_page_about_the_service_names_the_limit():
    text = (ROOT / "docs/service.md").read_text(encoding="utf-8")
    assert f"`unsure` is a certainty below {SURE_FROM:g}," in text
