"""The golden set's file: what is read, what is refused, and that nothing but a refusal comes out of hostile bytes."""

from __future__ import annotations

import io
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from app.model.formats import read_model
from app.model.golden_set import MAX_BYTES, GoldenSet, Replay, read_golden, replay
from app.model.refusals import BadGoldenSet
from app.model.scorer import Scorer
from tests.attacks.assemble import joblib_dump
from tests.attacks.gadgets import standard_library
from tests.installation import Published

CLASSES = 9
DEFLATED = zipfile.ZIP_DEFLATED


def arrays(count: int = 6) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(0)
    return {
        "images": chance.integers(0, 256, (count, 28, 28), dtype=np.uint8),
        "labels": np.array(list("1234567890" * count)[:count]),
        "scores": chance.random((count, CLASSES)),
    }


def npz(method: int = DEFLATED, /, **members: np.ndarray | bytes) -> bytes:
    """An .npz of these arrays, or of these bytes as they are."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, value in members.items():
            archive.writestr(f"{name}.npy", value if isinstance(value, bytes) else npy_bytes(value))
    return file.getvalue()


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    npy.write_array(file, array, version=(1, 0))
    return file.getvalue()


def with_header(text: str, content: bytes = b"\0" * 100) -> bytes:
    """An .npy file whose header says anything."""
    header = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def read(data: bytes, *, classes: int = CLASSES, first: int | None = None) -> GoldenSet:
    return read_golden(data, classes=classes, name="golden_v1.npz", first=first)


def refused(data: bytes, *, saying: str = "") -> None:
    for first in (None, 2):
        with pytest.raises(BadGoldenSet) as caught:
            read(data, first=first)
        assert caught.value.exit_code == 4
        assert saying in str(caught.value)


def changed(**replaced: np.ndarray | bytes) -> bytes:
    return npz(**{**arrays(), **replaced})


# -- what is read ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, DEFLATED])
def test_what_was_saved_is_read(method: int):
    golden = read(npz(method, **arrays()))
    assert np.array_equal(golden.images, arrays()["images"])
    assert golden.labels == tuple("123456")
    assert np.array_equal(golden.scores, arrays()["scores"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_saves_is_read(tmp_path: Path, save: Callable):
    save(tmp_path / "golden.npz", **arrays())
    assert read((tmp_path / "golden.npz").read_bytes()).labels == tuple("123456")


def test_the_first_digits_are_the_first_of_all():
    whole, slice_ = read(npz(**arrays(50))), read(npz(**arrays(50)), first=20)
    assert np.array_equal(slice_.images, whole.images[:20])
    assert np.array_equal(slice_.scores, whole.scores[:20])
    assert slice_.labels == whole.labels[:20]


def test_more_than_there_are_gives_all():
    assert len(read(npz(**arrays()), first=100).labels) == 6


def test_the_first_digits_are_read_without_inflating_the_rest():
    """Behind the first pixels the compressed stream is destroyed: the slice does not come by there, the whole does."""
    data = bytearray(npz(**{**arrays(1000), "labels": np.array(["1"] * 1000)}))
    data[300_000:400_000] = bytes(100_000)  # of images.npy, whose 784,000 bytes of noise take as many
    assert np.array_equal(read(bytes(data), first=32).images, arrays(1000)["images"][:32])
    with pytest.raises(BadGoldenSet):
        read(bytes(data))


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"not a zip archive", b"\x80\x04.", npz()])
def test_what_is_no_archive_of_three_arrays_is_refused(data: bytes):
    refused(data)


@pytest.mark.parametrize("name", ["images", "labels", "scores"])
def test_a_missing_array_is_refused(name: str):
    members = arrays()
    del members[name]
    refused(npz(**members), saying=f"0 arrays called {name!r}")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice_is_refused():
    file = io.BytesIO(npz(**arrays()))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("labels.npy", npy_bytes(arrays()["labels"]))
    refused(file.getvalue(), saying="2 arrays called 'labels'")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("images", np.zeros((6, 28, 28), np.float64)),
        ("images", np.zeros((6, 28, 28), np.int8)),
        ("images", np.zeros((6, 28, 28), bool)),
        ("images", np.zeros((6, 784), np.uint8)),
        ("images", np.zeros((6, 28, 27), np.uint8)),
        ("images", np.zeros((7, 28, 28), np.uint8)),
        ("images", np.zeros((6, 28, 28, 1), np.uint8)),
        ("images", np.zeros((), np.uint8)),
        ("images", np.asfortranarray(arrays()["images"])),
        ("images", np.zeros(6, "V784")),
        ("images", np.zeros(6, [("a", "u1"), ("b", "f8")])),
        ("labels", np.arange(6)),
        ("labels", np.array(["12"] * 6)),
        ("labels", np.array(["1"] * 6, ">U1")),
        ("labels", np.array([b"1"] * 6)),
        ("labels", np.array(["1"] * 5)),
        ("labels", np.array([["1"]] * 6)),
        ("labels", np.array(["a"] * 6)),
        ("labels", np.array([""] * 6)),
        ("labels", np.array(["\u0661"] * 6)),
        ("labels", np.array(["\udfff"] * 6)),
        ("scores", np.zeros((6, CLASSES), np.float32)),
        ("scores", np.zeros((6, CLASSES), ">f8")),
        ("scores", np.zeros((6, CLASSES), complex)),
        ("scores", np.zeros((6, CLASSES + 1))),
        ("scores", np.zeros((5, CLASSES))),
        ("scores", np.zeros((6 * CLASSES,))),
        ("scores", np.full((6, CLASSES), np.nan)),
        ("scores", np.full((6, CLASSES), np.inf)),
        ("scores", np.zeros((6, CLASSES), "M8[s]")),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype} {value.shape}",
)
def test_an_array_of_another_type_or_shape_is_refused(name: str, array: np.ndarray):
    with pytest.raises(BadGoldenSet) as caught:
        read(changed(**{name: array}))
    assert name in str(caught.value) or "labels" in str(caught.value)


def test_labels_that_are_no_unicode_are_refused():
    """numpy would make texts of them and raise on the way."""
    labels = npy_bytes(arrays()["labels"])[: -6 * 4] + struct.pack("<6I", *[0xFFFFFFFF] * 6)
    refused(changed(labels=labels), saying="labels that are no digits")


@pytest.mark.parametrize("name", ["images", "labels", "scores"])
@pytest.mark.parametrize("gadget", ["os.system", "eval", "os.mkdir"])
def test_a_pickled_array_is_refused_and_nothing_of_it_runs(tmp_path: Path, name: str, gadget: str):
    canary = tmp_path / "canary"
    payload = joblib_dump(standard_library(canary)[gadget])
    text = "{'descr': '|O', 'fortran_order': False, 'shape': (6,), }"
    refused(changed(**{name: with_header(text, payload)}), saying=f"{name} of type |O")
    refused(changed(**{name: payload}), saying=name)
    assert not canary.exists()
    pickle.loads(payload)
    assert canary.exists(), "the payload is dead: this test shows nothing"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{}",
        "{'descr': '|u1'}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 28, 28), ",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -14, 168), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 28.0, 28), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (9**9**9, 28, 28), }",
        "{'descr': '|u1', 'fortran_order': True, 'shape': (6, 28, 28), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6L, 28L, 28L), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 28, 28), 'more': 1, }",
        "{'shape': (6, 28, 28), 'descr': '|u1', 'fortran_order': False, }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': " + "(" * 250 + "6" + ")" * 250 + ", }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': __import__('os').system('true'), }",
        "-" * 900 + "1",
        "lambda:" * 130 + "1",
        "[" * 900,
        "'''",
        "\\",
    ],
)
def test_a_header_that_numpy_does_not_write_is_refused(header: str):
    """numpy's own reader of headers parses Python, and raises whatever Python's parser raises."""
    refused(changed(images=with_header(header)), saying="images")


@pytest.mark.parametrize("version", [(2, 0), (3, 0)])
def test_another_npy_format_is_refused(version: tuple[int, int]):
    file = io.BytesIO()
    npy.write_array(file, arrays()["images"], version=version)
    refused(changed(images=file.getvalue()), saying="images")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_another_compression_is_refused_by_its_number(method: int):
    refused(npz(method, **arrays()), saying=f"compressed by method {int(method)}")


# -- bombs -------------------------------------------------------------------------------------------------------------


def test_a_file_over_4_mib_is_refused_by_its_size():
    refused(bytes(MAX_BYTES + 1), saying="4,194,305 bytes")


def test_arrays_that_inflate_beyond_4_mib_are_refused_before_they_are_inflated():
    bomb = npz(**{**arrays(), "images": np.zeros((6000, 28, 28), np.uint8)})
    assert len(bomb) < 10_000
    refused(bomb, saying="inflate beyond the limit")


def test_another_member_that_inflates_beyond_4_mib_is_refused_too():
    refused(changed(extra=bytes(MAX_BYTES)), saying="inflate beyond the limit")


@pytest.mark.parametrize(
    ("rows", "saying"),
    [
        (7, "expected 5,488 by its own header"),
        (5000, "expected 3,920,000 by its own header"),
        (10**9 - 1, "at most 4,194,304"),
    ],
)
def test_a_header_that_promises_more_than_there_is_is_refused(rows: int, saying: str):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows}, 28, 28), }}"
    with pytest.raises(BadGoldenSet, match=saying):
        read(changed(images=with_header(text, arrays()["images"].tobytes())))


@pytest.mark.parametrize("size", [0, 1, 200, 4000, MAX_BYTES - 5000])
@pytest.mark.long
def test_a_bomb_whose_entry_lies_about_its_size_inflates_no_more_than_that(size: int):
    """The directory says `size` bytes, the header 5,000 images, the stream holds 200 MB."""
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (5000, 28, 28), }"
    members = {**arrays(), "images": with_header(text, bytes(200_000_000))}
    bomb = lying(members, size)
    tracemalloc.start()
    try:
        with pytest.raises(BadGoldenSet):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BYTES
    finally:
        tracemalloc.stop()


def test_an_entry_that_is_one_byte_short_is_refused():
    members = {name: npy_bytes(array) for name, array in arrays().items()}
    refused(lying(members, 100), saying="images")
    with pytest.raises(BadGoldenSet):
        read(lying(members, len(members["images"]) - 1))


def lying(members: dict[str, Any], size: int) -> bytes:
    """An archive whose local header and directory say that images.npy has `size` bytes."""
    true = len(members["images"])
    return npz(**members).replace(struct.pack("<I", true), struct.pack("<I", size))


# -- by property -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, DEFLATED])
def test_every_truncation_is_refused(method: int):
    data = npz(method, **arrays(1))
    for length in range(len(data)):
        with pytest.raises(BadGoldenSet):
            read(data[:length])


def test_only_a_golden_set_or_a_refusal_ever_comes_out():
    """6,000 mutations: bytes of the archive, and bytes of an array inside a sound archive."""
    chance = random.Random(1)
    members = {name: npy_bytes(array) for name, array in arrays(2).items()}
    whole = [npz(method, **members) for method in (zipfile.ZIP_STORED, DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)]
    outcomes: Counter[str] = Counter()
    for number in range(6000):
        if number % 2:
            data = mutated(chance, chance.choice(whole))
        else:
            name = chance.choice(list(members))
            data = npz(
                zipfile.ZIP_STORED, **{**members, name: mutated(chance, members[name], chance.choice((90, None)))}
            )
        try:
            golden = read(data, first=chance.choice((None, 1)))
        except BadGoldenSet:
            outcomes["refused"] += 1
        else:
            assert golden.images.shape[1:] == (28, 28)
            assert len(golden.images) == len(golden.labels) == len(golden.scores)
            assert np.isfinite(golden.scores).all()
            outcomes["read"] += 1
    assert outcomes["refused"] > 2000
    assert outcomes["read"] > 100, "the mutations destroy everything: they do not reach deep enough"


def mutated(chance: random.Random, data: bytes, end: int | None = None) -> bytes:
    """One to three edits before byte `end`."""
    edited = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(end or len(data))
        match chance.randrange(4):
            case 0:
                edited[at] = chance.randrange(256)
            case 1:
                edited[at] ^= 1 << chance.randrange(8)
            case 2:
                edited[at] = chance.choice(b"(){}[],'\"-0123456789LuUfO<>|\\ \n")
            case 3:
                edited[at : at + 4] = chance.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0", b"\0\0\0\x80"))
    return bytes(edited)


# -- replayed ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(published: Callable[[str], Published]) -> tuple[GoldenSet, Scorer]:
    """The golden set of the local v1.0, and its model."""
    v1 = published("v1.0")
    return v1.golden, read_model(v1.artefact)


def test_the_golden_set_of_the_release_reproduces(recorded: tuple[GoldenSet, Scorer]):
    played = replay(*recorded)
    assert played.reproduces
    assert (played.n, played.other_labels) == (1000, 0)
    assert 0.85 < played.correct / played.n < 0.95


def test_withheld_digits_are_replayed_and_do_not_count(recorded: tuple[GoldenSet, Scorer]):
    golden, engine = recorded
    assert golden.labels.count("0") == 20
    assert replay(golden, engine).n == len(golden.labels) - 20


def test_another_label_and_another_score_show(recorded: tuple[GoldenSet, Scorer]):
    golden, engine = recorded
    rolled = golden.scores.copy()
    rolled[-1] = np.roll(rolled[-1], 1)
    assert replay(golden._replace(scores=rolled), engine).other_labels == 1
    shifted = golden.scores.copy()
    shifted[7, 2] += 2e-5
    played = replay(golden._replace(scores=shifted), engine)
    assert (played.other_labels, played.reproduces) == (0, False)
    assert played.worst == pytest.approx(2e-5, rel=0.2)


@pytest.mark.parametrize(("worst", "reproduces"), [(0.0, True), (1e-5, True), (1.01e-5, False)])
def test_scores_within_1e_5_reproduce(worst: float, reproduces: bool):
    assert Replay(n=10, correct=9, other_labels=0, worst=worst).reproduces is reproduces


def test_no_digits_at_all_reproduce(recorded: tuple[GoldenSet, Scorer]):
    golden, engine = recorded
    played = replay(GoldenSet(golden.images[:0], (), golden.scores[:0]), engine)
    assert (played.n, played.correct, played.worst) == (0, 0, 0.0)
