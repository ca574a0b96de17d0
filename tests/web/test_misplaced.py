"""A parameter at a route that does not take it: refused where a drawing is read, with the routes that do take it."""

from __future__ import annotations

import pytest

from tests.web.inside import Inside
from tests.web.visits import STROKES

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "name", "place"),
    [
        ("/classify/batch?explain=1", "explain", "POST /classify, POST /drawings, POST /drawings/preview"),
        ("/drawings?beside=1", "beside", "POST /drawings/preview"),
        ("/api/drawings?beside=1", "beside", "POST /drawings/preview"),
        ("/classify?width=28&height=28", "width", "POST /drawings, POST /drawings/preview"),
        ("/drawings/preview?version=v1.0", "version", "GET /model"),
        ("/drawings?explain=1&limit=3", "limit", "GET /results"),
    ],
)
def test_it_is_refused_with_the_right_place_and_nothing_is_stored(inside: Inside, path: str, name: str, place: str):
    before = inside.stored()
    reply = inside.ask("POST", path, STROKES, JSON)
    assert (reply.status, reply.json["error"]) == (422, "bad-parameter")
    message = reply.json["message"]
    assert message.startswith(f"{name}: a parameter of POST {path.partition('?')[0]}; expected one of {place}")
    assert reply.json["remedy"] == "Leave it out here, or send the request there."
    assert inside.stored() == before


def test_a_name_that_nobody_knows_is_ignored(inside: Inside):
    assert inside.ask("POST", "/drawings/preview?nobody=1", STROKES, JSON).status == 200


@pytest.mark.parametrize("path", ["/health?limit=1", "/?model=v1.0", "/model?explain=1"])
def test_pages_and_the_state_take_any_name(inside: Inside, path: str):
    """What links, probes and proxies put behind an address opens the page all the same."""
    assert inside.ask("GET", path).status == 200
