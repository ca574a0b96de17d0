"""From the parts of an ONNX file to a network: a straight line of known operators, each checked as it is met.

Every node takes the value before it and constants, each constant is used once. Shapes and types are computed here, and
held against what the file declares; all bounds are checked before anything is computed with the file's numbers.

Source of the operators: onnx.ai, "ONNX Operators"; of each the versions in opset 13 to 23, which agree on what is
accepted here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.model.contract import INK_ABOVE
from app.model.onnx.attributes import Attributes
from app.model.onnx.contents import BOOL, FLOAT, INT32, INT64, TYPES, UINT8, Contents, Node
from app.model.onnx.line import Line, Operator, check_declared, refuse, type_of
from app.model.onnx.network import Convolution, Dense, ImageNetwork, Pixels, Shape, Stage, Window, pooled
from app.model.onnx.refusals import SCALE_PLAINLY, SMALLER, shown

MAX_PATCHES = 1 << 21
"""Numbers of all windows of a convolution together, for one image."""
MAX_WINDOW = 28
COMPARISON = 10
"""A number of a MaxPool's window takes as long as so many multiplications."""

LEAST_FACTOR, MOST_FACTOR = 0.999e-6, 1.001e6
"""Of pixels: a millionth and a million, with room for their rounding in float32."""
MAX_SCALINGS = 8
"""Steps in which pixels are scaled and moved: each rounds anew."""

_NUMBERS = (UINT8, INT32, INT64, FLOAT)


# -- pixels ------------------------------------------------------------------------------------------------------------


def _cast(line: Line, node: Node, attributes: Attributes) -> None:
    line.constants(node, 0, 0)
    to = attributes.int("to", 0)
    if attributes.int("saturate", 1, since=19) != 1:
        refuse("attribute", "a Cast with saturate, which is of 8-bit floats")
    if to != FLOAT and not (line.dtype == UINT8 and to in (INT32, INT64)):
        refuse("dtype", f"a Cast from {TYPES[line.dtype]} to {TYPES.get(to, f'data type {to}')}")
    line.dtype = to


def _greater(line: Line, node: Node, attributes: Attributes) -> None:
    line.must_be(*_NUMBERS, for_a="Greater")
    dtype = line.dtype
    (limit,) = line.constants(node, 1, 1)
    if line.stages or line.pixels != Pixels() or limit.size != 1 or limit.ndim > len(line.shape) + 1:
        refuse("graph", "a Greater that does not compare the pixels with one number")
    if type_of(limit) != dtype or not INK_ABOVE <= limit.item() < INK_ABOVE + 1:
        refuse("graph", f"a limit of ink that is not {INK_ABOVE}")
    line.dtype, line.pixels, line.is_scaled = BOOL, Pixels(is_ink=True), True


def _arithmetic(line: Line, node: Node, attributes: Attributes) -> None:
    """Mul, Div, Add and Sub of pixels and one number; and Add as the bias of a layer without one."""
    line.must_be(FLOAT, for_a=node.operator)
    is_swapped = node.operator in ("Mul", "Add") and len(node.inputs) == 2 and node.inputs[1] == line.name
    (constant,) = line.constants(node._replace(inputs=node.inputs[::-1]) if is_swapped else node, 1, 1)
    _finite(constant, node.operator)
    if line.stages:
        return _add_bias(line, node, constant)
    if constant.size != 1 or constant.ndim > len(line.shape) + 1:
        refuse("shape", f"a {node.operator} of pixels with a constant of shape {constant.shape}")
    number, before = float(constant.item()), line.pixels
    if node.operator in ("Mul", "Div"):
        if not LEAST_FACTOR <= abs(number) <= MOST_FACTOR:
            refuse("weights", f"a {node.operator} of pixels with {number:g}", remedy=SCALE_PLAINLY)
        by = number if node.operator == "Mul" else 1 / number
        line.pixels = replace(before, factor=before.factor * by, offset=before.offset * by)
    else:
        line.pixels = replace(before, offset=before.offset + (number if node.operator == "Add" else -number))
    if not LEAST_FACTOR <= abs(line.pixels.factor) <= MOST_FACTOR:
        refuse("weights", f"pixels of scale {line.pixels.factor:g}", remedy=SCALE_PLAINLY)
    line.scalings += 1
    if line.scalings > MAX_SCALINGS:
        refuse("limit", f"more than {MAX_SCALINGS} Mul, Div, Add and Sub of pixels", remedy=SCALE_PLAINLY)
    moved = abs(line.pixels.offset / line.pixels.factor)
    line.pixels = replace(line.pixels, moved=before.moved + moved)
    return None


