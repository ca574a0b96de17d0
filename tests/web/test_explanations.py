"""`?explain=1`: the evidence for an answer, beside it, and at nobody else's cost."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.answering.answer import Explanation
from app.answering.explainer import PLACES
from app.model.evidence import evidence, in_words
from tests.installation import Published
from tests.web.inside import KEY, Inside
from tests.web.load import until
from tests.web.visits import STROKES, MakeInside, visit

JSON = {"content-type": "application/json"}
SEVEN = b'{"strokes": [[[80, 60], [200, 60], [120, 240]]], "pen_width": 16}'


@pytest.fixture(scope="module")
def inside(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with Inside(published("v1.0"), tmp_path_factory.mktemp("explaining"), published("v2.0")) as made:
        yield made


def classify(inside: Inside, image: NDArray[np.uint8], query: str = "") -> dict[str, Any]:
    body = json.dumps({"pixels": image.tolist()}).encode()
    reply = inside.ask("POST", f"/classify{query}", body, JSON)
    assert reply.status == 200, reply.body
    return reply.json


@pytest.mark.parametrize("version", ["v1.0", "v2.0"])
def test_it_is_the_evidence_for_the_version_that_answers(inside: Inside, published, version: str):
    scorer = inside.service.readers[version].version.scorer
    for image in published(version).golden.images[:3].reshape(-1, 28, 28):
        answer = classify(inside, image, f"?explain=1&model={version}")
        said, found = answer["explanation"], evidence(scorer, image)
        assert (said["answer"], said["against"]) == (found.answer, found.against)
        assert answer["prediction"] == said["answer"]
        np.testing.assert_allclose(said["ink"], found.ink, atol=1e-4)
        np.testing.assert_allclose(said["gaps"], found.gaps, atol=1e-4)
        assert said["words"] == in_words(found)
        assert said["is_exact"] is (version == "v1.0")


def test_of_a_linear_model_it_sums_to_the_difference_of_the_logits(inside: Inside, published):
    for image in published("v1.0").golden.images[:20].reshape(-1, 28, 28):
        answer = classify(inside, image, "?explain=1")
        said = answer["explanation"]
        best, second = sorted(answer["scores"].values(), reverse=True)[:2]
        assert said["difference"] == pytest.approx(np.log(best / second), abs=2e-3)
        assert said["paper"] + np.sum(said["ink"]) == pytest.approx(said["difference"], abs=0.02)


@pytest.mark.parametrize("path", ["/drawings", "/drawings/preview"])
def test_drawings_are_explained_as_the_model_saw_them(inside: Inside, path: str):
    answer = inside.ask("POST", f"{path}?explain=1", SEVEN, JSON).json
    image = np.array(answer["pixels"], np.uint8)
    found = evidence(inside.service.reader.version.scorer, image)
    np.testing.assert_allclose(answer["explanation"]["ink"], found.ink, atol=1e-4)
    assert set(answer["explanation"]) == set(Explanation.__struct_fields__)


@pytest.mark.parametrize("query", ["", "?explain=0"])
def test_it_is_missing_where_it_was_not_asked_for(inside: Inside, published, query: str):
    assert "explanation" not in classify(inside, published("v1.0").golden.images[0].reshape(28, 28), query)
    for path in ("/drawings", "/drawings/preview"):
        assert "explanation" not in inside.ask("POST", f"{path}{query}", SEVEN, JSON).json


def test_of_a_drawing_that_nobody_is_asked_about_there_is_none(inside: Inside):
    blank = b'{"strokes": []}'
    for path in ("/drawings", "/drawings/preview"):
        answer = inside.ask("POST", f"{path}?explain=1", blank, JSON).json
        assert (answer["prediction"], answer["explanation"]) == (None, None)


@pytest.mark.parametrize("value", ["2", "yes", "", "true"])
def test_another_value_is_refused_and_nothing_is_stored(inside: Inside, value: str):
    before = inside.stored()
    reply = inside.ask("POST", f"/drawings?explain={value}", SEVEN, JSON)
    assert (reply.status, reply.json["error"]) == (422, "bad-parameter")
    assert reply.json["message"] == f"explain: {value or 'empty'}; expected 0 or 1."
    assert inside.stored() == before


# -- at nobody else's cost ---------------------------------------------------------------------------------------------


class Held:
    """A model whose logits, which only explanations take, wait for leave."""

    def __init__(self, inside: Inside) -> None:
        self._reader = inside.service.reader
        self._given = self._reader.version
        self.may_go_on = Event()

    def __enter__(self) -> Held:
        scorer = dataclasses.replace(self._given.scorer, logits=self._logits)
        self._reader.version = dataclasses.replace(self._given, scorer=scorer)
        return self

    def _logits(self, images: NDArray[np.uint8]) -> NDArray[np.floating]:
        assert self.may_go_on.wait(60)
        return self._given.scorer.logits(images)

    def __exit__(self, *_: object) -> None:
        self.may_go_on.set()
        self._reader.version = self._given


def test_answers_do_not_wait_for_an_explanation(make: MakeInside):
    inside = make()
    explained = ("POST", "/drawings/preview?explain=1", SEVEN, {**JSON, "x-api-key": KEY})
    others = [("POST", "/drawings", SEVEN, {**JSON, **visit(inside)}) for _ in range(5)]
    with Held(inside) as held:

        def let_go_when_they_are_answered() -> None:
            try:
                until(lambda: inside.stored() == len(others), "the others' answers")
            finally:
                held.may_go_on.set()

        replies = inside.ask_each([explained, *others], then=Thread(target=let_go_when_they_are_answered).start)
    assert [reply.status for _, reply in replies] == [200] * 6
    assert replies[-1][0] == 0


def test_a_caller_has_a_quarter_of_the_places_and_leaves_the_others_theirs(make: MakeInside):
    inside = make()
    one, other = visit(inside), visit(inside)
    greedy = [("POST", "/drawings/preview?explain=1", SEVEN, {**JSON, **one})] * (PLACES // 4 + 3)
    modest = [("POST", "/drawings/preview?explain=1", SEVEN, {**JSON, **other})]
    with Held(inside) as held:
        replies = dict(inside.ask_each(greedy + modest, then=held.may_go_on.set))
    statuses = [replies[place].status for place in range(len(greedy))]
    assert sorted(statuses) == [200] * (PLACES // 4) + [503] * 3
    assert replies[len(greedy)].status == 200
    refused = next(reply for reply in replies.values() if reply.status == 503)
    assert refused.json["error"] == "overloaded"
    assert "explanations of yours" in refused.json["message"]
    assert refused.headers["retry-after"] == "1"


def test_while_people_wait_for_answers_nothing_is_explained_or_stored(make: MakeInside, monkeypatch):
    inside = make()
    monkeypatch.setattr(inside.service.explainer, "_is_pressed", lambda: True)
    reply = inside.ask("POST", "/drawings?explain=1", SEVEN, JSON)
    assert (reply.status, reply.json["error"], reply.headers["retry-after"]) == (503, "overloaded", "1")
    assert "which come before explanations" in reply.json["message"]
    assert inside.stored() == 0
    assert inside.ask("POST", "/drawings", SEVEN, JSON).status == 200


def test_the_explainer_is_told_of_pressed_queues(make: MakeInside, monkeypatch):
    inside = make()
    queue = inside.service.reader.queue
    monkeypatch.setattr(type(queue), "is_pressed", property(lambda self: self is queue))
    assert inside.ask("POST", "/drawings/preview?explain=1", STROKES, JSON).status == 503
    assert inside.ask("POST", "/drawings/preview", STROKES, JSON).status == 200
