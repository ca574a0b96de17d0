"""The tensors of the Open Inference Protocol v2: as JSON, or as bytes that follow the JSON.

Source: "Open Inference Protocol (V2)" for the JSON, Triton's extension "Binary tensor data" for the bytes.
A parameter that changes what an answer means is obeyed or refused; others (priority, timeout, …) change nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from app.answering.answer import Answer
from app.drawing.ink_measures import PIXELS, SIDE
from app.web.operation import Natural, either
from app.web.payloads import MAX_ROWS, NOT_JSON, GreyValue, Rows, WholeGrey, WholeRows, as_bytes, check_count, no_json
from app.web.refusals import BadDrawing, NotUnderstood

INPUT, INPUT_TYPE = "images", "UINT8"
INPUT_SHAPES = ([SIDE, SIDE], [PIXELS])
"""Shapes of one drawing: the tensor's shape without its first number."""
OUTPUTS = {"prediction": "BYTES", "confidence": "FP32", "scores": "FP32", "findings": "BYTES"}
LENGTH_HEADER = "inference-header-content-length"
EXAMPLE = (
    f'Send {{"inputs": [{{"name": "{INPUT}", "datatype": "{INPUT_TYPE}", "shape": [1, {SIDE}, {SIDE}], '
    '"data": [whole numbers, 0 paper to 255 ink]}]}.'
)
NO_SHARED_MEMORY = "Send tensors in the body; this service reads no memory of others."


_not = Meta(extra_json_schema={"not": {}})
"""A field that is refused, or allowed only where bytes follow the JSON."""
_has_data = Meta(extra_json_schema={"required": ["data"]})
"""The form without bytes after the JSON, the only one that a schema can describe."""
_all_pixels = Meta(min_length=PIXELS, max_length=PIXELS)
_Size = Meta(extra_json_schema={"minimum": 0, "maximum": MAX_ROWS})
_Shape = Meta(
    description=f"[N, {SIDE}, {SIDE}] or [N, {PIXELS}]: N drawings.", extra_json_schema={"minItems": 2, "maxItems": 3}
)
_Data = Meta(
    description="The N drawings: all values in one list, or nested as the shape says.",
    extra_json_schema=either(list[GreyValue], list[Annotated[list[GreyValue], _all_pixels]], list[Rows]),
)


class InputParameters(Struct):
    """Others change nothing."""

    binary_data_size: Annotated[int | UnsetType, _not] = UNSET
    shared_memory_region: Annotated[Any, _not] = UNSET


class InferInput(Struct):
    """The drawings; their data are in the JSON or follow it."""

    name: Annotated[str, Meta(extra_json_schema={"enum": [INPUT]})]
    shape: Annotated[list[Annotated[int, _Size]], _Shape]
    datatype: Annotated[str, Meta(extra_json_schema={"enum": [INPUT_TYPE]})]
    data: Annotated[Raw | UnsetType, _Data] = UNSET
    parameters: InputParameters = msgspec.field(default_factory=InputParameters)


class OutputParameters(Struct):
    """Others change nothing."""

    binary_data: bool | UnsetType = UNSET
    classification: Annotated[Any, _not] = UNSET
    shared_memory_region: Annotated[Any, _not] = UNSET


class WantedOutput(Struct):
    """An output that is to be sent."""

    name: Annotated[str, Meta(extra_json_schema={"enum": list(OUTPUTS)})]
    parameters: OutputParameters = msgspec.field(default_factory=OutputParameters)


class InferParameters(Struct):
    """Others change nothing."""

    binary_data_output: bool = False


class InferRequest(Struct):
    """A question of the Open Inference Protocol.

    Attributes:
        outputs: each at most once; without any, all are sent.
    """

    inputs: Annotated[list[Annotated[InferInput, _has_data]], Meta(extra_json_schema={"minItems": 1, "maxItems": 1})]
    outputs: list[WantedOutput] = []
    id: str | UnsetType = UNSET
    parameters: InferParameters = msgspec.field(default_factory=InferParameters)


class Question(NamedTuple):
    """A request that can be answered.

    Attributes:
        pixels: 784 grey values for each drawing.
        outputs: the wanted names in the order of the request, each with whether it is sent as bytes.
        id: what the client calls this request.
    """

    pixels: bytes
    outputs: dict[str, bool]
    id: str | UnsetType


_request = msgspec.json.Decoder(InferRequest)
_decoders: dict[int, msgspec.json.Decoder[Any]] = {
    1: msgspec.json.Decoder(list[GreyValue]),
    2: msgspec.json.Decoder(list[Annotated[list[GreyValue], _all_pixels]]),
    3: msgspec.json.Decoder(list[Rows]),
}
"""Decoders by the depth of the lists: all values flat, or nested as one of the shapes."""
_whole_decoders: dict[int, msgspec.json.Decoder[Any]] = {
    1: msgspec.json.Decoder(list[WholeGrey]),
    2: msgspec.json.Decoder(list[Annotated[list[WholeGrey], _all_pixels]]),
    3: msgspec.json.Decoder(list[WholeRows]),
}
"""Decoders for data that the ones above refuse: values may also be written as 255.0."""
_opening = re.compile(rb"[\s\[]*")


