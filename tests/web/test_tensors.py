"""Requests of the Open Inference Protocol that cannot be answered: each is refused with what was found, and where."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.web.refusals import BadDrawing, NotUnderstood, TooLarge
from app.web.tensors import read_question

Images = NDArray[np.uint8]


def tensor(images: Images, **changed: object) -> dict[str, object]:
    """The one input, as flat JSON; None leaves a key out."""
    whole = {"name": "images", "datatype": "UINT8", "shape": [*images.shape], "data": images.ravel().tolist()} | changed
    return {key: value for key, value in whole.items() if value is not None}


def request(*inputs: dict[str, object], **more: object) -> dict[str, object]:
    """The JSON of a request."""
    return {"inputs": list(inputs), **more}


def in_bytes(images: Images, **changed: Any) -> tuple[bytes, str]:
    """A body in the binary tensor extension, and the length of its JSON; `size`, `content` and `shape` may lie."""
    size, content = changed.pop("size", images.nbytes), changed.pop("content", images.tobytes())
    shape, data = changed.pop("shape", [*images.shape]), changed.pop("data", None)
    inside = tensor(images, data=data, shape=shape, parameters={"binary_data_size": size})
    header = json.dumps(request(inside, **changed)).encode()
    return header + content, str(len(header))


ONE = np.zeros((1, 28, 28), np.uint8)
BAD_JSON: dict[str, tuple[dict[str, object], str]] = {
    "no inputs": (request(), "inputs: none"),
    "another name": (request(tensor(ONE, name="input_1")), ": input_1"),
    "two inputs": (request(tensor(ONE), tensor(ONE)), ": images, images"),
    "floats": (request(tensor(ONE, datatype="FP32")), "datatype FP32"),
    "signed": (request(tensor(ONE, datatype="INT8")), "datatype INT8"),
    "no batch": (request(tensor(ONE, shape=[28, 28])), "[28, 28]"),
    "channels": (request(tensor(ONE, shape=[1, 28, 28, 1])), "[1, 28, 28, 1]"),
    "no shape": (request(tensor(ONE, shape=[])), "shape []"),
    "a negative count": (request(tensor(ONE, shape=[-1, 28, 28])), ": shape [-1, 28, 28]"),
    "a shape of floats": (request(tensor(ONE, shape=[1.0, 28, 28])), "$.inputs[0].shape[0]"),
    "a shape of bools": (request(tensor(ONE, shape=[True, 28, 28])), "$.inputs[0].shape[0]"),
    "a shape with more drawings than data": (request(tensor(ONE, shape=[2, 28, 28])), "784 values"),
    "no data": (request(tensor(ONE, data=None)), "neither data nor binary_data_size"),
    "data and a size": (request(tensor(ONE, parameters={"binary_data_size": 784})), "both data and"),
    "a size without bytes": (
        request(tensor(ONE, data=None, parameters={"binary_data_size": 784})),
        "binary_data_size 784, and 0 bytes",
    ),
    "shared memory": (request(tensor(ONE, data=None, parameters={"shared_memory_region": "x"})), "shared memory"),
    "data that is no list": (request(tensor(ONE, data="AAAA")), "0 levels of lists"),
    "data nested otherwise": (request(tensor(ONE, data=[[0] * 784])), "2 levels of lists"),
    "data nested deeper": (request(tensor(ONE, data=[[[[0] * 28] * 28]])), "4 levels of lists"),
    "data nested halfway": (request(tensor(ONE, data=[0, [1]])), "images[1]: a list"),
    "27 rows": (request(tensor(ONE, data=[[[0] * 28] * 27])), "images[0]: 27 values"),
    "a short row": (request(tensor(ONE, data=[[*[[0] * 28] * 27, [0] * 27]])), "images[0][27]: 27 values"),
    "a row that is a number": (request(tensor(ONE, data=[[*[[0] * 28] * 27, 5]])), "images[0][27]: 5"),
    "short rows of 784": (request(tensor(ONE, shape=[1, 784], data=[[0] * 783])), "images[0]: 783 values"),
    "one drawing too few": (request(tensor(ONE, shape=[2, 28, 28], data=ONE.tolist())), "784 values"),
    "one value too many": (request(tensor(ONE, data=[0] * 785)), "785 values"),
    "an unknown output": (request(tensor(ONE), outputs=[{"name": "logits"}]), "no such output"),
    "an output twice": (request(tensor(ONE), outputs=[{"name": "scores"}] * 2), ": twice"),
    "an output as classification": (
        request(tensor(ONE), outputs=[{"name": "scores", "parameters": {"classification": 3}}]),
        ": classification",
    ),
    "an output in shared memory": (
        request(tensor(ONE), outputs=[{"name": "scores", "parameters": {"shared_memory_region": "x"}}]),
        ": shared memory",
    ),
    "a binary_data that is no bool": (
        request(tensor(ONE), outputs=[{"name": "scores", "parameters": {"binary_data": 1}}]),
        "$.outputs[0].parameters.binary_data",
    ),
    "an id that is no text": (request(tensor(ONE), id=7), "$.id"),
}


def read(body: object) -> None:
    read_question(json.dumps(body).encode(), None)


@pytest.mark.parametrize("case", BAD_JSON)
def test_a_request_that_cannot_be_answered_is_refused_with_what_was_found(case: str):
    body, found = BAD_JSON[case]
    with pytest.raises(BadDrawing, match=re.escape(found)):
        read(body)


def test_the_request_that_all_these_differ_from_is_taken():
    assert read_question(json.dumps(request(tensor(ONE))).encode(), None).pixels == bytes(784)


@pytest.mark.parametrize("value", ["300", "-1", "1.5", "256.0", "true", "null", '"12"', "0.5", "{}"])
@pytest.mark.parametrize("shape", [[1, 784], [1, 28, 28]])
@pytest.mark.parametrize("nested", [True, False])
def test_a_value_that_is_no_grey_value_is_named_with_its_place(value: str, shape: list[int], nested: bool):
    data = np.zeros(784, object)
    data[700] = "HERE"
    place = {(False, 2): "[700]", (False, 3): "[700]", (True, 2): "[0][700]", (True, 3): "[0][25][0]"}
    body = request(tensor(ONE, shape=shape, data=(data.reshape(shape) if nested else data).tolist()))
    sentence = f"images{place[nested, len(shape)]}: {value}; expected a whole number from 0 to 255"
    with pytest.raises(BadDrawing, match=re.escape(sentence)):
        read_question(json.dumps(body).replace('"HERE"', value).encode(), None)


@pytest.mark.parametrize("shape", [[1, 784], [1, 28, 28]])
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(("written", "value"), [("0.0", 0), ("255.0", 255), ("1e2", 100)])
def test_a_whole_number_is_one_in_whatever_way_it_is_written(nested: bool, shape: list[int], written: str, value: int):
    data = np.zeros(784, object)
    data[700] = "HERE"
    body = request(tensor(ONE, shape=shape, data=(data.reshape(shape) if nested else data).tolist()))
    pixels = read_question(json.dumps(body).replace('"HERE"', written).encode(), None).pixels
    assert pixels == bytes([*[0] * 700, value, *[0] * 83])


def test_a_number_beyond_all_measure_is_named_with_its_place():
    body = json.dumps(request(tensor(ONE, data=[0, "HERE"]))).encode().replace(b'"HERE"', b"1e400")
    with pytest.raises(BadDrawing, match=re.escape("number out of range - at `$[1]`; expected whole numbers")):
        read_question(body, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"inputs": []} garbage',
        b'{"inputs": [NaN]}',
        b'{"x": ' + b"[" * 100_000,
        b'{"id": "\xff"}',
        b'{"id": "\\ud800"}',
        b"\xff\xfe{",
        json.dumps(request(tensor(ONE, data=["HERE"]))).encode().replace(b"HERE", b"\xff"),
    ],
)
def test_a_body_that_is_no_json_is_not_understood(body: bytes):
    with pytest.raises(NotUnderstood, match="body: "):
        read_question(body, None)


@pytest.mark.parametrize(
    "length", ["-1", "+5", "1_0", "1.5", "0x10", "abc", "", " ", " 5", "²", "٣", "9" * 11, "9" * 5000, "99999"]
)
def test_a_length_of_the_json_that_cannot_be_is_not_understood(length: str):
    body, _ = in_bytes(ONE)
    with pytest.raises(NotUnderstood, match="Inference-Header-Content-Length"):
        read_question(body, length)


@pytest.mark.parametrize("length", ["0", "1", "20"])
def test_a_length_that_cuts_the_json_is_not_understood(length: str):
    with pytest.raises(NotUnderstood, match="body: "):
        read_question(in_bytes(ONE)[0], length)


@pytest.mark.parametrize(
    "lie",
    [
        {"size": 784},
        {"size": -1},
        {"size": 2**70},
        {"size": 784.0},
        {"size": True},
        {"size": "1568"},
        {"size": None},
        {"content": bytes(1567)},
        {"content": bytes(1569)},
        {"size": 1567, "content": bytes(1567)},
        {"size": 784, "content": bytes(784)},
        {"size": 0, "content": b""},
        {"shape": [1, 28, 28]},
        {"data": [0] * 1568},
    ],
    ids=lambda lie: "-".join(lie),
)
def test_a_size_that_lies_is_refused(lie: dict[str, Any]):
    two = np.zeros((2, 28, 28), np.uint8)
    assert read_question(*in_bytes(two)).pixels == bytes(1568)
    with pytest.raises(BadDrawing):
        read_question(*in_bytes(two, **lie))


def test_data_in_json_with_bytes_behind_it_is_refused():
    header = json.dumps(request(tensor(ONE))).encode()
    with pytest.raises(BadDrawing, match="1 bytes after the JSON"):
        read_question(header + b"x", str(len(header)))


@pytest.mark.parametrize("count", [1001, 2**62, 10**30])
def test_too_many_drawings_are_refused_before_their_values_are_read(count: int):
    with pytest.raises(TooLarge, match=f"{count:,}"):
        read(request(tensor(ONE, shape=[count, 784], data=["no number"])))


def test_a_long_name_is_cut_in_the_message():
    with pytest.raises(BadDrawing) as refused:
        read(request(tensor(ONE, name="x" * 100_000)))
    assert len(str(refused.value)) < 500


_anything = st.sampled_from(
    [
        *(None, True, -1, 0, 784, 1.5, 10**30, "", "x", "UINT8"),
        *([], [[]], [1, 784], [0, 28, 28], [0] * 784, [[0] * 784]),
        *({}, {"binary_data_size": 784}, {"binary_data": True}, {"binary_data": 1}, {"shared_memory_region": None}),
    ]
)
_tensors = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["images", "scores"]), "shape": st.just([1, 784]) | _anything},
        optional={"datatype": st.just("UINT8"), "data": st.just([0] * 784) | _anything, "parameters": _anything},
    ),
    max_size=2,
)
_requests = st.fixed_dictionaries({"inputs": _tensors}, optional={"outputs": _tensors, "id": _anything}).map(json.dumps)


@given(
    _requests.map(str.encode) | st.binary(),
    st.sampled_from([b"", b"x", bytes(784)]),
    st.sampled_from([None, "whole", "0", "1", "20", "-1"]),
)
def test_whatever_is_sent_is_read_whole_or_refused(header: bytes, rest: bytes, length: str | None):
    try:
        question = read_question(header + rest, str(len(header)) if length == "whole" else length)
    except (NotUnderstood, BadDrawing, TooLarge):
        return
    assert len(question.pixels) in (0, 784)
    assert question.outputs
