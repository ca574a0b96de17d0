"""Several versions behind one service: the default, one beside it that programs may ask for, and one left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text

from tests.installation import Published
from tests.service import as_json
from tests.web.inside import Inside
from tests.web.load import Reply
from tests.web.test_tensors import request, tensor
from tests.web.visits import STROKES, visit

Release = Callable[[str], Published]


@pytest.fixture(scope="module")
def zero(published: Release) -> bytes:
    """A drawing of 0, which v1.0 was never taught and v2.0 reads rightly."""
    golden = published("v2.0").golden
    right = golden.scores.argmax(axis=1)
    place = next(i for i, label in enumerate(golden.labels) if label == "0" and right[i] == 0)
    return golden.images[place].tobytes()


def ask(several: Inside, path: str, zero: bytes) -> Reply:
    """POSTs the drawing to this route, in the form that it takes."""
    route = path.removeprefix("/api").partition("?")[0]
    if route == "/classify/batch":
        return several.ask("POST", path, zero, {"content-type": "application/octet-stream"})
    return several.ask("POST", path, body_of(zero) if route == "/classify" else STROKES)


def body_of(pixels: bytes) -> bytes:
    return json.dumps(as_json(np.frombuffer(pixels, np.uint8).reshape(28, 28))).encode()


def answer_in(reply: Reply) -> dict[str, object]:
    assert reply.status == 200, reply.body
    answers = reply.json.get("answers")
    return answers[0] if answers else reply.json  # type: ignore[no-any-return]  # JSON


ROUTES = ["/classify", "/classify/batch", "/drawings", "/drawings/preview", "/api/classify"]
ASKING = {"v1.0": "123456789", "v2.0": "0123456789"}


# -- which version answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ROUTES)
def test_a_program_gets_the_version_that_it_asks_for_and_the_default_otherwise(several: Inside, zero, path: str):
    for query, version in (("", "v1.0"), ("?other=v2.0", "v1.0"), *((f"?model={name}", name) for name in ASKING)):
        answer = answer_in(ask(several, path + query, zero))
        assert answer["model_version"] == version
        assert "".join(answer["scores"]) == ASKING[version]  # type: ignore[arg-type]  # a mapping


def test_only_the_version_that_knows_a_digit_reads_it(several: Inside, zero):
    assert answer_in(ask(several, "/classify?model=v2.0", zero))["prediction"] == "0"
    assert answer_in(ask(several, "/classify", zero))["prediction"] != "0"


def test_a_stored_row_names_the_version_that_computed_it(several: Inside, zero):
    for version, query in (("v1.0", ""), ("v2.0", "?model=v2.0"), ("v1.0", "?model=v1.0")):
        found = ask(several, f"/classify{query}", zero).json["id"]
        with several.database.reading() as connection:
            rows = connection.execute(text("SELECT id, model_version, model_sha256 FROM results ORDER BY id DESC"))
            newest = rows.first()
        assert newest is not None
        assert str(newest[0]).replace("-", "") == found.replace("-", "")
        assert tuple(newest[1:]) == (version, several.service.readers[version].version.sha256)


def test_the_batch_as_a_whole_names_its_version(several: Inside, zero):
    assert ask(several, "/classify/batch?model=v2.0", zero).json["model_version"] == "v2.0"


def test_a_blank_drawing_is_answered_in_the_name_of_the_version_that_was_asked(several: Inside):
    reply = several.ask("POST", "/drawings?model=v2.0", b'{"strokes": []}')
    assert (reply.json["prediction"], reply.json["model_version"]) == (None, "v2.0")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("version", ["v9.0", "", "V2.0", "default", "..%2F.."])
def test_a_version_that_is_not_served_is_not_found_and_those_that_are_are_named(
    several: Inside, zero, path: str, version: str
):
    before = several.stored()
    reply = ask(several, f"{path}?model={version}", zero)
    assert (reply.status, reply.json["error"]) == (404, "not-found")
    assert "expected v1.0, v2.0" in reply.json["message"]
    assert several.stored() == before


def test_of_a_version_that_is_left_out_it_is_said_where_the_reason_stands(several: Inside, zero):
    reply = ask(several, "/classify?model=v1.1", zero)
    assert (reply.status, reply.json["remedy"]) == (404, "It is left out: GET /ready says why.")


def test_two_versions_at_once_are_refused_and_one_may_be_named_twice(several: Inside, zero):
    reply = ask(several, "/classify?model=v1.0&model=v2.0", zero)
    assert (reply.status, reply.json["error"]) == (422, "bad-parameter")
    assert ask(several, "/classify?model=v2.0&model=v2.0", zero).json["model_version"] == "v2.0"


@pytest.mark.parametrize("version", ["v2.0", "v1.0", "v9.0", ""])
def test_a_visit_cannot_ask_for_a_version_of_a_stored_answer_not_even_for_the_default(several: Inside, version: str):
    headers = visit(several)
    reply = several.ask("POST", f"/drawings?model={version}", STROKES, headers, key=None)
    assert (reply.status, reply.json["error"]) == (403, "forbidden")
    assert several.ask("POST", "/drawings", STROKES, headers, key=None).json["model_version"] == "v1.0"


def test_without_a_caller_nothing_is_said_of_versions(several: Inside):
    assert several.ask("POST", "/drawings?model=v9.0", STROKES, key=None).status == 401


def test_each_version_has_a_queue_of_its_own(several: Inside, zero, monkeypatch: pytest.MonkeyPatch):
    """The other one goes on while one of them is full."""

    def full(rows: int = 1) -> None:
        raise AssertionError("asked the wrong queue")

    monkeypatch.setattr(several.service.reader.queue, "admit", full)
    assert ask(several, "/classify?model=v2.0", zero).status == 200
    assert ask(several, "/classify", zero).status == 500


# -- the protocol ------------------------------------------------------------------------------------------------------


def test_the_protocol_answers_with_the_version_of_its_path(several: Inside, zero):
    image = np.frombuffer(zero, np.uint8).reshape(1, 28, 28)
    body = json.dumps(request(tensor(image))).encode()
    for path, version in (("", "v1.0"), ("/versions/v1.0", "v1.0"), ("/versions/v2.0", "v2.0")):
        reply = several.ask("POST", f"/v2/models/digits{path}/infer", body)
        assert (reply.status, reply.json["model_version"]) == (200, version)
        metadata = several.ask("GET", f"/v2/models/digits{path}").json
        assert metadata["versions"] == ["v1.0", "v2.0"]
        assert metadata["parameters"]["classes"] == " ".join(ASKING[version])
        assert several.ask("GET", f"/v2/models/digits{path}/ready").json == {"name": "digits", "ready": True}
    asked = several.ask("POST", "/v2/models/digits/infer?model=v2.0", body)
    assert (asked.status, asked.json["model_version"]) == (200, "v2.0")
    assert several.ask("POST", "/v2/models/digits/versions/v1.0/infer?model=v2.0", body).status == 422
    assert several.ask("POST", "/v2/models/digits/versions/v1.1/infer", body).status == 404
    assert several.ask("GET", "/v2/models/digits/versions/v1.1/ready").status == 404
    forbidden = several.ask("POST", "/v2/models/digits/versions/v2.0/infer", body, visit(several), key=None)
    assert forbidden.status == 403
    assert forbidden.json["error"].startswith("forbidden: ")


# -- how the service is ------------------------------------------------------------------------------------------------


def test_health_lists_what_is_served_the_default_first_and_what_is_left_out(several: Inside):
    said = several.ask("GET", "/health", key=None).json
    assert (said["model_version"], said["versions"]) == ("v1.0", ["v1.0", "v2.0"])
    assert said["left_out"] == {"v1.1": "it is <b>broken</b>"}
    assert "".join(said["classes"]) == ASKING["v1.0"]
    assert datetime.fromisoformat(said["started_at"]) < datetime.now(UTC)


def test_a_version_that_is_left_out_does_not_make_the_service_unready_but_is_named(several: Inside):
    reply = several.ask("GET", "/ready", key=None)
    assert (reply.status, reply.json["status"]) == (200, "ready")
    assert reply.json["checks"] == {
        "model v1.0": "ok",
        "model v2.0": "ok",
        "database": "ok",
        "model v1.1": "left out: it is <b>broken</b>",
    }


def test_metrics_say_of_each_version_whether_it_is_served(several: Inside, zero):
    ask(several, "/classify?model=v2.0", zero)
    said = several.ask("GET", "/metrics", key=None).body.decode().splitlines()
    for version, value in (("v1.0", "1.0"), ("v2.0", "1.0"), ("v1.1", "0.0")):
        assert f'pixelwise_version_served{{version="{version}"}} {value}' in said
    rows = next(line for line in said if line.startswith('pixelwise_batch_rows_sum{version="v2.0"}'))
    assert float(rows.split()[-1]) >= 1


def test_drawings_for_both_versions_that_come_together_get_answers_of_their_own(several: Inside, published: Release):
    bodies = [body_of(image.tobytes()) for image in published("v2.0").golden.images[:60]]
    asked = [("v1.0", "v2.0")[place % 2] for place in range(60)]
    paths = [f"/classify?model={version}" for version in asked]
    replies = several.ask_together([("POST", path, body) for path, body in zip(paths, bodies, strict=True)])
    assert [reply.json["model_version"] for reply in replies] == asked
    assert ["".join(reply.json["scores"]) for reply in replies] == [ASKING[version] for version in asked]
