"""/v2, the Open Inference Protocol v2, against the real service: with tritonclient as it is published, and by hand."""

from __future__ import annotations

import json
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app import __version__
from tests.service import KEY, Service
from tests.web.test_tensors import in_bytes, request, tensor

INFER = "/v2/models/digits/infer"
LENGTH = "inference-header-content-length"
RAW = {"content-type": "application/octet-stream"}
OUTPUTS = ("prediction", "confidence", "scores", "findings")
Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.fixture
def images(published) -> Images:
    """Recorded digits, (40, 28, 28)."""
    return published("v1.0").golden.images[:40]


def send_bytes(client: httpx.Client, images: Images, *, length: str | None = None, **changed: Any) -> httpx.Response:
    """A request in the binary tensor extension."""
    body, right = in_bytes(images, **changed)
    return client.post(INFER, content=body, headers={**RAW, LENGTH: right if length is None else length})


def outputs_of(reply: httpx.Response) -> dict[str, list[Any]]:
    """Output name -> its values, from JSON or from bytes, which must be used up."""
    assert reply.status_code == 200, reply.text
    length = reply.headers.get(LENGTH)
    head, rest = (
        (reply.content, b"") if length is None else (reply.content[: int(length)], reply.content[int(length) :])
    )
    values: dict[str, list[Any]] = {}
    for output in json.loads(head)["outputs"]:
        if "data" in output:
            assert "parameters" not in output
            values[output["name"]] = np.array(output["data"]).reshape(output["shape"]).tolist()
            continue
        size = output["parameters"]["binary_data_size"]
        part, rest = rest[:size], rest[size:]
        if output["datatype"] == "BYTES":
            texts = []
            while part:
                (count,) = struct.unpack_from("<I", part)
                texts.append(part[4 : 4 + count].decode())
                part = part[4 + count :]
            values[output["name"]] = texts
        else:
            values[output["name"]] = np.frombuffer(part, "<f4").reshape(output["shape"]).tolist()
    assert not rest
    return values


def stored(service: Service) -> list[tuple[str, str]]:
    """(prediction, source) of each stored row, oldest first."""
    with closing(sqlite3.connect(service.root / "data" / "pixelwise.db")) as database:
        return database.execute("SELECT prediction, source FROM results ORDER BY id").fetchall()


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


# -- tritonclient ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tritonclient(service: Service) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(service.url.removeprefix("http://")) as client:
        yield client


