"""The schemas of the OpenAPI document, from the types that the routes read and write."""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from app.web.operation import PLACE, Type

Json = dict[str, Any]
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {5,}.+)*)$", re.MULTILINE)


class Schemas:
    """The schemas of all types that were asked for; `named`: those of Structs, to which others refer."""

    def __init__(self) -> None:
        self.named: Json = {}

    def of(self, type_: Type) -> Json:
        """The schema of this type, as OpenAPI 3.0 wants it."""
        (schema,), found = msgspec.json.schema_components([type_], ref_template=PLACE)
        self.named |= {name: _in_openapi_3_0(one) for name, one in found.items()}
        translated: Json = _in_openapi_3_0(schema)
        return translated


def _in_openapi_3_0(schema: Any) -> Any:
    """A JSON Schema of 2020 in the dialect of OpenAPI 3.0, its docstring split into sentences for each key."""
    if isinstance(schema, list):
        return [_in_openapi_3_0(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if {"type": "null"} in schema.get("anyOf", ()):
        (other,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
        return _in_openapi_3_0(other) | {"nullable": True}
    kept = {key: value for key, value in schema.items() if key != "title" and (key != "required" or value)}
    new = {key: _in_openapi_3_0(value) for key, value in kept.items()}
    if "prefixItems" in new:
        new["items"] = new.pop("prefixItems")[0]  # pairs of the same kind, by minItems and maxItems
    if "$ref" in new and len(new) > 1:  # nothing counts beside a reference
        new["allOf"] = [{"$ref": new.pop("$ref")}]
    if not isinstance(new.get("exclusiveMinimum", True), bool):
        new["minimum"], new["exclusiveMinimum"] = new["exclusiveMinimum"], True
    if "properties" in new and "description" in new:
        text, _, attributes = inspect.cleandoc(new["description"]).partition("\n\nAttributes:\n")
        new["description"] = text
        for name, sentence in _ATTRIBUTE.findall(attributes):
            new["properties"][name]["description"] = " ".join(sentence.split())
    return new
