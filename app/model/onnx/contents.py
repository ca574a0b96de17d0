"""From the bytes of an ONNX file to its parts: one input, one output, nodes in order, constants as views of the file.

Here the frame is checked, whatever the operators mean: versions, domains, names, types, sizes. `operators.py` goes on.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from app.model.onnx.refusals import IR_VERSIONS, OPSETS, refused, shown
from app.model.onnx.schema import MODEL
from app.model.onnx.wire import Walk

MAX_NODES = 200
MAX_CONSTANTS = 400
MAX_RANK = 4
MAX_WEIGHTS = 4 << 20
"""Numbers in all constants."""

FLOAT, UINT8, INT32, INT64, BOOL = 1, 2, 6, 7, 9
"""The data types of ONNX that an accepted file may have."""
TYPES = {FLOAT: "float32", UINT8: "uint8", INT32: "int32", INT64: "int64", BOOL: "bool"}

_NUMPY: dict[int, np.dtype[Any]] = {
    FLOAT: np.dtype("<f4"),
    UINT8: np.dtype("u1"),
    INT32: np.dtype("<i4"),
    INT64: np.dtype("<i8"),
}
_PLACES: dict[str, np.dtype[Any] | None] = {
    "raw_data": None,
    "float_data": _NUMPY[FLOAT],
    "int64_data": _NUMPY[INT64],
    "int32_data": np.dtype("V"),
}
"""Fields that hold a tensor's numbers, and the only type that each may hold."""
_OWN_DOMAINS = ("", "ai.onnx")
_KIND_OF_ATTRIBUTE = {1: "f", 2: "i", 3: "s", 4: "t", 7: "ints"}
_DEFAULTS: dict[str, Any] = {"f": 0.0, "i": 0, "s": b""}


class Value(NamedTuple):
    """A declared value: its ONNX data type, and its dimensions, None where the file leaves one open or names it."""

    name: str
    dtype: int
    dims: tuple[int | None, ...]


class Node(NamedTuple):
    """An operator with one output; attributes by name, each an int, float, bytes, tuple of ints, or array."""

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """The parts of an ONNX file.

    Attributes:
        constants: initializers by name, read-only views of the file's bytes.
        declared: what the file says of values between nodes.
        metadata: its metadata_props.
    """

    opset: int
    producer: str
    input: Value
    output: Value
    declared: tuple[Value, ...]
    nodes: tuple[Node, ...]
    constants: dict[str, NDArray[Any]]
    metadata: dict[str, str]


def read_contents(data: bytes) -> Contents:
    """The parts of the ONNX file in these bytes, at most 32 MiB.

    Raises:
        ArtefactRefused: and nothing else, whatever the bytes.
    """
    model = Walk(data).message(MODEL, 0, len(data))
    if model.get("ir_version") not in IR_VERSIONS:
        _refuse("ir", f"IR version {model.get('ir_version')}; {IR_VERSIONS[0]} to {IR_VERSIONS[-1]} are supported")
    opset = _opset(model["opset_import"])
    graph = model.get("graph")
    if graph is None:
        _refuse("graph", "a file without a graph")
    for what, most in (("node", MAX_NODES), ("initializer", MAX_CONSTANTS)):
        if len(graph[what]) > most:
            _refuse("limit", f"{len(graph[what]):,} {what}s; the limit is {most}")
    names = [node["name"] for node in graph["node"] if node.get("name")]
    if len(set(names)) < len(names):
        _refuse("graph", "two nodes of one name")
    constants: dict[str, NDArray[Any]] = {}
    for tensor in graph["initializer"]:
        _add(constants, _name(tensor.get("name"), "an initializer"), _tensor(tensor))
    if sum(values.size for values in constants.values()) > MAX_WEIGHTS:
        _refuse("limit", f"more than {MAX_WEIGHTS:,} numbers in initializers")
    return Contents(
        opset,
        _producer(model),
        _only(graph["input"], "input"),
        _only(graph["output"], "output"),
        tuple(_value(one) for one in graph["value_info"]),
        tuple(_node(one) for one in graph["node"]),
        constants,
        _metadata(model["metadata_props"]),
    )


def _refuse(code: str, why: str) -> NoReturn:
    raise refused(code, why)


def _name(name: str | None, of: str) -> str:
    if not name or len(name) > 1000:
        _refuse("graph", f"{of} without a name" if not name else f"{of} with a name of {len(name):,} characters")
    return name


def _add(constants: dict[str, NDArray[Any]], name: str, values: NDArray[Any]) -> None:
    if name in constants:
        _refuse("graph", f"two initializers named {shown(name)}")
    constants[name] = values


