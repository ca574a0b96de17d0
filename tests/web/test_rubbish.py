"""Rubbish is refused in the one shape, each kind with its own sentence; nothing fails, and nothing of it is stored.

PIXELWISE_RUBBISH sets how many malformed bodies are sent at least (`make soak`: 10,000).
"""

from __future__ import annotations

import json
import math
import operator
import os
import tracemalloc
from collections import Counter
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.web.application import document
from tests.service import KEY
from tests.web.inside import Inside, Reply

pytestmark = pytest.mark.long

COUNT = int(os.environ.get("PIXELWISE_RUBBISH", "1500"))
JSON, RAW = "application/json", "application/octet-stream"
ROUTES = ("/classify", "/classify/batch", "/drawings", "/drawings/preview", "/v2/models/digits/infer")
EXAMPLES = {
    path: document()["paths"][path.replace("digits", "{name}")]["post"]["requestBody"]["content"][JSON]["example"]
    for path in ROUTES
}
PAPER = [[0] * 28 for _ in range(28)]
NO_INTEGER = "expected a whole number from 0 to 255."
ROW = "expected 28 whole numbers."
NO_JSON = "; expected JSON in UTF-8."
SEND = 'Send {"pixels": 28 rows of 28 whole numbers}, 0 for paper to 255 for ink.'


def with_pixel(value: object) -> bytes:
    """A drawing with this value in its first row, fourth column."""
    return json.dumps({"pixels": [[0, 0, 0, value, *[0] * 24], *PAPER[1:]]}).encode()


def with_rows(rows: list[Any]) -> bytes:
    return json.dumps({"pixels": rows}).encode()


# -- each its own sentence ---------------------------------------------------------------------------------------------

GOOD = with_pixel(255)
BAD_PIXELS: list[tuple[object, str]] = [
    *(
        (300, "300"),
        (256, "256"),
        (-1, "-1"),
        (1.5, "1.5"),
        (256.0, "256.0"),
        (-1.0, "-1.0"),
        (True, "true"),
        (False, "false"),
    ),
    *(
        ("12", '"12"'),
        (None, "null"),
        ([], "an empty list"),
        ([1, 2], "a list"),
        ({}, "an object"),
        (10**40, "1" + "0" * 39 + "…"),
        (1e40, "1e40"),
        ("12.0", '"12.0"'),
    ),
]
BAD_VALUES: list[tuple[bytes, str]] = [
    *((with_pixel(value), f"pixel in row 0, column 3: {said}; {NO_INTEGER}") for value, said in BAD_PIXELS),
    (with_rows(PAPER[:27]), "pixels of the drawing: 27 rows; expected 28 rows."),
    (with_rows([*PAPER, [0] * 28]), "pixels of the drawing: 29 rows; expected 28 rows."),
    (with_rows([]), "pixels of the drawing: an empty list; expected 28 rows."),
    (with_rows([*PAPER[:5], [0] * 27, *PAPER[6:]]), "row 5 of the drawing: 27 values; " + ROW),
    (with_rows([*PAPER[:27], 7]), "row 27 of the drawing: 7; expected 28 whole numbers."),
    (b'{"pixels": null}', "pixels of the drawing: null; expected 28 rows."),
    (b"{}", 'drawing: Object missing required field `pixels`; expected an object with the key "pixels".'),
    (b"[]", 'drawing: an empty list; expected an object with the key "pixels".'),
]  # fmt: skip
BAD_JSON: list[tuple[bytes, str]] = [
    (with_pixel(math.nan), "NaN, which JSON does not have"),
    (with_pixel(math.inf), "Infinity, which JSON does not have"),
    (with_pixel(-math.inf), "-Infinity, which JSON does not have"),
    (b"", "empty"),
    (b" \n\t ", "empty"),
    (b"[" * 30_000 + b"]" * 30_000, "values nested too deeply"),
    (b'{"pixels": ' + b"[" * 30_000, "values nested too deeply"),
    (b'{"a":' * 9_000 + b"1" + b"}" * 9_000, "values nested too deeply"),
    (GOOD.decode().encode("utf-16"), "UTF-16, or a byte order mark"),
    (GOOD.decode().encode("utf-16-be"), "UTF-16, or a byte order mark"),
    (GOOD.decode().encode("utf-32"), "UTF-16, or a byte order mark"),
    (b"\xef\xbb\xbf" + GOOD, "UTF-16, or a byte order mark"),
    ('{"pixels": "é"}'.encode("latin-1"), "text that is not UTF-8"),
    (GOOD[:500], "Input data was truncated"),
    (GOOD + b"x", f"JSON is malformed: trailing characters (byte {len(GOOD) + 1})"),
    (b"{'pixels': []}", "JSON is malformed: object keys must be strings (byte 1)"),
]


