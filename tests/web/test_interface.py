"""The HTTP interface of the last version, as its own description stated it: programs that speak it go on to work.

`tests/last_version/interface.txt` has the lines that `lines_of` makes of the OpenAPI document of commit 9a9b021.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.web import application
from tests.installation import ROOT

LAST = (ROOT / "tests/last_version/interface.txt").read_text(encoding="utf-8").splitlines()
NEW = application.document()
NEVER_GIVEN = {
    "POST /v2/models/{name}/infer gives 200 application/json .parameters",
    "POST /v2/models/{name}/versions/{version}/infer gives 200 application/json .parameters",
}
"""Described by the last version, and in none of its answers."""
VIEWER = "GET /docs/files/{name}"
"""Parts of the page GET /docs when a viewer made it in the browser; nothing but that page asked for them."""


def lines_of(document: dict[str, Any]) -> set[str]:
    """What a program may count on: operations, what each takes, and the fields of its answers."""
    return set(_lines(document))


def demands_of(document: dict[str, Any]) -> set[str]:
    """What a program must send."""
    return {
        f"{name} demands {needed}"
        for name, operation in _operations(document)
        for needed in (
            *(one["name"] for one in _parameters(document, operation) if one.get("required")),
            *(field for _, schema in _body(document, operation) for field in _required(document, schema)),
        )
    }


def _lines(document: dict[str, Any]) -> Iterator[str]:
    for name, operation in _operations(document):
        yield name
        for one in _parameters(document, operation):
            yield f"{name} takes {one['in']} {one['name']}"
        for kind, schema in _body(document, operation):
            yield f"{name} takes {kind}"
            yield from (f"{name} takes {kind} {field}" for field in _fields(document, schema))
        for status, answer in operation["responses"].items():
            if status.startswith("2"):  # refusals have one form, which tests/web/test_openapi.py holds
                for kind, content in _resolved(document, answer).get("content", {}).items():
                    yield f"{name} gives {status} {kind}"
                    fields = _fields(document, content.get("schema", {}))
                    yield from (f"{name} gives {status} {kind} {field}" for field in fields)


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                common = {"parameters": [*item.get("parameters", []), *operation.get("parameters", [])]}
                yield f"{method.upper()} {path}", {**operation, **common}


def _parameters(document: dict[str, Any], operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [_resolved(document, one) for one in operation["parameters"]]


def _body(document: dict[str, Any], operation: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    content = _resolved(document, operation.get("requestBody", {})).get("content", {})
    return [(kind, described.get("schema", {})) for kind, described in content.items()]


def _fields(document: dict[str, Any], schema: dict[str, Any], before: str = "") -> Iterator[str]:
    """Every field of a schema by its path, such as `.results[].label`."""
    schema = _resolved(document, schema)
    for name, inner in schema.get("properties", {}).items():
        yield f"{before}.{name}"
        yield from _fields(document, inner, f"{before}.{name}")
    if "items" in schema:
        yield from _fields(document, schema["items"], f"{before}[]")
    for choice in ("oneOf", "anyOf", "allOf"):
        for part in schema.get(choice, []):
            yield from _fields(document, part, before)


def _required(document: dict[str, Any], schema: dict[str, Any], before: str = "") -> set[str]:
    """The fields without which a body is refused: of several forms, those that each has."""
    schema = _resolved(document, schema)
    found = {f"{before}.{name}" for name in schema.get("required", [])}
    for name, inner in schema.get("properties", {}).items():
        found |= _required(document, inner, f"{before}.{name}")
    if "items" in schema:
        found |= _required(document, schema["items"], f"{before}[]")
    for part in schema.get("allOf", []):
        found |= _required(document, part, before)
    for choice in ("oneOf", "anyOf"):
        forms = [_required(document, part, before) for part in schema.get(choice, [])]
        found |= set.intersection(*forms) if forms else set()
    return found


def _resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def test_nothing_that_the_last_version_offered_is_gone():
    offered = {line for line in LAST if " demands " not in line and not line.startswith(VIEWER)}
    assert len(offered) > 300
    assert sorted(offered - lines_of(NEW) - NEVER_GIVEN) == []


def test_nothing_is_demanded_that_the_last_version_did_not_demand():
    demanded = {line for line in LAST if " demands " in line}
    offered = {name for name, _ in _operations(NEW)} & set(LAST)
    assert demanded
    new = {line for line in demands_of(NEW) if line.partition(" demands ")[0] in offered}
    assert sorted(new - demanded) == []
