"""Who may say what was drawn, in which words, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from app.storage.identifiers import new_id
from app.storage.key_rows import digest
from app.storage.label_rows import Labels
from app.storage.refusals import DatabaseUnavailable
from app.storage.result_rows import Result, Store
from app.storage.tables import labels
from app.web.access import COOKIE, Caller
from tests.web.inside import KEY, Inside, Reply
from tests.web.visits import ORIGIN, STROKES, MakeInside, visit

TEACHER, PUPIL = "the-key-of-a-teacher", "the-key-of-a-pupil"
SEND = 'Send {"label": "7"}, naming what was drawn.'
EXPECTED = 'expected a digit as text, "0" to "9", or "not-a-digit".'


def caller_of(headers: dict[str, str]) -> Caller:
    """Who a visit with this cookie is."""
    return Caller("visit", headers["cookie"].removeprefix(f"{COOKIE}=").partition(".")[0])


def answered(inside: Inside, caller: Caller | None = None, *, prediction: str = "7") -> UUID:
    """The id of an answer that was stored for this caller; None: before answers had owners."""
    owner = inside.access.owner(caller) if caller else None
    made = Result(
        id=new_id(),
        prediction=prediction,
        confidence=0.5,
        scores={prediction: 0.5},
        model_version="v1.0",
        model_sha256="ab" * 32,
        latency_ms=1.0,
        source="page",
        owner=owner,
    )
    Store(inside.database).add([made])
    return made.id


def say(
    inside: Inside, identifier: UUID | str, label: str, headers: dict[str, str] | None = None, *, key: str | None = KEY
) -> Reply:
    return inside.ask("POST", f"/results/{identifier}/label", json.dumps({"label": label}).encode(), headers, key=key)


def take_back(
    inside: Inside, identifier: UUID, headers: dict[str, str] | None = None, *, key: str | None = KEY
) -> Reply:
    return inside.ask("DELETE", f"/results/{identifier}/label", headers=headers, key=key)


def listed(inside: Inside, identifier: UUID) -> str | None:
    """The label of this answer in the list of results."""
    found = inside.ask("GET", "/results?limit=100").json["results"]
    (label,) = [one["label"] for one in found if one["id"] == str(identifier)]
    return label


@pytest.fixture
def keys(inside: Inside) -> None:
    inside.access.replace_named_keys({"teacher": digest(TEACHER), "pupil": digest(PUPIL)})


# -- what can be said --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("label", "right"), [("7", True), ("1", False), ("0", False), ("not-a-digit", None)])
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_what_was_drawn_is_answered_with_whether_the_prediction_was_right(
    inside: Inside, prefix: str, label: str, right: bool | None
):
    identifier = answered(inside)
    assert listed(inside, identifier) is None
    body = json.dumps({"label": label}).encode()
    reply = inside.ask("POST", f"{prefix}/results/{identifier}/label", body)
    assert (reply.status, reply.json) == (
        200,
        {"id": str(identifier), "label": label, "prediction": "7", "right": right},
    )
    assert listed(inside, identifier) == label


def test_the_last_word_counts_and_can_be_taken_back(inside: Inside):
    identifier = answered(inside)
    for label in ("1", "not-a-digit", "4", "4"):
        say(inside, identifier, label)
        assert listed(inside, identifier) == label
    nothing = {"id": str(identifier), "label": None, "prediction": "7", "right": None}
    for _ in range(2):
        reply = take_back(inside, identifier)
        assert (reply.status, reply.json) == (200, nothing)
        assert listed(inside, identifier) is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"label": "10"}, '"10"'),
        ({"label": "seven"}, '"seven"'),
        ({"label": ""}, '""'),
        ({"label": " 7"}, '" 7"'),
        ({"label": "٧"}, '"٧"'),
        ({"label": "right"}, '"right"'),
        ({"label": "Not-A-Digit"}, '"Not-A-Digit"'),
        ({"label": "7" * 900}, '"' + "7" * 39 + "…"),
        ({"label": 7}, "7"),
        ({"label": 7.0}, "7.0"),
        ({"label": None}, "null"),
        ({"label": True}, "true"),
        ({"label": []}, "an empty list"),
        ({"label": ["7"]}, "a list"),
        ({"label": {"label": "7"}}, "an object"),
        ({}, "Object missing required field `label`"),
        ({"right": True}, "Object missing required field `label`"),
        ([], "an empty list"),
        ("7", '"7"'),
        (7, "7"),
        (None, "null"),
    ],
)
def test_another_label_is_named_and_nothing_is_stored(inside: Inside, body: object, found: str):
    identifier = answered(inside)
    reply = inside.ask("POST", f"/results/{identifier}/label", json.dumps(body, ensure_ascii=False).encode())
    message = f"label: {found}; {EXPECTED}"
    assert (reply.status, reply.json) == (422, {"error": "bad-label", "message": message, "remedy": SEND})
    assert listed(inside, identifier) is None


@pytest.mark.parametrize(
    ("body", "status", "error", "found"),
    [
        (b"", 400, "not-understood", "body: empty; "),
        (b" \n", 400, "not-understood", "body: empty; "),
        (b"7x", 400, "not-understood", "body: JSON is malformed"),
        (b'{"label": "7', 400, "not-understood", "body: Input data was truncated"),
        (b'{"label": NaN}', 400, "not-understood", "body: NaN, which JSON does not have"),
        (b'{"label": "\xe9"}', 400, "not-understood", "body: text that is not UTF-8"),
        ('{"label": "7"}'.encode("utf-16"), 400, "not-understood", "body: UTF-16"),
        (b'{"label": 1e400}', 422, "bad-label", "label: "),
        (b"[" * 1000, 400, "not-understood", "body: "),
        (b'{"label":' + b"[" * 1000, 400, "not-understood", "body: "),
        (b'{"label": "\\ud800"}', 400, "not-understood", "body: "),
        (b'{"label": "7"}' + b" " * 1024, 413, "too-large", "body: more than 1,024 bytes"),
    ],
)
def test_rubbish_is_refused_each_with_its_sentence(inside: Inside, body: bytes, status: int, error: str, found: str):
    identifier = answered(inside)
    reply = inside.ask("POST", f"/results/{identifier}/label", body)
    assert (reply.status, reply.json["error"]) == (status, error)
    assert reply.json["message"].startswith(found) and "; expected " in reply.json["message"]
    assert listed(inside, identifier) is None


def test_another_kind_of_body_is_refused(inside: Inside):
    path = f"/results/{answered(inside)}/label"
    assert inside.ask("POST", path, b"label=7", {"content-type": "application/x-www-form-urlencoded"}).status == 415
    assert inside.ask("POST", path, b'{"label": "7"}', {"content-length": "9" * 20}).status == 413


@pytest.mark.parametrize(
    "identifier", ["7", "", "x" * 300, "%00", str(UUID(int=0)), pytest.param(str(new_id()), id="new")]
)
@pytest.mark.parametrize("key", [KEY, TEACHER])
def test_an_answer_that_is_not_there_has_no_label(inside: Inside, keys: None, identifier: str, key: str):
    reply = say(inside, identifier, "7", key=key)
    assert (reply.status, reply.json["error"]) == (404, "not-found")


def test_other_methods_are_told_which_there_are(inside: Inside):
    reply = inside.ask("GET", f"/results/{answered(inside)}/label")
    assert reply.status == 405
    assert set(reply.headers["allow"].split(", ")) == {"POST", "DELETE"}


# -- who may -----------------------------------------------------------------------------------------------------------


def refused(reply: Reply) -> bool:
    assert (reply.status, reply.json["error"]) == (403, "forbidden")
    assert reply.json["message"].startswith("label of result ")
    return True


def test_a_key_labels_what_was_answered_to_it_and_nothing_else(inside: Inside, keys: None):
    own, foreign = answered(inside, Caller("key", "teacher")), answered(inside, Caller("key", "pupil"))
    nobody_s, a_visit_s = answered(inside), answered(inside, Caller("visit", "teacher"))
    assert say(inside, own, "1", key=TEACHER).status == 200
    assert take_back(inside, own, key=TEACHER).status == 200
    for identifier in (foreign, nobody_s, a_visit_s):
        say(inside, identifier, "3")
        assert refused(say(inside, identifier, "1", key=TEACHER))
        assert refused(take_back(inside, identifier, key=TEACHER))
        assert listed(inside, identifier) == "3"


def test_a_visit_labels_what_was_answered_to_it_and_nothing_else(inside: Inside):
    mine, other = visit(inside), visit(inside)
    own = answered(inside, caller_of(mine))
    assert say(inside, own, "1", mine, key=None).status == 200
    assert refused(say(inside, own, "3", other, key=None))
    assert refused(take_back(inside, own, other, key=None))
    assert refused(say(inside, answered(inside), "3", mine, key=None))
    assert listed(inside, own) == "1"
    assert take_back(inside, own, mine, key=None).status == 200


def test_the_holder_of_the_main_key_has_the_last_word_too(inside: Inside):
    mine = visit(inside)
    own = answered(inside, caller_of(mine))
    say(inside, own, "1", mine, key=None)
    assert say(inside, own, "2").status == 200
    assert listed(inside, own) == "2"
    say(inside, own, "3", mine, key=None)
    assert listed(inside, own) == "3"


def test_strangers_and_foreign_pages_say_nothing(inside: Inside):
    mine = visit(inside)
    own = answered(inside, caller_of(mine))
    for method in (say, lambda inside, own, _, *rest, **key: take_back(inside, own, *rest, **key)):
        assert method(inside, own, "1", key=None).status == 401
        assert method(inside, own, "1", key="wrong").status == 401
        assert method(inside, own, "1", {"cookie": f"{COOKIE}=forged", **ORIGIN}, key=None).status == 401
        foreign = {**mine, "origin": "http://evil.example"}
        assert method(inside, own, "1", foreign, key=None).status == 403
    assert listed(inside, own) is None


def test_what_is_stored_names_neither_key_nor_visit(inside: Inside, keys: None):
    mine = visit(inside)
    by_key, by_visit = answered(inside, Caller("key", "teacher")), answered(inside, caller_of(mine))
    say(inside, by_key, "1", key=TEACHER)
    say(inside, by_visit, "1", mine, key=None)
    with inside.database.reading() as connection:
        owners = {row.result_id: row.owner for row in connection.execute(select(labels))}
    assert owners[by_key] == inside.access.owner(Caller("key", "teacher"))
    assert owners[by_visit] == inside.access.owner(caller_of(mine))
    assert "owner" not in inside.ask("GET", "/results").body.decode()


def test_labels_count_against_the_limits(make: MakeInside):
    inside = make(limits={"key": "3/hour"})
    identifier = answered(inside)
    assert [say(inside, identifier, "1").status for _ in range(4)] == [200, 200, 200, 429]
    assert take_back(inside, identifier).status == 429


def test_a_visit_labels_what_it_drew(inside: Inside):
    mine = visit(inside)
    identifier = inside.ask("POST", "/drawings", STROKES, mine, key=None).json["id"]
    assert say(inside, identifier, "1", mine, key=None).status == 200


# -- without a database ------------------------------------------------------------------------------------------------


def test_a_database_that_is_away_is_said_and_nothing_waits_for_it(make: MakeInside, tmp_path: Path):
    inside = make()
    identifier = answered(inside)
    assert inside.database.file is not None
    moved = inside.database.file.rename(tmp_path / "moved.db")
    for ask in (say, lambda *given: take_back(*given[:2])):
        reply = ask(inside, identifier, "7")
        assert (reply.status, reply.json["error"]) == (503, "database-unavailable")
        assert int(reply.headers["retry-after"]) >= 1
    assert not inside.service.watch.is_up
    moved.rename(inside.database.file)


def test_a_database_that_is_known_to_be_away_is_not_asked(make: MakeInside):
    inside = make()
    identifier = answered(inside)
    inside.service.watch.failed(DatabaseUnavailable("a", said="b"))
    assert say(inside, identifier, "7").status == 503
    assert take_back(inside, identifier).status == 503
    assert Labels(inside.database).of([identifier]) == {}
