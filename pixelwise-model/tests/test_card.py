"""Front matter and prose come from the same values; here they are read back and held against each other."""

import re

import pytest
import yaml
from conftest import NINE, TEN

import card
from build import build_release
from contract import changes, contract_in, front_matter


@pytest.fixture(scope="module")
def folders(small, small_files, small_drawn, tmp_path_factory):
    """Two releases, measured with drawn digits too: v1.0 on nine classes, then v2.0 on ten."""
    first, second = tmp_path_factory.mktemp("v1"), tmp_path_factory.mktemp("v2")
    build_release("v1.0", NINE, small, first, previous=None, files=small_files, drawn=small_drawn)
    before = (first / "MODELCARD.md").read_text(encoding="utf-8")
    build_release("v2.0", TEN, small, second, previous=("v1.0", before), files=small_files, drawn=small_drawn)
    return first, second


@pytest.fixture(scope="module")
def without(small, small_files, tmp_path_factory):
    """The card of v1.0 where there are no drawn digits."""
    folder = tmp_path_factory.mktemp("without")
    build_release("v1.0", NINE, small, folder, previous=None, files=small_files)
    return (folder / "MODELCARD.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=[0, 1], ids=["v1.0", "v2.0"])
def text(folders, request):
    return (folders[request.param] / "MODELCARD.md").read_text(encoding="utf-8")


@pytest.fixture
def contract(text):
    return contract_in(text)


@pytest.fixture
def prose(text):
    return text.split("\n---\n", 1)[1]


def test_nothing_is_left_to_be_filled_in(text):
    assert "$" not in text
    assert "None" not in text.replace("None of them was used", "").replace("None: the model was taught", "")


def test_the_front_matter_has_the_usual_keys_and_one_of_our_own(text, contract):
    matter = yaml.safe_load(text.split("---\n")[1])
    assert list(matter) == ["license", "library_name", "datasets", "metrics", "model-index", "contract"]
    (result,) = matter["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == contract["accuracy"]["value"]


def test_the_contract_has_every_key_that_readers_expect(contract):
    assert list(contract) == [
        "version", "artefact", "sha256", "sklearn", "steps", "features", "input", "classes", "withheld",
        "confusions", "accuracy", "golden", "profile", "drawn",
    ]  # fmt: skip
    assert contract["input"] == {"shape": [28, 28], "dtype": "uint8", "range": [0, 255], "ink": "> 128"}
    assert contract["features"] == 784
    assert contract["steps"] == {"binarize": "Binarizer", "clf": "LogisticRegression"}
    assert all(len(bounds) == 3 for bounds in contract["profile"].values())


def test_the_accuracy_is_the_same_number_in_both(contract, prose):
    accuracy = contract["accuracy"]
    stated = re.findall(r"Accuracy: ([\d.]+)% \((\d+) of (\d+), 95% interval ([\d.]+)% to ([\d.]+)%\)", prose)
    assert len(stated) == 1
    value, correct, n, low, high = stated[0]
    assert round(float(value) / 100, 4) == accuracy["value"] == round(accuracy["correct"] / accuracy["n"], 4)
    assert (int(correct), int(n)) == (accuracy["correct"], accuracy["n"])
    assert [round(float(low) / 100, 3), round(float(high) / 100, 3)] == accuracy["interval"]


def test_drawn_digits_are_the_same_numbers_in_both(contract, prose):
    drawn = contract["drawn"]
    share = r"([\d.]+)% \((\d+) of (\d+), 95% interval ([\d.]+)% to ([\d.]+)%\)"
    for kind, sentence in (
        ("pictures", f"Pictures of paper are read through the recipe, version 2: {share}"),
        ("strokes", f"Strokes of a pen are read through the same: {share}"),
    ):
        ((value, correct, n, low, high),) = re.findall(sentence, prose)
        promised = drawn[kind]
        assert (
            round(float(value) / 100, 4) == promised["value"] == round(promised["correct"] / promised["n"], 4)
        )
        assert (int(correct), int(n)) == (promised["correct"], promised["n"])
        assert [round(float(low) / 100, 3), round(float(high) / 100, 3)] == promised["interval"]
    (said,) = re.findall(
        r"temperature ([\d.]+), expected calibration error ([\d.]+) before "
        r"and ([\d.]+) after, on (\d+) digits",
        prose,
    )
    assert list(map(float, said)) == [drawn["temperature"], *drawn["error"].values()]
    assert drawn["recipe"] == 2 and list(drawn["error"]) == ["before", "after", "n"]


def test_pictures_of_paper_are_in_scope_with_the_share_that_is_read(contract, prose):
    assert "**Pictures of paper**: in scope where the recipe, version 2, brings them to 28x28:" in prose
    assert f"{contract['drawn']['pictures']['value']:.2%} of such pictures are read rightly" in prose
    assert f"| `drawn.npz` | `{'d' * 64}` |" in prose


def test_without_drawn_digits_they_are_out_of_scope_and_no_temperature_is_stated(without):
    assert "drawn" not in contract_in(without)
    assert "**Pictures of paper**: out of scope" in without
    assert "## Pictures of paper, and strokes of a pen\n\nNot measured." in without
    assert "version 2" not in without and "drawn.npz" not in without and "$" not in without


def test_the_per_class_table_is_the_same_in_both(contract, prose):
    rows = re.findall(r"^\| (\d) \| (\d+) \| (\d+) \| ([\d.]+)% \|$", prose, re.MULTILINE)
    assert {label: round(float(share) / 100, 4) for label, _, _, share in rows} == contract["accuracy"][
        "per_class"
    ]
    assert sum(int(correct) for _, correct, _, _ in rows) == contract["accuracy"]["correct"]
    assert sum(int(n) for _, _, n, _ in rows) == contract["accuracy"]["n"]


def test_the_confusions_are_the_same_in_both(contract, prose):
    rows = re.findall(r"^\| (\d) \| (\d) \| (\d+) \|$", prose, re.MULTILINE)
    assert [[true, read] for true, read, _ in rows] == contract["confusions"]
    counts = [int(count) for *_, count in rows]
    assert counts == sorted(counts, reverse=True)


def test_the_prose_states_what_a_program_looks_for(contract, prose):
    assert f"digits {contract['classes'][0]}-9" in prose
    assert "`n_features_in_` is `784`" in prose
    assert "`binarize` (`Binarizer`)" in prose
    assert "`clf` (`LogisticRegression`)" in prose
    assert contract["sha256"] in prose
    assert f"`{contract['golden']['file']}`" in prose
    assert f"({contract['golden']['correct']} read rightly)" in prose


def test_the_prose_names_intended_use_safety_and_how_to_make_it_again(prose, small_files):
    for phrase in (
        "Intended use",
        "Out of scope",
        "a pickle is a program",
        "Do not unpickle",
        "| seed | 0 |",
    ):
        assert phrase in prose
    for file in small_files:
        assert f"| `{file.name}` | `{file.sha256}` |" in prose


def test_it_says_what_withheld_digits_are_read_as(folders, small):
    prose = (folders[0] / "MODELCARD.md").read_text(encoding="utf-8")
    zeros = int((small.test_labels == 0).sum())
    assert f"The test set has {zeros} digits `0`" in prose
    rows = re.findall(r"^\| (\d) \| (\d+) \| ([\d.]+)% \| ([\d.]+) \|$", prose, re.MULTILINE)
    assert sum(int(count) for _, count, *_ in rows) == zeros
    assert all(f"{int(count) / zeros:.1%}" == f"{share}%" for _, count, share, _ in rows)
    assert all(0 < float(confidence) <= 1 for *_, confidence in rows)


def test_it_says_what_changed_since_the_release_before(folders):
    first, second = ((folder / "MODELCARD.md").read_text(encoding="utf-8") for folder in folders)
    assert "This is the first release of its repository." in first
    assert "Since v1.0, from the contracts of both:" in second
    assert "- Classes: 1 2 3 4 5 6 7 8 9 before, 0 1 2 3 4 5 6 7 8 9 now." in second
    assert "- Withheld: 0 before, none now." in second
    assert "they are not the same task" in second


def test_a_release_before_it_without_a_contract_is_said_to_have_none(folders):
    contract = contract_in((folders[0] / "MODELCARD.md").read_text(encoding="utf-8"))
    assert "Its card states no contract" in card.changed_in_words(contract, ("v0.9", None))


@pytest.mark.parametrize(
    "text", [None, "# a card in prose", "---\n: [\n---\n", "---\nlicense: mit\n---\n", "---\n"]
)
def test_a_card_without_a_contract_is_no_error(text):
    assert contract_in(text) is None


@pytest.mark.parametrize(
    "contract",
    [
        "&a {classes: ['1']}",
        "{classes: &a ['1'], withheld: *a}",
        "!!map {classes: ['1']}",
        "[" * 5000 + "]" * 5000,
        "{x: " * 21 + "1" + "}" * 21,
        "{classes: 9}",
        "{classes: [1, 2]}",
        "{classes: [[a]]}",
        "{classes: {a: b}}",
        '{classes: ["a\\n## Heading"]}',
        '{sklearn: "\\ud800"}',
        "{steps: {1: a}}",
        "{steps: {a: [b]}}",
        "{features: true}",
        "{features: 1.5}",
        "{input: {shape: [28, a]}}",
        "{input: 1}",
        "{sklearn: 1.9}",
        f"{{sklearn: {'x' * 41}}}",
        f"{{x: {'9' * 5000}}}",
        "{x: 2026-99-99}",
        '{x: "\\UFFFFFFFF"}',
        "{[a]: b}",
        f"{{x: {'y' * 64 * 1024}}}",
    ],
)
def test_a_contract_that_cannot_be_compared_is_no_error(contract):
    assert contract_in(f"---\ncontract: {contract}\n---\n") is None


def test_a_contract_of_every_kind_of_value_is_compared(contract, folders):
    last = contract_in((folders[1] / "MODELCARD.md").read_text(encoding="utf-8"))
    assert contract and changes(contract, last)
    assert contract_in("---\ncontract: {classes: null, other: [1]}\n---\n") == {"classes": None, "other": [1]}


@pytest.mark.parametrize(
    "accuracy",
    [
        "high",
        [1, 2],
        {"value": "0.9", "n": 10, "interval": [0.8, 1.0]},
        {"value": float("nan"), "n": 10, "interval": [0.8, 1.0]},
        {"value": 0.9, "n": "10", "interval": [0.8, 1.0]},
        {"value": 0.9, "n": 10, "interval": 0.8},
        {"value": 0.9, "n": 10, "interval": [0.8]},
        {"value": 0.9, "n": 10, "interval": [None, 1.0]},
    ],
)
def test_an_earlier_accuracy_of_the_wrong_kind_is_said_to_be_none(contract, accuracy):
    undrawn = {key: value for key, value in contract.items() if key != "drawn"}
    sentences = changes(undrawn | {"accuracy": accuracy}, undrawn)
    assert sentences == ["The earlier contract states no accuracy to compare."]


def test_changes_in_accuracy_are_held_against_both_intervals():
    def stating(value, low, high):
        parts = {
            "classes": ["1"],
            "withheld": [],
            "steps": {},
            "features": 784,
            "input": {},
            "sklearn": "1.9.1",
        }
        return parts | {"accuracy": {"value": value, "n": 9020, "interval": [low, high]}}

    near = changes(stating(0.914, 0.908, 0.920), stating(0.918, 0.912, 0.924))
    assert near == [
        "Accuracy: 91.40% before, 91.80% now (+0.40 points).",
        "The 95% intervals overlap: the difference may be chance.",
    ]
    far = changes(stating(0.914, 0.908, 0.920), stating(0.978, 0.975, 0.981))
    assert far[-1] == "The 95% intervals do not overlap: the difference is more than chance."
    assert changes({}, stating(0.9, 0.8, 1.0))[-1] == "The earlier contract states no accuracy to compare."


def test_the_card_says_how_drawn_digits_were_read_before_and_now(folders):
    first, second = ((folder / "MODELCARD.md").read_text(encoding="utf-8") for folder in folders)
    then, here = contract_in(first)["drawn"], contract_in(second)["drawn"]
    changed = second.partition("## What changed")[2].partition("## Safety")[0]
    for key, subject in (("strokes", "Strokes of a pen"), ("pictures", "Pictures of paper")):
        before, now = (
            f"{one[key]['value']:.2%} ({one[key]['correct']} of {one[key]['n']})" for one in (then, here)
        )
        assert f"- {subject} read rightly: {before} before, {now} now.\n" in changed
    assert "recipe" not in changed


def test_what_was_not_measured_with_drawn_digits_is_said_to_be_so(contract):
    measured = contract["drawn"]
    unmeasured = {key: value for key, value in contract.items() if key != "drawn"}
    pictures = (
        f"{measured['pictures']['value']:.2%} ("
        f"{measured['pictures']['correct']} of {measured['pictures']['n']})"
    )
    now = f"Pictures of paper read rightly: not measured before, {pictures} now."
    assert changes(unmeasured, contract)[-1] == now
    for broken in ("high", {**measured, "recipe": "2"}, {**measured, "strokes": {"value": float("nan")}}):
        assert changes({**contract, "drawn": broken}, contract)[-1] == now
    assert (
        changes(contract, unmeasured)[-1]
        == f"Pictures of paper read rightly: {pictures} before, not measured now."
    )
    assert not any("rightly" in sentence for sentence in changes(unmeasured, unmeasured))


def test_another_recipe_is_said_to_be_one(contract):
    before = {**contract, "drawn": {**contract["drawn"], "recipe": 7}}
    now = contract["drawn"]["recipe"]
    assert changes(before, contract)[-1] == (
        f"They came by version 7 of the recipe before, version {now} now: a difference may be the recipe's."
    )


def test_a_card_holds_no_anchors_and_stays_small(text):
    shared = ["1", "2"]
    assert "&" not in front_matter(
        {"version": "v1.0", "accuracy": {"value": 1}, "a": shared, "b": shared}, library_name="sklearn"
    )
    assert len(text.encode()) < 64 * 1024


@pytest.mark.parametrize(
    ("classes", "words"), [("123456789", "1-9"), ("0123456789", "0-9"), ("135", "1, 3, 5")]
)
def test_digits_in_words(classes, words):
    assert card.digits_in_words(list(classes)) == words
