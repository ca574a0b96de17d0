"""Odd ONNX files that are legal: networks of rare shapes, and rare ways of writing usual ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count, islice

import numpy as np

from app.model.onnx.reader import read_onnx
from app.model.refusals import ArtefactRefused
from tests.attacks.mutations_onnx import HONEST, mutation
from tests.attacks.odd import Odd
from tests.attacks.onnx_files import (
    FLOAT,
    INITIALIZER,
    INT32,
    INT64,
    NODE,
    PROPERTIES,
    UINT8,
    VALUE_INFO,
    Message,
    Net,
    encode,
    graph_of,
    linear,
    node,
    perceptron,
    small,
    value,
    varint,
)

F32 = np.float32
RANDOM = 150


def catalogue() -> Iterator[Odd]:
    """Every odd file, whether it is accepted or not."""
    for name, file in (*_frames(), *_pixels(), *_shapes(), *_layers(), *_writings()):
        yield Odd(name, encode(file))
    for number in range(RANDOM):
        yield Odd(f"random network {number}", encode(random_network(number)))


def accepted(seed: int) -> Iterator[Odd]:
    """Mutations of this seed that our reader accepts, without end, and none twice."""
    seen = set(HONEST)
    for number in count():
        data = mutation(seed, number)
        if data in seen:
            continue
        seen.add(data)
        try:
            read_onnx(data, lambda: "unit")
        except ArtefactRefused:
            continue
        yield Odd(f"mutation {number} of seed {seed}", data)


def _frames() -> Iterator[tuple[str, Message]]:
    for opset in range(13, 24):
        yield f"opset {opset}", small(opset=opset)
        yield f"a perceptron of opset {opset}", perceptron(opset=opset)
    for ir in (7, 9, 10, 11, 12):
        yield f"IR version {ir}", small(ir=ir)
    for batch in (1, 2, 7, 64, None):
        yield f"a batch of {batch}", small(input=value("pixels", UINT8, [batch, 28, 28]),
                                           output=value("scores", FLOAT, [batch, 3]))  # fmt: skip
    yield "an output of an open batch", small(input=value("pixels", UINT8, [4, 28, 28]))
    for classes in ("0 1 2", "1 3 5 7 9", "0 1 2 3 4 5 6 7 8 9", "1 2 3 4 5 6 7 8 9"):
        yield f"classes {classes}", linear(classes=classes)
    declared = [(VALUE_INFO, value(f"value {place}", FLOAT, ["n", 28, 28])) for place in (0, 1)]
    declared.append((VALUE_INFO, value("constant 2", FLOAT, [2, 1, 5, 5])))
    yield "declarations", small(graph=declared)
    yield "other properties", small(more=[(PROPERTIES, [(1, "author"), (2, "\u00e9")]), (6, "a text"), (5, 3)])


def _pixels() -> Iterator[tuple[str, Message]]:
    def grey(shape: list[int], *steps: tuple[str, object], dtype: int = UINT8) -> Net:
        net = Net(seed=5)
        if dtype == UINT8:
            net.add("Cast", to=FLOAT)
        for operator, constant in steps:
            net.add(operator, constant)
        return net

    norm = (("Div", F32(255)), ("Sub", F32(0.1307)), ("Div", F32(0.3081)))
    for name, steps in (
        ("unscaled", ()),
        ("divided", norm[:1]),
        ("normalised", norm),
        ("turned", (("Mul", F32(-1 / 255)), ("Add", F32(1)))),
        ("of constants of one number", (("Mul", np.full(1, 0.01, "f4")), ("Sub", np.full((1, 1, 1), 0.5, "f4")))),
        ("moved far", (("Div", F32(255)), ("Add", F32(100)))),
    ):
        for shape in ([28, 28], [1, 28, 28], [784]):
            for dtype in (UINT8, FLOAT):
                net = grey(shape, *steps, dtype=dtype).add("Reshape", [0, 1, 28, 28]).conv(2, 1, 7, strides=[4, 4])
                if name == "unscaled" and dtype == UINT8:
                    net.gain = 0.01
                file = net.add("Relu").add("Flatten").gemm(72, 10).end(input=value("pixels", dtype, ["n", *shape]))
                yield f"pixels {name}, {shape}, type {dtype}", file
    padded = grey([28, 28], *norm).add("Reshape", [-1, 1, 28, 28]).conv(2, 1, 5, pads=[2, 2, 2, 2], strides=[3, 3])
    yield "normalised pixels, padded", padded.add("Relu").add("Flatten").gemm(200, 10).end()
    for name, dtype, limit in (("int32", INT32, np.int32(128)), ("int64", INT64, np.int64(128)),
                               ("float32", FLOAT, F32(128.5))):  # fmt: skip
        net = Net().add("Cast", to=dtype).add("Greater", limit).add("Cast", to=FLOAT).add("Flatten")
        yield f"ink by {name}", net.gemm(784, 10).end()
    net = Net().add("Greater", np.uint8(128)).add("Cast", to=FLOAT).add("Sub", F32(0.5)).add("Mul", F32(2))
    yield "ink of -1 and 1", net.add("Flatten").gemm(784, 10).end()
    net = Net().add("Cast", to=FLOAT).add("Mul", F32(0.01)).add("Reshape", [-1, 1, 14, 56])
    yield "pixels in another shape", net.conv(2, 1, 5, strides=[3, 3]).add("Flatten").gemm(144, 10).end()


def _shapes() -> Iterator[tuple[str, Message]]:
    """Pixels as PyTorch's `unsqueeze(1)` and others bring them into shape."""
    for axis in (1, -3):
        net = Net(seed=3).add("Cast", to=FLOAT).add("Div", F32(255)).add("Unsqueeze", [axis])
        yield f"an Unsqueeze at {axis}", net.conv(2, 1, 7, strides=[4, 4]).add("Flatten").gemm(72, 10).end()
    net = Net(seed=4).add("Unsqueeze", [1]).add("Cast", to=FLOAT).add("Mul", F32(0.01)).add("Squeeze", [-3])
    yield "an Unsqueeze and a Squeeze", net.add("Flatten").gemm(784, 10).end()
    net = Net(seed=6).scaled().conv(5, 1, 28).add("Relu").add("Squeeze", [2, 3]).gemm(5, 10)
    yield "a Squeeze of maps of one place", net.end()
    net = Net(seed=6).add("Cast", to=FLOAT, saturate=1).add("Reshape", [-1, 784], allowzero=0)
    yield "attributes of newer operator sets", net.add("Mul", F32(0.01)).gemm(784, 10).end(opset=19)


