"""Honest ONNX files, written by hand: a message is a list of (field number, value), so that each part can be changed.

A value is an int (varint), a float (float32), text or bytes, or a list: a message again.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Message = list[tuple[int, Any]]

FLOAT, UINT8, INT32, INT64, BOOL, FLOAT16, DOUBLE = 1, 2, 6, 7, 9, 10, 11
TYPES = {"float32": FLOAT, "uint8": UINT8, "int32": INT32, "int64": INT64, "float16": FLOAT16, "float64": DOUBLE}
IR, PRODUCER, GRAPH, OPSET, PROPERTIES = 1, 2, 7, 8, 14
NODE, GRAPH_NAME, INITIALIZER, INPUT, OUTPUT, VALUE_INFO = 1, 2, 5, 11, 12, 13


def varint(number: int) -> bytes:
    """The bytes of a whole number; of a negative one those of its two's complement."""
    number &= (1 << 64) - 1
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def encode(message: Message) -> bytes:
    """The bytes of a message."""
    return b"".join(_field(number, value) for number, value in message)


def _field(number: int, value: Any) -> bytes:
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = encode(value) if isinstance(value, list) else value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, values: Any, dtype: str = "float32") -> Message:
    array = np.asarray(values, dtype)
    named = [(8, name)] if name else []
    return [*((1, size) for size in array.shape), (2, TYPES[array.dtype.name]), *named, (9, array.tobytes())]


def attribute(name: str, value: Any) -> Message:
    """Of the kind that the value has; a list of ints is "ints", an array a tensor."""
    match value:
        case np.ndarray():
            return [(1, name), (5, tensor("", value, value.dtype.name)), (20, 4)]
        case list():
            return [(1, name), *((8, number) for number in value), (20, 7)]
        case int():
            return [(1, name), (3, value), (20, 2)]
        case float():
            return [(1, name), (2, value), (20, 1)]
    return [(1, name), (4, value), (20, 3)]


def node(operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> Message:
    made = [(5, attribute(name, value)) for name, value in attributes.items()]
    return [*((1, name) for name in inputs), (2, output), (3, f"{operator} of {output}"), (4, operator), *made]


def value(name: str, dtype: int, dims: Iterable[int | str | None]) -> Message:
    shape = [(1, [] if dim is None else [(2 if isinstance(dim, str) else 1, dim)]) for dim in dims]
    return [(1, name), (2, [(1, [(1, dtype), (2, shape)])])]


def model(
    nodes: Sequence[Message],
    constants: Sequence[Message],
    *,
    input: Message | None = None,
    output: Message | None = None,
    ir: int = 8,
    opset: int = 13,
    classes: str | None = None,
    count: int = 10,
    graph: Message | None = None,
    more: Message | None = None,
) -> Message:
    """A ModelProto; `graph` and `more` are fields that its graph and it get at the end."""
    inside = [
        *((NODE, one) for one in nodes),
        (GRAPH_NAME, "digits"),
        *((INITIALIZER, one) for one in constants),
        (INPUT, input or value("pixels", UINT8, ["n", 28, 28])),
        (OUTPUT, output or value("scores", FLOAT, ["n", count])),
        *(graph or []),
    ]
    labels = [(PROPERTIES, [(1, "classes"), (2, classes)])] if classes is not None else []
    return [(IR, ir), (PRODUCER, "tests"), (GRAPH, inside), (OPSET, [(1, ""), (2, opset)]), *labels, *(more or [])]


class Net:
    """A network in the making: each operator takes what the one before it gave."""

    def __init__(self, *, seed: int = 0, gain: float = 1.0) -> None:
        self.chance = np.random.default_rng(seed)
        self.gain = gain
        self.nodes: list[Message] = []
        self.constants: list[Message] = []
        self.name = "pixels"

    def add(self, operator: str, *constants: Any, output: str = "", **attributes: Any) -> Net:
        """An operator with these constants after the value; an ndarray of its own dtype, a list of int64."""
        names = []
        for values in constants:
            names.append(f"constant {len(self.constants)}")
            array = np.array(values, "i8") if isinstance(values, list) else np.asarray(values)
            self.constants.append(tensor(names[-1], array, array.dtype.name))
        before, self.name = self.name, output or ("scores" if operator == "Softmax" else f"value {len(self.nodes)}")
        self.nodes.append(node(operator, [before, *names], self.name, **attributes))
        return self

    def weights(self, *shape: int) -> NDArray[np.float32]:
        """Random ones, of which sums of a window are about 1."""
        inside = math.prod(shape[1:])
        return (self.gain * self.chance.normal(size=shape) / math.sqrt(inside)).astype("f4")

    def scaled(self) -> Net:
        """Pixels of [N, 28, 28] uint8, as maps of 0 to 1."""
        return self.add("Cast", to=FLOAT).add("Mul", np.float32(1 / 255)).add("Reshape", [-1, 1, 28, 28])

    def conv(self, maps: int, channels: int, side: int, **attributes: Any) -> Net:
        weights = self.weights(maps, channels, side, side)
        return self.add("Conv", weights, self.weights(maps), kernel_shape=[side, side], **attributes)

    def pool(self, side: int = 2, **attributes: Any) -> Net:
        return self.add("MaxPool", **{"kernel_shape": [side, side], "strides": [side, side], **attributes})

    def gemm(self, inputs: int, outputs: int) -> Net:
        return self.add("Gemm", self.weights(outputs, inputs), self.weights(outputs), transB=1)

    def end(self, **changes: Any) -> Message:
        """The file, with a softmax at its end."""
        return model(self.add("Softmax", axis=1).nodes, self.constants, **changes)


def small(*, seed: int = 0, gain: float = 3.0, **changes: Any) -> Message:
    """Two convolutions, three classes, 450 weights: about 1.5 kB."""
    net = Net(seed=seed, gain=gain).scaled().conv(2, 1, 5, strides=[3, 3]).add("Relu").pool()
    net.conv(3, 2, 3, pads=[1, 1, 1, 1]).add("Relu").pool().add("Flatten", axis=1).gemm(12, 3)
    return net.end(**{"classes": "1 2 3", "count": 3, **changes})


def perceptron(*, hidden: int = 4, seed: int = 0, **changes: Any) -> Message:
    """A layer of hidden units on ink, ten classes."""
    net = Net(seed=seed).add("Greater", np.uint8(128)).add("Cast", to=FLOAT).add("Flatten")
    return net.gemm(784, hidden).add("Relu").gemm(hidden, 10).end(**changes)


def linear(*, classes: str = "1 2 3", seed: int = 0, gain: float = 1.0, **changes: Any) -> Message:
    """One layer on float32 pixels, whose scale the file leaves open."""
    count = len(classes.split())
    net = Net().add("MatMul", Net(seed=seed, gain=gain).weights(784, count))
    net.add("Add", Net(seed=1).weights(count))
    pixels = value("pixels", FLOAT, ["n", 784])
    return net.end(**{"input": pixels, "classes": classes, "count": count, "opset": 17, **changes})


def graph_of(file: Message) -> Message:
    """The graph in a file; a change of it changes the file."""
    return next(content for number, content in file if number == GRAPH)


def changed(change: Callable[[Message], object], base: Callable[[], Message] = small) -> bytes:
    """The bytes of an honest file with one change, made in its graph."""
    file = base()
    change(graph_of(file))
    return encode(file)


def part(graph: Message, number: int, index: int = 0) -> Message:
    """The content of a graph's field of this number."""
    found: list[Message] = [content for one, content in graph if one == number]
    return found[index]
