"""Attributes of a node, each asked for by its type; those that nobody asked for are refused."""

from __future__ import annotations

from typing import Any, TypeVar

from numpy.typing import NDArray

from app.model.onnx.contents import Node
from app.model.onnx.refusals import refused, shown

T = TypeVar("T")


class Attributes:
    """The attributes of one node, in a file of this operator set."""

    def __init__(self, node: Node, opset: int) -> None:
        self._operator, self._left = node.operator, dict(node.attributes)
        self._opset = opset

    def int(self, name: str, default: int, *, since: int = 0) -> int:
        """A whole number, of which operator sets before `since` know nothing."""
        if self._opset < since:
            return default
        return self._take(name, int, default)

    def float(self, name: str, default: float) -> float:
        """A float32 number."""
        return self._take(name, float, default)

    def text(self, name: str, default: str) -> str:
        """A text; another than ASCII is shown escaped."""
        return self._take(name, bytes, default.encode()).decode("ascii", "backslashreplace")

    def ints(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:  # type: ignore[valid-type]
        """Whole numbers."""
        return self._take(name, tuple, default)

    def array(self, name: str) -> NDArray[Any]:
        """A tensor, which must be there."""
        value = self._left.pop(name, None)
        if type(value).__name__ != "ndarray":
            raise refused("attribute", f"a {self._operator} without {name}")
        array: NDArray[Any] = value
        return array

    def refuse_others(self) -> None:
        """Refuses attributes that were not asked for."""
        for name in self._left:
            raise refused("attribute", f"an attribute {shown(name)} of a {self._operator}")

    def _take(self, name: str, kind: type[T], default: T) -> T:
        value = self._left.pop(name, default)
        if type(value) is not kind:
            raise refused("attribute", f"{name} of a {self._operator} that is no {kind.__name__}")
        return value
