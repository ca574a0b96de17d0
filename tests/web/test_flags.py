"""Flags in the whole application: who is answered by which version, and what a stored answer says of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.hook import Hook, HookContext, HookHints

from app.answering.label_sampling import asks
from app.storage.key_rows import MAIN_KEY
from app.web import application
from app.web.access import Caller
from tests.installation import Published
from tests.web.inside import Inside
from tests.web.load import Reply
from tests.web.test_tensors import request, tensor
from tests.web.test_versions import body_of
from tests.web.visits import STROKES, visit

OCTETS = {"content-type": "application/octet-stream"}
ON_OFF = {"on": True, "off": False}


@pytest.fixture(scope="module")
def three(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    releases = [published(version) for version in ("v1.0", "v1.1", "v2.0")]
    with Inside(releases[0], tmp_path_factory.mktemp("flagged"), *releases[1:]) as made:
        yield made


@pytest.fixture
def inside(three: Inside) -> Iterator[Inside]:
    """Nothing is flagged when a test begins."""
    three.flag({})
    yield three


@pytest.fixture(scope="module")
def drawing(published: Callable[[str], Published]) -> bytes:
    return published("v1.0").golden.images[0].tobytes()


class Evaluations(Hook):
    """Names every flag that OpenFeature's client is asked for."""

    def __init__(self) -> None:
        self.flags: list[str] = []

    def before(self, hook_context: HookContext, hints: HookHints) -> EvaluationContext | None:
        self.flags.append(hook_context.flag_key)
        return None


@pytest.fixture
def evaluations() -> Iterator[Evaluations]:
    hook = Evaluations()
    api.add_hooks([hook])
    yield hook
    api.clear_hooks()


def flag(variants: dict[str, Any], default: str, targeting: Any = None, state: str = "ENABLED") -> dict[str, Any]:
    return {"state": state, "variants": variants, "defaultVariant": default} | (
        {"targeting": targeting} if targeting else {}
    )


def versions_flag(default: str = "v1.0", targeting: Any = None) -> dict[str, Any]:
    return {"model-version": flag({one: one for one in ("v1.0", "v1.1", "v2.0", "v9.0")}, default, targeting)}


def shared(percent: int) -> dict[str, Any]:
    """v2.0 for so many in a hundred."""
    return versions_flag(targeting={"fractional": [["v2.0", percent], ["v1.0", 100 - percent]]})


def classify(inside: Inside, drawing: bytes, query: str = "", **headers: str) -> Any:
    reply = inside.ask("POST", f"/classify{query}", body_of(drawing), headers)
    assert reply.status == 200, reply.body
    return reply.json


def infer(drawing: bytes) -> bytes:
    return json.dumps(request(tensor(np.frombuffer(drawing, np.uint8).reshape(1, 28, 28)))).encode()


# -- which version answers, and what is stored of it -------------------------------------------------------------------


def test_a_flag_decides_which_version_answers_and_the_stored_answer_says_so(inside: Inside, drawing: bytes):
    unflagged = inside.row(classify(inside, drawing)["id"])
    assert (unflagged.model_version, unflagged.flag, unflagged.variant, unflagged.reason) == ("v1.0", *[None] * 3)
    inside.flag({"model-version": flag({"new": "v2.0", "old": "v1.0"}, "new")})
    answer = classify(inside, drawing)
    row = inside.row(answer["id"])
    assert answer["model_version"] == row.model_version == "v2.0"
    assert (row.flag, row.variant, row.reason) == ("model-version", "new", "STATIC")
    assert row.model_sha256 == inside.service.readers["v2.0"].version.sha256
    assert row.owner == inside.access.owner(Caller("key", MAIN_KEY))
    assert row.asked is False
    assert row.waited_ms >= 0 and row.computed_ms > 0
    assert row.waited_ms + row.computed_ms <= row.latency_ms
    inside.flag({})
    assert classify(inside, drawing)["model_version"] == "v1.0"


def ask(inside: Inside, path: str, drawing: bytes) -> Reply:
    """POSTs the drawing in the form that this route takes."""
    route = path.removeprefix("/api")
    if route == "/classify/batch":
        return inside.ask("POST", path, drawing, OCTETS)
    body = STROKES if route.startswith("/drawings") else body_of(drawing) if route == "/classify" else infer(drawing)
    return inside.ask("POST", path, body)


