"""What a card's prose states, in the forms that such cards use; what it states twice is not guessed."""

from __future__ import annotations

import pytest

from app.verify.card import FORMS, read_prose


@pytest.mark.parametrize(
    "text",
    [
        "digits 1-9",
        "digits 1\u20139",
        "digits 1 to 9",
        "Digits **1-9**",
        "digits `1`-`9`",
        "digits (1-9)",
        "digits: 1 - 9",
        "digits 1 through 9",
        "handwritten digits 1\u20149.",
        "digit 1-9, and again digits 1\u20139",
    ],
)
def test_classes_are_found_in_the_forms_that_cards_use(text: str):
    assert read_prose(text).classes == tuple("123456789")


@pytest.mark.parametrize(
    "text", ["", "digits 1-9, later digits 0-9", "digits", "28-31 digits", "digits 9-1", "10 digits", "digits 1-9.5"]
)
def test_classes_that_are_not_stated_or_stated_twice_are_not_guessed(text: str):
    assert read_prose(text).classes is None


@pytest.mark.parametrize(
    "text",
    [
        "`pipeline.n_features_in_` returns `784`",
        "n_features_in_ = 784",
        "`n_features_in_`: **784**",
        "784 input features",
        "`n_features_in_` is `784`",
        "takes 784 features",
        "pipeline.n_features_in_ == 784",
    ],
)
def test_the_feature_count_is_found(text: str):
    assert read_prose(text).features == 784


@pytest.mark.parametrize("text", ["", "n_features_in_", "784 features, or 64 features", "28x28"])
def test_a_feature_count_that_is_not_stated_or_stated_twice_is_not_guessed(text: str):
    assert read_prose(text).features is None


@pytest.mark.parametrize(
    ("text", "accuracy"),
    [
        ("Expected accuracy: ~92%", 0.92),
        ("Expected accuracy: 98.1 %", 0.981),
        ("**Expected test accuracy** is about 91.5%", 0.915),
        ("Accuracy: 91.42% (8246 of 9020, 95% interval 90.8% to 92.0%)", 0.9142),
        ("The accuracy on the test set is 92%.", 0.92),
        ("Expected accuracy: ~92%. Without thresholding the accuracy is 40%.", 0.92),
        ("accuracy 92%, and later again: accuracy 92%", 0.92),
    ],
)
def test_the_accuracy_is_found_in_its_most_explicit_form(text: str, accuracy: float):
    assert read_prose(text).accuracy == pytest.approx(accuracy)


@pytest.mark.parametrize("text", ["", "accurate", "accuracy 91% here and accuracy 92% there", "accuracy\n\n50%"])
def test_an_accuracy_that_is_not_stated_or_stated_twice_is_not_guessed(text: str):
    assert read_prose(text).accuracy is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('`pipeline.named_steps["binarize"]`', {"binarize"}),
        ("named_steps['binarize'] and named_steps.clf", {"binarize", "clf"}),
        ("named_steps.items() lists them", set()),
        ('Pipeline([("binarize", Binarizer(0.5)), ("clf", LogisticRegression())])', {"binarize", "clf"}),
        ("| `clf` | `LogisticRegression` |", {"clf"}),
        ("- `binarize`: `Binarizer(threshold=0.5)`\n- `clf`: `LogisticRegression(C=0.1)`", {"binarize", "clf"}),
        ("1. **`binarize`** \u2192 `Binarizer`\n2. **`clf`** -> `MLPClassifier`", {"binarize", "clf"}),
        ("`binarize` (`Binarizer`), then `clf` \u2014 `LogisticRegression`", {"binarize", "clf"}),
        ("the file `digits`, read by scikit-learn's `LogisticRegression`", set()),
        ("no steps", set()),
    ],
)
def test_step_names_are_found(text: str, names: set[str]):
    assert read_prose(text).step_names == names


def test_classifiers_are_found_by_their_class_names():
    text = "A `LogisticRegression`; v2 is an MLPClassifier. It classifies; a regression line is something else."
    assert read_prose(text).classifiers == {"LogisticRegression", "MLPClassifier"}


@pytest.mark.parametrize(
    ("name", "text", "statements"),
    [
        ("digits", "| 1 | 1109 | 1135 | 97.71% |", {("1", "1109", "1135", "97.71")}),
        ("digits", "|`1`|9|10|90%|\n| 2 | 8 | 10 | 80.0 % |  ", {("1", "9", "10", "90"), ("2", "8", "10", "80.0")}),
        ("digits", "| 5 | 637 | 65.0% | 0.86 |\n| 5 | 3 | 41 |\n| digit | read rightly | of | share |", set()),
        ("golden set", "1000 held-out digits (913 read rightly)", {("1000", "913", "")}),
        (
            "golden set",
            "1000 held-out digits (913 read rightly), and\n20 withheld ones",
            {("1000", "913", ""), ("", "", "20")},
        ),
        ("golden set", "1,000 held-out digits (913 read rightly)", set()),
        ("sha256", f"| SHA-256 | `{'0a' * 32}` |", {("0a" * 32,)}),
        ("sha256", "| SHA-256 | cut |", {("cut",)}),
        ("sha256", f"| MNIST file | SHA-256 |\n|---|---|\n| `t10k` | `{'0a' * 32}` |", set()),
        ("ink rule", "A pixel is ink when its\nvalue is above 128; 128 itself is paper.", {("128",)}),
        ("ink rule", "A pixel is ink when its value is above 1280.5.", {("1280.5",)}),
        ("steps", "`binarize` (`Binarizer`), then `clf` (`X`)", {("binarize", "Binarizer"), ("clf", "X")}),
        ("steps", "`(28, 28)` uint8, `n_features_in_` is `784`", set()),
    ],
)
def test_every_statement_of_a_form_is_found(name: str, text: str, statements: set[tuple[str, ...]]):
    assert read_prose(text).forms == {form: statements if form == name else set() for form in FORMS}
