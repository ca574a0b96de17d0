"""Artefact, card, code and golden set: each single disagreement is found, by its name, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from app.model.contract import Accuracy, Contract, Counted, GoldenPromise, NotADigit, temperature_for
from app.model.formats import read_model
from app.model.golden_set import Replay
from app.model.scorer import Scorer
from app.verify.card import Card, read_card, read_prose
from app.verify.checks import (
    Check,
    Code,
    check_artefact,
    check_card,
    check_golden,
)
from tests.attacks.honest import honest_pipeline
from tests.verify.test_card import card as card_bytes

CODE = Code(tuple("123456789"))
FEW = Counted(0.002, 2, 1000)
FILE = "digit_classifier_v1.pkl"
SHA256 = "1f" * 32


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return read_model(honest_pipeline(features=784))


@pytest.fixture(scope="module")
def contract() -> Contract:
    """What a card truly says of `scorer`."""
    contract = read_card(card_bytes()).contract
    assert contract is not None
    return msgspec.structs.replace(contract, sha256=SHA256)


def checks_of(
    scorer: Scorer,
    contract: Contract | None,
    prose: str = "",
    *,
    code: Code = CODE,
    file: str = FILE,
    version="v1.0",
) -> dict[str, Check]:
    card = Card(contract, read_prose(prose), "")
    checks = check_card(card, scorer, file=file, sha256=SHA256, version=version, code=code)
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


def differing(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.outcome == "differs"]


def skipped(checks: dict[str, Check]) -> list[str]:
    return [name for name, check in checks.items() if check.outcome == "skipped"]


# -- artefact and code -------------------------------------------------------------------------------------------------


def test_an_artefact_of_the_code_s_classes_and_shape_agrees(scorer: Scorer):
    assert [check.outcome for check in check_artefact(scorer, CODE)] == ["agrees"] * 3


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("classes", {"labels": tuple("0123456789")}),
        ("features", {"features": 64}),
        ("preprocessing", {"threshold": 1.0}),
    ],
)
def test_an_artefact_that_differs_from_the_code_is_found_by_name(scorer: Scorer, name: str, changes: dict[str, Any]):
    checks = check_artefact(replace(scorer, **changes), CODE)
    assert [check.name for check in checks if check.outcome == "differs"] == [name]


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.999])
def test_every_threshold_that_leaves_zeros_and_ones_alone_agrees(scorer: Scorer, threshold: float):
    checks = {check.name: check for check in check_artefact(replace(scorer, threshold=threshold), CODE)}
    assert checks["preprocessing"].outcome == "agrees"


# What the prose of a card says, in the forms that are held to its contract; SHA is the artefact's digest.
FORMS = """
| SHA-256 | `SHA` |
| Steps | `binarize` (`Binarizer`), then `clf` (`LogisticRegression`) |
| Golden set | `golden_v1.npz`: 1000 held-out digits (915 read rightly), and 20 withheld ones |
| `t10k-images-idx3-ubyte` | `0fa7898d` |

A pixel is ink when its value is above 128; 128 itself is paper.

| 1 | 1101 | 1135 | 97.00% |

