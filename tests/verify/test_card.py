"""Cards: front matter that is valid or refused, and no other error from any bytes. Their prose: test_card_prose.py."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from app.model.confidence_interval import wilson
from app.model.contract import Contract, GoldenPromise
from app.verify.card import MAX_BYTES, Card, read_card
from app.verify.refusals import BadCard
from tests.installation import ROOT

DIGEST = "0123456789abcdef" * 4

CONTRACT = {
    "version": "v1.0",
    "artefact": "digit_classifier_v1.pkl",
    "sha256": DIGEST,
    "sklearn": "1.9.1",
    "steps": {"binarize": "Binarizer", "clf": "LogisticRegression"},
    "features": 784,
    "input": {"shape": [28, 28], "dtype": "uint8", "range": [0, 255], "ink": "> 128"},
    "classes": list("123456789"),
    "withheld": ["0"],
    "confusions": [["4", "9"], ["3", "8"]],
    "accuracy": {"value": 0.9149, "correct": 8252, "n": 9020, "interval": [0.909, 0.92], "per_class": {"1": 0.97}},
    "golden": {"file": "golden_v1.npz", "sha256": DIGEST, "n": 1000, "correct": 915, "withheld": 20},
    "profile": {"centre_x": [13.1, 14.0, 14.9]},
    "drawn": {
        "recipe": 2,
        "temperature": 3.512,
        "error": {"before": 0.0612, "after": 0.0123, "n": 4608},
        "strokes": {"value": 0.9033, "correct": 8130, "n": 9000, "interval": [0.897, 0.909]},
        "pictures": {"value": 0.912, "correct": 1824, "n": 2000, "interval": [0.899, 0.924]},
    },
}
OPTIONAL = {"withheld", "confusions", "golden", "profile", "drawn"}


def card(contract: object = CONTRACT, prose: str = "# A model\n", **more: object) -> bytes:
    return f"---\n{yaml.safe_dump({'license': 'mit', **more, 'contract': contract})}---\n{prose}".encode()


def front_matter(text: str) -> bytes:
    return f"---\n{text}\n---\n# A model\n".encode()


def refused(data: bytes) -> str:
    before = time.process_time()
    with pytest.raises(BadCard) as caught:
        read_card(data)
    assert time.process_time() - before < 2
    assert caught.value.exit_code == 4
    return str(caught.value)


def changed(path: str, value: object) -> bytes:
    """The card with one key changed: "accuracy.n"; None removes it."""
    contract = yaml.safe_load(yaml.safe_dump(CONTRACT))
    *outer, last = path.split(".")
    block = contract
    for key in outer:
        block = block[key]
    if value is None:
        del block[last]
    else:
        block[last] = value
    return card(contract)


# -- valid -------------------------------------------------------------------------------------------------------------


def test_a_whole_contract_is_read():
    read = read_card(card())
    assert isinstance(read, Card)
    assert isinstance(read.contract, Contract)
    assert read.contract.classes == tuple("123456789")
    assert read.contract.confusions == (("4", "9"), ("3", "8"))
    assert read.contract.golden == GoldenPromise("golden_v1.npz", DIGEST, 1000, 915, 20)
    assert read.contract.profile == {"centre_x": (13.1, 14.0, 14.9)}
    assert read.contract.accuracy.interval == (0.909, 0.92)


def test_the_keys_of_a_model_card_that_are_not_ours_may_be_anything():
    assert read_card(card(tags=["digits"], **{"model-index": [{"name": "x"}]})).contract is not None


@pytest.mark.parametrize("key", sorted(OPTIONAL))
def test_these_keys_may_be_missing(key: str):
    assert read_card(changed(key, None)).contract is not None


def test_windows_line_ends_and_a_byte_order_mark_change_nothing():
    expected = read_card(card())
    assert read_card(b"\xef\xbb\xbf" + card()).contract == expected.contract
    assert read_card(card().replace(b"\n", b"\r\n")).contract == expected.contract


@pytest.mark.parametrize("text", ["", "# A model\n", "---\n", "A rule:\n\n---\nversion: v1.0\n---\n", "- a list\n"])
def test_a_card_without_front_matter_is_prose(text: str):
    assert read_card(text.encode()).contract is None


def test_front_matter_without_contract_is_a_card_whose_prose_counts():
    read = read_card(b"---\nlicense: mit\n---\nReads digits 1-9.\n")
    assert read.contract is None
    assert read.stated.classes == tuple("123456789")


def test_the_front_matter_is_no_prose():
    read = read_card(card(prose="Reads digits 1-9.\n", note="digits 0-9"))
    assert read.stated.classes == tuple("123456789")


def test_a_card_of_exactly_64_kib_is_read():
    assert read_card(b"x" * MAX_BYTES).contract is None


# -- not valid ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(set(CONTRACT) - OPTIONAL))
def test_a_contract_without_this_key_is_refused_by_its_name(key: str):
    assert f"`{key}`" in refused(changed(key, None))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", "1.0"),
        ("version", "v1"),
        ("version", 1.0),
        ("version", "v1.0\nv2.0"),
        ("artefact", "../digit_classifier_v1.pkl"),
        ("artefact", "/etc/passwd"),
        ("artefact", ".hidden"),
        ("artefact", "-rf"),
        ("artefact", ""),
        ("artefact", "a\nb"),
        ("sha256", DIGEST[:-1]),
        ("sha256", DIGEST.upper()),
        ("sha256", DIGEST + "\n"),
        ("sklearn", "latest"),
        ("sklearn", 1.9),
        ("steps", ["binarize", "clf"]),
        ("steps", {"binarize": 3}),
        ("steps", {"binarize": "\x1b[31mred"}),
        ("steps", {"[/red]": "Binarizer"}),
        ("features", 0),
        ("features", -784),
        ("features", "784"),
        ("features", 784.5),
        ("features", 10**9),
        ("features", True),
        ("input", "28x28"),
        ("input.shape", [28]),
        ("input.shape", [28, 28, 1]),
        ("input.shape", ["28", "28"]),
        ("input.dtype", "float32"),
        ("input.range", [0, 255, 3]),
        ("input.ink", "128"),
        ("input.ink", ">= 128"),
        ("input.ink", "> 128 or so"),
        ("input.more", 1),
        ("classes", "123456789"),
        ("classes", ["1"]),
        ("classes", [1, 2, 3]),
        ("classes", ["1", "22"]),
        ("classes", ["a", "b", "c"]),
        ("classes", ["\u0661", "\u0662"]),
        ("withheld", "0"),
        ("withheld", [0]),
        ("confusions", [["4"]]),
        ("confusions", [["4", "9", "1"]]),
        ("accuracy", 0.91),
        ("accuracy.value", 91.4),
        ("accuracy.value", -0.1),
        ("accuracy.value", "0.91"),
        ("accuracy.correct", -1),
        ("accuracy.correct", 8252.5),
        ("accuracy.n", 0),
        ("accuracy.n", 10**12),
        ("accuracy.interval", [0.9]),
        ("accuracy.interval", [90.0, 92.0]),
        ("accuracy.per_class", {"one": 0.9}),
        ("accuracy.per_class", {"1": 97}),
        ("golden.file", "../golden.npz"),
        ("golden.sha256", "x"),
        ("golden.n", 0),
        ("golden.correct", -1),
        ("golden.withheld", -1),
        ("golden.more", 1),
        ("profile", [1, 2, 3]),
        ("profile", {"centre_x": [1, 2]}),
        ("profile", {"centre_x": ["a", "b", "c"]}),
        ("more", "of it"),
    ],
)
def test_a_contract_that_is_not_valid_is_refused_by_the_name_of_the_key(path: str, value: object):
    message = refused(changed(path, value))
    assert "a contract that is not valid" in message
    assert path.partition(".")[0] in message


@pytest.mark.parametrize("contract", [None, 1, "text", [], [CONTRACT], {}])
def test_a_contract_that_is_no_block_is_refused(contract: object):
    assert "a contract that is not valid" in refused(card(contract))


@pytest.mark.parametrize("text", ["", "only text", "- a\n- list", "3", "~"])
def test_front_matter_that_is_no_mapping_is_refused(text: str):
    assert "a YAML mapping" in refused(front_matter(text))


def test_front_matter_without_an_end_is_refused_and_not_taken_for_prose():
    assert "without an end" in refused(b"---\nlicense: mit\ncontract: {}\n# A model\n")


# -- hostile -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "saying"),
    [
        ("a: &anchor 1", "anchor or alias"),
        ("a: &anchor [1]\nb: *anchor", "anchor or alias"),
        ("a: *nothing", "anchor or alias"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchor or alias"),
        ("<<: &a {b: 1}", "anchor or alias"),
        ("a: !!python/object/apply:os.system ['touch canary']", "the YAML tag"),
        ("a: !!python/name:os.system", "the YAML tag"),
        ("a: !!binary aGVsbG8=", "the YAML tag"),
        ("a: !mine 1", "the YAML tag"),
        ("a: ! 1", "the YAML tag"),
        ("a: 1\na: 2", "the key 'a' twice"),
        ("contract: {version: v1.0, version: v2.0}", "the key 'version' twice"),
        ("[1, 2]: 3", "a key that is no text"),
        ("{a: 1}: 3", "a key that is no text"),
        ("? [a]\n: b", "a key that is no text"),
        ("a: [1, 2", "cannot be read"),
        ("a: 'open", "cannot be read"),
        ("a: 2026-99-99", "cannot be read"),
        ("a: 2001-12-14t21:59:43.10-99:99", "cannot be read"),
        ("a: =", "cannot be read"),
        ("a: \0", "cannot be read"),
        ("\ta: 1", "cannot be read"),
        ('a: "\\ud800"', "cannot be read"),
        ("a: 1\n...\nb: 2", "cannot be read"),
        ("a: " + "9" * 60_000, "cannot be read"),
        ("a: " + ":".join(["59"] * 20_000) + ".5", "cannot be read"),
        ("[" * 60_000, "nested too deeply"),
        ("{a: " * 15_000, "nested too deeply"),
        ("- " * 30_000, "nested too deeply"),
        ("? " * 30_000, "nested too deeply"),
        ("a: " + "[" * 21 + "]" * 21, "nested too deeply"),
    ],
    ids=lambda value: value[:30],
)
def test_hostile_yaml_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, saying: str):
    monkeypatch.chdir(tmp_path)
    assert saying in refused(front_matter(text))
    assert not list(tmp_path.iterdir())


def test_a_card_over_64_kib_is_refused_by_its_size():
    assert "65,537 bytes" in refused(b"x" * (MAX_BYTES + 1))


@pytest.mark.parametrize("data", [b"\xff\xfe# A model", b"# caf\xe9", b"---\nlicense: \xed\xa0\x80\n---\n"])
def test_a_card_that_is_no_utf_8_is_refused(data: bytes):
    assert "no UTF-8" in refused(data)


@pytest.mark.parametrize(
    "text",
    [
        "digits ",
        "digits 1" + " " * 60_000,
        "accuracy 1",
        "expected accuracy" + " " * 60_000,
        "n_features_in_ ",
        "`a`",
        "n_features_in_" + "a " * 30_000,
        "named_steps[",
        "ARegression",
        "A" * 60_000,
        '("',
        "9 ",
        "9" * 60_000,
    ],
    ids=lambda text: text[:20],
)
def test_no_prose_keeps_the_patterns_busy(text: str):
    before = time.process_time()
    read_card((text * (MAX_BYTES // len(text))).encode())
    assert time.process_time() - before < 2


PIECES = (
    *(b"&a ", b"*a", b"!x ", b"[", b"{", b"}", b"? ", b"- ", b"\n", b": ", b"<<: ", b"'", b'"', b"|\n", b"#", b"%"),
    *(b"---\n", b"1e999", b"~", b"\t", b".nan", b"\xff", b"\0", b"0x", b"59:59:59", b"2026-01-01"),
)


def test_of_8_000_mutations_only_cards_or_refusals_come_out():
    chance, outcomes, data = random.Random(1), Counter[str](), card(prose="Reads digits 1-9.\n" * 20)
    for _ in range(8000):
        edited = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at, source = chance.randrange(len(edited)), chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    edited[at] = chance.randrange(256)
                case 1:
                    edited[at:at] = chance.choice(PIECES)
                case 2:
                    del edited[at : at + chance.randint(1, 20)]
                case 3:
                    edited[at:at] = data[source : source + chance.randint(1, 40)]
        try:
            read = read_card(bytes(edited))
        except BadCard:
            outcomes["refused"] += 1
        else:
            outcomes["prose" if read.contract is None else "contract"] += 1
    assert min(outcomes["refused"], outcomes["contract"]) > 100, outcomes
    assert outcomes["prose"] > 10, outcomes


def test_the_least_card_that_the_page_shows_is_one():
    """docs/contract.md, the least that a card needs."""
    page = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(---\ncontract:.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    card = read_card(shown.encode())
    assert card.contract is not None
    assert (card.scale, card.contract.steps, card.contract.golden) == ("unit", {}, None)
    accuracy = card.contract.accuracy
    low, high = wilson(accuracy.correct, accuracy.n)
    assert accuracy.interval == (round(low, 3), round(high, 3))
    as_onnx = shown.replace("  sklearn: 1.9.1\n  steps: {}\n", "  format: onnx\n  opset: 13\n")
    assert read_card(as_onnx.encode()).contract is not None
