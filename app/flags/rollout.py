"""Shares of the visitors in a rollout, as flagd's `fractional` gives them; a change moves nobody without need.

flagd hashes the flag's name and the visitor to a place between 0 and 1, and walks along the shares to that place:
`[["v2.0", 20], ["v1.0", 80]]` gives v2.0 to the places below 0.2. A visitor's version thus depends on the order as much
as on the numbers, and the order is kept: a version's places stay where they are. Widening a version takes places from
the rest only, the first ones first; narrowing it gives its last places back to the rest. Hence:

- the first version that is rolled out stands first, and stays first;
- no visitor leaves a version that is not narrowed, however many others are widened;
- a version that is narrowed and widened again has the same visitors again.

With two versions this is a pair as above. With three, v2.0 at 20% and v1.1 at 10%, widening v2.0 to 50% gives
`[["v2.0", 20], ["v1.1", 10], ["v2.0", 30], ["v1.0", 40]]`: a variant may appear more than once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import groupby
from math import lcm
from typing import Any

Shares = list[tuple[str, Fraction]]
"""Variants, each with its part of all places, in the order of the places; the parts sum to 1."""


def plain_shares(targeting: Any) -> Shares | None:
    """The shares of a rule that is one `fractional` by visitor with plain weights; None for any other rule."""
    if not isinstance(targeting, dict) or list(targeting) != ["fractional"]:
        return None
    shares = targeting["fractional"]
    if not isinstance(shares, list) or not all(isinstance(share, list) and len(share) in (1, 2) for share in shares):
        return None
    weights = [share[1] if len(share) == 2 else 1 for share in shares]
    if not all(isinstance(weight, int) for weight in weights) or not all(isinstance(share[0], str) for share in shares):
        return None
    return [(share[0], Fraction(weight, sum(weights))) for share, weight in zip(shares, weights, strict=True) if weight]


def targeting_of(shares: Shares) -> dict[str, Any]:
    """The rule that gives these shares; its weights are percentages where they can be."""
    least = lcm(*(part.denominator for _, part in shares))
    total = next((size for size in (100, 10_000) if size % least == 0), least)
    return {"fractional": [[variant, int(part * total)] for variant, part in shares]}


def totals(shares: Shares) -> dict[str, Fraction]:
    """The whole part of each variant, in the order of their first places."""
    found: dict[str, Fraction] = {}
    for variant, part in shares:
        found[variant] = found.get(variant, Fraction()) + part
    return found


def changed(shares: Shares, wanted: Mapping[str, Fraction], *, rest: str) -> Shares:
    """Shares that give each variant its wanted part, variants that are not named nothing, and `rest` the remainder.

    Args:
        wanted: parts of all places, together at most 1; `rest` is not among them.
    """
    for variant, part in totals(shares).items():
        if variant != rest and part > wanted.get(variant, 0):
            surplus = part - wanted.get(variant, Fraction())
            shares = _given(reversed(shares), surplus, taken_from=variant, given_to=rest)[::-1]
    for variant, part in wanted.items():
        lacking = part - totals(shares).get(variant, Fraction())
        if lacking > 0:
            shares = _given(shares, lacking, taken_from=rest, given_to=variant)
    return _joined(shares)


def _given(shares: Iterable[tuple[str, Fraction]], amount: Fraction, *, taken_from: str, given_to: str) -> Shares:
    """The shares after giving this amount of one variant's first places to another."""
    after: Shares = []
    for variant, part in shares:
        moved = min(part, amount) if variant == taken_from else Fraction()
        amount -= moved
        after += [(given_to, moved)] if moved else []
        after += [(variant, part - moved)] if part > moved else []
    return after


def _joined(shares: Shares) -> Shares:
    """Merges neighbours of the same variant."""
    return [
        (variant, sum((part for _, part in parts), Fraction()))
        for variant, parts in groupby(shares, key=lambda share: share[0])
    ]


def in_percent(part: Fraction) -> str:
    """ "20%", "0.5%", "33.33%"."""
    return f"{float(100 * part):.2f}".rstrip("0").rstrip(".") + "%"
