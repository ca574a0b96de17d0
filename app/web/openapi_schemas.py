"""The schemas of the OpenAPI document, from the Structs that the routes read and write."""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

from app.answering.answer import Answer
from app.drawing.measures import PIXELS, SIDE
from app.server.early_refusals import ErrorBody
from app.web.payloads import MAX_ROWS, Drawing
from app.web.routes.drawings import DrawingAnswer, Strokes
from app.web.routes.health import Readiness
from app.web.routes.label import Labelled, Said
from app.web.routes.results import Listed
from app.web.routes.visit import VisitAnswer
from app.web.tensors import INPUT, INPUT_TYPE, OUTPUTS

Json = dict[str, Any]
STRUCTS = (Drawing, Strokes, Answer, DrawingAnswer, Listed, Said, Labelled, VisitAnswer, Readiness, ErrorBody)
_PLACE = "#/components/schemas/{name}"
_ATTRIBUTE = re.compile(r"^    (\w+): (.+(?:\n {5,}.+)*)$", re.MULTILINE)


def refer(name: str) -> Json:
    """A reference to this schema."""
    return {"$ref": _PLACE.format(name=name)}


def objects_of(**properties: Json) -> Json:
    """The schema of an object with exactly these keys, all there."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(items: Json, *, at_least: int | None = None, at_most: int | None = None) -> Json:
    bounds = {"minItems": at_least, "maxItems": at_most}
    return {"type": "array", "items": items} | {name: bound for name, bound in bounds.items() if bound is not None}


def schemas() -> Json:
    """Name -> schema, as OpenAPI 3.0 wants it."""
    _, found = msgspec.json.schema_components(STRUCTS, ref_template=_PLACE)
    return {name: _in_openapi_3_0(schema) for name, schema in sorted((found | _written_down()).items())}


def _in_openapi_3_0(schema: Any) -> Any:
    """A JSON Schema of 2020 in the dialect of OpenAPI 3.0, its docstring split into sentences for each key."""
    if isinstance(schema, list):
        return [_in_openapi_3_0(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if {"type": "null"} in schema.get("anyOf", ()):
        (other,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
        return _in_openapi_3_0(other) | {"nullable": True}
    new = {key: _in_openapi_3_0(value) for key, value in schema.items() if key != "title"}
    if "prefixItems" in new:
        new["items"] = new.pop("prefixItems")[0]  # pairs of the same kind, by minItems and maxItems
    if not isinstance(new.get("exclusiveMinimum", True), bool):
        new["minimum"], new["exclusiveMinimum"] = new["exclusiveMinimum"], True
    if "properties" in new and "description" in new:
        text, _, attributes = inspect.cleandoc(new["description"]).partition("\n\nAttributes:\n")
        new["description"] = text
        for name, sentence in _ATTRIBUTE.findall(attributes):
            new["properties"][name]["description"] = " ".join(sentence.split())
    return new


def _written_down() -> Json:
    """Those that no Struct stands for."""
    text, flag, digits = {"type": "string"}, {"type": "boolean"}, list_of({"type": "string"})
    whole = {"type": "integer", "minimum": 0}
    parameters = {"type": "object"}
    tensor = {
        "name": text,
        "shape": list_of(whole),
        "datatype": text,
        "parameters": parameters,
        "data": {"type": "array", "items": {}, "description": "Flat; absent when it is binary."},
    }
    tensors = list_of({"type": "object", "properties": tensor, "required": ["name", "shape", "datatype"]})
    moment, known_or_not = {"type": "string", "format": "date-time"}, {"type": "string", "nullable": True}
    anything_else = {"description": "What is no Drawing is refused in its place; the others are answered."}
    figures = {"type": "object", "description": "See app/report/report_model.py."}
    verdict = objects_of(challenger=known_or_not, outcome=text, sentence=text, remark=text)
    described = objects_of(name=text, datatype=text, shape=list_of({"type": "integer", "minimum": -1}))
    return {
        "Drawings": objects_of(drawings=list_of({"anyOf": [refer("Drawing"), anything_else]}, at_most=MAX_ROWS)),
        "Answers": objects_of(
            model_version=text,
            answers=list_of({"anyOf": [refer("Answer"), refer("ErrorBody")]}),
        ),
        "Results": objects_of(results=list_of(refer("Listed"), at_most=100)),
        "Health": objects_of(
            status={"type": "string", "enum": ["ok"]}, model_version=text, classes=digits, withheld=digits,
            versions=list_of(text), left_out={"type": "object", "additionalProperties": text},
            started_at=moment,
        ),
        "Report": objects_of(
            made_at=moment, since=moment | {"nullable": True}, until=moment | {"nullable": True}, answers=whole,
            base=known_or_not, recipe=whole | {"nullable": True}, left_out=list_of(figures),
            verdicts=list_of(verdict), asked=figures, volunteered=figures,
            versions=list_of(figures), comparisons=list_of(figures),
            disputes=list_of(figures) | {"nullable": True, "description": "null: you are not shown what others drew."},
            choices=list_of(figures), days=list_of(figures),
        ),
        "ServerMetadata": objects_of(name=text, version=text, extensions=list_of(text)),
        "ServerLive": objects_of(live=flag),
        "ServerReady": objects_of(ready=flag),
        "ModelReady": objects_of(name=text, ready=flag),
        "ModelMetadata": objects_of(
            name=text, versions=list_of(text), platform=text, inputs=list_of(described), outputs=list_of(described),
            parameters=parameters
        ),
        "InferRequest": _infer_request(),
        "InferResponse": {
            "type": "object",
            "properties": {
                **{"model_name": text, "model_version": text, "id": text, "parameters": parameters},
                "outputs": tensors,
            },
            "required": ["model_name", "outputs"],
        },
    }  # fmt: skip


def _infer_request() -> Json:
    """A question to the Open Inference Protocol that is JSON as a whole."""
    flag, grey = {"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": 255}
    row, pixels = (list_of(grey, at_least=length, at_most=length) for length in (SIDE, PIXELS))
    rows = list_of(row, at_least=SIDE, at_most=SIDE)
    shape = list_of({"type": "integer", "minimum": 0, "maximum": MAX_ROWS}, at_least=2, at_most=3)
    shape["description"] = f"[N, {SIDE}, {SIDE}] or [N, {PIXELS}]: N drawings."
    told = "The N drawings: all values in one list, or nested as the shape says."
    data: Json = {"anyOf": [list_of(grey), list_of(pixels), list_of(rows)], "description": told}
    question = objects_of(name=_one_of(INPUT), datatype=_one_of(INPUT_TYPE), shape=shape, data=data)
    question["properties"]["parameters"] = _parameters(refused=("binary_data_size", "shared_memory_region"))
    output = objects_of(name=_one_of(*OUTPUTS))
    output["properties"]["parameters"] = _parameters(
        refused=("classification", "shared_memory_region"), binary_data=flag
    )
    request = objects_of(inputs=list_of(question, at_least=1, at_most=1))
    request["properties"] |= {
        "id": {"type": "string"},
        "outputs": list_of(output) | {"description": "Each at most once; without any, all are sent."},
        "parameters": _parameters(binary_data_output=flag),
    }
    return request


def _one_of(*texts: str) -> Json:
    return {"type": "string", "enum": list(texts)}


def _parameters(*, refused: tuple[str, ...] = (), **known: Json) -> Json:
    """Those that change an answer are known or refused, others change nothing."""
    return {"type": "object", "properties": {**known, **{name: {"not": {}} for name in refused}}}