ROUTES = ["/classify", "/classify/batch", "/drawings", "/drawings/preview", "/v2/models/digits/infer"]


@pytest.mark.parametrize("path", [*ROUTES, "/api/classify", "/api/v2/models/digits/infer"])
def test_every_route_that_answers_follows_the_flag(inside: Inside, drawing: bytes, path: str):
    for version in ("v2.0", "v1.1", "v1.0"):
        inside.flag(versions_flag(version))
        reply = ask(inside, path, drawing)
        assert (reply.status, reply.json["model_version"]) == (200, version)
        scores = 10 if version == "v2.0" else 9
        if path.endswith("infer"):
            shapes = {output["name"]: output["shape"] for output in reply.json["outputs"]}
            assert shapes["scores"] == [1, scores]
        else:
            assert len((reply.json.get("answers") or [reply.json])[0]["scores"]) == scores


@pytest.mark.parametrize("path", ROUTES)
def test_a_rule_knows_the_route_also_under_api(inside: Inside, drawing: bytes, path: str):
    inside.flag(versions_flag(targeting={"if": [{"==": [{"var": "route"}, path]}, "v2.0"]}))
    for prefix in ("", "/api"):
        assert ask(inside, prefix + path, drawing).json["model_version"] == "v2.0"
    other = next(route for route in ROUTES if route != path)
    assert ask(inside, other, drawing).json["model_version"] == "v1.0"


def test_a_version_that_is_asked_for_beats_the_flag_and_is_stored_as_requested(inside: Inside, drawing: bytes):
    inside.flag(versions_flag("v2.0"))
    row = inside.row(classify(inside, drawing, "?model=v1.1")["id"])
    assert (row.model_version, row.flag, row.variant, row.reason) == ("v1.1", None, None, "REQUESTED")
    before = inside.stored()
    reply = inside.ask("POST", "/v2/models/digits/versions/v1.0/infer", infer(drawing))
    assert (reply.status, reply.json["model_version"], inside.stored()) == (200, "v1.0", before + 1)
    newest = inside.ask("GET", "/results?limit=1").json["results"][0]
    row = inside.row(newest["id"])
    assert (row.model_version, row.source, row.reason) == ("v1.0", "protocol", "REQUESTED")


def test_a_flag_that_names_a_version_that_is_not_served_gives_the_default_and_is_counted(
    inside: Inside, drawing: bytes
):
    inside.flag(versions_flag("v9.0"))
    count = {"name": "pixelwise_flag_errors_total", "flag": "model-version", "cause": "NOT_SERVED"}
    before = inside.metric(**count)
    rows = [inside.row(classify(inside, drawing)["id"]) for _ in range(3)]
    assert {(row.model_version, row.flag, row.variant, row.reason) for row in rows} == {
        ("v1.0", "model-version", "v9.0", "ERROR")
    }
    assert inside.metric(**count) == before + 3
    assert inside.metric("pixelwise_flag_file_ok") == 1


def test_a_broken_file_keeps_the_last_good_flags_and_says_so_until_it_is_mended(inside: Inside, drawing: bytes):
    inside.flag(versions_flag("v2.0"))
    assert inside.metric("pixelwise_flag_file_ok") == 1
    for broken in ("{", '{"flags": {"model-version": {"state": "ENABLED"}}}'):
        inside.flag(broken)
        assert inside.metric("pixelwise_flag_file_ok") == 0
        row = inside.row(classify(inside, drawing)["id"])
        assert (row.model_version, row.reason) == ("v2.0", "STATIC")
    assert inside.ask("GET", "/ready", key=None).status == 200
    inside.flag(versions_flag("v1.1"))
    assert inside.metric("pixelwise_flag_file_ok") == 1
    assert classify(inside, drawing)["model_version"] == "v1.1"


class Unreadable:
    """Flags whose file fails at first in a way that nobody foresaw."""

    def __init__(self) -> None:
        self.calls = 0

    def reload(self) -> bool:
        self.calls += 1
        if self.calls < 3:
            raise RuntimeError("no flag today")
        return True


