"""Hostile ONNX files whose pixels are brought into a shape or a scale that is not supported."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.attacks.hostile import Hostile, hostile
from tests.attacks.onnx_files import BOOL, FLOAT, FLOAT16, UINT8, Net, encode

F32 = np.float32


def files() -> Iterator[Hostile]:
    grey = [("Cast", [], {"to": FLOAT})]
    for name, steps, codes in (
        ("no Cast", [("Mul", [F32(0.1)], {})], "dtype"),
        ("a Cast to float16", [("Cast", [], {"to": FLOAT16})], "dtype"),
        ("a Cast to bool", [("Cast", [], {"to": BOOL})], "dtype"),
        ("a Cast to nothing", [("Cast", [], {})], "dtype"),
        ("a Cast back", [*grey, ("Cast", [], {"to": UINT8})], "dtype"),
        ("a factor of 0", [*grey, ("Mul", [F32(0)], {})], "weights"),
        ("a division by 0", [*grey, ("Div", [F32(0)], {})], "weights"),
        ("a factor of NaN", [*grey, ("Mul", [F32("nan")], {})], "weights"),
        ("a tiny factor", [*grey, *[("Mul", [F32(1e-6)], {})] * 2], "weights"),
        ("a map of factors", [*grey, ("Mul", [np.ones((28, 28), "f4")], {})], "shape"),
        ("a factor of five dimensions", [*grey, ("Mul", [np.ones((1, 1, 1, 1), "f4")], {})], "shape"),
        ("a factor of float64", [*grey, ("Mul", [np.float64(0.5)], {})], "dtype"),
        ("another limit of ink", [("Greater", [np.uint8(100)], {})], "graph"),
        ("limits of ink", [("Greater", [np.full((28, 28), 128, "u1")], {})], "graph"),
        ("a limit of another type", [("Greater", [np.int64(128)], {})], "graph"),
        ("ink of ink", [*[("Greater", [np.uint8(128)], {}), *grey] * 2], "graph"),
        ("ink of scaled pixels", [*grey, ("Mul", [F32(0.5)], {}), ("Greater", [F32(128)], {})], "graph"),
        ("another order of pixels", [("Transpose", [], {"perm": [0, 2, 1]})], "operator"),
        ("a MaxPool of pixels", [*grey, ("Reshape", [[-1, 1, 28, 28]], {}),
                                 ("MaxPool", [], {"kernel_shape": [2, 2]})], "graph"),
        ("a Relu of pixels", [*grey, ("Relu", [], {})], "graph"),
        ("a Softmax of pixels", [*grey, ("Flatten", [], {}), ("Softmax", [], {})], "graph"),
        ("a Reshape to two channels", [("Reshape", [[-1, 2, 14, 28]], {})], "shape"),
        ("a Reshape that joins images", [("Reshape", [[-1, 2 * 784]], {})], "shape"),
        ("a Reshape that parts images", [("Reshape", [[-1, 392]], {})], "shape"),
        ("a Reshape to one image", [("Reshape", [[1, 784]], {})], "shape"),
        ("a Reshape to two open sizes", [("Reshape", [[-1, -1]], {})], "shape"),
        ("a Reshape to -2", [("Reshape", [[-1, -784]], {})], "shape"),
        ("a Reshape to nothing", [("Reshape", [[0, 0]], {"allowzero": 1})], "shape"),
        ("a Reshape to no rows", [("Reshape", [[]], {})], "shape"),
        ("a Reshape to huge sizes", [("Reshape", [[-1, 1 << 62, 1 << 62]], {})], "shape"),
        ("a Reshape to a number", [("Reshape", [np.int64(784)], {})], "shape"),
        ("a Reshape to floats", [("Reshape", [np.array([-1, 784], "f4")], {})], "shape"),
        ("a Div by a tiny number", [*grey, ("Div", [F32(1e-7)], {})], "weights"),
        ("many small moves", [*grey, *[("Add", [F32(300)], {}), ("Sub", [F32(300)], {})] * 4,
                              ("Flatten", [], {}), ("MatMul", [np.eye(784, 10, dtype="f4")], {})], "weights"),
        ("many steps", [*grey, *[("Mul", [F32(1.1)], {})] * 9], "limit"),
        ("a Cast with saturate of another opset", [("Cast", [], {"to": FLOAT, "saturate": 1})], "attribute"),
        ("a Reshape with allowzero of another opset", [("Reshape", [[-1, 784]], {"allowzero": 0})], "attribute"),
        ("an Unsqueeze of images", [("Unsqueeze", [[0]], {})], "shape"),
        ("an Unsqueeze at the end", [("Unsqueeze", [[3]], {})], "shape"),
        ("an Unsqueeze of old ONNX", [("Unsqueeze", [], {"axes": [1]})], "graph"),
        ("an Unsqueeze twice in one place", [("Unsqueeze", [[1, -3]], {})], "shape"),
        ("an Unsqueeze far away", [("Unsqueeze", [[1 << 40]], {})], "shape"),
        ("an Unsqueeze to five dimensions", [("Unsqueeze", [[1, 2]], {})], "shape"),
        ("an Unsqueeze over a number", [("Unsqueeze", [np.int64(1)], {})], "shape"),
        ("a Squeeze of rows", [("Squeeze", [[1]], {})], "shape"),
        ("a Squeeze of images", [("Unsqueeze", [[1]], {}), ("Squeeze", [[0]], {})], "shape"),
        ("a Flatten of images", [("Flatten", [], {"axis": 0})], "attribute"),
        ("a Flatten of rows", [("Flatten", [], {"axis": 2})], "attribute"),
    ):  # fmt: skip
        net = Net()
        for operator, constants, attributes in steps:
            net.add(operator, *constants, **attributes)
        yield hostile(f"pixels {name}", encode(net.end()), codes, name)