def _add_bias(line: Line, node: Node, constant: NDArray[Any]) -> None:
    stage = line.last(node.operator, plain=True)
    count = len(stage.linear.bias)
    shapes = ((count, 1, 1), (1, count, 1, 1)) if len(line.shape) == 3 else ((count,), (1, count))
    is_flat = len(line.shape) != len(stage.linear.output)  # a value for each place of each map
    if node.operator != "Add" or is_flat or stage.linear.bias.any() or constant.shape not in shapes:
        refuse("graph", f"a {node.operator} after a layer that is not its bias")
    line.stages[-1] = replace(stage, linear=replace(stage.linear, bias=constant.reshape(-1)))


def _reshape(line: Line, node: Node, attributes: Attributes) -> None:
    zero_copies = attributes.int("allowzero", 0, since=14) == 0
    (target,) = line.constants(node, 1, 1)
    if not zero_copies and not target.all():
        refuse("shape", "a Reshape to nothing")
    if target.dtype != np.int64 or target.ndim != 1 or not 1 <= len(target) <= 4:
        refuse("shape", "a Reshape to no list of sizes")
    batch, *rest = target.tolist()
    sizes = [line.shape[place] if size == 0 and place < len(line.shape) else size for place, size in enumerate(rest)]
    if sizes.count(-1) == 1 and batch in (0, line.batch):
        known = -math.prod(sizes)
        sizes[sizes.index(-1)] = math.prod(line.shape) // known if known > 0 else 0
    if batch not in (0, -1, line.batch) or min(sizes, default=0) < 1:
        refuse("shape", f"a Reshape to {target.tolist()}")
    _to_shape(line, tuple(sizes), "Reshape")


def _flatten(line: Line, node: Node, attributes: Attributes) -> None:
    line.constants(node, 0, 0)
    if attributes.int("axis", 1) != 1:
        refuse("attribute", "a Flatten that does not keep the images apart")
    _to_shape(line, (math.prod(line.shape),), "Flatten")


def _unsqueeze(line: Line, node: Node, attributes: Attributes) -> None:
    (axes,) = line.constants(node, 1, 1)
    shape = list(line.shape)
    for axis in _axes(axes, len(shape) + 1 + axes.size, "Unsqueeze"):
        shape.insert(axis - 1, 1)
    _to_shape(line, tuple(shape), "Unsqueeze")


def _squeeze(line: Line, node: Node, attributes: Attributes) -> None:
    (axes,) = line.constants(node, 1, 1)
    gone = _axes(axes, len(line.shape) + 1, "Squeeze")
    if any(line.shape[axis - 1] != 1 for axis in gone):
        refuse("shape", f"a Squeeze of {line.shape} over axes {gone}")
    _to_shape(line, tuple(size for place, size in enumerate(line.shape, 1) if place not in gone), "Squeeze")


def _axes(axes: NDArray[Any], rank: int, operator: str) -> list[int]:
    """Axes in rising order, counted from the first; never the batch."""
    if axes.dtype != np.int64 or axes.ndim != 1 or not 1 <= len(axes) < rank <= 4:
        refuse("shape", f"a {operator} over no list of axes, or to more than 4 dimensions")
    places = sorted({axis + rank if axis < 0 else axis for axis in axes.tolist()})
    if len(places) != len(axes) or not 1 <= places[0] <= places[-1] < rank:
        refuse("shape", f"a {operator} over axes {axes.tolist()} of {rank} dimensions")
    return places


def _to_shape(line: Line, shape: Shape, operator: str) -> None:
    """Pixels may get any shape with one channel, which moves none of them; maps are only made flat."""
    before = line.shape
    is_map = len(shape) > 1 and shape != before
    if math.prod(before) != math.prod(shape) or (is_map and (line.stages or (len(shape) == 3 and shape[0] != 1))):
        refuse("shape", f"a {operator} from {before} to {shape}")
    line.shape = shape


def _identity(line: Line, node: Node, attributes: Attributes) -> None:
    line.constants(node, 0, 0)