def test_tritonclient_sees_a_live_server_with_one_model(tritonclient, service: Service):
    assert tritonclient.is_server_live()
    assert tritonclient.is_server_ready()
    assert tritonclient.is_model_ready("digits")
    assert tritonclient.is_model_ready("digits", "v1.0")
    assert not tritonclient.is_model_ready("letters")
    assert not tritonclient.is_model_ready("digits", "v9.0")
    assert tritonclient.get_server_metadata() == {
        "name": "pixelwise",
        "version": __version__,
        "extensions": ["binary_tensor_data"],
    }
    metadata = tritonclient.get_model_metadata("digits")
    assert (metadata["name"], metadata["versions"]) == ("digits", ["v1.0"])
    assert metadata["inputs"] == [{"name": "images", "datatype": "UINT8", "shape": [-1, 28, 28]}]
    assert metadata["outputs"] == [
        {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
        {"name": "confidence", "datatype": "FP32", "shape": [-1]},
        {"name": "scores", "datatype": "FP32", "shape": [-1, 9]},
        {"name": "findings", "datatype": "BYTES", "shape": [-1]},
    ]
    assert metadata["parameters"] == {"classes": "1 2 3 4 5 6 7 8 9"}
    assert tritonclient.get_model_metadata("digits", "v1.0") == metadata


@pytest.mark.parametrize("version", ["", "v1.0"])
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_tritonclient_gets_the_recorded_scores(tritonclient, published, version, binary_in, binary_out):
    golden = published("v1.0").golden
    rows = golden.images[:40]
    images = triton.InferInput("images", list(rows.shape), "UINT8")
    images.set_data_from_numpy(rows, binary_data=binary_in)
    wanted = None if binary_out is None else [triton.InferRequestedOutput(name, binary_out) for name in OUTPUTS]
    result = tritonclient.infer("digits", [images], version, wanted, request_id="mine", headers={"X-API-Key": KEY})
    np.testing.assert_allclose(result.as_numpy("scores"), golden.scores[:40], atol=1e-5)
    np.testing.assert_array_equal(result.as_numpy("confidence"), result.as_numpy("scores").max(axis=1))
    texts = [text.decode() if isinstance(text, bytes) else text for text in result.as_numpy("prediction")]
    assert texts == [str(row.argmax() + 1) for row in golden.scores[:40]]
    said = result.get_response()
    assert (said["id"], said["model_name"], said["model_version"]) == ("mine", "digits", "v1.0")


def test_tritonclient_shows_the_whole_sentence_of_a_refusal(tritonclient):
    images = triton.InferInput("images", [1, 28, 28], "FP32")
    images.set_data_from_numpy(np.zeros((1, 28, 28), np.float32))
    with pytest.raises(triton.InferenceServerException, match=r"bad-drawing: .*: datatype FP32.*multiply by 255"):
        tritonclient.infer("digits", [images], headers={"X-API-Key": KEY})
    with pytest.raises(triton.InferenceServerException, match=r"not-authenticated: .*X-API-Key"):
        tritonclient.infer("digits", [images])


def test_tritonclient_is_told_that_bodies_are_not_compressed(tritonclient, images: Images):
    given = triton.InferInput("images", [40, 28, 28], "UINT8")
    given.set_data_from_numpy(images)
    with pytest.raises(triton.InferenceServerException, match=r"wrong-media-type: .*gzip"):
        tritonclient.infer("digits", [given], headers={"X-API-Key": KEY}, request_compression_algorithm="gzip")


# -- by hand: what is answered -----------------------------------------------------------------------------------------


def test_every_route_is_also_under_api(client: httpx.Client, images: Images):
    for model in ("/v2/models/digits", "/v2/models/digits/versions/v1.0"):
        for path in ("/v2", "/v2/health/live", "/v2/health/ready", model, f"{model}/ready"):
            assert client.get(path).json() == client.get(f"/api{path}").json(), path
            assert client.get(path).status_code == 200
        for prefix in ("", "/api"):
            assert client.post(f"{prefix}{model}/infer", json=request(tensor(images[:1]))).status_code == 200


def test_only_inference_needs_a_key(service: Service, images: Images):
    with service.client(key=None) as client:
        for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/digits", "/v2/models/digits/ready"):
            assert client.get(path).status_code == 200
        before = len(stored(service))
        assert client.post(INFER, json=request(tensor(images))).status_code == 401
        assert len(stored(service)) == before


def test_health_is_said_as_the_protocol_says_it(client: httpx.Client):
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/digits/ready").json() == {"name": "digits", "ready": True}


def test_a_server_whose_database_takes_no_write_is_alive_and_not_ready(service: Service, client, images: Images):
    with closing(sqlite3.connect(service.root / "data" / "pixelwise.db", isolation_level=None)) as database:
        until(lambda: client.get("/v2/health/ready").status_code == 200)
        database.execute("BEGIN IMMEDIATE")
        until(lambda: client.get("/v2/health/ready").status_code == 503)
        reply = client.get("/v2/health/ready")
        assert (reply.json(), reply.headers["retry-after"]) == ({"ready": False}, "1")
        assert client.get("/v2/health/live").status_code == 200
        assert client.get("/v2/models/digits/ready").json() == {"name": "digits", "ready": False}
        refused = client.post(INFER, json=request(tensor(images)))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["error"].startswith("database-unavailable: ")
    until(lambda: client.post(INFER, json=request(tensor(images))).status_code == 200)
    until(lambda: client.get("/v2/health/ready").status_code == 200)


def test_answers_are_stored_as_those_of_the_protocol(service: Service, client: httpx.Client, images: Images):
    before = len(stored(service))
    predicted = outputs_of(client.post(INFER, json=request(tensor(images))))["prediction"]
    assert stored(service)[before:] == [(prediction, "protocol") for prediction in predicted]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_json_and_bytes_get_the_answers_of_classify_batch(client: httpx.Client, data: st.DataObject):
    rows, seed = data.draw(st.integers(0, 12)), data.draw(st.integers(0, 2**32 - 1))
    drawings = np.random.default_rng(seed).integers(0, 256, (rows, 28, 28), np.uint8)
    answers = client.post("/classify/batch", content=drawings.tobytes(), headers=RAW).json()["answers"]
    shaped = drawings.reshape(data.draw(st.sampled_from([(rows, 28, 28), (rows, 784)])))
    names = data.draw(st.lists(st.sampled_from(OUTPUTS), unique=True))
    wanted = [{"name": name, "parameters": {"binary_data": data.draw(st.booleans())}} for name in names]
    more = {"outputs": wanted, "parameters": {"binary_data_output": data.draw(st.booleans())}}
    how = data.draw(st.sampled_from(["bytes", "flat", "nested"]))
    if how == "bytes":
        reply = send_bytes(client, shaped, **more)
    else:
        values = shaped.tolist() if how == "nested" else shaped.ravel().tolist()
        reply = client.post(INFER, json=request(tensor(shaped, data=values), **more))
    scores = [[np.float32(score) for score in answer["scores"].values()] for answer in answers]
    whole = {
        "prediction": [answer["prediction"] for answer in answers],
        "confidence": [np.float32(answer["confidence"]) for answer in answers],
        "scores": scores,
        "findings": [" ".join(finding["name"] for finding in answer["findings"]) for answer in answers],
    }
    assert outputs_of(reply) == {name: whole[name] for name in names or OUTPUTS}


@pytest.mark.parametrize("everywhere", [True, False])
def test_outputs_come_in_the_order_asked_for_each_in_its_own_form(client: httpx.Client, images: Images, everywhere):
    """What an output says of itself counts before what the request says of all."""
    wanted = [
        {"name": "scores", "parameters": {"binary_data": not everywhere}},
        {"name": "prediction"},
        {"name": "confidence", "parameters": {"binary_data": True}},
    ]
    reply = client.post(
        INFER, json=request(tensor(images), outputs=wanted, parameters={"binary_data_output": everywhere})
    )
    head = json.loads(reply.content[: int(reply.headers[LENGTH])])
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["cache-control"] == "no-store"
    sizes = {"scores": 40 * 9 * 4, "prediction": 40 * (4 + 1), "confidence": 40 * 4}
    binary = {"scores": not everywhere, "prediction": everywhere, "confidence": True}
    assert [output["name"] for output in head["outputs"]] == ["scores", "prediction", "confidence"]
    for output in head["outputs"]:
        name = output["name"]
        assert ("data" in output) is not binary[name]
        assert output.get("parameters") == ({"binary_data_size": sizes[name]} if binary[name] else None)


@pytest.mark.parametrize("everywhere", [True, False])
def test_a_request_that_names_no_outputs_gets_all_in_the_form_it_asks_for(
    client: httpx.Client, images, everywhere: bool
):
    reply = client.post(INFER, json=request(tensor(images), parameters={"binary_data_output": everywhere}))
    assert tuple(outputs_of(reply)) == OUTPUTS
    assert (LENGTH in reply.headers) is everywhere


def test_a_request_without_id_gets_none_and_a_json_answer_is_json(client: httpx.Client, images: Images):
    reply = client.post(INFER, json=request(tensor(images)))
    assert set(reply.json()) == {"model_name", "model_version", "outputs"}
    assert reply.headers["content-type"] == "application/json"
    assert LENGTH not in reply.headers


def test_parameters_that_change_nothing_here_are_let_through(client: httpx.Client, images: Images):
    inside = tensor(images, parameters={"content_type": "np"})
    reply = client.post(INFER, json=request(inside, parameters={"priority": 3, "timeout": 1000}))
    assert len(outputs_of(reply)["prediction"]) == 40


def test_as_many_drawings_as_one_request_may_hold_are_answered_in_json_and_bytes(client: httpx.Client, mnist):
    rows = mnist.test_images[:1000]
    by_bytes = outputs_of(send_bytes(client, rows))
    assert len(by_bytes["prediction"]) == 1000
    for shaped in (rows, rows.reshape(1000, 784)):
        for data in (shaped.tolist(), shaped.ravel().tolist()):
            assert outputs_of(client.post(INFER, json=request(tensor(shaped, data=data)))) == by_bytes


# -- by hand: what is refused (test_tensors.py has the many ways) ------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "not-understood"),
        (b'{"inputs": []}', 422, "bad-drawing"),
        (json.dumps(request(tensor(np.zeros((1, 28, 28), np.uint8), datatype="FP32"))).encode(), 422, "bad-drawing"),
    ],
)
def test_a_refusal_has_our_form_with_the_sentence_under_error(service, client, body, status: int, code: str):
    before = len(stored(service))
    reply = client.post(INFER, content=body, headers={"content-type": "application/json"})
    said = reply.json()
    assert (reply.status_code, set(said)) == (status, {"error", "message", "remedy"})
    assert said["error"] == f"{code}: {said['message']} {said['remedy']}"
    assert len(stored(service)) == before


