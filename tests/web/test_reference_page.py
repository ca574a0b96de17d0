"""GET /docs: all that the OpenAPI document says, as a page without scripts."""

from __future__ import annotations

import html
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.web.application import document
from app.web.openapi_schemas import Json
from app.web.reference_page import chapters, type_of
from tests.page.visit import chromium
from tests.service import KEY, Service
from tests.web.inside import Inside

DOCUMENT = document()
OPERATIONS = [operation for item in DOCUMENT["paths"].values() for operation in item.values()]
COMMANDS = {
    f"{one.method} {one.path}": one.example.command
    for operations in chapters(DOCUMENT).values()
    for one in operations
    if one.example
}
SPOKEN_OF = {
    *("type", "format", "nullable", "default", "description", "properties", "required", "additionalProperties"),
    *("items", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "maxLength", "pattern", "enum"),
    *("anyOf", "allOf", "$ref", "not"),
}
LEFT_OUT = {"minLength"}
"""An empty picture is refused: that goes without saying."""


def text_of(page: str) -> str:
    """Without marks and spaces, which stand elsewhere on the page."""
    return bare(html.unescape(re.sub(r"<[^>]*>", " ", page)))


def bare(text: str) -> str:
    return "".join(text.replace("`", "").split())


@pytest.fixture(scope="module")
def page(inside: Inside) -> str:
    reply = inside.ask("GET", "/docs", key=None)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert inside.ask("GET", "/api/docs", key=None).body == reply.body
    return reply.body.decode()


def test_every_operation_parameter_type_and_field_is_on_the_page_with_what_is_said_of_it(page: str):
    def words(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (value for key, value in node.items() if key in ("summary", "description", "title") and value)
            yield from node.get("properties", {})
            yield from (value for key, value in node.items() if key == "name" and "in" in node)
            for key, value in node.items():
                if key not in ("example", "examples", "headers", "securitySchemes"):
                    yield from words(value)
        elif isinstance(node, list):
            for value in node:
                yield from words(value)

    text = text_of(page)
    said = [one for one in words(DOCUMENT) if isinstance(one, str)]
    said += [f"{method.upper()} {path}" for path, item in DOCUMENT["paths"].items() for method in item]
    assert len(said) > 300
    assert [one for one in said if bare(one).removesuffix(".") not in text] == []


def test_every_keyword_of_the_document_s_schemas_is_one_that_the_page_speaks_of():
    def keywords(schema: Any) -> Iterator[str]:
        if isinstance(schema, dict):
            yield from schema
            for key, value in schema.items():
                yield from (
                    (word for one in value.values() for word in keywords(one))
                    if key == "properties"
                    else keywords(value)
                    if key not in ("default", "enum")
                    else ()
                )
        elif isinstance(schema, list):
            for one in schema:
                yield from keywords(one)

    found = {word for schema in DOCUMENT["components"]["schemas"].values() for word in keywords(schema)}
    for operation in OPERATIONS:
        found |= {word for given in operation.get("parameters", []) for word in keywords(given["schema"])}
    assert "properties" in found
    assert found - SPOKEN_OF - LEFT_OUT == set()


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 255}, "whole number, 0 to 255"),
        ({"type": "integer", "minimum": 0, "nullable": True}, "whole number, 0 or more or null"),
        (
            {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1e6, "default": 1.0},
            "number, above 0, at most 1,000,000; otherwise 1.0",
        ),
        ({"type": "array", "items": {"type": "boolean"}}, "list of true or false"),
        ({"type": "array", "minItems": 28, "maxItems": 28, "items": {"type": "string"}}, "list of 28: text"),
        ({"type": "array", "maxItems": 1000, "items": {}}, "list of at most 1,000: anything"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object, each value number"),
        ({"type": "string", "maxLength": 100}, "text, at most 100 characters"),
        ({"type": "string", "pattern": "^[0-9]$"}, "text, matching ^[0-9]$"),
        ({"type": "string", "format": "binary", "minLength": 1}, "bytes"),
        ({"type": "string", "format": "date-time"}, "date-time"),
        ({"enum": ["html", "json"], "type": "string"}, '"html" or "json"'),
        ({"anyOf": [{"type": "number"}, {"$ref": "#/components/schemas/Answer"}]}, "number or Answer"),
        ({"anyOf": [{"description": "of any kind"}]}, "anything (of any kind)"),
        ({"not": {}}, "not taken"),
    ],
)
def test_a_type_is_said_in_words(schema: Json, words: str):
    assert html.unescape(re.sub(r"<[^>]*>", "", type_of(schema))) == words


