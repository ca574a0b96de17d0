"""Words and figures for the values that a flag gives, and to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from app.flags.rollout import Shares, in_percent, plain_shares, totals
from app.flags.schema import (
    COMPARE_VERSIONS,
    KEEP_DRAWINGS,
    KNOWN,
    MODEL_VERSION,
    SHADOW_VERSIONS,
    SHOW_CORRECTION,
    Document,
    listed_versions,
    variant_name,
)
from app.flags.targeting import check_targeting, expand

WITHOUT = {
    MODEL_VERSION: "the default of MODEL_VERSIONS for everyone",
    SHADOW_VERSIONS: "all versions",
    SHOW_CORRECTION: "on for everyone",
    KEEP_DRAWINGS: "what KEEP_DRAWINGS says",
    COMPARE_VERSIONS: "on for everyone",
}
"""Behaviour where a flag says nothing."""


class Described(NamedTuple):
    """One flag of a file that was checked.

    Attributes:
        state: "ENABLED" or "DISABLED"; None where the file does not have the flag.
        shares: variant -> percent of the visitors; None where other rules decide, or nothing does.
        gives: the same in words.
        not_served: versions that a visitor may get, but that are not served.
    """

    flag: str
    state: str | None
    variants: dict[str, Any]
    default: str | None
    shares: dict[str, float] | None
    gives: str
    not_served: tuple[str, ...]


def describe(document: Document, *, versions: Sequence[str]) -> list[Described]:
    """Every flag that PixelWise knows, including those missing from the file."""
    return [_described(name, document, versions) for name in KNOWN]


def in_words(name: str, document: Document) -> str:
    """A flag's values in words, such as "v2.0 for 20%, v1.0 for 80%"."""
    flag = document["flags"].get(name)
    if flag is None:
        return WITHOUT[name]
    if flag["state"] == "DISABLED":
        return f"{WITHOUT[name]} (the flag is DISABLED)"
    default, shares = _default(flag), _shares(flag)
    if shares is not None:
        given = totals(shares).items()
        if len(given) == 1:
            return f"{_shown(flag, shares[0][0])} for everyone"
        return ", ".join(f"{_shown(flag, variant)} for {in_percent(part)}" for variant, part in given)
    otherwise = WITHOUT[name] if default is None else _shown(flag, default)
    named = ", ".join(_shown(flag, variant) for variant in _named(flag, document)) or "no variant"
    return f"rules written by hand, which name {named}; otherwise {otherwise}" if flag.get("targeting") else otherwise


def beside_the_default(document: Document, default: str) -> str | None:
    """Describes the outcomes of model-version if a visitor may get a version other than this one; else None."""
    flag = document["flags"].get(MODEL_VERSION)
    if flag is None or flag["state"] == "DISABLED":
        return None
    variant = _default(flag)
    if not flag.get("targeting") and (variant is None or flag["variants"][variant] == default):
        return None
    return in_words(MODEL_VERSION, document)


def _described(name: str, document: Document, versions: Sequence[str]) -> Described:
    flag = document["flags"].get(name)
    if flag is None:
        return Described(name, None, {}, None, None, in_words(name, document), ())
    default, shares = _default(flag), _shares(flag)
    percent, unserved = None, []
    if flag["state"] == "ENABLED":
        percent = {variant: float(100 * part) for variant, part in totals(shares).items()} if shares else None
        if name in (MODEL_VERSION, SHADOW_VERSIONS):
            given = list(totals(shares)) if shares else _named(flag, document) + ([default] if default else [])
            named = [version for variant in given for version in listed_versions(flag["variants"][variant])]
            unserved = [version for version in dict.fromkeys(named) if version not in versions]
    return Described(name, flag["state"], flag["variants"], default, percent, in_words(name, document), tuple(unserved))


def _default(flag: dict[str, Any]) -> str | None:
    return variant_name(flag.get("defaultVariant"))


def _shares(flag: dict[str, Any]) -> Shares | None:
    """The shares of a flag; None where neither a rollout nor a default alone decides."""
    if flag.get("targeting"):
        return plain_shares(flag["targeting"])
    default = _default(flag)
    return None if default is None else plain_shares({"fractional": [[default]]})


def _named(flag: dict[str, Any], document: Document) -> list[str]:
    """The variants that rules name."""
    if not flag.get("targeting"):
        return []
    return check_targeting(expand(flag["targeting"], document.get("$evaluators", {})), flag["variants"]).named


def _shown(flag: dict[str, Any], variant: str) -> str:
    """A variant by its name, and also by its value where that differs."""
    value = flag["variants"][variant]
    return f"{variant} ({value})" if isinstance(value, str) and value not in ("", variant) else variant
