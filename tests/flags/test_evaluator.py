"""What a request is told, and why; what cannot be used is counted."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.hook import Hook, HookContext, HookHints

from app.flags import evaluator as deciding
from app.flags.evaluator import Context, Decision
from tests.flags.conftest import PAGE, FlagFile, flag, shares, versions_flag

LAB = Context("somebody", "lab", "/classify/batch")
FOR_LAB = {"if": [{"==": [{"var": "key"}, "lab"]}, "v2.0"]}
FAILS = {"if": [{"<": [{"/": [1, 0]}, 1]}, "v2.0"]}
ON_OFF = {"on": True, "off": False}


class Evaluations(Hook):
    """Names every flag that is evaluated."""

    def __init__(self) -> None:
        self.flags: list[str] = []

    def before(self, hook_context: HookContext, hints: HookHints) -> EvaluationContext | None:
        self.flags.append(hook_context.flag_key)
        return None


@pytest.fixture
def evaluations() -> Evaluations:
    hook = Evaluations()
    api.add_hooks([hook])
    return hook


# -- which version answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "context", "expected"),
    [
        ({}, PAGE, Decision("v1.0", None, None, None)),
        (versions_flag(), PAGE, Decision("v1.0", "model-version", "v1.0", "STATIC")),
        (versions_flag(default="v2.0"), PAGE, Decision("v2.0", "model-version", "v2.0", "STATIC")),
        (versions_flag(default=None), PAGE, Decision("v1.0", "model-version", None, "DEFAULT")),
        (versions_flag(FOR_LAB), LAB, Decision("v2.0", "model-version", "v2.0", "TARGETING_MATCH")),
        (versions_flag(FOR_LAB), PAGE, Decision("v1.0", "model-version", "v1.0", "DEFAULT")),
        (versions_flag(shares(("v2.0", 100))), PAGE, Decision("v2.0", "model-version", "v2.0", "TARGETING_MATCH")),
        (versions_flag(FOR_LAB, state="DISABLED"), LAB, Decision("v1.0", "model-version", None, "DISABLED")),
        (versions_flag(default="v9.0"), PAGE, Decision("v1.0", "model-version", "v9.0", "ERROR")),
        (versions_flag(FAILS), PAGE, Decision("v1.0", "model-version", None, "ERROR")),
        (versions_flag({"var": "key"}), LAB, Decision("v1.0", "model-version", None, "ERROR")),
        (
            {"model-version": flag({"new": "v2.0"}, "new")},
            PAGE,
            Decision("v2.0", "model-version", "new", "STATIC"),
        ),
    ],
)
def test_a_decision_names_its_flag_variant_and_reason(
    file: FlagFile, flags: dict[str, Any], context: Context, expected: Decision
):
    file.write(flags)
    held = file.flags()
    assert held.problem is None
    assert held.choose(context) == expected
    assert held.choose(context) == expected  # what is remembered is the same


def test_a_rule_sees_the_visitor_the_key_and_the_route(file: FlagFile):
    for attribute, value in (("targetingKey", "somebody"), ("key", "lab"), ("route", "/classify/batch")):
        file.write(versions_flag({"if": [{"==": [{"var": attribute}, value]}, "v2.0"]}))
        held = file.flags()
        assert held.choose(LAB).version == "v2.0"
        assert held.choose(Context("another", None, "/")).version == "v1.0"


def test_a_rule_that_looks_at_the_clock_is_asked_each_time(file: FlagFile, evaluations: Evaluations):
    file.write(versions_flag({"if": [{">": [{"var": "$flagd.timestamp"}, 1]}, "v2.0"]}))
    held = file.flags()
    assert [held.choose(PAGE).version for _ in range(3)] == ["v2.0"] * 3
    assert evaluations.flags == ["model-version"] * 3


# -- the other flags ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [True, False])
def test_booleans_are_the_file_s_or_else_the_default(file: FlagFile, default: bool):
    def given(variant: str | None, **changed: Any) -> tuple[bool, bool]:
        one = flag(ON_OFF, variant, **changed)
        file.write({"keep-drawings": one, "show-correction": one})
        held = file.flags()
        assert held.errors == {}
        return held.keep_drawings(PAGE, default), held.show_correction(PAGE, default)

    assert given("on") == (True, True)
    assert given("off") == (False, False)
    assert given(None) == given("on", state="DISABLED") == given("off", state="DISABLED") == (default, default)
    file.write()
    assert file.flags().keep_drawings(PAGE, default) is default
    assert file.flags().show_correction(PAGE) is True


def test_drawings_may_be_kept_of_some(file: FlagFile):
    rule = {"if": [{"==": [{"var": "key"}, "lab"]}, "off"]}
    file.write({"keep-drawings": flag(ON_OFF, "on", rule)})
    held = file.flags()
    assert [held.keep_drawings(context, False) for context in (LAB, PAGE)] == [False, True]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, ("v2.0", "v1.1")),
        ({"shadow-versions": flag({"one": "v1.1"}, "one")}, ("v1.1",)),
        ({"shadow-versions": flag({"two": "v1.1, v2.0,v1.0"}, "two")}, ("v1.1", "v2.0")),
        ({"shadow-versions": flag({"off": ""}, "off")}, ()),
        ({"shadow-versions": flag({"off": ""}, "off", state="DISABLED")}, ("v2.0", "v1.1")),
        ({"shadow-versions": flag({"off": ""})}, ("v2.0", "v1.1")),
    ],
)
def test_the_versions_that_read_along_are_the_file_s_or_else_all_others(
    file: FlagFile, flags: dict[str, Any], expected: tuple[str, ...]
):
    file.write(flags)
    held = file.flags()
    assert held.shadows("v1.0") == expected
    assert "v2.0" not in held.shadows("v2.0")
    assert held.errors == {}


def test_a_shadow_that_is_not_served_is_left_out_and_counted_once_for_a_file(file: FlagFile):
    file.write({"shadow-versions": flag({"x": "v9.0,v2.0"}, "x")})
    held = file.flags()
    assert [held.shadows("v1.0") for _ in range(3)] == [("v2.0",)] * 3
    assert held.errors == {("shadow-versions", "NOT_SERVED"): 1}


# -- what cannot be used -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "context", "cause"),
    [
        (versions_flag(default="v9.0"), PAGE, "NOT_SERVED"),
        (versions_flag(FAILS), PAGE, "GENERAL"),
        (versions_flag({"var": "key"}), LAB, "GENERAL"),
    ],
)
def test_what_cannot_be_used_is_counted_for_each_answer_and_logged_once(
    file: FlagFile, flags: dict[str, Any], context: Context, cause: str, caplog: pytest.LogCaptureFixture
):
    file.write(flags)
    held = file.flags()
    caplog.clear()
    for _ in range(5):
        held.choose(context)
    assert held.errors == {("model-version", cause): 5}
    assert [record.getMessage() for record in caplog.records] == [
        f"flag model-version cannot be used for some: {cause}; they get the default"
    ]
    file.write(flags | {"show-correction": flag(ON_OFF, "on")})
    held.reload()
    held.choose(context)
    assert held.errors == {("model-version", cause): 6}
    assert len(caplog.records) == 2  # another file, another complaint


def test_a_boolean_that_fails_is_counted_and_the_default_holds(file: FlagFile):
    file.write({"keep-drawings": flag(ON_OFF, "on", {"if": [{"<": [{"/": [1, 0]}, 1]}, "on"]})})
    held = file.flags()
    assert held.keep_drawings(PAGE, False) is False
    assert held.keep_drawings(PAGE, True) is True
    assert held.errors == {("keep-drawings", "GENERAL"): 2}


# -- what it costs -----------------------------------------------------------------------------------------------------


def test_a_request_makes_at_most_two_evaluations_and_a_repeated_one_none(file: FlagFile, evaluations: Evaluations):
    on = {name: flag(ON_OFF, "on") for name in ("keep-drawings", "show-correction")}
    shadow = {"shadow-versions": flag({"x": "v2.0"}, "x")}
    file.write({**versions_flag(shares(("v2.0", 20), ("v1.0", 80))), **on, **shadow})
    held = file.flags()
    assert evaluations.flags == ["shadow-versions"]
    evaluations.flags.clear()
    for _ in range(3):
        held.keep_drawings(PAGE, default=True)
        held.shadows(held.choose(PAGE).version)
    assert evaluations.flags == ["keep-drawings", "model-version"]
    held.choose(PAGE._replace(route="/classify"))
    assert len(evaluations.flags) == 3
    file.write(versions_flag(shares(("v2.0", 30), ("v1.0", 70))))
    held.reload()
    held.keep_drawings(PAGE, default=True)
    held.choose(PAGE)
    assert evaluations.flags[3:] == ["model-version"]  # nothing is asked that the file does not have


def test_what_is_remembered_is_bounded_and_the_oldest_goes(
    file: FlagFile, evaluations: Evaluations, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(deciding, "REMEMBERED", 3)
    file.write(versions_flag())
    held = file.flags()

    def ask(*visitors: str) -> int:
        evaluations.flags.clear()
        for visitor in visitors:
            held.choose(Context(visitor, None, "/"))
        return len(evaluations.flags)

    assert ask("a", "b", "c", "a", "b", "c") == 3
    assert ask("d", "d", "b", "c") == 1
    assert ask("a") == 1


# -- threads -----------------------------------------------------------------------------------------------------------


def test_no_decision_mixes_two_files_while_they_change_under_load(file: FlagFile):
    """One file has v2.0 for everyone under the variant "new", the other no model-version at all."""
    first = {"model-version": flag({"new": "v2.0"}, "new")}
    file.write(first)
    held = file.flags()
    whole = {Decision("v2.0", "model-version", "new", "STATIC"), Decision("v1.0", None, None, None)}
    seen: set[Decision] = set()
    ended = threading.Event()

    def ask(name: str) -> None:
        number = 0
        while not ended.is_set():
            number += 1
            seen.add(held.choose(Context(f"{name}{number % 500}", None, "/")))

    threads = [threading.Thread(target=ask, args=[name]) for name in "ab"]
    for thread in threads:
        thread.start()
    for number in range(60):
        file.write({} if number % 2 == 0 else first)
        assert held.reload()
        assert held.choose(PAGE).version == ("v1.0" if number % 2 == 0 else "v2.0")
    ended.set()
    for thread in threads:
        thread.join()
    assert seen == whole
    assert held.errors == {}
