"""The five flags that PixelWise evaluates, and the rules for them in a flag file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from app.flags.targeting import BadTargeting, check_targeting, expand

MODEL_VERSION = "model-version"
SHADOW_VERSIONS = "shadow-versions"
SHOW_CORRECTION = "show-correction"
KEEP_DRAWINGS = "keep-drawings"
COMPARE_VERSIONS = "compare-versions"

Document = dict[str, Any]
"""A flag file as JSON: `{"flags": {name: {"state": …, "variants": …, "defaultVariant": …, "targeting": …}}}`."""

MAX_NAME = 100
"""Longest name of a variant or version: a stored answer has room for no more."""
_FIELDS = ("state", "variants", "defaultVariant", "targeting", "metadata", "source", "selector")


class Rules(NamedTuple):
    """The part that is evaluated: the known flags of a checked file.

    Attributes:
        document: of these flags alone, without references, as flagd's evaluator takes it.
        by_the_clock: flags whose rule looks at the time.
    """

    document: Document
    by_the_clock: frozenset[str]


def listed_versions(text: str) -> tuple[str, ...]:
    """The versions in "v1.1,v2.0", each once."""
    return tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))


def check(document: Any) -> tuple[Rules, list[str]]:
    """The rules of a flag file, and all its faults: if there are any, the rules must not be used.

    Flags that PixelWise does not know belong to other programs and are left alone; a name close to a known one counts
    as a typing mistake.
    """
    if not isinstance(document, dict) or not isinstance(document.get("flags"), dict):
        return Rules({"flags": {}}, frozenset()), ['no object with "flags"']
    problems: list[str] = []
    shared = document.get("$evaluators", {})
    if not isinstance(shared, dict):
        shared, problems = {}, ["$evaluators is no object"]
    flags, by_the_clock = {}, set()
    for name, flag in document["flags"].items():
        if name not in KNOWN:
            if close := difflib.get_close_matches(name.lower(), KNOWN, n=1, cutoff=0.8):
                problems.append(f"{name} is no flag (did you mean {close[0]}?)")
            continue
        problem, looks_at_the_clock = _check_flag(name, flag, shared)
        if problem:
            problems.append(f"{name}: {problem}")
            continue
        kept = {key: flag[key] for key in ("state", "variants", "defaultVariant") if key in flag}
        flags[name] = kept | ({"targeting": expand(flag["targeting"], shared)} if flag.get("targeting") else {})
        by_the_clock |= {name} if looks_at_the_clock else set()
    return Rules({"flags": flags}, frozenset(by_the_clock)), problems


def _check_flag(name: str, flag: Any, shared: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The fault of a known flag, if it has one; and whether its rule looks at the time."""
    if not isinstance(flag, dict):
        return "it is no object", False
    for field in flag:
        if field not in _FIELDS:
            return f"it has {field}, which is none of {', '.join(_FIELDS)}", False
    if flag.get("state") not in ("ENABLED", "DISABLED"):
        return f"its state is {flag.get('state')}, where ENABLED or DISABLED is due", False
    variants = flag.get("variants")
    if not isinstance(variants, dict) or not variants:
        return "it has no variants", False
    for variant, value in variants.items():
        if not variant or len(variant) > MAX_NAME or not variant.isprintable():
            return f"a variant is called {variant[:MAX_NAME]!r}, where 1 to {MAX_NAME} characters are due", False
        if not KNOWN[name].fits(value):
            return f"its variant {variant} is {str(value)[:MAX_NAME]}, where {KNOWN[name].due} is due", False
    default = variant_name(flag.get("defaultVariant"))
    if default is not None and default not in variants:
        return f"its defaultVariant is {default}, which is none of its variants", False
    rule = flag.get("targeting")
    if not rule and (rule is None or isinstance(rule, dict)):
        return None, False
    if not isinstance(rule, dict):
        return "its targeting is no object", False
    if name == SHADOW_VERSIONS:
        return "it has targeting, but there is no visitor when it is evaluated", False
    try:
        return None, check_targeting(expand(rule, shared), variants).looks_at_the_clock
    except BadTargeting as error:
        return f"its targeting {error}", False


def variant_name(variant: Any) -> str | None:
    """A `defaultVariant` as flagd reads it: true is the variant "true"; null, "" and a missing one are no variant."""
    if isinstance(variant, bool):
        return str(variant).lower()
    return None if variant is None or variant == "" else str(variant)


def _is_version(value: Any) -> bool:
    return _is_list_of_versions(value) and listed_versions(value) == (value,)


def _is_list_of_versions(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_NAME


class FlagType(NamedTuple):
    """The type of a flag's values."""

    due: str
    fits: Callable[[Any], bool]


_BOOLEAN = FlagType("true or false", lambda value: isinstance(value, bool))
KNOWN: Mapping[str, FlagType] = {
    MODEL_VERSION: FlagType('a version such as "v2.0"', _is_version),
    SHADOW_VERSIONS: FlagType('versions in one text such as "v1.1,v2.0"', _is_list_of_versions),
    SHOW_CORRECTION: _BOOLEAN,
    KEEP_DRAWINGS: _BOOLEAN,
    COMPARE_VERSIONS: _BOOLEAN,
}
