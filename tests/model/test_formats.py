"""The table of formats: each model by its bytes, and a helpful refusal of all that fits none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from app.model import formats
from app.model.contract import KEYS_OF_FORMATS, USUAL_FORMAT, Contract
from app.model.engine import Layer
from app.model.formats import FORMATS, MAX_BYTES, read_model
from app.model.refusals import ArtefactRefused
from app.model.scorer import Format
from tests.attacks.honest import honest_pipeline
from tests.model.toy_format import SUPPORTED, TOY, toy_bytes

ALL_OF_THEM = "; or ".join(one.supported for one in FORMATS)
ZEROS = toy_bytes(Layer(np.zeros((784, 9)), np.zeros(9)))


@pytest.fixture
def with_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line that adds a format."""
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, TOY))


def refusal(data: bytes) -> ArtefactRefused:
    with pytest.raises(ArtefactRefused) as caught:
        read_model(data)
    return caught.value


def test_each_format_has_a_name_a_suffix_and_says_what_it_supports():
    assert len({one.name for one in FORMATS}) == len(FORMATS)
    assert FORMATS[0].name == USUAL_FORMAT
    assert max(one.max_bytes for one in FORMATS) == MAX_BYTES
    for one in FORMATS:
        assert one.suffix.startswith(".")
        assert one.supported[0].islower() or one.supported.startswith("a ")


def test_what_a_model_states_are_the_keys_that_a_contract_must_have_for_its_format():
    scorer = read_model(honest_pipeline())
    assert tuple(scorer.stated) == KEYS_OF_FORMATS[scorer.format]
    assert set(scorer.stated) <= set(Contract.__struct_fields__)


@pytest.mark.usefixtures("with_toy")
def test_bytes_are_read_by_the_format_that_they_fit():
    assert read_model(ZEROS).kind == "Linear"
    assert read_model(honest_pipeline()).kind == "LogisticRegression"


@pytest.mark.usefixtures("with_toy")
def test_a_file_of_a_format_is_refused_by_that_format_s_own_words():
    assert refusal(ZEROS[:-1]).expected == SUPPORTED
    assert refusal(honest_pipeline()[:-1]).expected == FORMATS[0].supported


@pytest.mark.parametrize("one", (*FORMATS, TOY), ids=lambda one: one.name)
def test_no_format_is_given_more_bytes_than_its_own_limit(monkeypatch: pytest.MonkeyPatch, one: Format):
    given: list[int] = []
    small = one._replace(max_bytes=8, fits=lambda data: True, read=lambda data, scale: given.append(len(data)))
    monkeypatch.setattr(formats, "FORMATS", (small, *FORMATS))
    read_model(bytes(8))
    error = refusal(bytes(9))
    assert (error.code, given) == ("size", [8])
    assert f"9 bytes, the limit of {one.name} is 8" in error.found


@pytest.mark.usefixtures("with_toy")
@pytest.mark.parametrize(
    ("weights", "bias", "labels"),
    [
        ([], [], "12"),
        ([[]], [], ""),
        ([[]], [], "12"),
        ([[1, 2], [1]], [0, 0], "12"),
        ([[1, 2]], [0], "12"),
        ([[1, 2]], [0, 0, 0], "12"),
        ([[1, 2]], [0, 0], "123"),
        ([[1, 2]], [0, 0], "1"),
        ([[1, 2]], [0, 0], "11"),
        ([[1], [2]], [0], "1"),
        ([[1e300, 2]], [0, 0], "12"),
        ([[1, 2]], [0, -1e300], "12"),
    ],
)
def test_the_example_that_newcomers_copy_keeps_the_promise_for_rows_and_labels_of_any_length(
    weights: list[list[float]], bias: list[float], labels: str
):
    data = json.dumps({"toy": list(labels), "weights": weights, "bias": bias}, separators=(",", ":")).encode()
    error = refusal(data)
    assert (error.expected, error.remedy[-1]) == (SUPPORTED, ".")


@pytest.mark.usefixtures("with_toy")
@pytest.mark.parametrize(
    "tail", [b"", b"[]", b'["1"]}', b'["\xff"]}', b"[" * 100_000, b'["1"],"weights":[[NaN]],"bias":[1]}']
)
def test_the_example_keeps_the_promise_whatever_the_bytes(tail: bytes):
    assert refusal(b'{"toy":' + tail).expected == SUPPORTED


@pytest.mark.parametrize(
    ("data", "found", "remedy"),
    [
        (b"", "an empty file", "Do not open it"),
        (b"PK\x03\x04", "a zip archive", "joblib.dump"),
        (b"<!DOCTYPE html>", "an HTML or XML page", "not the page"),
        (b"\x1f\x8b\x08", "compressed with gzip", "compress=0"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
        (b"rubbish", "no pickle of protocol 3, 4 or 5", "joblib.dump"),
    ],
)
def test_what_fits_no_format_is_told_what_it_looks_like(data: bytes, found: str, remedy: str):
    error = refusal(data)
    assert (error.code, error.offset) == ("format", 0)
    assert found in error.found
    assert remedy in error.remedy
    assert error.expected == ALL_OF_THEM


@pytest.mark.usefixtures("with_toy")
def test_what_fits_no_format_is_promised_all_of_them():
    error = refusal(b"rubbish")
    assert error.expected == f"{ALL_OF_THEM}; or {SUPPORTED}"
    assert error.found == "no pickle of protocol 3, 4 or 5 (what joblib.dump writes)"
