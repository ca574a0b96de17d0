"""Hostile ONNX files whose frame is whole: their constants, lines, operators, attributes, or sizes are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.attacks import hostile_onnx_pixels
from tests.attacks.hostile import Hostile, hostile
from tests.attacks.onnx_files import (
    DOUBLE,
    FLOAT,
    FLOAT16,
    INITIALIZER,
    INT64,
    NODE,
    Message,
    Net,
    attribute,
    changed,
    encode,
    graph_of,
    model,
    node,
    part,
    small,
    tensor,
    value,
)

F32 = np.float32


def files() -> Iterator[Hostile]:
    for some in (_constants, _lines, hostile_onnx_pixels.files, _layers, _attributes, _ends, _sizes):
        yield from some()


def _constants() -> Iterator[Hostile]:
    def first(change: Callable[[Message], object]) -> bytes:
        """Changes the first convolution's weights."""
        return changed(lambda graph: change(part(graph, INITIALIZER, 2)))

    def other(*fields: Any) -> Callable[[Message], object]:
        """Replaces fields of these numbers."""
        numbers = {number for number, _ in fields}
        return lambda one: one.__setitem__(slice(None), [*(f for f in one if f[0] not in numbers), *fields])

    nan, infinite = (np.full((2, 1, 5, 5), bad, "f4").tobytes() for bad in (np.nan, np.inf))
    for name, change, codes in (
        ("in another file", lambda one: one.append((13, [(1, "location"), (2, "/etc/passwd")])), "external"),
        ("in another place", lambda one: one.append((14, 1)), "external"),
        ("in a segment", lambda one: one.append((3, [])), "dtype"),
        ("of texts", lambda one: one.append((6, "text")), "dtype"),
        ("of doubles in two places", lambda one: one.append((10, bytes(8))), "dtype"),
        ("of raw and float data", lambda one: one.append((4, bytes(200))), "dtype"),
        ("of raw and whole numbers", lambda one: one.append((7, 1)), "dtype"),
        ("with a second raw data", lambda one: one.append((9, bytes(200))), "twice"),
        ("with a second name", lambda one: one.append((8, "x")), "twice"),
        ("without numbers", other((9, b"")), "dtype"),
        ("a byte short", other((9, bytes(199))), "shape"),
        ("a number short", other((9, bytes(196))), "shape"),
        ("a number too long", other((9, bytes(204))), "shape"),
        ("of float16", other((2, FLOAT16), (9, bytes(100))), "dtype"),
        ("of float64", other((2, DOUBLE), (9, bytes(400))), "dtype"),
        ("of int64", other((2, INT64), (9, bytes(400))), "dtype"),
        ("of type 0", other((2, 0)), "dtype"),
        ("of a type beyond 32 bits", other((2, (1 << 32) + 1)), "dtype"),
        ("of a negative size", other((1, -2), (1, -1), (1, 5), (1, 5)), "shape"),
        ("of a size of 0", other((1, 0), (1, 1), (1, 5), (1, 5)), "shape"),
        ("of a huge size", other((1, 1 << 62), (1, 1), (1, 5), (1, 5)), "shape"),
        ("of sizes whose product is beyond 64 bits", other(*[(1, 1 << 22)] * 4), "shape"),
        ("of five dimensions", other((1, 2), (1, 1), (1, 5), (1, 5), (1, 1)), "shape"),
        ("of 1,000 dimensions", other(*[(1, 1)] * 1000), "shape"),
        ("of three dimensions", other((1, 2), (1, 5), (1, 5)), "shape"),
        ("of NaN", other((9, nan)), "weights"),
        ("of infinities", other((9, infinite)), "weights"),
        ("of 2e6", other((9, np.full(50, 2e6, "f4").tobytes())), "weights"),
        ("without a name", other((8, "")), "graph"),
        ("of a long name", other((8, "x" * 2000)), "graph"),
        ("of another's name", other((8, "constant 0")), "graph"),
        ("of the input's name", other((8, "pixels")), "graph"),
        ("that nobody uses", other((8, "nobody")), "graph"),
    ):
        yield hostile(f"a constant {name}", first(change), codes, name)
    spare = tensor("spare", F32(1))
    yield hostile("an unused constant", changed(lambda g: g.append((INITIALIZER, spare))), "graph", "bytes for nobody")


