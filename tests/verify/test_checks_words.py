"""How a check and a refusal say what was found and what was promised."""

from __future__ import annotations

import pytest

from app.verify.checks import Check, compare, refuse_differences, show, skip
from app.verify.refusals import ContractBroken


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (("1", "2"), "1 2"),
        ((), "none"),
        (frozenset(), "none"),
        (frozenset({"b", "a"}), "a b"),
        ({"clf": "X", "b": "Y"}, "clf: X, b: Y"),
        (((28, 28), "uint8"), "28 28 uint8"),
        (784, "784"),
        ("text", "text"),
    ],
)
def test_values_are_shown_as_text(value: object, text: str):
    assert show(value) == text


def test_a_check_keeps_both_values_and_where_they_come_from():
    found = compare("classes", "artefact", ("1",), "card", ("2",))
    assert found == Check("classes", "artefact", "1", "card", "2", "differs")
    assert skip("card", "artefact", "m.pkl", "card", "none") == Check(
        "card", "artefact", "m.pkl", "card", "", "skipped", "none"
    )


AGREES, SKIPPED = compare("file", "artefact", 1, "card", 1), skip("card", "artefact", "", "card", "none")
DIFFERS = [compare("classes", "artefact", ("1", "2"), "card", ("2",)), compare("features", "artefact", 3, "code", 4)]


def test_what_agrees_or_is_skipped_is_not_refused():
    refuse_differences("m.pkl", [])
    refuse_differences("m.pkl", [AGREES, SKIPPED])


@pytest.mark.parametrize(
    ("differing", "said"),
    [
        (DIFFERS[1:], "m.pkl, features: '3' (artefact); promised '4' (code)."),
        (
            DIFFERS,
            "m.pkl, classes, features: '1 2' (artefact) and '3' (artefact); promised '2' (card) and '4' (code).",
        ),
        (DIFFERS * 3, "m.pkl, classes, features, classes and 3 more: '1 2' (artefact) and "),
    ],
)
def test_a_refusal_names_the_first_differences_and_where_they_are_and_how_many_more(differing: list[Check], said: str):
    checks = [SKIPPED, AGREES, *differing]
    with pytest.raises(ContractBroken) as caught:
        refuse_differences("m.pkl", checks)
    assert str(caught.value).startswith(said)
    assert caught.value.checks == tuple(checks)