@pytest.mark.parametrize(("body", "message"), BAD_VALUES, ids=range(len(BAD_VALUES)))
def test_bad_values_are_named_with_their_place(inside: Inside, body: bytes, message: str):
    reply = inside.ask("POST", "/classify", body)
    assert (reply.status, reply.json) == (422, {"error": "bad-drawing", "message": message, "remedy": SEND})


@pytest.mark.parametrize(("body", "found"), BAD_JSON, ids=range(len(BAD_JSON)))
def test_what_is_no_json_is_told_so(inside: Inside, body: bytes, found: str):
    reply = inside.ask("POST", "/classify", body)
    message = f"body: {found}{NO_JSON}"
    assert (reply.status, reply.json["error"], reply.json["message"]) == (400, "not-understood", message)


@pytest.mark.parametrize("path", ROUTES)
def test_deep_json_is_refused_on_every_route(inside: Inside, path: str):
    for body in (b"[" * 30_000, b'{"drawings":[' + b"[" * 30_000, b'{"strokes":' + b"[" * 30_000, b'{"x":' * 9_000):
        reply = inside.ask("POST", path, body)
        assert reply.status in (400, 422)
        refused(reply)


def test_a_huge_body_is_refused_by_its_length_or_while_it_arrives(inside: Inside):
    limits = {"/classify": 65_536, "/classify/batch": 8_192_000, "/drawings": 262_144, "/drawings/preview": 262_144}
    for path, limit in limits.items():
        expected = f"expected at most {limit:,} bytes."
        announced = inside.ask("POST", path, b"", {"content-length": "9" * 30})
        assert announced.status == 413
        assert announced.json["message"].endswith(expected)
        unannounced = inside.ask("POST", path, b" " * (limit + 1))
        assert (unannounced.status, unannounced.headers["connection"]) == (413, "close")
        assert unannounced.json["message"] == f"body: more than {limit:,} bytes; {expected}"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"content-type": "text/plain"}, "Content-Type text/plain"),
        ({"content-type": "application/x-www-form-urlencoded"}, "Content-Type application/x-www-form-urlencoded"),
        ({"content-type": "application/json; charset=utf-16"}, "charset utf-16"),
        ({"content-type": 'application/json; x=y; charset="latin-1"'}, 'charset "latin-1"'),
        ({"content-encoding": "gzip"}, "Content-Encoding gzip"),
    ],
)
def test_another_kind_of_body_is_refused_by_its_headers(inside: Inside, headers: dict[str, str], found: str):
    reply = inside.ask("POST", "/classify", GOOD, headers)
    assert reply.status == 415
    assert reply.json["message"].startswith(f"body: {found}; expected ")


def test_each_bad_drawing_of_a_batch_has_its_own_sentence(inside: Inside):
    drawings = b",".join(body for body, _ in BAD_VALUES)
    reply = inside.ask("POST", "/classify/batch", b'{"drawings":[' + drawings + b"]}")
    assert [answer["message"] for answer in reply.json["answers"]] == [message for _, message in BAD_VALUES]


def test_of_too_many_drawings_nothing_is_made(inside: Inside):
    """Each would be an object, and the event loop would wait until all are there."""
    tracemalloc.start()
    reply = inside.ask("POST", "/classify/batch", b'{"drawings":[' + b"1," * 500_000 + b"1]}")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reply.json["message"] == "drawings: more than 1,000; expected at most 1,000 in a request."
    assert reply.status == 413
    assert peak < 20_000_000


@pytest.mark.parametrize("count", [0, 999, 1000, 1001])
def test_a_thousand_drawings_are_taken_and_no_more(inside: Inside, count: int):
    reply = inside.ask("POST", "/classify/batch", b'{"drawings":[' + b",".join([b"1"] * count) + b"]}")
    assert reply.status == (200 if count <= 1000 else 413)
    assert count > 1000 or len(reply.json["answers"]) == count