def _lines() -> Iterator[Hostile]:
    """Graphs that are no straight line."""

    def renamed(index: int, place: int, name: str) -> bytes:
        def change(graph: Message) -> None:
            one = part(graph, NODE, index)
            places = [at for at, (number, _) in enumerate(one) if number == 1]
            one[places[place]] = (1, name)

        return changed(change)

    for name, data in (
        ("skips a value", renamed(4, 0, "value 2")),
        ("takes itself", renamed(4, 0, "value 4")),
        ("takes a later value", renamed(4, 0, "value 6")),
        ("takes a value twice", renamed(3, 1, "value 2")),
        ("takes the input again", renamed(6, 0, "pixels")),
        ("uses weights twice", renamed(6, 1, "constant 2")),
        ("takes a bias that is a value", renamed(3, 2, "value 0")),
        ("takes weights from nowhere", renamed(3, 1, "nowhere")),
        ("takes a value without a name", renamed(4, 0, "")),
        ("names two values alike", changed(lambda g: part(g, NODE, 4).__setitem__(1, (2, "value 3")))),
        ("names a value like a constant", changed(lambda g: part(g, NODE, 4).__setitem__(1, (2, "constant 0")))),
        ("names a value like the input", changed(lambda g: part(g, NODE, 4).__setitem__(1, (2, "pixels")))),
        ("gives a value without a name", changed(lambda g: part(g, NODE, 4).__setitem__(1, (2, "")))),
        ("is out of order", changed(lambda g: g.insert(0, g.pop(3)))),
        ("forks", changed(lambda g: g.insert(4, (NODE, node("Relu", ["value 3"], "fork"))))),
        ("has two nodes of one name", changed(lambda g: part(g, NODE, 1).append((3, "Relu of value 4")), _bare)),
    ):
        yield hostile(f"a line that {name}", data, "graph", name)
    yield hostile("a node without an operator", changed(lambda g: g.insert(3, (NODE, []))), "graph", "nothing")
    for operator in ("If", "Loop", "Scan", "PythonOp", "ATen", "Gather", "Concat", "ConstantOfShape", "Tile", "Expand",
                     "Range", "RandomNormal", "Dropout", "BatchNormalization", "LogSoftmax", "ArgMax", "Resize", "Pad",
                     "conv", "Conv ", "\x1b[2J", "X" * 5000):  # fmt: skip
        net = Net().scaled()
        data = encode(model([*net.nodes, node(operator, [net.name], "scores")], net.constants))
        yield hostile(f"the operator {operator[:20]!a}", data, "operator", "does what it likes")
    branch = [(1, "then_branch"), (6, graph_of(small())), (20, 5)]
    for name, fields, codes in (
        ("a graph", branch, "subgraph"),
        ("graphs", [(1, "branches"), (11, []), (20, 10)], "subgraph"),
        ("a reference", [(1, "to"), (21, "to"), (20, 2)], "function"),
        ("a sparse tensor", [(1, "value"), (22, []), (20, 11)], "sparse"),
        ("a type", [(1, "type"), (14, []), (20, 13)], "attribute"),
        ("texts", [(1, "names"), (9, "x"), (20, 8)], "attribute"),
        ("floats", [(1, "scales"), (7, 1.0), (20, 6)], "attribute"),
        ("tensors", [(1, "values"), (10, []), (20, 9)], "attribute"),
    ):
        data = changed(lambda g: part(g, NODE).append((5, fields)))  # noqa: B023
        yield hostile(f"an attribute that holds {name}", data, codes, name)


def _bare() -> Message:
    """The small file, its second node without a name."""
    file = small()
    one = part(graph_of(file), NODE, 1)
    one[:] = [field for field in one if field[0] != 3]
    return file