def test_a_type_is_markup_only_where_it_is_the_page_s_own():
    assert "<b>" not in type_of({"enum": ["<b>"], "type": "string"}) + type_of({"$ref": "#/components/schemas/<b>"})


def test_every_link_within_the_page_leads_somewhere_and_no_two_places_share_a_name(page: str):
    places = re.findall(r' id="([^"]+)"', page)
    assert len(places) == len(set(places))
    wanted = re.findall(r'href="#([^"]+)"', page)
    assert len(wanted) > len(OPERATIONS)
    assert set(wanted) - set(places) == set()


def test_the_page_has_no_script_no_style_of_its_own_and_asks_no_other_host(page: str):
    assert not re.search(r"<script|<style| style=| on\w+=", page)
    assert [one for one in re.findall(r'(?:href|src)="([^"]+)"', page) if "//" in one or one.startswith("/")] == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("digits.example.org", "http://digits.example.org"),
        ("127.0.0.1:8350", "http://127.0.0.1:8350"),
        ("[::1]:9", "http://[::1]:9"),
        ("localhost:8<script>", "http://localhost"),
        ("[::1]$(reboot)", "http://[::1]"),
    ],
)
def test_the_address_is_the_one_that_the_page_was_opened_at_and_only_a_name_and_a_port(
    published: Any, tmp_path: Path, host: str, url: str
):
    with Inside(published("v1.0"), tmp_path, hosts=["digits.example.org"]) as inside:
        reply = inside.ask("GET", "/docs", key=None, headers={"host": host})
        refused = inside.ask("GET", "/docs", key=None, headers={"host": "elsewhere.example"})
    assert f"<code>url={url} key=" in reply.body.decode()
    assert refused.status == 403
    assert "url=http" not in refused.body.decode()


def test_who_has_no_key_learns_how_to_get_one_and_what_goes_without(page: str, service: Service):
    assert "pixelwise keys add NAME" in page
    assert 'curl -s "$url/health"' in html.unescape(page)
    with service.client(key=None) as client:
        assert client.get("/health").status_code == 200


def test_what_is_for_programs_has_a_command_and_pages_have_none():
    of_programs = [one for one in OPERATIONS if one["tags"] != ["pages"]]
    assert len(COMMANDS) == len(of_programs) < len(OPERATIONS)


@pytest.fixture(scope="module")
def stored(service: Service) -> str:
    """The id of an answer."""
    example = DOCUMENT["paths"]["/drawings"]["post"]["requestBody"]["content"]["application/json"]["example"]
    with service.client() as client:
        return str(client.post("/drawings", json=example).json()["id"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_answered(service: Service, stored: str, name: str):
    variables = {"url": service.url, "key": KEY, "id": stored, "name": "digits", "version": "v1.0"}
    command = f"{COMMANDS[name]} -o /dev/null -w '%{{http_code}}'"
    told = subprocess.run(["bash", "-c", command], env={**os.environ, **variables}, capture_output=True, check=False)
    assert (told.stdout, told.stderr) == (b"200", b"")


@pytest.mark.parametrize("path", ["/docs", "/api/docs"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.long
def test_in_a_browser_the_page_fits_opened_or_not_and_asks_no_other_host(service: Service, path: str, width: int):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 800})
        complaints: list[str] = []
        hosts: set[str] = set()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(service.url + path, wait_until="networkidle")
        for _ in range(2):
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert page.evaluate("getComputedStyle(document.querySelector('.operation')).padding") != "0px"
        page.get_by_role("link", name="POST /classify", exact=True).click()
        assert page.evaluate("document.querySelector(':target').textContent") == "POST /classify"
        page.get_by_role("link", name="PixelWise").click()
        assert page.locator("#pen-sheet").count() == 1
        assert hosts == {service.url.removeprefix("http://")}
        assert complaints == []