# -- ten thousand malformed bodies -------------------------------------------------------------------------------------

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from([[], {}, [[]], [[[]]], {"pixels": []}, 256, -1, 1e308]),
    st.recursive(
        st.none() | st.integers(), lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=8
    ),
)  # fmt: skip
BYTES = st.sampled_from(
    [b"", b"\0", b"\xff", b"NaN", b"[", b"]", b"{", b"}", b",", b'"', b"\\", b"1e9999", b"\xed\xa0\x80"]
)
CONTENT_TYPES = st.sampled_from(
    [None, *[JSON] * 4, RAW, "image/png", "image/jpeg", "text/plain", "application/json;charset=x", ";"]
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value; of a list its first and last place only."""
    keys = list(value) if isinstance(value, dict) else [0, -1] if isinstance(value, list) and value else []
    return [way] * bool(way) + [place for key in keys for place in places(value[key], (*way, key))]


PLACES = {path: places(example) for path, example in EXAMPLES.items()}


@st.composite
def malformed(draw: st.DrawFn) -> tuple[str, bytes]:
    """A route, and a body that was one of its examples before something happened to it."""
    path = draw(st.sampled_from(ROUTES))
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return path, draw(st.binary(max_size=2000))
    if kind == 1:
        return path, json.dumps(draw(JUNK)).encode()
    value = json.loads(json.dumps(EXAMPLES[path]))
    if kind < 7:
        *way, last = draw(st.sampled_from(PLACES[path]))
        holder = reduce(operator.getitem, way, value)
        if draw(st.integers(0, 3)):
            holder[last] = draw(JUNK)
        else:
            del holder[last]
    body = json.dumps(value).encode()
    if kind >= 7:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(BYTES) + body[at + draw(st.integers(0, 3)) :]
        if kind == 9:
            body = body[:at]
    return path, body


def refused(reply: Reply) -> None:
    """It is one of ours: the status of a caller's mistake, and an object of three sentences."""
    assert 400 <= reply.status < 500
    assert reply.headers["content-type"] == JSON
    assert set(reply.json) == {"error", "message", "remedy"}
    assert all(isinstance(text, str) and text for text in reply.json.values())


def sums_to_one(answer: dict[str, Any]) -> bool:
    return answer["prediction"] is None or abs(sum(answer["scores"].values()) - 1) < 1e-3


def right_answer(path: str, reply: Reply) -> None:
    content = reply.json
    if path.startswith("/v2"):
        assert content["model_name"] == "digits"
    elif path == "/classify/batch":
        for answer in content["answers"]:
            assert "error" in answer or sums_to_one(answer)
    else:
        assert sums_to_one(content)


def test_malformed_bodies_are_refused_in_the_one_shape(inside: Inside):
    """Of those that are well formed after all, the answers are right."""
    statuses: Counter[int] = Counter()

    @settings(max_examples=COUNT * 4 // 3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(sent=malformed(), content_type=CONTENT_TYPES)
    def ask(sent: tuple[str, bytes], content_type: str | None) -> None:
        path, body = sent
        headers = {} if content_type is None else {"content-type": content_type}
        reply = inside.ask("POST", path + "?width=28&height=28", body, headers)
        statuses[reply.status] += 1
        if reply.status == 200:
            right_answer(path, reply)
        else:
            refused(reply)

    ask()
    assert sum(statuses.values()) - statuses[200] >= COUNT, statuses
    assert {200, 400, 415, 422} <= set(statuses) <= {200, 400, 413, 415, 422}


@settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.sampled_from(["/results", "/health", "/classify", "/model", "/docs", "/page/main.js", "/"]),
    query=st.text(st.characters(codec="ascii", exclude_characters="#"), max_size=40)
    | st.sampled_from(["limit=²", "limit=9999999999999999999", "before=%00", "before=%ff", "limit=+5"]),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "PATCH", "DELETE", "OPTIONS", "BREW"]),
    headers=st.dictionaries(
        st.sampled_from(
            ["x-api-key", "cookie", "origin", "host", "x-forwarded-for", "x-request-id", "content-type", "range",
             "accept", "if-modified-since", "if-none-match", "content-encoding", "forwarded", "x-forwarded-proto"]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
        | st.sampled_from(["bytes=0-1", "bytes=9-1", "bytes=-", "pixelwise_visit=x.y.z", "[::1", "127.0.0.1:99999"]),
    ),
)  # fmt: skip
def test_no_address_and_no_header_fails_the_service(inside: Inside, path: str, query: str, method: str, headers: Any):
    assert inside.ask(method, f"{path}?{query}", GOOD, headers).status < 500