def _layers() -> Iterator[tuple[str, Message]]:
    for activation in ("Relu", "Tanh", "Sigmoid"):
        for order in ("before", "after"):
            net = Net(seed=2, gain=2).scaled().conv(3, 1, 5, strides=[2, 2])
            net = net.pool().add(activation) if order == "before" else net.add(activation).pool()
            yield f"a pool {order} {activation}", net.add("Flatten").gemm(108, 10).end()
    for side, stride in ((1, 1), (2, 1), (3, 1), (3, 2), (2, 3), (1, 2), (5, 5)):
        net = Net().scaled().conv(2, 1, 5).add("Relu").pool(side, strides=[stride, stride])
        left = (24 - side) // stride + 1
        yield f"a pool of {side}, {stride}", net.add("Flatten").gemm(2 * left * left, 10).end()
    net = Net().scaled().conv(2, 1, 5).pool(2, kernel_shape=[3, 2], strides=[1, 3]).pool().add("Relu")
    yield "two pools, one not square", net.add("Flatten").gemm(2 * 11 * 4, 10).end()
    for pads in ([1, 0, 0, 0], [0, 2, 1, 0], [4, 4, 4, 4], [0, 0, 3, 3]):
        net = Net().scaled().conv(2, 1, 5, pads=pads, strides=[2, 3])
        high, wide = (28 + pads[0] + pads[2] - 5) // 2 + 1, (28 + pads[1] + pads[3] - 5) // 3 + 1
        yield f"pads {pads}", net.add("Tanh").add("Flatten").gemm(2 * high * wide, 10).end()
    yield "no bias", Net().scaled().add("Conv", Net().weights(2, 1, 28, 28)).add("Flatten").gemm(2, 10).end()
    net = Net().scaled().add("Conv", Net().weights(2, 1, 14, 14)).add("Add", np.ones((2, 1, 1), "f4"))
    yield "a bias added", net.add("Relu").add("Flatten").gemm(450, 10).end()
    net = Net().scaled().conv(2, 1, 28).add("Relu").add("Reshape", [0, -1]).gemm(2, 6).add("Relu").gemm(6, 10)
    yield "a window of everything", net.end()
    net = Net().scaled().conv(4, 1, 3).conv(3, 4, 1).add("Relu").pool(13).add("Flatten").gemm(12, 10)
    yield "two convolutions in a row, one of 1x1", net.end()
    net = Net().scaled().add("Flatten").add("Gemm", Net().weights(784, 10), Net().weights(1, 10))
    yield "a Gemm that is not turned, its bias of two dimensions", net.end()
    net = (
        Net()
        .scaled()
        .add("Flatten")
        .add("MatMul", Net().weights(784, 5))
        .add("Relu")
        .add("MatMul", Net().weights(5, 10))
    )
    yield "MatMuls without a bias", net.end()
    for depth in (1, 4, 12):
        net = Net(gain=1.4).scaled().add("Flatten").gemm(784, 9)
        for _ in range(depth):
            net.add("Relu").add("Identity").gemm(9, 9)
        yield f"{depth} hidden layers", net.gemm(9, 10).end()
    for gain in (1e-3, 1, 10, 100, 1e4):
        yield f"weights of {gain:g}", small(gain=gain)
    sure = Net().scaled().add("Flatten").add("Gemm", np.zeros((784, 10), "f4"), np.linspace(-200, 200, 10, dtype="f4"))
    yield "logits of 200", sure.end()
    zeros = Net().scaled().add("Flatten").add("Gemm", np.zeros((784, 10), "f4"))
    yield "all classes alike", zeros.end()
    denormal = Net().scaled().add("Flatten").add("Gemm", np.full((784, 10), 1e-40, "f4"), Net().weights(10))
    yield "denormal weights", denormal.end()