def read_question(body: bytes, header_length: str | None) -> Question:
    """A body's question; `header_length`: the header Inference-Header-Content-Length, where the JSON ends.

    Raises:
        NotUnderstood: no JSON, or a length that cannot be. BadDrawing: a tensor of another name, datatype, shape or
            size, or values that are no grey values. TooLarge: more than MAX_ROWS drawings.
    """
    length = len(body) if header_length is None else _length(header_length, body)
    header, rest = body[:length], body[length:]
    try:
        request = _request.decode(header)
    except msgspec.ValidationError as error:
        raise _refusal("body", found=error, expected="a request of the Open Inference Protocol v2") from None
    except NOT_JSON as error:
        raise no_json(error, header) from None
    if [tensor.name for tensor in request.inputs] != [INPUT]:
        found = ", ".join(tensor.name for tensor in request.inputs)
        raise _refusal("inputs", found=found or "none", expected=f'one tensor, "{INPUT}"')
    return Question(_pixels(request.inputs[0], rest), _wanted(request), request.id)


def _length(text: str, body: bytes) -> int:
    """Subtle: plain digits only; int() would also read "+5", "1_0" and the digits of other scripts."""
    if text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= len(body):
        return int(text)
    raise NotUnderstood(
        "header Inference-Header-Content-Length",
        found=text[:40] or "empty",
        expected=f"the number of bytes of JSON, at most the {len(body):,} of the body",
        remedy="Count the bytes before the first tensor, or leave the header out when all of the body is JSON.",
    )


def _pixels(tensor: InferInput, rest: bytes) -> bytes:
    """The grey values of the one input, from its JSON or from the bytes that follow it."""
    subject, size = f'tensor "{INPUT}"', tensor.parameters.binary_data_size
    if tensor.datatype != INPUT_TYPE:
        remedy = "Send grey values, 0 paper to 255 ink; floats in [0, 1]: multiply by 255, round and cast to uint8."
        raise _refusal(subject, found=f"datatype {tensor.datatype}", expected=INPUT_TYPE, remedy=remedy)
    if tensor.shape[1:] not in INPUT_SHAPES or tensor.shape[0] < 0:
        remedy = "One drawing has the first number 1; do not leave it out."
        expected = " or ".join(f"[N, {str(shape)[1:]}" for shape in INPUT_SHAPES)
        raise _refusal(subject, found=f"shape {tensor.shape}", expected=expected, remedy=remedy)
    check_count(tensor.shape[0])
    expected_bytes = tensor.shape[0] * PIXELS
    if tensor.parameters.shared_memory_region is not UNSET:
        raise _refusal(subject, found="shared memory", expected="data in the body", remedy=NO_SHARED_MEMORY)
    if (tensor.data is UNSET) == (size is UNSET):
        found = "neither data nor binary_data_size" if size is UNSET else "both data and binary_data_size"
        raise _refusal(subject, found=found, expected="one of them")
    if not isinstance(tensor.data, UnsetType):
        if rest:
            raise _refusal(subject, found=f"data, and {len(rest):,} bytes after the JSON", expected="one of them")
        return _decode(tensor.data, tensor.shape)
    if not size == len(rest) == expected_bytes:
        found = f"binary_data_size {size}, and {len(rest):,} bytes after the JSON"
        expected = f"{expected_bytes:,} for the shape {tensor.shape}, in both"
        remedy = "Send one byte for each grey value, and say in Inference-Header-Content-Length where the JSON ends."
        raise _refusal(subject, found=found, expected=expected, remedy=remedy)
    return rest


def _decode(data: Raw, shape: list[int]) -> bytes:
    """The values of `data`, flat or nested as `shape` says."""
    subject = f'data of tensor "{INPUT}"'
    depth = _opening.match(bytes(data))[0].count(b"[")  # type: ignore[index]  # it also matches nothing
    if depth not in (1, len(shape)):
        expected = f"a flat list, or one nested as the shape {shape}"
        raise _refusal(subject, found=f"{depth} levels of lists", expected=expected)
    pixels = _joined(data, depth)
    if len(pixels) != shape[0] * PIXELS:
        expected = f"{shape[0] * PIXELS:,} for the shape {shape}"
        raise _refusal(subject, found=f"{len(pixels):,} values", expected=expected)
    return pixels


