"""Versions side by side: what every served one reads in a preview, and one that a visit looks through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.installation import Published
from tests.web.inside import Inside
from tests.web.test_flags import ON_OFF, flag
from tests.web.visits import visit

VERSIONS = ["v1.0", "v1.1", "v2.0"]
SEVEN = b'{"strokes": [[[80, 60], [200, 60], [120, 240]]], "pen_width": 16}'
BLANK = b'{"strokes": []}'


@pytest.fixture(scope="module")
def inside(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    first, *others = (published(version) for version in VERSIONS)
    with Inside(first, tmp_path_factory.mktemp("beside"), *others) as made:
        yield made


@pytest.fixture(autouse=True)
def no_flags(inside: Inside) -> None:
    inside.flag({})


def ask(inside: Inside, path: str, headers: dict[str, str], body: bytes = SEVEN) -> dict[str, Any]:
    reply = inside.ask("POST", path, body, headers, key=None)
    assert reply.status == 200, reply.body
    return reply.json


def test_all_other_versions_read_the_same_as_if_each_had_been_asked_alone(inside: Inside):
    headers = visit(inside)
    preview = ask(inside, "/drawings/preview?beside=1", headers)
    assert [one["model_version"] for one in preview["beside"]] == ["v1.1", "v2.0"]
    for one in [{"answer": preview}, *preview["beside"]]:
        answer = one["answer"]
        alone = inside.ask("POST", f"/drawings/preview?model={answer['model_version']}", SEVEN).json
        assert {key: alone[key] for key in answer if key != "beside"} == {
            key: value for key, value in answer.items() if key != "beside"
        }
        assert one.get("refusal") is None
    assert len({str(one["answer"]["scores"]) for one in preview["beside"]}) == 2


def test_nothing_of_it_is_stored(inside: Inside):
    before = inside.stored()
    preview = ask(inside, "/drawings/preview?beside=1&explain=1", visit(inside))
    assert [one["answer"]["id"] for one in preview["beside"]] == [None, None]
    assert inside.stored() == before


def test_a_drawing_that_nobody_reads_is_read_by_none(inside: Inside):
    preview = ask(inside, "/drawings/preview?beside=1", visit(inside), BLANK)
    assert preview["prediction"] is None
    assert [one["answer"]["prediction"] for one in preview["beside"]] == [None, None]
    assert {one["answer"]["findings"][0]["name"] for one in preview["beside"]} == {"blank"}


@pytest.mark.parametrize("query", ["", "?beside=0"])
def test_it_is_missing_where_it_was_not_asked_for(inside: Inside, query: str):
    assert "beside" not in ask(inside, f"/drawings/preview{query}", visit(inside))


def test_a_version_without_room_costs_nobody_the_answer(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    queue = inside.service.readers["v2.0"].queue
    monkeypatch.setattr(queue, "_stopping", True)
    preview = ask(inside, "/drawings/preview?beside=1", visit(inside))
    assert preview["prediction"] is not None
    first, second = preview["beside"]
    assert first["refusal"] is None
    assert second["answer"] is None
    assert second["refusal"]["error"] == "stopping"


def test_where_the_answer_is_refused_the_other_versions_read_nothing(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    read: list[int] = []
    for version in ("v1.1", "v2.0"):
        queue = inside.service.readers[version].queue
        compute = queue._compute
        monkeypatch.setattr(queue, "_compute", lambda works, compute=compute: read.append(len(works)) or compute(works))
    headers = visit(inside)
    assert ask(inside, "/drawings/preview?beside=1", headers)["beside"]
    assert read == [1, 1]
    refused = inside.ask("POST", "/drawings/preview?beside=1&explain=2", SEVEN, headers, key=None)
    assert refused.status == 422
    ask(inside, "/drawings/preview?beside=1", headers)
    assert read == [1] * 4


def test_a_visit_may_look_through_one_version_and_the_stored_answer_is_the_flag_s(inside: Inside):
    headers = visit(inside)
    through = ask(inside, "/drawings/preview?model=v2.0&explain=1", headers)
    assert through["model_version"] == "v2.0"
    assert through["explanation"]["answer"] == through["prediction"]
    assert ask(inside, "/drawings", headers)["model_version"] == "v1.0"
    refused = inside.ask("POST", "/drawings?model=v2.0", SEVEN, headers, key=None)
    assert refused.status == 403
    assert "POST /drawings/preview takes one" in refused.json["remedy"]


def test_versions_that_visits_look_through_do_not_count_as_chosen_by_flags(inside: Inside):
    inside.service.lately.clear()
    ask(inside, "/drawings/preview?model=v2.0", visit(inside))
    assert "v2.0" not in inside.service.lately


@pytest.mark.parametrize("query", ["beside=1", "model=v2.0", "model=v1.0", "beside=1&model=v2.0"])
def test_a_flag_forbids_it_to_visits(inside: Inside, query: str):
    inside.flag({"compare-versions": flag(ON_OFF, "off")})
    headers = visit(inside)
    refused = inside.ask("POST", f"/drawings/preview?{query}", SEVEN, headers, key=None)
    assert (refused.status, refused.json["error"]) == (403, "forbidden")
    assert "while the flag compare-versions is off" in refused.json["message"]
    assert "pixelwise flags set compare-versions on" in refused.json["remedy"]
    assert ask(inside, "/drawings/preview?explain=1", headers)["model_version"] == "v1.0"
    with_key = inside.ask("POST", f"/drawings/preview?{query}", SEVEN)
    assert with_key.status == 200


def test_the_flag_s_remedy_is_right(inside: Inside):
    inside.flag({"compare-versions": flag(ON_OFF, "on")})
    assert ask(inside, "/drawings/preview?beside=1", visit(inside))["beside"]


def test_the_visit_tells_of_all_versions_that_it_may_compare(inside: Inside):
    headers = visit(inside)

    def told() -> dict[str, Any]:
        return inside.ask("GET", "/visit", headers=headers, key=None).json

    said = told()
    described = [(one["model_version"], one["architecture"]) for one in said["versions"]]
    assert described == [("v1.0", "linear"), ("v1.1", "network"), ("v2.0", "network")]
    assert said["versions"][0] == {key: said[key] for key in said["versions"][0]}
    inside.flag({"compare-versions": flag(ON_OFF, "off")})
    assert told()["versions"] == [said["versions"][0]]
    assert len(inside.ask("GET", "/visit").json["versions"]) == 3  # with a key
