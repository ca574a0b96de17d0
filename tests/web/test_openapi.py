"""GET /openapi.json against the routes and their real answers."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import jsonschema
import pytest
import schemathesis
from PIL import Image
from schemathesis.specs.openapi.definitions import OPENAPI_30
from starlette.routing import Mount

from app.web.application import document
from app.web.body import ALIASES
from app.web.http_statuses import STATUSES
from app.web.openapi import MEANINGS
from tests.service import Service, as_json
from tests.web.inside import Inside

JSON, RAW = "application/json", "application/octet-stream"
DOCUMENT = document()
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


def schema_of(name: str) -> dict[str, Any]:
    """A schema of the document as JSON Schema, which has no `nullable`."""

    def translated(node: Any) -> Any:
        if isinstance(node, list):
            return [translated(item) for item in node]
        if not isinstance(node, dict):
            return node
        new = {key: translated(value) for key, value in node.items() if key != "nullable"}
        return {"anyOf": [new, {"type": "null"}]} if node.get("nullable") else new

    components = {"schemas": translated(DOCUMENT["components"]["schemas"])}
    return {"components": components, "$ref": f"#/components/schemas/{name}"}


def conforms(value: Any, name: str) -> None:
    jsonschema.Draft4Validator(schema_of(name)).validate(value)


# -- the document ------------------------------------------------------------------------------------------------------


def test_the_document_is_openapi_3_0():
    jsonschema.Draft4Validator(OPENAPI_30).validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.0.3"


def test_what_a_program_may_say_of_the_version_is_documented_where_it_counts():
    """By the path, the version is named already; for whom it is still decides whether the drawing is kept."""
    said = {
        path: [parameter["name"] for parameter in operation.get("parameters", [])]
        for path, item in DOCUMENT["paths"].items()
        for operation in item.values()
    }
    asked = {path: [name for name in names if name in ("model", "X-Visitor")] for path, names in said.items()}
    choosing = ("/classify", "/classify/batch", "/drawings", "/drawings/preview", "/visit", "/v2/models/{name}/infer")
    assert {path: names for path, names in asked.items() if names} == {
        **{path: ["model", "X-Visitor"] for path in choosing},
        "/v2/models/{name}/versions/{version}/infer": ["X-Visitor"],
    }
    assert {"404", "422"} <= DOCUMENT["paths"]["/visit"]["get"]["responses"].keys()


def test_it_is_served_under_both_addresses(inside: Inside):
    for path in ("/openapi.json", "/api/openapi.json"):
        reply = inside.ask("GET", path, key=None)
        assert (reply.status, reply.headers["content-type"], reply.json) == (200, JSON, DOCUMENT)


def test_every_route_is_documented_and_every_documented_route_exists(inside: Inside):
    """Mounted folders hold the files of pages, which is no interface."""
    routes = [route for route in inside.routes if not isinstance(route, Mount)]
    answered = {(route.path, method.lower()) for route in routes for method in route.methods - {"HEAD"}}
    documented = {
        (server["url"].rstrip("/") + path, method) for path, method in OPERATIONS for server in DOCUMENT["servers"]
    }
    assert documented == answered


def test_every_reference_leads_somewhere():
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        node = DOCUMENT
        for part in reference.split("/"):
            node = node[part]


def test_every_status_that_a_refusal_can_have_is_described_with_its_codes():
    responses = DOCUMENT["components"]["responses"]
    for status, code in STATUSES.values():
        assert code in responses[str(status)]["content"][JSON]["examples"]
    assert set(map(str, MEANINGS)) == set(responses)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_refusal_of_an_operation_has_the_one_shape(path: str, method: str):
    operation = DOCUMENT["paths"][path][method]
    assert {"200", "400", "403", "503"} <= set(operation["responses"])
    for status, response in operation["responses"].items():
        if status != "200" and not response.get("$ref", "").endswith(f"/{status}"):
            choices = response["content"][JSON]["schema"]["anyOf"]
            assert {"$ref": "#/components/schemas/ErrorBody"} in choices


@pytest.mark.parametrize(("path", "method"), [found for found in OPERATIONS if found[1] == "post"])
def test_what_a_program_may_send_asks_for_a_key_or_a_visit(path: str, method: str):
    operation = DOCUMENT["paths"][path][method]
    named = "{version}" in path  # to ask for a version takes a key
    assert operation["security"] == ([{"key": []}] if named else [{"key": []}, {"visit": []}])
    if not named and "{id}" not in path:  # what is about an answer has its version
        (asked,) = (parameter for parameter in operation["parameters"] if parameter["name"] == "model")
        assert (asked["in"], "required" in asked) == ("query", False)
        assert "404" in operation["responses"]
    assert {"401", "408", "413", "415", "422", "429"} <= set(operation["responses"])
    assert re.search(r"[Aa]t most [\d,]+", operation["description"] + json.dumps(operation["requestBody"]))


# -- against what is really answered -----------------------------------------------------------------------------------


def a_stored_id(inside: Inside) -> str:
    example = DOCUMENT["paths"]["/classify"]["post"]["requestBody"]["content"][JSON]["example"]
    return str(inside.ask("POST", "/classify", json.dumps(example).encode()).json["id"])


def test_what_was_said_is_taken_back_as_it_was_said(inside: Inside):
    path = f"/results/{a_stored_id(inside)}/label"
    conforms(inside.ask("POST", path, b'{"label": "not-a-digit"}').json, "Labelled")
    conforms(inside.ask("GET", "/results").json, "Results")
    conforms(inside.ask("DELETE", path).json, "Labelled")


@pytest.mark.parametrize(("path", "method"), [found for found in OPERATIONS if found[1] == "post"])
def test_every_example_is_answered(inside: Inside, path: str, method: str):
    operation = DOCUMENT["paths"][path][method]
    content = operation["requestBody"]["content"][JSON]
    answer = operation["responses"]["200"]["content"][JSON]["schema"]["$ref"].rpartition("/")[2]
    place = path.format(name="digits", version="v1.0", id=a_stored_id(inside))
    conforms(content["example"], content["schema"]["$ref"].rpartition("/")[2])
    reply = inside.ask("POST", place, json.dumps(content["example"]).encode(), {"content-type": JSON})
    assert reply.status == 200
    conforms(reply.json, answer)


@pytest.mark.parametrize(
    ("method", "path", "schema"),
    [(method, path + ("?format=json" if len(content) > 1 else ""), content[JSON]["schema"]["$ref"].rpartition("/")[2])
     for path, method in OPERATIONS if method == "get"
     for content in [DOCUMENT["paths"][path][method]["responses"]["200"]["content"]]
     if "$ref" in content.get(JSON, {}).get("schema", {})],
)  # fmt: skip
def test_what_is_read_conforms_to_its_schema(inside: Inside, method: str, path: str, schema: str):
    reply = inside.ask(method.upper(), path.format(name="digits", version="v1.0"))
    assert reply.status == 200
    conforms(reply.json, schema)


def test_a_batch_with_bad_drawings_and_a_blank_drawing_conform(inside: Inside):
    content = DOCUMENT["paths"]["/classify"]["post"]["requestBody"]["content"][JSON]["example"]
    drawings = {"drawings": [content, {"pixels": []}, None, 7]}
    conforms(drawings, "Drawings")
    reply = inside.ask("POST", "/classify/batch", json.dumps(drawings).encode())
    assert [one.get("error") for one in reply.json["answers"]] == [None, *["bad-drawing"] * 3]
    conforms(reply.json, "Answers")
    blank = inside.ask("POST", "/drawings", b'{"strokes": []}')
    assert blank.json["prediction"] is None
    conforms(blank.json, "DrawingAnswer")


def test_pictures_and_bytes_of_every_documented_kind_are_answered(inside: Inside, mnist):
    digit = mnist.test_images[0]
    sent = {RAW: digit.tobytes()}
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        file = io.BytesIO()
        Image.fromarray(digit).resize((200, 200)).save(file, kind)
        sent[f"image/{kind.lower()}"] = file.getvalue()
    sent |= {alias: sent[kind] for alias, kind in ALIASES.items()}
    documented = set(DOCUMENT["paths"]["/drawings"]["post"]["requestBody"]["content"]) - {JSON}
    assert set(sent) == documented
    for kind, body in sent.items():
        reply = inside.ask("POST", "/drawings/preview?width=28&height=28", body, {"content-type": kind})
        conforms(reply.json, "DrawingAnswer")
        assert reply.json["prediction"] == "7"


@pytest.mark.parametrize("sides", ["width=0", "width=10001", "height=x", "width=", "width=28&height=-1"])
def test_a_side_that_cannot_be_is_refused_whatever_is_sent(inside: Inside, sides: str):
    for kind, body in ((JSON, b'{"strokes": []}'), (RAW, bytes(784))):
        reply = inside.ask("POST", f"/drawings/preview?{sides}", body, {"content-type": kind})
        assert (reply.status, reply.json["error"]) == (422, "bad-parameter")


@pytest.mark.parametrize("far", [1_000_001, -1e300])
def test_a_coordinate_that_the_document_forbids_is_refused_with_its_place(inside: Inside, far: float):
    drawn = {"strokes": [[[0, 0], [3, far]]]}
    with pytest.raises(jsonschema.ValidationError):
        conforms(drawn, "Strokes")
    reply = inside.ask("POST", "/drawings/preview", json.dumps(drawn).encode())
    assert reply.status == 422 and "`$.strokes[0][1][1]`" in reply.json["message"]


QUESTION = DOCUMENT["paths"]["/v2/models/{name}/infer"]["post"]["requestBody"]["content"][JSON]["example"]
TENSOR = QUESTION["inputs"][0]
ROWS = [[TENSOR["data"][28 * row :][:28] for row in range(28)]]
SHARED = {"parameters": {"shared_memory_region": "x"}}
ALLOWED: dict[str, dict[str, Any]] = {
    "more keys": {"id": "a", "more": 1, "parameters": {"binary_data_output": False, "priority": 1}},
    "some outputs": {"outputs": [{"name": "scores", "parameters": {"binary_data": False}}, {"name": "prediction"}]},
    "nested rows": {"inputs": [TENSOR | {"data": ROWS}]},
    "nested drawings": {"inputs": [TENSOR | {"shape": [1, 784], "data": [TENSOR["data"]]}]},
    "no drawing": {"inputs": [TENSOR | {"shape": [0, 784], "data": []}]},
}
FORBIDDEN: dict[str, dict[str, Any]] = {
    "no input": {"inputs": []},
    "two inputs": {"inputs": [TENSOR, TENSOR]},
    "another input": {"inputs": [TENSOR | {"name": "digits"}]},
    "floats": {"inputs": [TENSOR | {"datatype": "FP32"}]},
    "no data": {"inputs": [{key: value for key, value in TENSOR.items() if key != "data"}]},
    "a value too large": {"inputs": [TENSOR | {"data": [256, *TENSOR["data"][1:]]}]},
    "a row too short": {"inputs": [TENSOR | {"data": [[ROWS[0][0][1:], *ROWS[0][1:]]]}]},
    "a number that is none of a shape": {"inputs": [TENSOR | {"shape": [-1, 28, 28]}]},
    "too long a shape": {"inputs": [TENSOR | {"shape": [1, 28, 28, 1]}]},
    "binary beside data": {"inputs": [TENSOR | {"parameters": {"binary_data_size": 784}}]},
    "shared memory": {"inputs": [TENSOR | SHARED]},
    "an unknown output": {"outputs": [{"name": "digits"}]},
    "an output without a name": {"outputs": [{}]},
    "an output to shared memory": {"outputs": [{"name": "scores", **SHARED}]},
    "the best classes": {"outputs": [{"name": "scores", "parameters": {"classification": 3}}]},
    "a flag that is none": {"parameters": {"binary_data_output": 1}},
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_the_document_allows_a_question_is_answered(inside: Inside, change: dict[str, Any]):
    conforms(QUESTION | change, "InferRequest")
    reply = inside.ask("POST", "/v2/models/digits/infer", json.dumps(QUESTION | change).encode())
    assert reply.status == 200
    conforms(reply.json, "InferResponse")


@pytest.mark.parametrize("change", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_what_the_document_forbids_a_question_is_refused(inside: Inside, change: dict[str, Any]):
    with pytest.raises(jsonschema.ValidationError):
        conforms(QUESTION | change, "InferRequest")
    assert inside.ask("POST", "/v2/models/digits/infer", json.dumps(QUESTION | change).encode()).status == 422


def test_an_answer_that_lacks_a_key_does_not_conform(inside: Inside):
    """So the tests above can fail."""
    content = DOCUMENT["paths"]["/classify"]["post"]["requestBody"]["content"][JSON]["example"]
    answer = inside.ask("POST", "/classify", json.dumps(content).encode()).json
    with pytest.raises(jsonschema.ValidationError):
        conforms({key: value for key, value in answer.items() if key != "findings"}, "Answer")
    with pytest.raises(jsonschema.ValidationError):
        conforms(answer | {"prediction": 7}, "Answer")


def test_the_real_service_conforms_by_another_reading_of_the_document(service: Service, published):
    """schemathesis reads `nullable` by itself."""
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    with service.client() as client:
        reply = client.post("/classify", json=as_json(published("v1.0").golden.images[0]))
        schema["/classify"]["POST"].validate_response(reply)
        schema["/results"]["GET"].validate_response(client.get("/results"))
