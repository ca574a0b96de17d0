"""Changing the flags: new JSON from old, the old left as it was, and everything said in words."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import pytest

from app.flags.editing import Change, roll_back, roll_out, set_variant
from app.flags.flag_file import no_flags
from app.flags.formatting import beside_the_default, describe
from app.flags.refusals import BadFlagChange
from app.flags.schema import Document, check
from tests.flags.conftest import VERSIONS, flag, shares, versions_flag

LAB = {"if": [{"==": [{"var": "key"}, "lab"]}, "v2.0"]}
ON_OFF = {"on": True, "off": False}


def document(flags: dict[str, Any]) -> Document:
    return {"$schema": "x", "flags": {"theirs": {"state": 7}, **flags}, "metadata": {"owner": "us"}}


def setting(before: dict[str, Any], name: str, variant: str) -> Change:
    return _unchanged_otherwise(document(before), name, lambda old: set_variant(old, name, variant, versions=VERSIONS))


def rolling(before: dict[str, Any], name: str = "model-version", **parts: float) -> Change:
    wanted = {variant.replace("_", "."): Fraction(str(part)) / 100 for variant, part in parts.items()}
    return _unchanged_otherwise(document(before), name, lambda old: roll_out(old, name, wanted, versions=VERSIONS))


def _unchanged_otherwise(before: Document, name: str, change: Any) -> Change:
    kept = copy.deepcopy(before)
    changed: Change = change(before)
    assert before == kept
    assert check(changed.document)[1] == []
    rest = copy.deepcopy(changed.document)
    assert rest["flags"].pop(name)["state"] == "ENABLED"
    kept["flags"].pop(name, None)
    assert rest == kept
    return changed


def rule(change: Change, name: str = "model-version") -> Any:
    return change.document["flags"][name].get("targeting")


# -- set ---------------------------------------------------------------------------------------------------------------


def test_a_version_that_is_set_is_everyone_s_and_rollouts_are_dropped():
    for before in (
        versions_flag(shares(("v2.0", 20), ("v1.0", 80))),
        versions_flag(LAB),
        versions_flag(state="DISABLED"),
    ):
        change = setting(before, "model-version", "v2.0")
        assert change.document["flags"]["model-version"]["defaultVariant"] == "v2.0"
        assert rule(change) is None
        assert change.after == "v2.0 for everyone"


def test_a_flag_that_the_file_does_not_have_is_made():
    change = setting({}, "model-version", "v1.1")
    assert change == (
        change.document,
        "the default of MODEL_VERSIONS for everyone",
        "v1.1 for everyone",
    )
    assert change.document["flags"]["model-version"]["variants"] == {one: one for one in VERSIONS}
    assert setting({}, "show-correction", "off").document["flags"]["show-correction"] == flag(ON_OFF, "off")
    assert setting({}, "keep-drawings", "off").before == "what KEEP_DRAWINGS says"


def test_a_version_is_named_whatever_its_variant_is_called():
    before = {"model-version": flag({"old": "v1.0", "new": "v2.0"}, "old")}
    for name in ("v2.0", "new"):
        change = setting(before, "model-version", name)
        assert change.document["flags"]["model-version"]["defaultVariant"] == "new"
        assert change.after == "new (v2.0) for everyone"
    added = setting(before, "model-version", "v1.1").document["flags"]["model-version"]
    assert (added["variants"]["v1.1"], added["defaultVariant"]) == ("v1.1", "v1.1")


@pytest.mark.parametrize(
    ("named", "variant", "value"),
    [("v1.1,v2.0", "v1.1,v2.0", "v1.1,v2.0"), (" v2.0 v1.1 ", "v2.0,v1.1", "v2.0,v1.1"), ("off", "off", "")],
)
def test_shadows_are_set_by_naming_them(named: str, variant: str, value: str):
    for before in ({}, {"shadow-versions": flag({"one": "v2.0"}, "one")}):
        change = setting(before, "shadow-versions", named)
        made = change.document["flags"]["shadow-versions"]
        assert (made["defaultVariant"], made["variants"][variant]) == (variant, value)
        assert change.after == f"{variant} for everyone"


@pytest.mark.parametrize(
    ("before", "name", "variant", "said"),
    [
        ({}, "banner", "on", "flag banner: no such flag; expected one of model-version, shadow-versions"),
        ({}, "model-version", "v9.0", ": version v9.0; expected one of v1.0, v2.0, v1.1"),
        (versions_flag(), "model-version", "v9.0", ": version v9.0"),
        ({"model-version": flag({"new": "v9.0"})}, "model-version", "new", ": version v9.0"),
        ({}, "model-version", "v1.0,v2.0", ": version v1.0, v2.0"),
        ({}, "model-version", "off", ": version off"),
        ({}, "model-version", "", ": version (none); expected one of"),
        ({}, "shadow-versions", "v2.0,v9.0,v8.0", ": version v9.0, v8.0"),
        ({}, "show-correction", "maybe", ": variant maybe; expected one of on, off"),
        ({"keep-drawings": flag({"all": True}, "all")}, "keep-drawings", "off", "expected one of all"),
    ],
)
def test_what_cannot_be_set_is_refused(before: dict[str, Any], name: str, variant: str, said: str):
    with pytest.raises(BadFlagChange) as caught:
        set_variant(document(before), name, variant, versions=VERSIONS)
    assert said in str(caught.value)
    assert caught.value.exit_code == 2
    assert ("models add v9.0" in caught.value.remedy) == (": version v9.0" in said), "only a version can be added"


# -- rollout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "parts", "after", "words"),
    [
        ({}, {"v2_0": 20}, shares(("v2.0", 20), ("v1.0", 80)), "v2.0 for 20%, v1.0 for 80%"),
        (versions_flag(), {"v2_0": 0.5}, shares(("v2.0", 50), ("v1.0", 9950)), "v2.0 for 0.5%, v1.0 for 99.5%"),
        (versions_flag(), {"v2_0": 100}, shares(("v2.0", 100)), "v2.0 for everyone"),
        (versions_flag(), {"v2_0": 0}, None, "v1.0 for everyone"),
        (versions_flag(), {"v2_0": 20, "v1_0": 80}, shares(("v2.0", 20), ("v1.0", 80)), "v2.0 for 20%, v1.0 for 80%"),
        (
            versions_flag(shares(("v2.0", 20), ("v1.0", 80))),
            {"v1_1": 10, "v2_0": 50},
            shares(("v2.0", 20), ("v1.1", 10), ("v2.0", 30), ("v1.0", 40)),
            "v2.0 for 50%, v1.1 for 10%, v1.0 for 40%",
        ),
        (
            versions_flag(shares(("v2.0", 20), ("v1.1", 10), ("v2.0", 30), ("v1.0", 40))),
            {"v2_0": 40, "v1_1": 10},
            shares(("v2.0", 20), ("v1.1", 10), ("v2.0", 20), ("v1.0", 50)),
            "v2.0 for 40%, v1.1 for 10%, v1.0 for 50%",
        ),
        (
            versions_flag(shares(("v2.0", 20), ("v1.1", 10), ("v1.0", 70))),
            {"v1_1": 30},
            shares(("v1.1", 30), ("v1.0", 70)),
            "v1.1 for 30%, v1.0 for 70%",
        ),
        (
            versions_flag({"fractional": [["v2.0"], ["v1.0", 2]]}),  # a third
            {"v2_0": 50},
            shares(("v2.0", 50), ("v1.0", 50)),
            "v2.0 for 50%, v1.0 for 50%",
        ),
        (
            versions_flag({"fractional": [["v2.0", 1], ["v1.0", 2]]}, default="v1.0"),
            {"v2_0": 33},
            shares(("v2.0", 33), ("v1.0", 67)),
            "v2.0 for 33%, v1.0 for 67%",
        ),
        (
            versions_flag(shares(("v2.0", 50), ("v1.0", 50)), state="DISABLED"),
            {"v2_0": 10},
            shares(("v2.0", 10), ("v1.0", 90)),
            "v2.0 for 10%, v1.0 for 90%",
        ),
        (
            versions_flag(default=None),
            {"v2_0": 10},
            shares(("v2.0", 10), ("v1.0", 90)),
            "v2.0 for 10%, v1.0 for 90%",
        ),
    ],
)
def test_a_rollout_takes_from_the_rest_and_gives_back_to_it(
    before: dict[str, Any], parts: dict[str, float], after: Any, words: str
):
    change = rolling(before, **parts)
    assert rule(change) == after
    assert change.after == words


def test_a_boolean_can_be_rolled_out_once_it_is_known_what_the_others_get():
    with pytest.raises(BadFlagChange, match="Say first what the others get: `pixelwise flags set keep-drawings on`"):
        rolling({}, "keep-drawings", off=20)
    change = rolling({"keep-drawings": flag(ON_OFF, "on")}, "keep-drawings", off=20)
    assert rule(change, "keep-drawings") == shares(("off", 20), ("on", 80))


@pytest.mark.parametrize(
    ("before", "name", "parts", "said"),
    [
        ({}, "model-version", {"v2_0": 60, "v1_1": 50}, ": 110% in all; expected at most 100%"),
        ({}, "model-version", {"v2_0": 100.01}, ": 100.01% in all"),
        ({}, "model-version", {"v9_0": 20}, ": version v9.0"),
        ({}, "model-version", {"v2_0": 20, "v1_0": 10}, ": a share of its own for v1.0, the default"),
        (versions_flag(default="v2.0"), "model-version", {"v2_0": 20}, "`pixelwise flags set model-version v1.0`."),
        (
            {"model-version": flag({"old": "v1.0", "new": "v2.0"}, "old")},
            "model-version",
            {"v2_0": 20, "new": 30},
            ": one variant under two names",
        ),
        ({}, "shadow-versions", {"v2_0": 20}, "flags set shadow-versions v2.0"),
        ({}, "banner", {"on": 20}, ": no such flag"),
        (versions_flag(LAB), "model-version", {"v2_0": 20}, ": rules written by hand"),
        (
            versions_flag({"fractional": [{"var": "key"}, ["v2.0", 20], ["v1.0", 80]]}),
            "model-version",
            {"v2_0": 20},
            ": rules written by hand",
        ),
        (
            versions_flag(shares(("v2.0", 999_983), ("v1.1", 999_979), ("v1.0", 999_961))),
            "model-version",
            {"v2_0": 33.34, "v1_1": 20},
            ": shares too fine",
        ),
    ],
)
def test_what_cannot_be_rolled_out_is_refused(before: dict[str, Any], name: str, parts: dict[str, float], said: str):
    with pytest.raises(BadFlagChange) as caught:
        rolling(before, name, **parts)
    assert said in str(caught.value)


# -- rollback ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "undone"),
    [
        (versions_flag(shares(("v2.0", 20), ("v1.0", 80))), "v2.0 for 20%, v1.0 for 80%"),
        (versions_flag(default="v2.0"), "v2.0 for everyone"),
        (versions_flag(), "v1.0 for everyone"),
        (versions_flag(LAB), "rules written by hand, which name v2.0; otherwise v1.0"),
        (versions_flag(LAB, state="DISABLED"), "the default of MODEL_VERSIONS for everyone (the flag is DISABLED)"),
        ({"model-version": flag({"v9.0": "v9.0"}, "v9.0")}, "v9.0 for everyone"),
    ],
)
def test_a_rollback_gives_everyone_the_default_and_says_what_it_undid(before: dict[str, Any], undone: str):
    def back(old: Document) -> Change:
        change = roll_back(old, versions=VERSIONS)
        assert change is not None
        return change

    change = _unchanged_otherwise(document(before), "model-version", back)
    assert (change.before, change.after) == (undone, "the default of MODEL_VERSIONS for everyone")
    assert rule(change) is None
    assert beside_the_default(change.document, "v2.0") is None
    assert roll_back(change.document, versions=VERSIONS) is None


def test_where_nothing_is_rolled_out_there_is_nothing_to_undo():
    assert roll_back(no_flags(), versions=VERSIONS) is None
    assert roll_back(document(versions_flag(default=None)), versions=VERSIONS) is None


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({}, None),
        (versions_flag(default="v2.0"), None),
        (versions_flag(default=None), None),
        (versions_flag(state="DISABLED"), None),
        ({"model-version": flag({"new": "v2.0"}, "new")}, None),
        (versions_flag(), "v1.0 for everyone"),
        (versions_flag(shares(("v1.1", 20), ("v2.0", 80)), default="v2.0"), "v1.1 for 20%, v2.0 for 80%"),
    ],
)
def test_another_version_than_the_default_is_told(flags: dict[str, Any], said: str | None):
    assert beside_the_default(document(flags), "v2.0") == said


# -- in words and figures ----------------------------------------------------------------------------------------------


def test_every_known_flag_is_described_also_one_that_the_file_does_not_have():
    described = describe(no_flags(), versions=VERSIONS)
    assert [one.flag for one in described] == [
        *("model-version", "shadow-versions", "show-correction", "keep-drawings", "compare-versions"),
    ]
    assert {(one.state, one.shares, one.not_served) for one in described} == {(None, None, ())}


@pytest.mark.parametrize(
    ("flags", "percent", "unserved"),
    [
        (versions_flag(), {"v1.0": 100.0}, ()),
        (versions_flag(shares(("v2.0", 20), ("v1.1", 5), ("v2.0", 20), ("v1.0", 55))),
         {"v2.0": 40.0, "v1.1": 5.0, "v1.0": 55.0}, ()),
        (versions_flag(shares(("v9.0", 20), ("v1.0", 80))), {"v9.0": 20.0, "v1.0": 80.0}, ("v9.0",)),
        (versions_flag(shares(("v9.0", 20), ("v1.0", 80)), state="DISABLED"), None, ()),
        (versions_flag({"if": [True, "v9.0"]}), None, ("v9.0",)),
        (versions_flag(default=None), None, ()),
    ],
)  # fmt: skip
def test_shares_and_versions_that_are_not_served_are_figures(
    flags: dict[str, Any], percent: dict[str, float] | None, unserved: tuple[str, ...]
):
    model = describe(document(flags), versions=VERSIONS)[0]
    assert (model.shares, model.not_served) == (percent, unserved)


def test_a_shadow_that_is_not_served_is_named():
    flags = {"shadow-versions": flag({"x": "v9.0,v2.0"}, "x")}
    (shadow,) = [one for one in describe(document(flags), versions=VERSIONS) if one.flag == "shadow-versions"]
    assert (shadow.gives, shadow.not_served) == ("x (v9.0,v2.0) for everyone", ("v9.0",))