# -- layers ------------------------------------------------------------------------------------------------------------


def _finite(values: NDArray[Any], operator: str) -> NDArray[Any]:
    if values.dtype != np.float32:
        refuse("dtype", f"a {operator} with weights of {values.dtype}")
    if not -1e6 <= values.min() <= values.max() <= 1e6:  # also false for NaN
        refuse("weights", f"weights of a {operator} with NaN, infinity or a value beyond 1e6")
    return values


def _conv(line: Line, node: Node, attributes: Attributes) -> None:
    line.must_be(FLOAT, rank=4, for_a="Conv")
    weights, *biases = (_finite(values, "Conv") for values in line.constants(node, 1, 2))
    if weights.ndim != 4 or weights.shape[1] != line.shape[0] or max(weights.shape[2:]) > MAX_WINDOW:
        refuse("shape", f"a Conv of {line.shape[0]} channels with weights of shape {weights.shape}")
    maps, size = weights.shape[0], (int(weights.shape[2]), int(weights.shape[3]))
    if attributes.ints("kernel_shape", size) != size or attributes.int("group", 1) != 1:
        refuse("attribute", "a Conv in groups, or whose kernel_shape is not its weights'")
    window, pads = _window(attributes, size, "Conv")
    layer = Convolution(weights, _bias(biases, maps, "Conv"), window, pads, line.shape)
    _check_places(layer.output, "Conv")
    line.shape = layer.output
    patches = math.prod(size) * weights.shape[1] * math.prod(line.shape[1:])
    if patches > MAX_PATCHES:
        refuse("limit", f"a Conv of {patches:,} numbers in its windows; the limit is {MAX_PATCHES:,}", remedy=SMALLER)
    line.products += patches * maps
    line.stages.append(Stage(layer))


def _max_pool(line: Line, node: Node, attributes: Attributes) -> None:
    line.must_be(FLOAT, rank=4, for_a="MaxPool")
    line.constants(node, 0, 0)
    size = attributes.ints("kernel_shape", ())
    if len(size) != 2 or not all(1 <= side <= MAX_WINDOW for side in size):
        refuse("attribute", f"a MaxPool of kernel_shape {size[:8]}")
    window, pads = _window(attributes, (size[0], size[1]), "MaxPool")
    if any(pads) or attributes.int("ceil_mode", 0) != 0 or attributes.int("storage_order", 0) != 0:
        refuse("attribute", "a MaxPool with pads, ceil_mode or storage_order")
    if not line.stages:
        refuse("graph", "a MaxPool before any layer")
    stage, (maps, _, width) = line.stages[-1], line.shape
    line.shape = (maps, *window.count(*line.shape[1:]))
    _check_places(line.shape, "MaxPool")
    _, down, across = line.shape
    line.products += COMPARISON * maps * down * (width * size[0] + across * size[1])
    line.stages[-1] = replace(stage, pools=(*stage.pools, window))


def _window(attributes: Attributes, size: tuple[int, int], operator: str) -> tuple[Window, tuple[int, int, int, int]]:
    strides, pads = attributes.ints("strides", (1, 1)), attributes.ints("pads", (0, 0, 0, 0))
    if attributes.ints("dilations", (1, 1)) != (1, 1) or attributes.text("auto_pad", "NOTSET") != "NOTSET":
        refuse("attribute", f"a {operator} with dilations, or with auto_pad")
    if len(strides) != 2 or not all(1 <= step <= MAX_WINDOW for step in strides):
        refuse("attribute", f"a {operator} of strides {strides[:8]}")
    if len(pads) != 4 or not all(0 <= pad < side for pad, side in zip(pads, size * 2, strict=True)):
        refuse("attribute", f"a {operator} of pads {pads[:8]}")
    return Window(size, (strides[0], strides[1])), (pads[0], pads[1], pads[2], pads[3])


def _check_places(shape: Shape, operator: str) -> None:
    if min(shape[1:]) < 1:
        refuse("shape", f"a {operator} whose window is larger than its map")


def _bias(biases: list[NDArray[Any]], count: int, operator: str) -> NDArray[np.floating]:
    if not biases:
        return np.zeros(count, np.float32)
    (bias,) = biases
    if bias.shape != (count,) and not (operator == "Gemm" and bias.shape == (1, count)):
        refuse("shape", f"a {operator} of {count} outputs with a bias of shape {bias.shape}")
    return bias.reshape(-1)