Pictures of paper are read through the recipe, version 2: 91.20% (1824 of 2000, 95% interval 89.3% to 92.8%).
Strokes of a pen are read through the same: 90.33% (8130 of 9000, 95% interval 89.7% to 90.9%).
How sure: temperature 3.512, expected calibration error 0.0612 before and 0.0123 after, on 4608 digits.
"""


def true_forms() -> str:
    return FORMS.replace("`SHA`", SHA256)


# -- card with a contract ----------------------------------------------------------------------------------------------


def test_a_true_card_agrees_in_everything_it_says(scorer: Scorer, contract: Contract):
    checks = checks_of(scorer, contract, f"Reads digits 1-9 from 784 features. Accuracy: 91.49%.\n{true_forms()}")
    assert {check.outcome for check in checks.values()} == {"agrees"}
    assert len(checks) == 22


def test_prose_that_is_silent_is_skipped(scorer: Scorer, contract: Contract):
    checks = checks_of(scorer, contract)
    assert not differing(checks)
    said = ["classes", "features", "accuracy", "digits", "golden set", "drawn digits", "sha256", "ink rule", "steps"]
    assert skipped(checks) == [f"{name} in prose" for name in said]
    assert all(checks[name].why for name in skipped(checks))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("version", {"version": "v1.1"}),
        ("file", {"artefact": "digit_classifier_v2.pkl"}),
        ("sha256", {"sha256": "0" * 64}),
        ("scikit-learn", {"sklearn": "1.9.0"}),
        ("steps", {"steps": {"binarize": "Binarizer", "clf": "MLPClassifier"}}),
        ("steps", {"steps": {"binarise": "Binarizer", "clf": "LogisticRegression"}}),
        ("steps", {"steps": {"clf": "LogisticRegression"}}),
        ("steps", {"steps": {"clf": "LogisticRegression", "binarize": "Binarizer"}}),
        ("classes", {"classes": tuple("012345678")}),
        ("classes", {"classes": tuple("987654321")}),
        ("withheld", {"withheld": ("0", "9")}),
        ("features", {"features": 785}),
        ("image", {"input.shape": (28, 27)}),
        ("image", {"input.range": (0, 1)}),
        ("ink rule", {"input.ink": "> 127"}),
        ("accuracy", {"accuracy.value": 0.9148}),
        ("accuracy", {"accuracy.correct": 8253}),
        ("accuracy", {"accuracy.correct": 9021, "accuracy.value": 1.0}),
        ("drawn digits", {"drawn.strokes": Accuracy(0.9034, 8130, 9000, (0.897, 0.909))}),
        ("drawn digits", {"drawn.pictures": Accuracy(1.0, 2001, 2000, (0.893, 0.928))}),
        ("taken for no digit", {"not_a_digit": NotADigit(0.6, FEW, Counted(0.7, 701, 1000))}),
        ("taken for no digit", {"not_a_digit": NotADigit(0.6, FEW, FEW, Counted(1.0, 1001, 1000))}),
    ],
)
def test_one_changed_key_is_found_by_name(scorer: Scorer, contract: Contract, name: str, changes: dict[str, Any]):
    for path, value in changes.items():
        outer, _, inner = path.partition(".")
        changed = msgspec.structs.replace(getattr(contract, outer), **{inner: value}) if inner else value
        contract = msgspec.structs.replace(contract, **{outer: changed})
    assert differing(checks_of(scorer, contract)) == [name]


def test_what_was_taken_for_no_digit_is_shown_where_the_card_states_it(scorer: Scorer, contract: Contract):
    assert "taken for no digit" not in checks_of(scorer, contract)
    stated = msgspec.structs.replace(contract, not_a_digit=NotADigit(0.6, FEW, Counted(0.7, 700, 1000), FEW))
    found = checks_of(scorer, stated)["taken for no digit"]
    assert found.outcome == "agrees"
    assert found.found == "digits 0.20% (2 of 1,000), shapes 70.00% (700 of 1,000), strokes 0.20% (2 of 1,000)"


def test_withheld_by_the_card_is_held_against_withheld_by_the_code(scorer: Scorer, contract: Contract):
    check = checks_of(scorer, contract)["withheld"]
    assert check == Check("withheld", "code", "0", "card", "0", "agrees")
    silent = checks_of(scorer, msgspec.structs.replace(contract, withheld=()))["withheld"]
    assert silent == Check("withheld", "code", "0", "card", "", "skipped", "the card names none")


def test_a_roster_of_ten_withholds_none(scorer: Scorer, contract: Contract):
    code = Code(tuple("0123456789"))
    none = checks_of(scorer, msgspec.structs.replace(contract, withheld=()), code=code)["withheld"]
    assert none == Check("withheld", "code", "none", "card", "none", "agrees")
    assert checks_of(scorer, contract, code=code)["withheld"].outcome == "differs"


@pytest.mark.parametrize(
    ("name", "prose"),
    [
        ("classes in prose", "Reads digits 0-9."),
        ("features in prose", "It takes 64 features."),
        ("accuracy in prose", "Accuracy: 91.51%"),
        ("accuracy in prose", "Expected accuracy: ~92%"),
    ],
)
def test_prose_that_differs_from_its_own_front_matter_is_found(
    scorer: Scorer, contract: Contract, name: str, prose: str
):
    assert differing(checks_of(scorer, contract, prose)) == [name]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("digits in prose", "97.00%", "97.01%"),
        ("digits in prose", "1101", "1102"),
        ("digits in prose", "1135", "1134"),
        ("digits in prose", "1135", "0"),
        ("digits in prose", "| 1 | 1101", "| 2 | 1101"),
        ("digits in prose", "| 1101 | 1135 | 97.00% |", "| 1112 | 1135 | 97.97% |"),
        ("golden set in prose", "1000", "1001"),
        ("golden set in prose", "915", "916"),
        ("golden set in prose", "20 withheld", "21 withheld"),
        ("drawn digits in prose", "version 2", "version 1"),
        ("drawn digits in prose", "91.20%", "91.30%"),
        ("drawn digits in prose", "(1824", "(1825"),
        ("drawn digits in prose", "of 9000", "of 9001"),
        ("drawn digits in prose", "90.33%", "90.34%"),
        ("drawn digits in prose", "3.512", "3.513"),
        ("drawn digits in prose", "0.0612", "0.0611"),
        ("drawn digits in prose", "0.0123", "0.0124"),
        ("drawn digits in prose", "4608", "4607"),
        ("sha256 in prose", "`SHA`", "`" + "0" * 64 + "`"),
        ("ink rule in prose", "above 128", "above 127"),
        ("ink rule in prose", "above 128", "above 128.5"),
        ("steps in prose", "`clf` (", "`classifier` ("),
        ("steps in prose", "`LogisticRegression`", "`MLPClassifier`"),
    ],
)
def test_one_changed_statement_is_found_beside_true_ones_and_shown_alone(
    scorer: Scorer, contract: Contract, name: str, before: str, after: str
):
    assert FORMS.count(before) == 1
    changed = FORMS.replace(before, after).replace("`SHA`", SHA256)
    checks = checks_of(scorer, contract, true_forms() + changed)
    assert differing(checks) == [name]
    assert (checks[name].found_in, checks[name].promised_by) == ("card", "prose")
    said = checks[name].promised
    assert "; " not in said and sum(any(map(str.isdigit, word)) for word in said.split()) <= 4, (
        "more than one statement"
    )


def test_prose_of_what_the_contract_leaves_out_is_skipped(scorer: Scorer, contract: Contract):
    accuracy = msgspec.structs.replace(contract.accuracy, per_class={})
    contract = msgspec.structs.replace(contract, golden=None, accuracy=accuracy, drawn=None)
    checks = checks_of(scorer, contract, true_forms())
    assert not differing(checks)
    for name in ("digits in prose", "golden set in prose", "drawn digits in prose"):
        assert (checks[name].outcome, checks[name].why) == ("skipped", "the contract does not state it")


@pytest.mark.parametrize("prose", ["Accuracy: 91.49%", "Accuracy: 91.5%"])
def test_prose_may_round(scorer: Scorer, contract: Contract, prose: str):
    assert not differing(checks_of(scorer, contract, prose))


def test_contradicting_prose_is_skipped_and_says_so(scorer: Scorer, contract: Contract):
    checks = checks_of(scorer, contract, "Reads digits 1-9. The next one reads digits 0-9.")
    assert "states several" in checks["classes in prose"].why


@pytest.mark.parametrize(
    ("name", "changes"), [("version", {"version": "v1.1"}), ("file", {"file": "digit_classifier_v1_1.pkl"})]
)
def test_what_this_installation_pins_is_held_against_the_card(
    scorer: Scorer, contract: Contract, name: str, changes: dict[str, Any]
):
    assert differing(checks_of(scorer, contract, **changes)) == [name]


# -- the recipe that drawn digits came by ------------------------------------------------------------------------------


def test_a_release_that_was_measured_with_another_recipe_is_no_refusal(scorer: Scorer, contract: Contract):
    checks = checks_of(scorer, contract, code=Code(tuple("123456789"), recipe=3))
    assert not differing(checks)
    why = "measured with another: answers have no certainty"
    assert checks["recipe"] == Check("recipe", "code", "3", "card", "2", "skipped", why)
    assert temperature_for(contract, 3) is None
    assert temperature_for(contract, 2) == 3.512


def test_a_release_without_drawn_digits_says_so_once(scorer: Scorer, contract: Contract):
    contract = msgspec.structs.replace(contract, drawn=None)
    checks = checks_of(scorer, contract)
    assert (checks["recipe"].outcome, "no certainty" in checks["recipe"].why) == ("skipped", True)
    assert "drawn digits" not in checks
    assert temperature_for(contract, 2) is None
    assert temperature_for(None, 2) is None


def test_what_was_measured_of_drawn_digits_is_shown(scorer: Scorer, contract: Contract):
    found = checks_of(scorer, contract)["drawn digits"]
    assert found.found == "strokes 90.33% (8,130 of 9,000), pictures 91.20% (1,824 of 2,000)"


def test_what_prose_says_of_drawn_digits_and_of_the_golden_set_is_shown_in_words(scorer: Scorer, contract: Contract):
    checks = checks_of(scorer, contract, true_forms())
    assert checks["golden set in prose"].found == (
        "915 of 1000 digits are read rightly, 20 more are of withheld classes"
    )
    drawn = checks["drawn digits in prose"]
    assert drawn.found == (
        "read by recipe 2, 91.20% of pictures are right (1824 of 2000), 90.33% of strokes are right (8130 of 9000), "
        "temperature 3.512 brings the calibration error from 0.0612 to 0.0123, on 4608 digits"
    )
    assert drawn.promised == drawn.found
    other = checks_of(scorer, contract, true_forms().replace("0.0123", "0.0124"))["drawn digits in prose"]
    assert other.found == drawn.found
    assert other.promised == "temperature 3.512 brings the calibration error from 0.0612 to 0.0124, on 4608 digits"


# -- card of prose only, and no card -----------------------------------------------------------------------------------


PROSE = """Reads the digits 1-9. `pipeline.n_features_in_` returns `784`.
Its classifier `pipeline.named_steps["clf"]` is a LogisticRegression. Expected accuracy: ~92%."""


def test_a_prose_card_is_held_to_what_it_states_and_the_rest_is_skipped(scorer: Scorer):
    checks = checks_of(scorer, None, PROSE)
    assert not differing(checks)
    assert skipped(checks) == ["accuracy", "sha256", "scikit-learn"]
    assert (checks["accuracy"].promised, "predict.py" in checks["accuracy"].why) == ("92.0%", True)
    assert checks["sha256"].why == checks["scikit-learn"].why == "the card has no contract block"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("classes", "1-9", "0-9"),
        ("features", "784", "785"),
        ("step names", '["clf"]', '["classifier"]'),
        ("classifier", "LogisticRegression", "MLPClassifier"),
    ],
)
def test_a_prose_card_that_states_something_else_is_found(scorer: Scorer, name: str, before: str, after: str):
    assert differing(checks_of(scorer, None, PROSE.replace(before, after))) == [name]


def test_both_steps_are_shown_also_where_a_prose_card_names_one(scorer: Scorer):
    both = "binarize: Binarizer, clf: LogisticRegression"
    one = checks_of(scorer, None, PROSE)["step names"]
    assert (one.found, one.promised, one.outcome) == (both, "clf", "agrees")
    two = checks_of(scorer, None, PROSE + "\n- `binarize`: `Binarizer(threshold=0.5)`")["step names"]
    assert (two.found, two.promised, two.outcome) == (both, "binarize clf", "agrees")
    assert checks_of(scorer, None)["step names"].found == both, "and where it names none"


def test_a_prose_card_may_speak_of_other_classifiers_too(scorer: Scorer):
    assert not differing(checks_of(scorer, None, PROSE + " v2.0 will be an MLPClassifier."))


def test_an_empty_prose_card_is_skipped_throughout(scorer: Scorer):
    checks = checks_of(scorer, None)
    assert skipped(checks) == list(checks)


def test_no_card_is_one_skipped_check(scorer: Scorer):
    checks = check_card(None, scorer, file=FILE, sha256=SHA256, version="v1.0", code=CODE)
    assert [(check.name, check.outcome) for check in checks] == [("card", "skipped")]


# -- golden set --------------------------------------------------------------------------------------------------------


PROMISE = GoldenPromise("golden_v1.npz", "0" * 64, n=1000, correct=915)


@pytest.mark.parametrize(
    ("replay", "found"),
    [
        (Replay(1000, 915, 0, 1e-6), []),
        (Replay(1000, 914, 0, 1e-6), ["golden accuracy"]),
        (Replay(999, 915, 0, 1e-6), ["golden accuracy"]),
        (Replay(1000, 915, 1, 1e-6), ["recorded answers"]),
        (Replay(1000, 915, 0, 2e-5), ["recorded answers"]),
        (Replay(1000, 916, 3, 0.5), ["recorded answers", "golden accuracy"]),
    ],
)
def test_the_golden_set_must_reproduce_labels_scores_and_count(replay: Replay, found: list[str]):
    assert [check.name for check in check_golden(replay, PROMISE, whole=True) if check.outcome == "differs"] == found


def test_of_a_slice_only_the_recorded_answers_are_held():
    assert [check.name for check in check_golden(Replay(32, 1, 0, 0.0), PROMISE, whole=False)] == ["recorded answers"]