def _joined(data: Raw, depth: int) -> bytes:
    """All values, one after the other."""
    try:
        values = _decoders[depth].decode(data)
        rows = (values,) if depth == 1 else values if depth == 2 else chain.from_iterable(values)
        return b"".join(map(bytes, rows))
    except (msgspec.DecodeError, RecursionError):  # its syntax is already known to be JSON
        pass
    try:
        return as_bytes(_whole_decoders[depth].decode(data))
    except (msgspec.DecodeError, RecursionError) as error:
        raise _explain(str(error), data, depth) from None


def _explain(message: str, data: Raw, depth: int) -> Exception:
    """The refusal of an invalid value, with its place; `message` ends in the place, such as "at `$[3][17]`"."""
    try:
        value = msgspec.json.decode(data)
    except NOT_JSON as error:
        return no_json(error, data)
    place = re.findall(r"\[(\d+)\]", message.rpartition(" at ")[2])
    for index in place:
        value = value[int(index)]
    subject = f"{INPUT}{''.join(f'[{index}]' for index in place)}"
    if len(place) == depth:
        found = "a list" if isinstance(value, list) else msgspec.json.encode(value).decode()
        return _refusal(subject, found=found, expected="a whole number from 0 to 255")
    found = f"{len(value)} values" if isinstance(value, list) else msgspec.json.encode(value).decode()
    return _refusal(subject, found=found, expected=f"a list of {PIXELS if depth == 2 else SIDE}")


def _wanted(request: InferRequest) -> dict[str, bool]:
    """Output name -> whether it goes out as bytes; all of them when the request names none."""
    everywhere = request.parameters.binary_data_output
    wanted: dict[str, bool] = {}
    for output in request.outputs:
        subject, parameters = f'output "{output.name[:40]}"', output.parameters
        if output.name not in OUTPUTS or output.name in wanted:
            found = "twice" if output.name in wanted else "no such output"
            remedy = "Ask for each at most once; without outputs, all are sent."
            raise _refusal(subject, found=found, expected=", ".join(OUTPUTS), remedy=remedy)
        if parameters.shared_memory_region is not UNSET:
            raise _refusal(subject, found="shared memory", expected="data in the body", remedy=NO_SHARED_MEMORY)
        if parameters.classification is not UNSET:
            remedy = 'Ask for "prediction" and "confidence", or sort "scores".'
            raise _refusal(subject, found="classification", expected="the tensor itself", remedy=remedy)
        binary = parameters.binary_data
        wanted[output.name] = everywhere if isinstance(binary, UnsetType) else binary
    return wanted or dict.fromkeys(OUTPUTS, everywhere)


def _refusal(subject: str, *, found: object, expected: str, remedy: str = EXAMPLE) -> BadDrawing:
    text = str(found)
    return BadDrawing(subject, found=text if len(text) <= 120 else f"{text[:120]}…", expected=expected, remedy=remedy)


# -- what goes out -----------------------------------------------------------------------------------------------------


class OutputTensor(Struct, omit_defaults=True):
    """An output; its data follow the JSON where a parameter says how many bytes they are."""

    name: str
    datatype: str
    shape: list[Natural]
    parameters: dict[str, int] | UnsetType = UNSET
    data: list[Any] | UnsetType = UNSET


class InferResponse(Struct):
    """Answers to a question of the Open Inference Protocol."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str | UnsetType = UNSET


def write_answers(
    question: Question, answers: Sequence[Answer], *, model: str, version: str, classes: int
) -> tuple[bytes, int | None]:
    """The body for these answers, and the length of its JSON; None where all of it is JSON."""
    outputs, parts = [], []
    for name, binary in question.outputs.items():
        shape = [len(answers), classes] if name == "scores" else [len(answers)]
        tensor = OutputTensor(name, OUTPUTS[name], shape)
        values = _values(name, answers)
        if binary:
            part = _as_bytes(values) if tensor.datatype == "BYTES" else np.array(values, "<f4").tobytes()
            tensor.parameters = {"binary_data_size": len(part)}
            parts.append(part)
        else:
            tensor.data = values
        outputs.append(tensor)
    header = msgspec.json.encode(InferResponse(model, version, outputs, question.id))
    return b"".join([header, *parts]), len(header) if parts else None


def _values(name: str, answers: Sequence[Answer]) -> list[Any]:
    """The values of one output, flat; scores in the order of the classes, findings as their names with spaces."""
    if name == "scores":
        return [score for answer in answers for score in answer.scores.values()]
    if name == "findings":
        return [" ".join(finding.name for finding in answer.findings) for answer in answers]
    return [getattr(answer, name) for answer in answers]


def _as_bytes(texts: Sequence[str]) -> bytes:
    """Each text as its length (4 bytes, little-endian) and its UTF-8."""
    encoded = [text.encode() for text in texts]
    return b"".join(len(text).to_bytes(4, "little") + text for text in encoded)