def test_a_failure_that_nobody_foresaw_does_not_end_the_looking_at_the_file(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(application, "FLAGS_SECONDS", 0.001)
    flags = Unreadable()

    async def follow() -> None:
        task = asyncio.create_task(application._follow(flags))  # type: ignore[arg-type]  # looks like them
        while flags.calls < 5 and not task.done():
            await asyncio.sleep(0.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(follow())
    assert flags.calls >= 5
    assert caplog.messages == 2 * ["the flag file was not taken up, and is looked at again"]


# -- the other flags ---------------------------------------------------------------------------------------------------


def test_with_keep_drawings_off_no_pixels_are_stored(inside: Inside, drawing: bytes):
    assert inside.row(classify(inside, drawing)["id"]).pixels is not None
    inside.flag({"keep-drawings": flag(ON_OFF, "off")})
    row = inside.row(classify(inside, drawing)["id"])
    assert row.pixels is None
    assert row.scores
    inside.flag({"keep-drawings": flag(ON_OFF, "on", {"if": [{"==": [{"var": "key"}, MAIN_KEY]}, "off", "on"]})})
    assert inside.row(classify(inside, drawing)["id"]).pixels is None
    drawn = inside.ask("POST", "/drawings", STROKES, visit(inside), key=None).json
    assert inside.row(drawn["id"]).pixels is not None


def test_the_page_is_told_whether_it_shows_the_correction_and_which_classes_answer(inside: Inside):
    headers = visit(inside)

    def told() -> dict[str, Any]:
        said = inside.ask("GET", "/visit", headers=headers, key=None).json
        return {name: said[name] for name in ("model_version", "classes", "withheld", "show_correction")}

    assert told() == {
        "model_version": "v1.0",
        "classes": list("123456789"),
        "withheld": ["0"],
        "show_correction": True,
    }
    inside.flag({"show-correction": flag(ON_OFF, "off"), **versions_flag("v2.0")})
    assert told() == {
        "model_version": "v2.0",
        "classes": list("0123456789"),
        "withheld": [],
        "show_correction": False,
    }


def test_a_random_tenth_of_the_page_s_answers_asks_whichever_version_gave_them(inside: Inside, drawing: bytes):
    inside.flag(shared(50))
    seen = set()
    for _ in range(500):
        answer = inside.ask("POST", "/drawings", STROKES, visit(inside), key=None).json
        row = inside.row(answer["id"])
        assert row.asked == answer["asks"] == asks(UUID(answer["id"]))
        seen.add((row.model_version, row.asked))
        if len(seen) == 4:
            break
    assert len(seen) == 4
    of_programs = [inside.row(classify(inside, drawing)["id"]) for _ in range(60)]
    assert not any(row.asked for row in of_programs)


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_request_makes_at_most_two_evaluations(inside: Inside, drawing: bytes, evaluations: Evaluations):
    inside.flag(
        {
            **shared(50),
            "keep-drawings": flag(ON_OFF, "on"),
            "show-correction": flag(ON_OFF, "on"),
            "shadow-versions": flag({"all": "v1.0,v1.1,v2.0"}, "all"),
        }
    )
    headers = visit(inside)
    evaluations.flags.clear()
    asked = {}
    for path in ROUTES:
        ask(inside, path, drawing)
        asked[path], evaluations.flags = evaluations.flags, []
    for name, path in (("requested", "/classify?model=v2.0"), ("again", "/classify?model=v2.0")):
        classify(inside, drawing, path.removeprefix("/classify"), **{"x-visitor": name})
        asked[name], evaluations.flags = evaluations.flags, []
    inside.ask("GET", "/visit", headers=headers, key=None)
    asked["/visit"], evaluations.flags = evaluations.flags, []
    inside.ask("POST", "/drawings", STROKES, headers, key=None)
    asked["page"], evaluations.flags = evaluations.flags, []
    stored = ["model-version", "keep-drawings"]
    assert asked == {
        **dict.fromkeys(ROUTES, stored),
        "/drawings/preview": ["model-version"],
        "requested": ["keep-drawings"],
        "again": ["keep-drawings"],
        "/visit": ["model-version", "show-correction"],
        "page": ["keep-drawings"],  # GET /visit has asked which version answers its drawings
    }
    for path in ROUTES:  # what is remembered is not evaluated again
        ask(inside, path, drawing)
    assert evaluations.flags == []