def _gemm(line: Line, node: Node, attributes: Attributes) -> None:
    if attributes.float("alpha", 1.0) != 1 or attributes.float("beta", 1.0) != 1 or attributes.int("transA", 0) != 0:
        refuse("attribute", "a Gemm with alpha, beta or transA")
    weights, *biases = _dense_constants(line, node, 1, 2)
    turned = attributes.int("transB", 0)
    if turned not in (0, 1):
        refuse("attribute", f"a Gemm with transB {turned}")
    weights = weights.T if turned else weights
    _dense(line, weights, _bias(biases, weights.shape[1], "Gemm"), "Gemm")


def _matmul(line: Line, node: Node, attributes: Attributes) -> None:
    (weights,) = _dense_constants(line, node, 1, 1)
    _dense(line, weights, np.zeros(weights.shape[1], np.float32), "MatMul")


def _dense_constants(line: Line, node: Node, least: int, most: int) -> list[NDArray[Any]]:
    line.must_be(FLOAT, rank=2, for_a=node.operator)
    weights, *others = (_finite(values, node.operator) for values in line.constants(node, least, most))
    if weights.ndim != 2:
        refuse("shape", f"a {node.operator} with weights of shape {weights.shape}")
    return [weights, *others]


def _dense(line: Line, weights: NDArray[Any], bias: NDArray[np.floating], operator: str) -> None:
    if weights.shape[0] != line.shape[0]:
        refuse("shape", f"a {operator} of {line.shape[0]} inputs with weights of shape {weights.shape}")
    before = line.stages[-1] if line.stages else None
    shape = line.shape
    if before is not None and isinstance(before.linear, Convolution):
        *_, shape = pooled(before.linear.output, before.pools)
    line.stages.append(Stage(Dense(weights, bias, shape)))
    line.shape = (int(weights.shape[1]),)
    line.products += weights.size


def _activation(line: Line, node: Node, attributes: Attributes) -> None:
    line.must_be(FLOAT, for_a=node.operator)
    line.constants(node, 0, 0)
    stage = line.last(node.operator, plain=False)
    line.stages[-1] = replace(stage, activation=_ACTIVATIONS[node.operator])


_ACTIVATIONS = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "logistic"}


def _softmax(line: Line, node: Node, attributes: Attributes) -> None:
    line.must_be(FLOAT, rank=2, for_a="Softmax")
    line.constants(node, 0, 0)
    if attributes.int("axis", -1) not in (-1, 1):
        refuse("scores", "a Softmax that is not over the classes")
    if not isinstance(line.last("Softmax", plain=True).linear, Dense):
        refuse("scores", "a Softmax that does not follow a Gemm or MatMul")
    line.ended = True


OPERATORS: dict[str, Operator] = {
    "Cast": _cast,
    "Greater": _greater,
    **dict.fromkeys(("Mul", "Div", "Add", "Sub"), _arithmetic),
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Flatten": _flatten,
    "Identity": _identity,
    "Conv": _conv,
    "MaxPool": _max_pool,
    "Gemm": _gemm,
    "MatMul": _matmul,
    **dict.fromkeys(("Relu", "Tanh", "Sigmoid"), _activation),
    "Softmax": _softmax,
}
"""Operators of an accepted file, beside Constant."""


def read_network(contents: Contents, classes: Callable[[int], tuple[str, ...]]) -> tuple[ImageNetwork, bool]:
    """The network, and True if its file says itself what its pixels are.

    Args:
        classes: the labels for so many scores.

    Raises:
        ArtefactRefused: and nothing else.
    """
    line = Line(contents)
    for node in contents.nodes:
        line.take(node, OPERATORS)
    if not line.ended:
        refuse("scores", "a network that does not end in a Softmax")
    if line.unused:
        refuse("graph", f"{len(line.unused)} constants that no node uses, such as {shown(next(iter(line.unused)))}")
    if contents.output.name != line.name:
        refuse("output", f"{shown(contents.output.name)} as output, which is not the last value")
    for value in (contents.output, *contents.declared):
        check_declared(value, line)
    if len({value.name for value in contents.declared}) != len(contents.declared):
        refuse("twice", "two declarations of one value")
    return ImageNetwork(classes(line.shape[0]), line.pixels, tuple(line.stages)), line.is_scaled