def _writings() -> Iterator[tuple[str, Message]]:
    """The small file, written otherwise."""
    for name, kind in (("float_data", 4), ("packed sizes", 1)):
        file = small()
        for number, one in graph_of(file):
            if number == INITIALIZER and (2, FLOAT) in one:
                sizes = [content for field, content in one if field == 1]
                if kind == 4:
                    one[:] = [(4 if field == 9 else field, content) for field, content in one]
                elif sizes:
                    one[:] = [*(part for part in one if part[0] != 1), (1, b"".join(map(varint, sizes)))]
        yield name, file
    file = small()
    graph = graph_of(file)
    place = next(at for at, (number, one) in enumerate(graph) if number == INITIALIZER and (2, INT64) in one)
    name = next(content for number, content in graph[place][1] if number == 8)
    graph[place] = (INITIALIZER, [(1, 4), (2, INT64), (8, name), *((7, size) for size in (-1, 1, 28, 28))])
    yield "int64_data", file
    file = small()
    graph = graph_of(file)
    constants = [one for number, one in graph if number == INITIALIZER]
    graph[:] = [part for part in graph if part[0] != INITIALIZER]
    for one in constants:
        name = next(content for number, content in one if number == 8)
        held = [(1, "value"), (5, [part for part in one if part[0] != 8]), (20, 4)]
        graph.insert(0, (NODE, [(2, name), (4, "Constant"), (5, held)]))
    yield "Constants", file
    file = small()
    graph_of(file).sort(key=lambda part: -part[0] if part[0] != NODE else 0)
    yield "another order of fields", file
    yield "fields backwards", [*small()[:1], *small()[:0:-1]]
    file = small()
    for _, one in graph_of(file):
        if isinstance(one, list):
            one[:] = [part for part in one if part[0] != 3 or not isinstance(part[1], str)]
    yield "nodes without names", file
    file = small()
    graph_of(file).insert(0, (NODE, [(3, "empty domain"), *node("Identity", ["pixels"], "same"), (7, "")][1:]))
    next(one for number, one in graph_of(file) if number == NODE and (4, "Cast") in one)[0] = (1, "same")
    yield "an Identity of pixels", file
    swapped = small()
    for number, one in graph_of(swapped):
        if number == NODE and (4, "Mul") in one:
            one[0], one[1] = one[1], one[0]
    yield "a factor before its pixels", swapped
    spread = small()
    names = {"pixels": "\u00e9t\u00e9 \u6570", "scores": "/out.0"}
    yield "names of other letters", _renamed(spread, names)


def _renamed(message: Message, names: dict[str, str]) -> Message:
    def renamed(content: object) -> object:
        if isinstance(content, list):
            return _renamed(content, names)
        return names.get(content, content) if isinstance(content, str) else content

    return [(number, renamed(content)) for number, content in message]


def random_network(number: int) -> Message:
    """A network of random layers."""
    chance = random.Random(f"network {number}")
    net = Net(seed=number, gain=chance.choice((0.5, 1, 2))).scaled()
    channels, height, width = 1, 28, 28
    for _ in range(chance.randint(0, 3)):
        maps, high, wide = chance.randint(1, 5), chance.randint(1, min(5, height)), chance.randint(1, min(5, width))
        strides = [chance.randint(1, 2), chance.randint(1, 3)]
        pads = [chance.randrange(high), chance.randrange(wide), chance.randrange(high), chance.randrange(wide)]
        weights, bias = net.weights(maps, channels, high, wide), net.weights(maps)
        net.add("Conv", weights, bias, strides=strides, pads=pads)
        channels, height = maps, (height + pads[0] + pads[2] - high) // strides[0] + 1
        width = (width + pads[1] + pads[3] - wide) // strides[1] + 1
        steps = chance.choice((["Relu"], ["Relu", "MaxPool"], ["MaxPool", "Tanh"], [], ["Sigmoid"], ["MaxPool"] * 2))
        for step in steps:
            if step != "MaxPool":
                net.add(step)
            elif min(height, width) >= 3:
                side, stride = chance.randint(1, 3), chance.randint(1, 3)
                net.pool(side, strides=[stride, stride])
                height, width = (height - side) // stride + 1, (width - side) // stride + 1
    net.add("Flatten")
    inputs = channels * height * width
    for _ in range(chance.randint(0, 2)):
        outputs = chance.randint(1, 30)
        net.gemm(inputs, outputs).add(chance.choice(("Relu", "Tanh", "Sigmoid")))
        inputs = outputs
    return net.gemm(inputs, 10).end(opset=chance.randint(13, 23))


def mutations(seed: int, number: int) -> list[Odd]:
    """So many accepted mutations."""
    return list(islice(accepted(seed), number))
