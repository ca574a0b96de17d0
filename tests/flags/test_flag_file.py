"""A flag file is checked when it is read: what could fail for some visitor is refused with a sentence of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.flags.flag_file import MAX_BYTES, no_flags, parse_flags, read_flag_file, write_flag_file
from app.flags.refusals import BadFlags
from app.flags.schema import Document, Rules
from tests.flags.conftest import FlagFile, flag, shares, versions_flag


def parse(flags: dict[str, Any], **fields: Any) -> Rules:
    return parse_flags(json.dumps({**fields, "flags": flags}).encode(), name="flags.json")[1]


def problem(flags: dict[str, Any], **fields: Any) -> str:
    with pytest.raises(BadFlags) as caught:
        parse(flags, **fields)
    assert caught.value.exit_code == 3
    return caught.value.found


def model(**changed: Any) -> dict[str, Any]:
    return {"model-version": {**versions_flag()["model-version"], **changed}}


def nested(depth: int) -> Any:
    rule: Any = True
    for _ in range(depth):
        rule = {"!": [rule]}
    return {"if": [rule, "v2.0"]}


ACCUMULATOR = {"var": "accumulator"}
CAT = {"cat": [ACCUMULATOR, ACCUMULATOR]}


def compared(value: Any) -> Any:
    return {"if": [{"==": [value, "x"]}, "v2.0"]}


def doubling(value: Any) -> Any:
    return compared({"reduce": [list(range(26)), value, "x"]})


# -- what is no flag file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON ("),
        ("{", "no JSON ("),
        ("# no JSON", "no JSON ("),
        (b"\xff\xfe{}", "no JSON ("),
        ('{"flags": {}} {}', "no JSON ("),
        ('{"flags": {"x": NaN}}', "NaN is no number"),
        ('{"flags": {"x": 1, "y": 2, "x": 3}}', "x stands there twice"),
        ("[" * 100_000, "no JSON ("),
        ('{"flags": {"x": ' + "[" * 150 + "]" * 150 + "}}", "nested more than 100 deep"),
        ("[]", 'no object with "flags"'),
        ("{}", 'no object with "flags"'),
        ('{"flags": []}', 'no object with "flags"'),
    ],
)
def test_what_is_no_flag_file_is_refused(text: str | bytes, said: str):
    with pytest.raises(BadFlags) as caught:
        parse_flags(text.encode() if isinstance(text, str) else text, name="flags.json")
    assert caught.value.subject == "flag file flags.json"
    assert said in caught.value.found


def test_a_file_of_more_than_256_kib_is_not_read(file: FlagFile):
    file.write_text(b" " * MAX_BYTES)
    assert read_flag_file(file.path) == b" " * MAX_BYTES
    file.write_text(b" " * (MAX_BYTES + 1))
    with pytest.raises(BadFlags, match="more than 262,144 bytes"):
        read_flag_file(file.path)


def test_a_missing_file_is_no_problem_and_a_link_is_followed(file: FlagFile):
    assert read_flag_file(file.path) is None
    file.path.with_name("mounted").write_bytes(b"{}")
    file.path.symlink_to("mounted")
    assert read_flag_file(file.path) == b"{}"


def test_what_is_no_plain_file_is_refused_and_not_waited_for(file: FlagFile):
    os.mkfifo(file.path)
    with pytest.raises(BadFlags, match="no plain file"):
        read_flag_file(file.path)
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(BadFlags, match="no plain file"):
        read_flag_file(file.path)


# -- flags that cannot be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"model-version": 1}, "it is no object"),
        (model(state="enabled"), "its state is enabled, where ENABLED or DISABLED is due"),
        (model(state=None), "its state is None"),
        (model(varients={}), "it has varients, which is none of state, variants"),
        (model(variants={}), "it has no variants"),
        (model(variants=["v1.0"]), "it has no variants"),
        (model(variants={"": "v1.0"}), "a variant is called ''"),
        (model(variants={"v" * 101: "v1.0"}), "where 1 to 100 characters are due"),
        (model(variants={"a\n": "v1.0"}), "a variant is called 'a\\n'"),
        (model(variants={"v1.0": 1.0}), "its variant v1.0 is 1.0, where a version such as"),
        (model(variants={"v1.0": ""}), "where a version such as"),
        (model(variants={"both": "v1.0,v2.0"}), "its variant both is v1.0,v2.0, where a version"),
        (model(variants={"v1.0": "v" * 101}), "where a version such as"),
        (model(defaultVariant="v3.0"), "its defaultVariant is v3.0, which is none of its variants"),
        (model(defaultVariant=True), "its defaultVariant is true, which"),
        (
            {"shadow-versions": flag({"all": ["v1.0"]}, "all")},
            "its variant all is ['v1.0'], where versions in one text",
        ),
        ({"shadow-versions": flag({"all": "v1.0"}, "all", {"if": [True, "all"]})}, "it has targeting, but there is no"),
        ({"show-correction": flag({"on": "true"}, "on")}, "its variant on is true, where true or false is due"),
        ({"keep-drawings": flag({"on": 1}, "on")}, "its variant on is 1, where true or false is due"),
        ({"model-versions": model()["model-version"]}, "model-versions is no flag (did you mean model-version?)"),
        ({"Show-Correction": {}}, "did you mean show-correction?"),
    ],
)
def test_a_flag_that_cannot_be_is_refused(flags: dict[str, Any], said: str):
    assert said in problem(flags)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("v2.0", "is no object"),
        ([{"if": [True, "v2.0"]}], "is no object"),
        (shares(("v2.0", 20), ("v3.0", 80)), "names the variant v3.0, which there is not"),
        ({"if": [True, "v3.0"]}, "names the variant v3.0"),
        ({"if": [True, "v2.0", "v3.0"]}, "names the variant v3.0"),
        ({"if": [False, "v2.0", True, "v3.0", "v1.0"]}, "names the variant v3.0"),
        ({"if": [True, shares(("v3.0", 50), ("v1.0", 50))]}, "names the variant v3.0"),
        ({"or": [{"if": [True, "v3.0"]}, "v1.0"]}, "names the variant v3.0"),
        (
            {"and": [{"==": [{"var": "route"}, "/"]}, "v2.0"]},
            "names the variant true, which there is not (== gives it)",
        ),
        ({"in": ["lab", {"var": "key"}]}, "names the variant true"),
        ({"if": [True, ["v2.0"]]}, "gives a list"),
        ({"if": [True, 2]}, "names the variant 2"),
        (
            {"if": [True, "v2.0"], "comment": "ours"},
            "has {'if': [True, 'v2.0'], 'comment': 'ours'}, which is no operation: one",
        ),
        ({"if": [{}, "v2.0"]}, "has {}, which is no operation"),
        ({"when": [True, "v2.0"]}, "has when, which is no operation"),
        ({"if": [{"fractal": []}, "v2.0"]}, "has fractal, which is no operation"),
        ({"if": [{"log": "x"}, "v2.0"]}, "has log, which is no operation"),
        ({"if": [{"==": [{"var": "visitor"}, "x"]}, "v2.0"]}, "looks at visitor, which is none of targetingKey, key"),
        ({"if": [{"==": [{"var": ""}, "x"]}, "v2.0"]}, "looks at , which is none of"),
        ({"if": [{"==": [{"var": []}, "x"]}, "v2.0"]}, "looks at , which is none of"),
        ({"if": [{"==": [{"var": {"cat": ["k", "ey"]}}, "x"]}, "v2.0"]}, "looks at {'cat'"),
        ({"if": [{"some": [{"var": "keys"}, {"var": "x"}]}, "v2.0"]}, "looks at keys"),
        (shares(("v2.0", 20)), "gives ['v2.0', 20] alone to everyone"),
        (shares(("v2.0", -1), ("v1.0", 101)), "has the weight -1 in fractional, where a whole number is due"),
        ({"fractional": [["v2.0", 12.5], ["v1.0", 87.5]]}, "has the weight 12.5"),
        ({"fractional": [["v2.0", "20"], ["v1.0", 80]]}, "has the weight 20"),
        ({"fractional": [["v2.0", True], ["v1.0", 80]]}, "has the weight True"),
        ({"fractional": [["v2.0", 20, 1], ["v1.0", 80]]}, "has ['v2.0', 20, 1] in fractional"),
        ({"fractional": [["v2.0", 20], "v1.0"]}, "has v1.0 in fractional, where [variant, weight] is due"),
        (shares(("v2.0", 0), ("v1.0", 0)), "has weights whose sum is 0"),
        (shares(("v2.0", 1 << 30), ("v1.0", 1 << 30)), "has weights whose sum is 2147483648"),
        ({"fractional": []}, "has weights whose sum is 0"),
        ({"fractional": [{"var": "visitor"}, ["v2.0", 20], ["v1.0", 80]]}, "looks at visitor"),
        ({"if": [{"==": [{"fractional": [["a", 1.5], ["b", 1]]}, "a"]}, "v2.0"]}, "has the weight 1.5"),
        (nested(30), "is nested more than 40 deep"),
        ({"if": [{"in": [1, list(range(10_000))]}, "v2.0"]}, "has more than 10,000 parts"),
        ({"$ref": "lab"}, "refers to lab, which $evaluators does not have"),
        (doubling(CAT), "has cat for each element of reduce: what it makes could double with each"),
        (doubling({"if": [True, {"substr": [CAT, 1]}]}), "has cat for each element of reduce"),
        (doubling({"merge": [ACCUMULATOR, ACCUMULATOR]}), "has merge for each element of reduce"),
        (doubling({"*": [ACCUMULATOR, ACCUMULATOR]}), "has * for each element of reduce"),
        (doubling([ACCUMULATOR, ACCUMULATOR]), "has a list with computed parts for each element of reduce"),
        (doubling([[ACCUMULATOR]]), "has a list with computed parts for each element of reduce"),
        (doubling({"fractional": [CAT, ["v1.0", 1], ["v2.0", 1]]}), "has cat for each element of reduce"),
        (compared({"map": [[1], {"map": [[1], 1]}]}), "has map for each element of map"),
        (compared({"some": [[1], {"fractional": [{"map": [[1], 1]}, ["v1.0"]]}]}), "has map for each element of some"),
        (compared({"map": [[0] * 200, {"in": [{"var": ""}, [0] * 200]}]}), "has more than 10,000 parts, each counted"),
        (compared({"cat": {"map": [[0] * 200, "x" * 2000]}}), "has more than 262,144 characters of text, each counted"),
    ],
)
def test_a_rule_that_would_fail_or_give_nothing_for_some_visitor_is_refused(rule: Any, said: str):
    assert f"its targeting {said}" in problem(versions_flag(rule))


@pytest.mark.parametrize(
    "rule",
    [
        {},
        shares(("v2.0", 20), ("v1.0", 80)),
        shares(("v2.0", 100)),
        shares(("v2.0", 1), ("v1.0", 2)),
        shares(("v2.0", 20), ("v1.1", 10), ("v2.0", 30), ("v1.0", 40)),
        {"fractional": [["v2.0"], ["v1.0"]]},
        {"fractional": [{"cat": [{"var": "$flagd.flagKey"}, {"var": "key"}]}, ["v2.0", 20], ["v1.0", 80]]},
        {"fractional": [["v2.0", {"-": [{"var": "$flagd.timestamp"}, 1_700_000_000]}], ["v1.0", 80]]},
        {"if": [{"==": [{"var": ["key", "nobody"]}, "lab"]}, "v2.0"]},
        {"if": [{"ends_with": [{"var": "route"}, "/batch"]}, "v2.0", shares(("v1.1", 5), ("v1.0", 95))]},
        {"if": [{"some": [["a", "b"], {"==": [{"var": ""}, "a"]}]}, "v2.0", None]},
        {"if": [{"==": [{"reduce": [[1, 2], {"+": [{"var": "accumulator"}, {"var": "current"}]}, 0]}, 3]}, "v2.0"]},
        {"if": [{"and": [{"all": [[1], True]}, {"none": [{"map": [[1], {"-": {"var": ""}}]}, {"var": ""}]}]}, "v2.0"]},
        {"if": [{"in": [{"var": "key"}, ["a key of a class that is called by a name"] * 5000]}, "v2.0"]},
        {"var": "key"},
    ],
)
def test_a_rule_in_flagd_s_format_is_taken(rule: Any):
    assert parse(versions_flag(rule)).document["flags"]["model-version"].get("targeting", {}) == rule


def test_a_comparison_may_decide_by_itself_where_its_variants_are_called_true_and_false():
    rule = {"starts_with": [{"var": "route"}, "/draw"]}
    parse({"show-correction": flag({"true": True, "false": False}, "true", rule)})
    parse({"show-correction": flag({"true": True, "false": False}, True, rule)})


def test_a_shared_rule_stands_in_the_place_of_its_name():
    lab = {"==": [{"var": "key"}, "lab"]}
    rules = parse(versions_flag({"if": [{"$ref": "is lab"}, "v2.0"]}), **{"$evaluators": {"is lab": lab}})
    assert rules.document["flags"]["model-version"]["targeting"] == {"if": [lab, "v2.0"]}


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ([], "$evaluators is no object"),
        ({"a": {"$ref": "a"}}, "has $ref, which is no operation"),
        ({"a": {"==": [{"var": "visitor"}, "x"]}}, "looks at visitor"),
    ],
)
def test_a_shared_rule_is_checked_where_it_is_used(shared: Any, said: str):
    assert said in problem(versions_flag({"if": [{"$ref": "a"}, "v2.0"]}), **{"$evaluators": shared})


def test_a_shared_text_is_counted_as_often_as_it_is_used():
    rule = compared({"cat": [{"$ref": "text"}] * 200})
    said = problem(versions_flag(rule), **{"$evaluators": {"text": "x" * 2000}})
    assert "has more than 262,144 characters of text" in said


def test_everything_that_is_wrong_is_named_at_once():
    found = problem({**model(state="on"), "keep-drawings": flag({"on": 1})})
    assert "model-version: its state is on" in found
    assert "; keep-drawings: its variant on is 1" in found


def test_flags_of_others_are_left_alone_however_they_look():
    others = {"banner": {"state": "ENABLED", "variants": 7}, "x": None}
    document, rules = parse_flags(json.dumps({"flags": {**others, **versions_flag()}}).encode(), name="f")
    assert list(rules.document["flags"]) == ["model-version"]
    assert list(document["flags"]) == ["banner", "x", "model-version"]


# -- replacing it ------------------------------------------------------------------------------------------------------


def document(**flags: Any) -> Document:
    return {**no_flags(), "flags": {name.replace("_", "-"): value for name, value in flags.items()}}


def test_a_written_file_reads_as_it_was_written(file: FlagFile):
    written = document(show_correction=flag({"an": True, "für später": False}, "an"), other={"half": "\ud800"})
    write_flag_file(file.path, written)
    assert parse_flags(file.path.read_bytes(), name="f")[0] == written
    assert "für später" in file.path.read_text(encoding="utf-8")
    assert file.path.stat().st_mode & 0o777 == 0o644


def test_a_replaced_file_keeps_its_mode_and_is_kept_beside(file: FlagFile):
    file.write(versions_flag())
    before = file.path.read_bytes()
    file.path.chmod(0o640)
    write_flag_file(file.path, document())
    assert file.path.stat().st_mode & 0o777 == 0o640
    assert file.path.with_name("flags.json.before").read_bytes() == before
    assert {path.name for path in file.path.parent.iterdir()} == {"flags.json", "flags.json.before"}


def test_a_link_stays_one_and_what_it_leads_to_is_replaced(file: FlagFile, tmp_path: Path):
    target = tmp_path / "mounted.json"
    target.write_text('{"flags": {}}')
    file.path.symlink_to(target)
    write_flag_file(file.path, document(x=1))
    assert file.path.is_symlink()
    assert json.loads(target.read_text())["flags"] == {"x": 1}


def test_what_would_be_refused_is_not_written(file: FlagFile):
    file.write(versions_flag())
    before = file.path.read_bytes()
    with pytest.raises(BadFlags, match="its state is off"):
        write_flag_file(file.path, document(model_version=flag({"a": "v1.0"}, state="off")))
    assert file.path.read_bytes() == before
    assert [path.name for path in file.path.parent.iterdir()] == ["flags.json"]