def test_a_fault_of_ours_would_be_seen(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    """So the tests above can fail: a fault is answered with 500, in the one shape, and says nothing of its cause."""

    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setitem(vars(inside.service.reader.version.scorer), "scores", fail)
    reply = inside.ask("POST", "/classify", GOOD)
    assert (reply.status, reply.json["error"]) == (500, "unexpected")
    assert b"secret" not in reply.body


# -- nobody unknown gets anything stored -------------------------------------------------------------------------------


def visit_of(inside: Inside) -> str:
    """The cookie of a new visit."""
    return inside.ask("GET", "/", key=None).headers["set-cookie"].partition(";")[0]


STRANGERS: dict[str, Callable[[Inside], tuple[dict[str, str], int]]] = {
    "nobody": lambda inside: ({}, 401),
    "an empty key": lambda inside: ({"x-api-key": ""}, 401),
    "a wrong key": lambda inside: ({"x-api-key": "b" + KEY[1:]}, 401),
    "a key with more": lambda inside: ({"x-api-key": KEY + "x"}, 401),
    "a key that is no ascii": lambda inside: ({"x-api-key": "é" * 20}, 401),
    "the key in another header": lambda inside: ({"authorization": f"Bearer {KEY}"}, 401),
    "the key in the cookie": lambda inside: ({"cookie": f"pixelwise_visit={KEY}"}, 401),
    "a wrong key and a visit": lambda inside: (
        {"x-api-key": "wrong", "cookie": visit_of(inside), "origin": "http://127.0.0.1"},
        401,
    ),
    "a forged visit": lambda inside: ({"cookie": visit_of(inside)[:-2] + "xx", "origin": "http://127.0.0.1"}, 401),
    "an empty visit": lambda inside: ({"cookie": "pixelwise_visit=", "origin": "http://127.0.0.1"}, 401),
    "a visit without Origin": lambda inside: ({"cookie": visit_of(inside)}, 403),
    "a visit from elsewhere": lambda inside: ({"cookie": visit_of(inside), "origin": "http://evil.example"}, 403),
    "a visit from a page without origin": lambda inside: ({"cookie": visit_of(inside), "origin": "null"}, 403),
    "a visit from another port": lambda inside: ({"cookie": visit_of(inside), "origin": "http://127.0.0.1:1"}, 403),
    "a visit with our host as a part": lambda inside: (
        {"cookie": visit_of(inside), "origin": "http://127.0.0.1.evil.example"},
        403,
    ),
    "a key to another host": lambda inside: ({"x-api-key": KEY, "host": "evil.example"}, 403),
    "a key to no host": lambda inside: ({"x-api-key": KEY, "host": ""}, 403),
    "a visit to a host that its Origin names": lambda inside: (
        {"cookie": visit_of(inside), "host": "evil.example", "origin": "http://evil.example"},
        403,
    ),
}


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("path", ROUTES)
def test_a_stranger_gets_nothing_stored(inside: Inside, path: str, who: str):
    headers, status = STRANGERS[who](inside)
    before = inside.stored()
    reply = inside.ask("POST", path, json.dumps(EXAMPLES[path]).encode(), headers, key=None)
    refused(reply)
    assert (reply.status, inside.stored()) == (status, before)


@pytest.mark.parametrize("path", [path for path in ROUTES if not path.endswith("preview")])
def test_a_key_and_a_visit_get_theirs_stored(inside: Inside, path: str):
    """So the test above can fail."""
    body, before = json.dumps(EXAMPLES[path]).encode(), inside.stored()
    assert inside.ask("POST", path, body).status == 200
    own = {"cookie": visit_of(inside), "origin": "http://127.0.0.1"}
    assert inside.ask("POST", path, body, own, key=None).status == 200
    assert inside.stored() == before + (4 if path.endswith("batch") else 2)


def test_a_preview_is_never_stored(inside: Inside):
    before = inside.stored()
    reply = inside.ask("POST", "/drawings/preview", json.dumps(EXAMPLES["/drawings"]).encode())
    assert (reply.status, reply.json["id"], inside.stored()) == (200, None, before)


def test_rubbish_is_never_stored(inside: Inside):
    before = inside.stored()
    for body, _ in (*BAD_VALUES, *BAD_JSON):
        inside.ask("POST", "/classify", body)
    assert inside.stored() == before
