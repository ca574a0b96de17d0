"""Checks that a flag's `targeting` is a rule that can be evaluated and names variants that exist.

A rule is JsonLogic with flagd's operations, such as
`{"if": [{"==": [{"var": "key"}, "lab"]}, "v2.0", {"fractional": [["v2.0", 20], ["v1.0", 80]]}]}`.
Source: https://flagd.dev/reference/flag-definitions/ and https://flagd.dev/reference/custom-operations/fractional-operation/
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from openfeature.contrib.tools.flagd.core.targeting.custom_ops import MAX_WEIGHT_SUM
from openfeature.contrib.tools.flagd.core.targeting.targeting import OPERATORS

CLOCK = "$flagd.timestamp"
ATTRIBUTES = ("targetingKey", "key", "route", "$flagd.flagKey", CLOCK)
"""Attributes that a rule can use: the visitor, the name of the API key, the route, and those that flagd adds."""

MAX_DEPTH = 40
MAX_NODES = 10_000
"""Most parts of a rule; a part evaluated for each element of a list counts once per element."""
MAX_CHARACTERS = 256 << 10
"""Most characters in the texts of a rule, counted in the same way: what a flag file can hold, references included."""

_OVER_LISTS = {"map", "filter", "reduce", "all", "some", "none"}
_GROWING = {"cat", "merge", "*"}
"""Operations that can grow a value: doubling the accumulator 26 times makes 64 million characters of one."""
_CHOICES = {"if", "?:", "and", "or"}
_OPERATIONS = (set(OPERATORS) | _OVER_LISTS | _CHOICES) - {"log"}  # "log" writes to stdout for each request
_COMPARISONS = {"==", "!=", "===", "!==", "<", ">", "<=", ">=", "!", "!!", "in", "starts_with", "ends_with", "sem_ver"}
_YES_OR_NO = _COMPARISONS | {"all", "some", "none"}


_GROWS = "what it makes could double with each; write the values out"
_REPEATED = ", each counted once for every element of a list that it is evaluated for"


class BadTargeting(Exception):
    """An invalid rule; the message ends the sentence "its targeting …"."""


def expand(rule: Any, shared: Mapping[str, Any], depth: int = 0) -> Any:
    """`rule`, in which each `{"$ref": name}` is replaced by the shared rule (`$evaluators`) of that name.

    Raises:
        BadTargeting: no such shared rule, or a rule nested too deep.
    """
    if depth > MAX_DEPTH:
        raise BadTargeting(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(rule, list):
        return [expand(part, shared, depth + 1) for part in rule]
    if not isinstance(rule, dict):
        return rule
    if list(rule) == ["$ref"]:
        if not isinstance(rule["$ref"], str) or rule["$ref"] not in shared:
            raise BadTargeting(f"refers to {rule['$ref']}, which $evaluators does not have")
        return shared[rule["$ref"]]  # a nested reference is not expanded: it is refused as an unknown operation
    return {name: expand(part, shared, depth + 1) for name, part in rule.items()}


def check_targeting(rule: Mapping[str, Any], variants: Collection[str]) -> Checked:
    """The findings in an expanded rule.

    Raises:
        BadTargeting: for some visitor it would fail, or give a variant that does not exist.
    """
    checked = Checked(variants)
    checked.result(rule, 0)
    return checked


class Checked:
    """A walk through a rule.

    Attributes:
        named: the variants that it names, in order.
        looks_at_the_clock: its outcome may change without any change of the file.
    """

    def __init__(self, variants: Collection[str]) -> None:
        self.named: list[str] = []
        self.looks_at_the_clock = False
        self._variants = variants
        self._nodes = self._characters = 0
        self._over, self._times = "", 1
        """The operation over a list for whose elements a part is evaluated, and the most elements there can be."""

    def result(self, node: Any, depth: int) -> None:
        """Checks a place whose value is the rule's outcome: the name of a variant, or null for the default one."""
        self._count(depth)
        if isinstance(node, list):
            raise BadTargeting(f"gives a list, {_shown(node)}, where a variant is due")
        if not isinstance(node, dict):
            if node is not None:
                self._name(str(node).lower() if isinstance(node, bool) else str(node))
            return
        operation, parts = self._operation(node)
        if operation in ("if", "?:"):
            for place, part in enumerate(parts):
                is_condition = place % 2 == 0 and place < len(parts) - 1
                (self._value if is_condition else self.result)(part, depth + 1)
        elif operation in ("and", "or"):
            for part in parts:
                self.result(part, depth + 1)
        elif operation == "fractional":
            for share in self._shares(parts, depth):
                self.result(share, depth + 1)
        else:
            if operation in _YES_OR_NO:
                self._name("true", because=f"{operation} gives it")
                self._name("false", because=f"{operation} gives it")
            self._value(node, depth)

    def _value(self, node: Any, depth: int) -> None:
        """Checks a place whose value is used but is not the outcome."""
        self._count(depth, len(node) if isinstance(node, str) else 0)
        if isinstance(node, list):
            if self._over and any(isinstance(part, dict) for part in node):
                raise BadTargeting(f"has a list with computed parts for each element of {self._over}: {_GROWS}")
            for part in node:
                self._value(part, depth + 1)
        if not isinstance(node, dict):
            return
        operation, parts = self._operation(node)
        if self._over and operation in _GROWING | _OVER_LISTS:
            raise BadTargeting(f"has {operation} for each element of {self._over}: {_GROWS}")
        if operation in _OVER_LISTS:
            self._over_list(operation, parts, depth)
            return
        if operation == "var" and not self._over:
            self._attribute(parts)
        elif operation == "fractional":
            parts = self._shares(parts, depth)
        for part in parts:
            self._value(part, depth + 1)

    def _over_list(self, operation: str, parts: list[Any], depth: int) -> None:
        """Checks its list and the parts evaluated for each element, which may not combine two values into a larger one.

        Every value is therefore at most as large as the rule, counted with its repetitions.
        """
        before = self._nodes
        for part in parts[:1]:
            self._value(part, depth + 1)
        self._over, self._times = operation, self._nodes - before  # no list has more elements than parts make it
        for part in parts[1:]:
            self._value(part, depth + 1)
        self._over, self._times = "", 1

    def _operation(self, node: dict[str, Any]) -> tuple[str, list[Any]]:
        if len(node) != 1:  # JsonLogic takes it for a value
            raise BadTargeting(f"has {_shown(node)}, which is no operation: one name is due")
        ((name, parts),) = node.items()
        if name not in _OPERATIONS:
            raise BadTargeting(f"has {name}, which is no operation")
        return name, parts if isinstance(parts, list) else [parts]

    def _attribute(self, parts: list[Any]) -> None:
        name = parts[0] if parts else ""
        if name not in ATTRIBUTES:
            raise BadTargeting(f"looks at {_shown(name)}, which is none of {', '.join(ATTRIBUTES)}")
        self.looks_at_the_clock |= name == CLOCK

    def _shares(self, parts: list[Any], depth: int) -> list[Any]:
        """The nodes that get the shares; weights, and what else the shares depend on, are checked."""
        by = [part for part in parts[:1] if not isinstance(part, list)]
        shares, written = parts[len(by) :], []
        for part in by:
            self._value(part, depth + 1)
        for share in shares:
            if not isinstance(share, list) or len(share) not in (1, 2):
                raise BadTargeting(f"has {_shown(share)} in fractional, where [variant, weight] is due")
            weight = share[1] if len(share) == 2 else 1
            if isinstance(weight, dict):
                self._value(weight, depth + 1)
                continue
            if not isinstance(weight, int) or isinstance(weight, bool) or weight < 0:
                raise BadTargeting(f"has the weight {_shown(weight)} in fractional, where a whole number is due")
            written.append(weight)
        if len(written) == len(shares) and not 0 < sum(written) <= MAX_WEIGHT_SUM:
            raise BadTargeting(f"has weights whose sum is {sum(written)} in fractional")
        if len(shares) == 1 and len(shares[0]) == 2 and written not in ([], [100]):
            # flagd divides by the sum: 20 of 20 is everyone.
            raise BadTargeting(f"gives {_shown(shares[0])} alone to everyone; name who gets the rest too")
        return [share[0] for share in shares]

    def _name(self, variant: str, *, because: str | None = None) -> None:
        if variant not in self._variants:
            raise BadTargeting(
                f"names the variant {variant}, which there is not" + (f" ({because})" if because else "")
            )
        if variant not in self.named:
            self.named.append(variant)

    def _count(self, depth: int, characters: int = 0) -> None:
        self._nodes += self._times
        self._characters += characters * self._times
        if depth > MAX_DEPTH:
            raise BadTargeting(f"is nested more than {MAX_DEPTH} deep")
        if self._nodes > MAX_NODES:
            raise BadTargeting(f"has more than {MAX_NODES:,} parts{_REPEATED}")
        if self._characters > MAX_CHARACTERS:
            raise BadTargeting(f"has more than {MAX_CHARACTERS:,} characters of text{_REPEATED}")


def _shown(value: Any) -> str:
    """As much of it as a sentence can hold; its depth is bounded already."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
