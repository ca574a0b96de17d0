"""Contents of GET /docs: the OpenAPI document as a page. All that it says is read from the document."""

from __future__ import annotations

import json
from typing import NamedTuple

from markupsafe import Markup

from app.web.body import JSON
from app.web.openapi_schemas import Json

SCHEMA = "schema-"
"""Begins the anchor of a type on the page."""
TYPES = {"integer": "whole number", "boolean": "true or false", "string": "text"}


class Example(NamedTuple):
    """A command for a shell, and the JSON that it sends."""

    command: str
    body: str


class Described(NamedTuple):
    """One method of one path.

    Attributes:
        refusals: status -> meaning.
        example: None for pages, which are for a browser.
    """

    method: str
    path: str
    operation: Json
    refusals: dict[str, str]
    example: Example | None


def chapters(document: Json) -> dict[str, list[Described]]:
    """Tag -> its operations, in the order of the document."""
    found: dict[str, list[Described]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            refusals = {
                status: _resolved(document, answer)["description"]
                for status, answer in operation["responses"].items()
                if status != "200"
            }
            (tag,) = operation["tags"]
            example = None if tag == "pages" else _example(method, path, operation)
            found[tag].append(Described(method.upper(), path, operation, refusals, example))
    return found


def type_of(schema: Json) -> Markup:
    """A schema in words, its named types as links: "list of 28: whole number, 0 to 255"."""
    if schema.get("not") == {}:
        return Markup("not taken")
    words = _kind(schema)
    if "items" not in schema and (bounds := _bounds(schema)):
        words = Markup("{}, {}").format(words, bounds)
    if schema.get("nullable"):
        words += Markup(" or null")
    if "default" in schema:
        words += Markup("; otherwise <code>{}</code>").format(json.dumps(schema["default"]))
    return words


def _kind(schema: Json) -> Markup:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#{}{}">{}</a>').format(SCHEMA, name, name)
    for choice in ("anyOf", "allOf"):
        if choice in schema:
            return Markup(" or ").join(type_of(one) for one in schema[choice])
    if "enum" in schema:
        return Markup(" or ").join(Markup("<code>{}</code>").format(json.dumps(value)) for value in schema["enum"])
    if "items" in schema:
        count = _bounds(schema)
        return Markup("list of {}{}").format(f"{count}: " if count else "", type_of(schema["items"]))
    if isinstance(schema.get("additionalProperties"), dict):
        return Markup("object, each value {}").format(type_of(schema["additionalProperties"]))
    if schema.get("format") == "binary":
        return Markup("bytes")
    if "type" not in schema and "description" in schema:
        return Markup("anything ({})").format(schema["description"])
    kind = schema.get("format") or schema.get("type", "anything")
    return Markup("{}").format(TYPES.get(kind, kind))


def _bounds(schema: Json) -> str:
    """The least and the most that a schema allows: "0 to 255", "above 0, at most 9", "at most 1,000"."""
    if "pattern" in schema:
        return f"matching {schema['pattern']}"
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", ""),
        ("", "maxLength", " characters"),
    ):
        low, high = schema.get(least), schema.get(most)
        above = bool(low is not None and schema.get("exclusiveMinimum"))
        if low is not None and low == high:
            return f"{low:,}{unit}"
        if low is not None and high is not None and not above:
            return f"{low:,.12g} to {high:,.12g}{unit}"
        words = [] if low is None else [f"above {low:,.12g}" if above else f"{low:,.12g} or more"]
        words += [] if high is None else [f"at most {high:,.12g}{unit}"]
        if words:
            return ", ".join(words)
    return ""


def _example(method: str, path: str, operation: Json) -> Example:
    """The command, for a shell in which `url`, `key` and the variables of the path are set."""
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("example")
    words = ["curl", "-s"]
    words += ["-X", method.upper()] if method not in ("get", "post") else []
    words += [f'"$url{path.replace("{", "${")}"']
    words += ['-H "X-API-Key: $key"'] if {"key": []} in operation["security"] else []
    sent = "" if body is None else json.dumps(body)
    words += [f"-H 'Content-Type: {JSON}' -d '{sent}'"] if sent else []
    return Example(" ".join(words), sent)


def _resolved(document: Json, node: Json) -> Json:
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node
