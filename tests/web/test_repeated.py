"""A parameter or a header that has one value, given twice: refused, for two programs may not take the same one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.web.application import OPERATIONS
from app.web.refusals import NotUnderstood
from app.web.request import Call
from tests.web.inside import Inside

NAMED = sorted(
    {(one.method, one.path, given.name) for one in OPERATIONS for given in one.parameters if given.place == "query"}
)


@pytest.mark.parametrize(("method", "path", "name"), NAMED)
def test_a_parameter_with_two_values_is_refused_by_its_name(inside: Inside, method: str, path: str, name: str):
    reply = inside.ask(method, f"{path}?{name}=one&{name}=two".replace("{version}", "v1.0"), b"{}")
    if "{" not in path or "{version}" in path:
        assert reply.status == 422, reply.json
        assert reply.json["message"].startswith(f"{name}: 2 values; expected one value")


@pytest.mark.parametrize("path", ["/results?limit=", "/results?before=", "/analytics?format="])
def test_an_empty_parameter_is_called_so(inside: Inside, path: str):
    assert ": empty; expected" in inside.ask("GET", path).json["message"]


def call_with(*headers: tuple[bytes, bytes]) -> Call:
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": list(headers)}
    return Call(scope, None)  # type: ignore[arg-type]  # nothing is received


@pytest.mark.parametrize("name", [b"x-api-key", b"content-type", b"content-encoding", b"x-visitor"])
@pytest.mark.parametrize("values", [(b"a", b"b"), (b"a", b"a")], ids=["two", "same"])
def test_a_header_with_one_value_is_not_given_twice(name: bytes, values: tuple[bytes, bytes]):
    with pytest.raises(NotUnderstood, match=f"header {name.decode()} of the request: 2 headers; expected at most one"):
        call_with(*((name, value) for value in values)).check_headers()


def test_headers_that_are_lists_may_be_given_twice():
    call_with(
        (b"x-forwarded-for", b"a"), (b"x-forwarded-for", b"b"), (b"cookie", b"a=b"), (b"cookie", b"c=d")
    ).check_headers()


def test_a_request_with_two_keys_is_refused(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    asked: list[Call] = []
    check: Callable[[Call], None] = Call.check_headers
    monkeypatch.setattr(Call, "check_headers", lambda call: (asked.append(call), check(call))[1])
    assert inside.ask("GET", "/results").status == 200
    assert len(asked) == 1, "the gate looks at the headers of each request"
