"""The straight line of an ONNX file: the value that the next node must take, and what its network is so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from numpy.typing import NDArray

from app.model.onnx.attributes import Attributes
from app.model.onnx.contents import FLOAT, TYPES, UINT8, Contents, Node, Value
from app.model.onnx.network import Pixels, Shape, Stage
from app.model.onnx.refusals import refused, shown

FORMS: tuple[Shape, ...] = ((28, 28), (1, 28, 28), (784,))
"""Shapes of one image, in the file's input."""

MAX_VALUES = 1 << 18
"""Numbers of one image between two operators."""
MAX_PRODUCTS = 50_000_000
"""Multiplications for one image."""
MAX_BATCH = 4096


class Line:
    """The network as far as it was read.

    Attributes:
        name, dtype, shape: the value that the next node must take; `shape` is one image's.
        batch: images of one call, None for any number.
        stages: so far; the last may still get a bias, pools and an activation.
        products, scalings: multiplications for an image, and steps that scale its pixels, so far.
        is_scaled: the file itself says what its pixels are.
        ended: a Softmax was met.
    """

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.unused = dict(contents.constants)
        self.values: dict[str, tuple[int, Shape]] = {}
        self.batch, self.shape = _input(contents.input)
        self.name, self.dtype = contents.input.name, contents.input.dtype
        self.pixels, self.is_scaled = Pixels(), self.dtype == UINT8
        self.stages: list[Stage] = []
        self.products = self.scalings = 0
        self.ended = False
        self._names = set(contents.constants)
        self._name(self.name)
        self.values[self.name] = (self.dtype, self.shape)

    def take(self, node: Node, operators: Mapping[str, Operator]) -> None:
        """Goes on by one node.

        Raises:
            ArtefactRefused: its operator is not among these, or refuses it; or it takes another value than the last.
        """
        self._name(node.output)
        attributes = Attributes(node, self.contents.opset)
        if node.operator == "Constant":
            if node.inputs:
                refuse("graph", "a Constant with inputs")
            self.unused[node.output] = attributes.array("value")
            attributes.refuse_others()
            return
        step = operators.get(node.operator)
        if step is None:
            refuse("operator", f"the operator {shown(node.operator)}; supported are {', '.join(sorted(operators))}")
        if self.ended:
            refuse("scores", f"a {node.operator} after the Softmax")
        if node.inputs.count(self.name) != 1:
            refuse("graph", f"a {node.operator} that does not take the value before it, {shown(self.name)}, once")
        step(self, node, attributes)
        attributes.refuse_others()
        self.name = node.output
        if math.prod(self.shape) > MAX_VALUES:
            refuse("limit", f"a value of {math.prod(self.shape):,} numbers; the limit is {MAX_VALUES:,}")
        if self.products > MAX_PRODUCTS:
            refuse("limit", f"more than {MAX_PRODUCTS:,} multiplications for an image")
        self.values[self.name] = (self.dtype, self.shape)

    def constants(self, node: Node, least: int, most: int) -> list[NDArray[Any]]:
        """The node's inputs after the first one, which must be the value before it; they are used up."""
        if node.inputs[0] != self.name or not least <= len(node.inputs) - 1 <= most:
            refuse("graph", f"a {node.operator} of {len(node.inputs)} inputs, or in another order")
        return [self.constant(name) for name in node.inputs[1:]]

    def constant(self, name: str) -> NDArray[Any]:
        """The numbers of a constant, which no other node uses."""
        values = self.unused.pop(name, None)
        if values is None:
            refuse("graph", f"{shown(name)} is no constant, or one that is used twice")
        return values

    def must_be(self, *dtypes: int, rank: int | None = None, for_a: str) -> None:
        """Refuses another type or, counting the batch, another number of dimensions of the value before."""
        if self.dtype not in dtypes:
            refuse("dtype", f"a {for_a} of {TYPES[self.dtype]}")
        if rank is not None and len(self.shape) + 1 != rank:
            refuse("shape", f"a {for_a} of {len(self.shape) + 1} dimensions, {rank} belong there")

    def last(self, for_a: str, *, plain: bool) -> Stage:
        """The last stage, which has no activation yet; if it must be `plain` no pools either."""
        if not self.stages or self.stages[-1].activation != "identity" or (plain and self.stages[-1].pools):
            refuse("graph", f"a {for_a} in an unusual place")
        return self.stages[-1]

    def _name(self, name: str) -> None:
        if name in self._names:
            refuse("graph", f"two values named {shown(name)}")
        self._names.add(name)


Operator = Callable[[Line, Node, Attributes], None]
"""Checks a node and goes on by it."""


def refuse(code: str, why: str, *, remedy: str | None = None) -> NoReturn:
    """Refuses the file, which breaks the rule `code`.

    Raises:
        ArtefactRefused: always.
    """
    raise refused(code, why, remedy=remedy)


def type_of(values: NDArray[Any]) -> int:
    """ONNX's number of an array's type."""
    return next(number for number, name in TYPES.items() if name == values.dtype.name)


def _input(value: Value) -> tuple[int | None, Shape]:
    if value.dtype not in (UINT8, FLOAT):
        refuse("input", f"an input of {TYPES.get(value.dtype, f'data type {value.dtype}')}; uint8, float32 are read")
    batch, *rest = value.dims or (None,)
    shape = next((form for form in FORMS if list(form) == rest), None)
    if shape is None or (batch is not None and not 1 <= batch <= MAX_BATCH):
        sizes = ", ".join("?" if dim is None else str(dim) for dim in value.dims)
        refuse("input", f"an input of shape [{sizes}]; [N, 28, 28], [N, 1, 28, 28] and [N, 784] are read")
    return batch, shape


def check_declared(value: Value, line: Line) -> None:
    """Holds what the file declares of a value against what was computed."""
    constant = line.contents.constants.get(value.name)
    if constant is not None:
        agrees = (value.dtype, value.dims) == (type_of(constant), constant.shape)
    else:
        if value.name not in line.values:
            refuse("graph", f"a declaration of {shown(value.name)}, which no node gives")
        dtype, shape = line.values[value.name]
        batch, *rest = value.dims or (0,)
        agrees = value.dtype == dtype and rest == list(shape) and batch in (None, line.batch)
    if not agrees:
        refuse("shape", f"{shown(value.name)} is declared otherwise than it is computed")