def _opset(imports: list[dict[str, Any]]) -> int:
    foreign = [one.get("domain", "") for one in imports if one.get("domain", "") not in _OWN_DOMAINS]
    if foreign:
        _refuse("domain", f"operators of the domain {shown(foreign[0])}")
    if len(imports) != 1:
        _refuse("opset", f"{len(imports)} operator sets, one belongs there")
    version: int = imports[0].get("version", 0)
    if version not in OPSETS:
        _refuse("opset", f"operator set {version}; {OPSETS[0]} to {OPSETS[-1]} are supported")
    return version


def _producer(model: dict[str, Any]) -> str:
    said = f"{model.get('producer_name', '')} {model.get('producer_version', '')}"
    return re.sub(r"[^A-Za-z0-9._+ -]", "", said)[:40].strip() or "an unnamed exporter"


def _metadata(entries: list[dict[str, str]]) -> dict[str, str]:
    properties: dict[str, str] = {}
    for entry in entries:
        key = entry.get("key", "")
        if key in properties:
            _refuse("twice", f"two metadata_props {shown(key)}")
        properties[key] = entry.get("value", "")
    return properties


def _only(values: list[dict[str, Any]], what: str) -> Value:
    if len(values) != 1:
        _refuse(what, f"{len(values)} {what}s of the graph, one belongs there")
    return _value(values[0])


def _value(value: dict[str, Any]) -> Value:
    name = _name(value.get("name"), "a value")
    tensor = value.get("type", {}).get("tensor_type")
    if tensor is None or "elem_type" not in tensor or "shape" not in tensor:
        _refuse("shape", f"{shown(name)} without a type and a shape")
    dims = []
    for dim in tensor["shape"]["dim"]:
        if "dim_value" in dim and "dim_param" in dim:
            _refuse("twice", f"two sizes of one dimension of {shown(name)}")
        dims.append(dim.get("dim_value"))
    if len(dims) > MAX_RANK:
        _refuse("shape", f"{len(dims)} dimensions of {shown(name)}")
    return Value(name, tensor["elem_type"], tuple(dims))


def _tensor(tensor: dict[str, Any]) -> NDArray[Any]:
    """The numbers of a tensor, as a view; nothing is allocated before its size was held against the bytes."""
    what = shown(tensor.get("name", "a constant"))
    dims = tensor["dims"]
    dtype = _NUMPY.get(tensor.get("data_type", 0))
    if dtype is None:
        _refuse("dtype", f"{what} of data type {tensor.get('data_type', 0)}, where float32 or whole numbers belong")
    if tensor.get("data_location", 0) != 0:
        _refuse("external", f"{what}, whose numbers lie in another file")
    if len(dims) > MAX_RANK or not all(1 <= dim <= MAX_WEIGHTS for dim in dims):
        _refuse("shape", f"{what} of shape {tuple(dims[:8])}")
    places = [place for place in _PLACES if len(tensor.get(place, ()))]
    if len(places) != 1 or _PLACES[places[0]] not in (None, dtype):
        _refuse("dtype", f"{what}, whose numbers are in {' and '.join(places) or 'no field'}; raw_data is supported")
    found = tensor[places[0]]
    numbers = np.array(found, dtype).tobytes() if places[0] == "int64_data" else found
    if len(numbers) != math.prod(dims) * dtype.itemsize:
        _refuse("shape", f"{what} of shape {tuple(dims)} in {len(numbers):,} bytes")
    return np.frombuffer(numbers, dtype).reshape(dims)


def _node(node: dict[str, Any]) -> Node:
    operator = node.get("op_type", "")
    if node.get("domain", "") not in _OWN_DOMAINS or node.get("overload", ""):
        _refuse("domain", f"the operator {shown(operator)} of the domain {shown(node.get('domain', ''))}")
    if len(node["output"]) != 1:
        _refuse("graph", f"{len(node['output'])} outputs of a {shown(operator)}")
    attributes: dict[str, Any] = {}
    for attribute in node["attribute"]:
        name = attribute.get("name", "")
        if name in attributes:
            _refuse("twice", f"two attributes {shown(name)} of a {shown(operator)}")
        attributes[name] = _attribute(attribute, f"{shown(name)} of a {shown(operator)}")
    inputs = tuple(_name(name, f"an input of a {shown(operator)}") for name in node["input"])
    return Node(operator, inputs, _name(node["output"][0], f"an output of a {shown(operator)}"), attributes)


def _attribute(attribute: dict[str, Any], what: str) -> Any:
    kind = _KIND_OF_ATTRIBUTE.get(attribute.get("type", 0))
    others = [one for one in ("f", "i", "s", "t") if one in attribute and one != kind]
    if kind is None or others or (attribute["ints"] and kind != "ints") or (kind == "t" and "t" not in attribute):
        _refuse("attribute", f"{what} of type {attribute.get('type', 0)} with a value of another")
    if kind == "ints":
        return tuple(attribute["ints"])
    if kind == "t":
        return _tensor(attribute["t"])
    value = attribute.get(kind, _DEFAULTS[kind])
    return bytes(value[:100]) if kind == "s" else value
