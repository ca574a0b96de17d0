"""A person who mistypes an address reads why in words; a program gets JSON, as everywhere."""

from __future__ import annotations

import re
from html import unescape

import pytest

from app.web.http_statuses import STATUSES
from app.web.refusal_page import OTHERWISE, WORDS
from tests.web.inside import Inside, Reply

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
LINK = re.compile(r'(?:href|src)="([^"]+)"')


def opened(inside: Inside, path: str, accept: dict[str, str] = BROWSER) -> Reply:
    return inside.ask("GET", path, headers=accept, key=None)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/model?version=v9.9", 404, "version of the model: v9.9; expected v1.0"),
        ("/model?version=", 404, "version of the model: empty; expected v1.0"),
        ("/model?version=v1.0&version=v2.0", 422, "version: 2 values; expected one value"),
        ("/modle", 404, "There is nothing at this path."),
        ("/model/units/99.png", 404, "expected none"),
        ("/analytics", 401, "X-API-Key"),
        ("/classify", 405, "This path does not take this method."),
        ("/results", 401, "X-API-Key"),
    ],
)
def test_a_browser_gets_a_page_in_words_with_a_way_back(inside: Inside, path: str, status: int, says: str):
    reply = inside.ask("GET", path, headers=BROWSER, key=None, address="203.0.113.5")
    text = unescape(reply.body.decode())
    assert (reply.status, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert reply.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    title, words = WORDS[status]
    assert f'<h1 id="title">{title}</h1>' in text and words in text and says in text
    assert ">Go to the page to draw on</a>" in text


@pytest.mark.parametrize(
    "accept", [{}, {"accept": "*/*"}, {"accept": "application/json, text/html"}, {"accept": "image/avif,*/*"}]
)
def test_a_program_a_script_and_a_picture_get_json(inside: Inside, accept: dict[str, str]):
    reply = opened(inside, "/model?version=v9.9", accept)
    assert (reply.status, reply.json["error"]) == (404, "not-found")


def test_a_drawing_that_is_refused_is_refused_as_json_whatever_is_accepted(inside: Inside):
    assert inside.ask("POST", "/drawings", b"{", BROWSER).json["error"] == "not-understood"


def test_headers_of_the_refusal_stay(inside: Inside):
    reply = opened(inside, "/classify")
    assert (reply.headers["allow"], reply.headers["vary"]) == ("POST", "Accept")
    assert "x-request-id" in reply.headers


@pytest.mark.parametrize("path", ["/modle", "/model/no/such/page", "/api/modle", "/api/model/x"])
def test_its_links_are_relative_and_lead_to_pages_of_this_service(inside: Inside, path: str):
    links = LINK.findall(opened(inside, path).body.decode())
    depth = path.removeprefix("/api").count("/") - 1
    assert len(links) == 9
    for link in links:
        assert re.fullmatch(rf"(?:\.\./){{{depth}}}(?:\./|page/\w+\.\w+|model|analytics|docs)", link), link


def test_what_was_mistyped_is_never_markup(inside: Inside):
    text = opened(inside, "/model?version=<script>alert(1)</script>").body.decode()
    assert "<script" not in text and "&lt;script&gt;" in text


def test_every_status_of_a_page_has_words_of_its_own():
    """Those of bodies, which no browser sends when it opens an address, have some in common."""
    assert {status for status, _ in STATUSES.values()} | {405, 500} <= {*WORDS, 400, 413, 415}
    assert OTHERWISE not in WORDS.values()