def _layers() -> Iterator[Hostile]:
    def maps() -> Net:
        return Net().scaled().conv(2, 1, 5, strides=[3, 3])  # 2 maps of 8x8

    def flat() -> Net:
        return maps().add("Flatten").gemm(128, 10)

    ones = lambda *shape: np.ones(shape, "f4")  # noqa: E731
    for name, net, codes in (
        ("a number that swallows pixels", Net().add("Cast", to=FLOAT).add("Add", F32(1e6)).add("Sub", F32(1e6))
         .add("Flatten").gemm(784, 10), "weights"),
        ("a number that swallows ink", Net().add("Greater", np.uint8(128)).add("Cast", to=FLOAT).add("Add", F32(5))
         .add("Sub", F32(5)).add("Flatten").gemm(784, 10), "weights"),
        ("a Conv of flat pixels", Net().add("Cast", to=FLOAT).add("Flatten").add("Conv", ones(1, 1, 3, 3)), "shape"),
        ("a Conv of rows", Net().add("Cast", to=FLOAT).add("Conv", ones(1, 28, 3)), "shape"),
        ("a Conv of uint8", Net().add("Reshape", [-1, 1, 28, 28]).add("Conv", ones(1, 1, 3, 3)), "dtype"),
        ("a Conv of other channels", maps().conv(2, 3, 3), "shape"),
        ("a Conv larger than its map", maps().conv(2, 2, 9), "shape"),
        ("a Conv larger than pixels", Net().scaled().conv(1, 1, 29), "shape"),
        ("a Conv without weights", maps().add("Conv"), "graph"),
        ("a Conv with four inputs", maps().add("Conv", ones(1, 2, 3, 3), ones(1), ones(1)), "graph"),
        ("a Conv with a bias of another size", maps().add("Conv", ones(2, 2, 3, 3), ones(3)), "shape"),
        ("a Conv with a bias of two dimensions", maps().add("Conv", ones(2, 2, 3, 3), ones(2, 1)), "shape"),
        ("a MaxPool larger than its map", maps().pool(9), "shape"),
        ("a MaxPool of flat values", flat().pool(), "shape"),
        ("a Gemm of maps", maps().gemm(128, 10), "shape"),
        ("a Gemm of another size", maps().add("Flatten").gemm(127, 10), "shape"),
        ("a Gemm with a bias of one number", flat().add("Gemm", ones(10, 10), ones(1)), "shape"),
        ("a Gemm with weights of one dimension", flat().add("Gemm", ones(10)), "shape"),
        ("a MatMul of maps", maps().add("MatMul", ones(8, 8)), "shape"),
        ("a MatMul with three dimensions", flat().add("MatMul", ones(1, 10, 10)), "shape"),
        ("a sum over the width", maps().add("Add", ones(8)), "graph"),
        ("a sum of flat maps", maps().add("Conv", ones(2, 2, 3, 3)).add("Flatten").add("Add", ones(2)), "graph"),
        ("a Squeeze of maps", maps().add("Squeeze", [1]), "shape"),
        ("a second bias", flat().add("Add", ones(10)), "graph"),
        ("a factor after a layer", flat().add("Mul", ones(10)), "graph"),
        ("a sum after a Relu", maps().add("Relu").add("Add", ones(2, 1, 1)), "graph"),
        ("two activations", maps().add("Relu").add("Tanh"), "graph"),
        ("a Cast between layers", flat().add("Cast", to=INT64), "dtype"),
        ("a Greater between layers", flat().add("Greater", F32(128)), "graph"),
        ("a Reshape of maps to other maps", maps().add("Reshape", [-1, 8, 8, 2]), "shape"),
        ("a Reshape of values to maps", flat().add("Reshape", [-1, 1, 2, 5]), "shape"),
        ("values that overflow", maps().add("Flatten").add("Gemm", *_huge(128)).add("Gemm", *_huge(100))
         .add("Gemm", *_huge(100)).add("Gemm", *_huge(100)), "weights"),
    ):  # fmt: skip
        if "overflow" in name:
            net.gemm(100, 10)
        yield hostile(f"layers {name}", encode(net.end()), codes, name)


def _huge(inputs: int) -> tuple[Any, Any]:
    return np.full((inputs, 100), 1e6, "f4"), np.full(100, 1e6, "f4")


