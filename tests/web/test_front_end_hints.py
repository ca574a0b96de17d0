"""Front ends of other people: what they are refused, and what the log says once so that somebody hears of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.web.front_end_hints import ONE_ORIGIN, READABLE
from tests.web.inside import KEY, Inside
from tests.web.visits import MakeInside, visit

BOTH = pytest.mark.parametrize("path", ["/results", "/api/results", "/analytics"])
ELSEWHERE = {"origin": "http://localhost:5173", "access-control-request-method": "POST"}


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log was warned of until now."""
    return lambda: [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@BOTH
def test_whoever_reads_results_with_neither_key_nor_visit_hears_what_opens_them(inside: Inside, path: str):
    reply = inside.ask("GET", path, key=None)
    assert (reply.status, reply.json["error"], reply.json["remedy"]) == (401, "not-authenticated", READABLE)
    for named in ("X-API-Key", "GET /api/", "RESULTS_PUBLIC=1"):
        assert named in READABLE


@BOTH
def test_the_log_says_it_at_the_first_refusal_and_never_again(
    make: MakeInside, warnings: Callable[[], list[str]], path: str
):
    inside = make()
    assert warnings() == []
    for _ in range(3):
        assert inside.ask("GET", path, key=None).status == 401
        assert warnings() == [f"a front end's history stays empty: it was refused. {READABLE}"]


def test_of_a_wrong_key_and_of_other_routes_the_log_says_nothing(make: MakeInside, warnings: Callable[[], list[str]]):
    inside = make()
    for method, path, key in (("GET", "/results", "wrong"), ("GET", "/visit", None), ("POST", "/classify", None)):
        reply = inside.ask(method, path, key=key)
        assert reply.status == 401 and "RESULTS_PUBLIC" not in reply.json["remedy"]
    assert warnings() == []


@pytest.mark.parametrize("page", ["/", "/api/"])
def test_a_visit_that_began_under_either_address_reads_the_results(inside: Inside, page: str):
    cookie = {"cookie": inside.ask("GET", page, key=None).headers["set-cookie"].partition(";")[0]}
    assert inside.ask("GET", "/api/results", headers=cookie, key=None).status == 200


@pytest.mark.parametrize("path", ["/classify", "/api/classify", "/results", "/nothing"])
def test_what_a_browser_asks_first_for_a_page_of_another_origin_is_refused_with_the_way_out(inside: Inside, path: str):
    """A `fetch` with a key asks so; without an `access-control-allow-origin` the browser goes no further."""
    reply = inside.ask("OPTIONS", path, headers=ELSEWHERE, key=None)
    assert (reply.status, reply.json["error"], reply.json["remedy"]) == (403, "forbidden", ONE_ORIGIN)
    assert ": http://localhost:5173; expected pages of the service's own" in reply.json["message"]
    assert not any(name.startswith("access-control") for name in reply.headers)


def test_the_log_names_the_first_page_of_another_origin_and_no_other(
    make: MakeInside, warnings: Callable[[], list[str]]
):
    inside = make()
    for port in (5173, 5174):
        inside.ask("OPTIONS", "/classify", headers={**ELSEWHERE, "origin": f"http://localhost:{port}"}, key=None)
    assert warnings() == [f"a page of 'http://localhost:5173' gets no answer: it was refused. {ONE_ORIGIN}"]


def test_the_two_warnings_do_not_hide_each_other(make: MakeInside, warnings: Callable[[], list[str]]):
    inside = make()
    inside.ask("OPTIONS", "/classify", headers=ELSEWHERE, key=None)
    inside.ask("GET", "/results", key=None)
    assert len(warnings()) == 2


def test_other_questions_for_options_are_answered_as_ever(inside: Inside):
    reply = inside.ask("OPTIONS", "/classify", headers={"origin": "http://localhost:5173"})
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert inside.ask("GET", "/results", headers={**ELSEWHERE, **visit(inside)}, key=KEY).status == 200