@pytest.mark.parametrize("length", ["-1", "abc", "99999", ""])
def test_a_length_of_the_json_that_cannot_be_is_not_understood(client: httpx.Client, images: Images, length: str):
    reply = send_bytes(client, images, length=length)
    assert reply.status_code == 400
    assert "Inference-Header-Content-Length" in reply.json()["message"]


def test_a_size_that_lies_is_refused(client: httpx.Client, images: Images):
    assert send_bytes(client, images, size=784).status_code == 422
    assert send_bytes(client, images, content=images.tobytes() + b"x").status_code == 422


def test_more_drawings_than_one_request_may_hold_are_too_large(client: httpx.Client):
    many = send_bytes(client, np.zeros((1001, 28, 28), np.uint8))
    absurd = client.post(INFER, json=request(tensor(np.zeros((1, 784), np.uint8), shape=[2**62, 784])))
    long = client.post(INFER, content=b" " * (9 << 20), headers={"content-type": "application/json"})
    assert [reply.status_code for reply in (many, absurd, long)] == [413, 413, 413]
    assert ": 1,001" in many.json()["message"]
    assert long.headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/v2/models/letters", "/v2/models/Digits", "/v2/models/digits/versions/v9.0"])
def test_an_unknown_model_or_version_is_not_found(client: httpx.Client, images: Images, path: str):
    replies = [
        client.get(path),
        client.get(f"{path}/ready"),
        client.post(f"{path}/infer", json=request(tensor(images))),
    ]
    for reply in replies:
        assert reply.status_code == 404
        assert reply.json()["error"].startswith("not-found: ")


@pytest.mark.parametrize("kind", ["text/plain", "image/png", "application/x-www-form-urlencoded"])
def test_another_media_type_is_refused(client: httpx.Client, kind: str):
    assert client.post(INFER, content=b"{}", headers={"content-type": kind}).status_code == 415
