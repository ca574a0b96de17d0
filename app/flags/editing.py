"""Changes to a flag file: functions from the file's JSON to new JSON, with a description of the change."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from openfeature.contrib.tools.flagd.core.targeting.custom_ops import MAX_WEIGHT_SUM

from app.flags.formatting import in_words
from app.flags.refusals import BadFlagChange
from app.flags.rollout import changed, in_percent, plain_shares, targeting_of, totals
from app.flags.schema import KNOWN, MODEL_VERSION, SHADOW_VERSIONS, Document, listed_versions, variant_name

OFF = "off"
_VERSION = re.compile(r"v[0-9]{1,4}\.[0-9]{1,4}")


class Change(NamedTuple):
    """The new file, and the values that a flag gave before and gives now."""

    document: Document
    before: str
    after: str


def set_variant(document: Document, name: str, variant: str, *, versions: Sequence[str]) -> Change:
    """Gives everyone this variant of the flag; its rollouts and other rules are dropped.

    Args:
        variant: for model-version a version, for shadow-versions versions such as "v1.1,v2.0" or "off".
        versions: those that MODEL_VERSIONS names, the default first.

    Raises:
        BadFlagChange: no such flag, variant or version.
    """
    new, flag, before = _taken(document, name, versions)
    flag["defaultVariant"] = _variant(name, flag["variants"], variant, versions)
    return _done(new, name, flag, before, targeting=None)


def roll_out(document: Document, name: str, wanted: Mapping[str, Fraction], *, versions: Sequence[str]) -> Change:
    """Gives each variant its part of the visitors, the default variant the rest, and other variants nothing.

    Visitors in a part that is not narrowed stay in it (app/flags/rollout.py).

    Args:
        wanted: variant (of model-version: version) -> its part, 1 for everyone.

    Raises:
        BadFlagChange: no such flag, variant or version; more than 100% in all; or rules that were written by hand.
    """
    new, flag, before = _taken(document, name, versions)
    if name == SHADOW_VERSIONS:
        raise _refusal(name, "a rollout", "the same versions for all", f"Use `pixelwise flags set {name} v2.0`.")
    if name != MODEL_VERSION and name not in document["flags"]:
        remedy = f"Say first what the others get: `pixelwise flags set {name} on`, or off."
        raise _refusal(name, "no such flag in the file", "one with a default variant", remedy)
    if sum(wanted.values()) > 1:
        found = f"{in_percent(sum(wanted.values(), Fraction()))} in all"
        raise _refusal(name, found, "at most 100%", "Name smaller shares; the rest gets the default.")
    shares = plain_shares(flag["targeting"]) if flag.get("targeting") else []
    if shares is None:
        remedy = f"Edit them in the flag file, or drop them: `pixelwise flags set {name} VARIANT`."
        raise _refusal(name, "rules written by hand", "a rollout alone", remedy)
    rest = variant_name(flag.get("defaultVariant"))
    if rest is None:
        rest = flag["defaultVariant"] = _variant(name, flag["variants"], versions[0], versions)
    parts = {_variant(name, flag["variants"], variant, versions): part for variant, part in wanted.items()}
    if len(parts) < len(wanted):
        raise _refusal(name, "one variant under two names", "each once", "Leave one of them out.")
    of_rest = 1 - sum((part for variant, part in parts.items() if variant != rest), Fraction())
    if parts.pop(rest, of_rest) != of_rest:
        remedy = f"Leave it out: it gets what the others leave, {in_percent(of_rest)}."
        if name == MODEL_VERSION and flag["variants"][rest] != versions[0]:
            remedy += f" Or make another the default first: `pixelwise flags set {name} {versions[0]}`."
        raise _refusal(name, f"a share of its own for {rest}, the default", "shares of the others", remedy)
    after = changed(shares or [(rest, Fraction(1))], parts, rest=rest)
    rule = targeting_of(after)
    if sum(weight for _, weight in rule["fractional"]) > MAX_WEIGHT_SUM:
        raise _refusal(name, "shares too fine to be written", "hundredths of a percent", "Set it, and roll out anew.")
    return _done(new, name, flag, before, targeting=None if totals(after) == {rest: 1} else rule)


def roll_back(document: Document, *, versions: Sequence[str]) -> Change | None:
    """Gives everyone the default of MODEL_VERSIONS, overriding any rollout, rule or setting of model-version.

    The flag then has no default of its own, so a new default of MODEL_VERSIONS takes effect at once.
    None if this is so already.
    """
    if MODEL_VERSION not in document["flags"]:
        return None
    new, flag, before = _taken(document, MODEL_VERSION, versions)
    flag.pop("defaultVariant", None)
    change = _done(new, MODEL_VERSION, flag, before, targeting=None)
    return None if change.document == document else change


def _taken(document: Document, name: str, versions: Sequence[str]) -> tuple[Document, dict[str, Any], str]:
    """A copy of the file, the flag in it (made if there is none), and what it gave until now."""
    if name not in KNOWN:
        raise BadFlagChange(
            f"flag {name}", found="no such flag", expected=f"one of {', '.join(KNOWN)}", remedy="Name one of them."
        )
    new = copy.deepcopy(document)
    before = in_words(name, document)
    return new, new["flags"].setdefault(name, _new_flag(name, versions)), before


def _new_flag(name: str, versions: Sequence[str]) -> dict[str, Any]:
    if name == MODEL_VERSION:
        return {"state": "ENABLED", "variants": {one: one for one in versions}, "defaultVariant": versions[0]}
    if name == SHADOW_VERSIONS:
        all_of_them = ",".join(versions)
        return {"state": "ENABLED", "variants": {all_of_them: all_of_them, OFF: ""}, "defaultVariant": all_of_them}
    return {"state": "ENABLED", "variants": {"on": True, OFF: False}, "defaultVariant": "on"}


def _done(new: Document, name: str, flag: dict[str, Any], before: str, *, targeting: dict[str, Any] | None) -> Change:
    flag["state"] = "ENABLED"
    flag.pop("targeting", None)
    if targeting is not None:
        flag["targeting"] = targeting
    return Change(new, before, in_words(name, new))


def _variant(name: str, variants: dict[str, Any], wanted: str, versions: Sequence[str]) -> str:
    """The variant that is meant; if none gives a wanted served version, it is added.

    People name versions, even where the variants have other names: {"old": "v1.0", "new": "v2.0"}.
    """
    if name in (MODEL_VERSION, SHADOW_VERSIONS):
        return _variant_of_versions(name, variants, wanted, versions)
    if wanted not in variants:
        raise _refusal(name, f"variant {wanted}", f"one of {', '.join(variants)}", "Name one of them.")
    return wanted


def _variant_of_versions(name: str, variants: dict[str, Any], wanted: str, versions: Sequence[str]) -> str:
    value = "" if wanted == OFF else ",".join(listed_versions(wanted))
    found = next((variant for variant in variants if variants[variant] == value), None)
    if found is None and wanted in variants:
        found, value = wanted, variants[wanted]
    named = listed_versions(value) if value or name == SHADOW_VERSIONS else (wanted,)
    unserved = [version for version in named if version not in versions]
    if unserved or (name == MODEL_VERSION and len(named) != 1):
        asked = ", ".join(unserved or named) or "(none)"
        found_instead, expected = f"version {asked}", f"one of {', '.join(versions)}"
        added = next((one for one in unserved if _VERSION.fullmatch(one)), None)
        remedy = "Name one of them" + (f", or run `pixelwise models add {added}` first." if added else ".")
        raise _refusal(name, found_instead, expected, remedy)
    if found is None:
        found = value or OFF
        variants[found] = value
    return found


def _refusal(name: str, found: str, expected: str, remedy: str) -> BadFlagChange:
    return BadFlagChange(f"flag {name}", found=found, expected=expected, remedy=remedy)