def _attributes() -> Iterator[Hostile]:
    def conv(**attributes: Any) -> Net:
        return Net().scaled().conv(2, 1, 5, **attributes)

    def pool(**attributes: Any) -> Net:
        return conv().pool(**attributes)

    def gemm(**attributes: Any) -> Net:
        net = Net().scaled().add("Flatten")
        return net.add("Gemm", net.weights(784, 10), net.weights(10), **attributes)

    for name, net, codes in (
        ("groups", conv(group=2), "attribute"),
        ("dilations", conv(dilations=[2, 2]), "attribute"),
        ("SAME_UPPER", conv(auto_pad="SAME_UPPER"), "attribute"),
        ("an unknown auto_pad", conv(auto_pad="\x1b[2J"), "attribute"),
        ("strides of 0", conv(strides=[0, 1]), "attribute"),
        ("negative strides", conv(strides=[-1, 1]), "attribute"),
        ("huge strides", conv(strides=[1 << 40, 1]), "attribute"),
        ("one stride", conv(strides=[1]), "attribute"),
        ("strides as a number", conv(strides=2), "attribute"),
        ("no strides", conv(strides=[]), "attribute"),
        ("negative pads", conv(pads=[-1, 0, 0, 0]), "attribute"),
        ("pads as large as the window", conv(pads=[5, 0, 0, 0]), "attribute"),
        ("huge pads", conv(pads=[1 << 40, 0, 0, 0]), "attribute"),
        ("two pads", conv(pads=[1, 1]), "attribute"),
        ("an unknown attribute", conv(evil=1), "attribute"),
        ("an attribute without a name", conv(**{"": 1}), "attribute"),
        ("a MaxPool without a size", Net().scaled().conv(1, 1, 3).add("MaxPool"), "attribute"),
        ("a MaxPool of size 0", pool(kernel_shape=[0, 0]), "attribute"),
        ("a MaxPool of one size", pool(kernel_shape=[2]), "attribute"),
        ("a MaxPool of a huge size", pool(kernel_shape=[1 << 40, 1]), "attribute"),
        ("a MaxPool with pads", pool(pads=[1, 1, 1, 1]), "attribute"),
        ("a MaxPool with ceil_mode", pool(ceil_mode=1), "attribute"),
        ("a MaxPool by columns", pool(storage_order=1), "attribute"),
        ("a MaxPool with dilations", pool(dilations=[2, 2]), "attribute"),
        ("a Gemm with alpha", gemm(alpha=2.0), "attribute"),
        ("a Gemm with alpha of NaN", gemm(alpha=float("nan")), "attribute"),
        ("a Gemm with alpha as a number", gemm(alpha=1), "attribute"),
        ("a Gemm with beta", gemm(beta=0.0), "attribute"),
        ("a Gemm that turns images", gemm(transA=1), "attribute"),
        ("a Gemm that turns weights by 2", gemm(transB=2), "attribute"),
        ("a Gemm of old ONNX", gemm(broadcast=1), "attribute"),
    ):
        if name.startswith(("a MaxPool", "groups")) or "Gemm" not in name:
            net.add("Flatten")
        yield hostile(f"attribute {name}", encode(net.end()), codes, name)
    for opset in (19, 23):
        net = Net().add("Cast", to=FLOAT, saturate=0).add("Flatten").gemm(784, 10)
        yield hostile(
            f"attribute saturate of opset {opset}", encode(net.end(opset=opset)), "attribute", "no 8-bit float"
        )
    for name, fields, codes in (
        ("a type of another value", [(1, "strides"), (3, 1), (20, 7)], "attribute"),
        ("two values", [(1, "strides"), (3, 1), (8, 1), (20, 7)], "attribute"),
        ("no type", [(1, "strides"), (8, 3), (8, 3)], "attribute"),
        ("an unknown type", [(1, "strides"), (8, 3), (8, 3), (20, 99)], "attribute"),
        ("a type beyond 32 bits", [(1, "strides"), (8, 3), (8, 3), (20, (1 << 32) + 7)], "attribute"),
        ("a tensor that is none", [(1, "strides"), (20, 4)], "attribute"),
        ("a second type", [(1, "strides"), (8, 3), (8, 3), (20, 7), (20, 7)], "twice"),
    ):

        def change(graph: Message) -> None:
            one = part(graph, NODE, 3)
            one[:] = [field for field in one if field[0] != 5] + [(5, fields)]  # noqa: B023

        yield hostile(f"attribute with {name}", changed(change), codes, name)
    twice = changed(lambda graph: part(graph, NODE, 3).append((5, attribute("strides", [1, 1]))))
    yield hostile("attribute said twice", twice, "twice", "the last one wins")
    constant = node("Constant", ["pixels"], "extra", value=np.ones(1, "f4"))
    yield hostile("a Constant of pixels", changed(lambda graph: graph.insert(0, (NODE, constant))), "graph", "")
    for name, attributes in (("nothing", {}), ("a number", {"value_int": 1}), ("a text", {"value": "x"})):
        one = node("Constant", [], "extra", **attributes)
        yield hostile(f"a Constant of {name}", changed(lambda g: g.insert(0, (NODE, one))), "attribute", name)  # noqa: B023


def _ends() -> Iterator[Hostile]:
    def dense() -> Net:
        return Net().scaled().add("Flatten").gemm(784, 10)

    def file(net: Net, last: str) -> bytes:
        return encode(model(net.nodes, net.constants, output=value(last, FLOAT, ["n", 10])))

    bare = dense()
    yield hostile("an end without a Softmax", file(bare, bare.name), "scores", "logits")
    for operator in ("Relu", "Sigmoid", "Identity"):
        net = dense().add(operator)
        yield hostile(f"an end in {operator}", file(net, net.name), "scores", "no shares of classes")
    for axis in (0, 2, -2, 1 << 40):
        net = dense().add("Softmax", axis=axis)
        yield hostile(f"a Softmax over axis {axis}", file(net, net.name), "scores", "over images, or nothing")
    for operator in ("Softmax", "Relu", "Identity"):
        net = dense().add("Softmax").add(operator, output="last")
        yield hostile(f"a {operator} after the Softmax", file(net, "last"), "scores", "changes the scores")
    net = dense().add("Relu")
    yield hostile("a Softmax of a Relu", encode(net.end()), "graph", "what no classifier does")
    net = Net().scaled().conv(10, 1, 28).add("Flatten")
    yield hostile("a Softmax of a Conv", encode(net.end()), "scores", "no Gemm")
    net = Net().scaled().conv(10, 1, 28).add("Softmax")
    yield hostile("a Softmax of maps", file(net, net.name), "shape", "another axis")


def _sizes() -> Iterator[Hostile]:
    """Much work for few bytes."""
    wide = Net().scaled().conv(500, 1, 1)
    deep = Net().scaled().conv(64, 1, 3)
    for _ in range(3):
        deep.conv(64, 64, 3)
    many = Net().scaled()
    for _ in range(201):
        many.add("Identity")
    constants = [tensor(f"more {number}", F32(1)) for number in range(401)]
    heavy = Net().scaled().add("Flatten")
    pooled = Net().scaled().conv(334, 1, 1)
    for _ in range(6):
        pooled.pool(strides=[1, 1])
    pooled.pool(22).add("Flatten").gemm(334, 10)
    for net, name in (
        (wide, "wide maps"),
        (deep, "many products"),
        (many, "many nodes"),
        (Net().scaled().conv(200, 1, 1).conv(8, 200, 25, pads=[24, 24, 24, 24]), "large windows"),
        (heavy.gemm(784, 6000), "many numbers"),
        (pooled, "much pooling"),
    ):
        yield hostile(f"size {name}", encode(net.add("Flatten").end()), "limit", name)
    yield hostile("size many buffers", encode(_held().pool(28).add("Flatten").gemm(20, 10).end()), "limit", "memory")
    data = changed(lambda graph: graph.extend((INITIALIZER, one) for one in constants))
    yield hostile("size many constants", data, "limit", "many constants")
    yield hostile("size beyond 32 MiB", encode(small()) + bytes(32 << 20), "size", "a large file")


def _held() -> Net:
    """Few products, but windows of many numbers in each of six layers."""
    net = Net().scaled().conv(20, 1, 1)
    for _ in range(6):
        net.conv(1, 20, 7, pads=[3, 3, 3, 3]).conv(20, 1, 1)
    return net
