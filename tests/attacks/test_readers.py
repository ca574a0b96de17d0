"""Every reader of a file that strangers may have written: whatever the bytes, only its own refusal comes out.

Mutations are seeded and counted, so any of them can be made again; then the smallest inputs that once got through.
"""

from __future__ import annotations

import io
import json
import os
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from app.cli.image_files import read_images
from app.drawing.refusals import UnreadableImage
from app.errors import PixelWiseError, Refused
from app.flags.flag_file import parse_flags
from app.flags.refusals import BadFlags
from app.model.golden_set import read_golden
from app.model.mnist import IMAGES, LABELS, read_mnist_test
from app.model.refusals import BadGoldenSet, MissingDigits
from app.release.model_lock import read_lock, write_lock
from app.release.record import RECORD, Release, describe, hold_against_sums, read_record, record_bytes
from app.release.refusals import BadLock, BadRelease
from app.release.seen_commits import SEEN, read_seen
from app.verify.card import read_card
from app.verify.refusals import BadCard
from tests.installation import Published

MUTATIONS = 400
SEED = 9

ROOT = Path(__file__).resolve().parent.parent.parent
RELEASE = Release(
    repository="x.git",
    version="v1.0",
    commit="1" * 40,
    artefact="a.pkl",
    files=(describe("a.pkl", b"a"), describe("b.txt", b"b")),
)


class Reader(NamedTuple):
    """How one kind of file is read from its bytes, and the refusal that may come out."""

    read: Callable[[bytes], object]
    refusal: type[PixelWiseError]


Make = Callable[[Path], Callable[[bytes], object]]


def in_file(name: str, read: Callable[[Path], object]) -> Make:
    """A reader that wants a file of this name."""

    def in_folder(folder: Path) -> Callable[[bytes], object]:
        def from_bytes(data: bytes) -> object:
            (folder / name).write_bytes(data)
            return read(folder / name)

        return from_bytes

    return in_folder


def mnist(folder: Path) -> Callable[[bytes], object]:
    (folder / LABELS[0]).write_bytes(b"x")
    return in_file(IMAGES[0], lambda path: read_mnist_test(path.parent))(folder)


def golden(data: bytes) -> object:
    return read_golden(data, classes=9, name="golden_v1.npz"), read_golden(data, classes=9, name="x", first=2)


READERS: dict[str, tuple[Make, type[PixelWiseError]]] = {
    "golden": (lambda folder: golden, BadGoldenSet),
    "npy": (in_file("images.npy", read_images), UnreadableImage),
    "png": (in_file("image.png", read_images), UnreadableImage),
    "lock": (in_file("model.lock", read_lock), BadLock),
    "record": (in_file(RECORD, lambda path: read_record(path.parent)), BadRelease),
    "seen": (in_file(SEEN, lambda path: read_seen(path.parent)), BadRelease),
    "card": (lambda folder: read_card, BadCard),
    "flags": (lambda folder: lambda data: parse_flags(data, name="flags.json"), BadFlags),
    "sums": (lambda folder: lambda data: hold_against_sums({"a.pkl": describe("a.pkl", b"a")}, data), Refused),
    "mnist": (mnist, MissingDigits),
}


@pytest.fixture
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Reader:
    make, refusal = READERS[request.param]
    return Reader(make(tmp_path), refusal)


# -- honest files, and mutations of them -------------------------------------------------------------------------------


def saved_golden(count: int = 3) -> bytes:
    chance, file = np.random.default_rng(0), io.BytesIO()
    images = chance.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    np.savez_compressed(file, images=images, labels=np.array(["1"] * count), scores=chance.random((count, 9)))
    return file.getvalue()


def saved_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((2, 28, 28), np.uint8))
    return file.getvalue()


def saved_lock(folder: Path) -> bytes:
    write_lock(folder / "written.lock", [RELEASE])
    return (folder / "written.lock").read_bytes()


FLAGS: dict[str, Any] = {
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "flags": {
        "model-version": {
            "state": "ENABLED",
            "variants": {"v1.0": "v1.0", "v2.0": "v2.0"},
            "defaultVariant": "v1.0",
            "targeting": {"if": [{"==": [{"var": "key"}, "a"]}, "v2.0", {"fractional": [["v1.0", 80], ["v2.0", 20]]}]},
        }
    },
}


@pytest.fixture
def honest(tmp_path: Path, published: Callable[[str], Published]) -> dict[str, bytes]:
    """A file for each reader."""
    return {
        "golden": saved_golden(),
        "npy": saved_array(),
        "png": (ROOT / "docs/benchmarks.png").read_bytes()[:20_000],
        "lock": saved_lock(tmp_path),
        "record": record_bytes(RELEASE),
        "seen": msgspec.json.encode({"file:/x": {"v1.0": "1" * 40}}),
        "card": published("v1.0").files["MODELCARD.md"],
        "flags": json.dumps(FLAGS, indent=1).encode(),
        "sums": f"{describe('a', b'a').sha256}  a.pkl\n".encode(),
        "mnist": bytes(2000),
    }


TEXTS = [
    *(b"9" * 5000, b"0x" + b"f" * 5000, b"1e999", b"-1", b"true", b"null", b"nan", b"inf", b"2026-99-99"),
    *(b"[" * 3000, b"{" * 3000, b'{"a":' * 3000, b"{}", b"[]", b'"', b"'" * 3, b"\n" * 50),
    *(b"\xff\xfe", b"\0", "\u2028".encode(), rb"\ud800", b"---\n", b"!!python/object:os.system", b"&a [*a]", b"<<: "),
]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to three changes: bits, bytes, cuts, repetitions, extreme numbers, odd texts."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed) + 1)
        end = min(len(changed), at + chance.choice((1, 1, 2, 4, 8, 60)))
        kind = chance.randrange(6)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            changed[at:end] = bytes(chance.choice((0, 255, 127, 128)) for _ in range(end - at))
        elif kind == 2:
            del changed[at:end]
        elif kind == 3:
            changed[at:at] = changed[at:end] * chance.choice((1, 40))
        elif kind == 4:
            changed[at:end] = chance.choice(TEXTS)
        else:
            del changed[max(1, at) :]
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")  # of an odd Python literal, of a name that is there twice
@pytest.mark.parametrize(("reader", "kind"), [(kind, kind) for kind in READERS], indirect=["reader"], ids=list(READERS))
def test_whatever_becomes_of_an_honest_file_only_its_refusal_comes_out(
    reader: Reader, kind: str, honest: dict[str, bytes]
):
    if kind not in ("mnist", "png"):
        reader.read(honest[kind])
    chance = random.Random(f"{SEED} {kind}")
    refusals = 0
    for number in range(MUTATIONS):
        data = mutated(honest[kind], chance)
        try:
            reader.read(data)
        except reader.refusal as error:
            refusals += 1
            assert str(error).isprintable()
        except Exception as error:
            pytest.fail(f"mutation {number}: {type(error).__name__}: {error}")
    assert refusals > MUTATIONS // 10


# -- the smallest inputs -----------------------------------------------------------------------------------------------


def zip64(value: int) -> bytes:
    """A golden set whose directory says that its first member begins at `value`."""
    data = saved_golden()
    end, entry = data.rindex(b"PK\5\6"), data.index(b"PK\1\2")
    name, extra, comment = struct.unpack_from("<HHH", data, entry + 28)
    head = bytearray(data[entry : entry + 46 + name])
    struct.pack_into("<H", head, 30, 12)
    struct.pack_into("<L", head, 42, 0xFFFFFFFF)
    directory = bytes(head) + struct.pack("<HHQ", 1, 8, value) + data[entry + 46 + name + extra + comment : end]
    tail = bytearray(data[end:])
    struct.pack_into("<L", tail, 12, len(directory))
    return data[:entry] + directory + bytes(tail)


def with_field(at: int, value: bytes) -> bytes:
    """A golden set whose first entry of the directory has other bytes at this place."""
    data = bytearray(saved_golden())
    entry = data.index(b"PK\1\2")
    data[entry + at : entry + at + len(value)] = value
    return bytes(data)


def many_members() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(3000):
            archive.writestr(f"{number}", b"")
    return file.getvalue()


def npy(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("latin1") + bytes(784)


def uint8(shape: str) -> bytes:
    return npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}")


def of_type(descr: str) -> bytes:
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1, 28, 28)}}")


def entry(*, size: str) -> str:
    head = f'[[release]]\nrepository = "x.git"\nversion = "v1.0"\ncommit = "{"1" * 40}"\nartefact = "a"\n'
    return f'{head}[[release.files]]\nname = "a"\nsize = {size}\nsha256 = "{"1" * 64}"\n'


def record(inside: str, instead: str) -> str:
    text = record_bytes(RELEASE).decode()
    assert inside in text
    return text.replace(inside, instead, 1)


NESTED, DIGITS, HEX = "[" * 2000 + "]" * 2000, "9" * 5000, "0x" + "f" * 5000
SMALLEST: dict[str, dict[str, bytes | str]] = {
    "golden": {
        "an offset of 2^63": zip64(1 << 63),
        "an offset of 2^64 - 1": zip64((1 << 64) - 1),
        "an offset behind the end": zip64(1 << 40),
        "a version of 65535": with_field(6, b"\xff\xff"),
        "all flags": with_field(8, b"\xff\xff"),
        "an unknown method": with_field(10, b"\x63\0"),
        "sizes without end": with_field(20, b"\xff" * 8),
        "a name longer than the file": with_field(28, b"\xff\xff"),
        "an extra field longer than the file": with_field(30, b"\xff\xff"),
        "many members": many_members(),
    },
    "npy": {
        **{
            shape[:40]: uint8(shape)
            for shape in (
                *("(True, 28, 28)", "(True, 784)", "(-1, 28, 28)", "(1.0, 28, 28)", "('1', 28, 28)", "((1,), 28, 28)"),
                *(f"({DIGITS}, 28, 28)", f"({HEX}, 28, 28)", NESTED, "None", "1", "(1, 28, 28", "{}", "(28, 28, *())"),
            )
        },
        **{
            descr[:40]: of_type(descr)
            for descr in (
                *("'|O'", "'|u1,|u1'", "[('a', '|u1')]", "[[]]", "[('a',)]", f"'|V{DIGITS}'", "'(2,)u1'", "1", "None"),
                *("''", "{'names': []}", "('|u1', 2)", r"'\x00'"),
            )
        },
        "no header": b"\x93NUMPY\x01\0",
        "version 9": b"\x93NUMPY\x09\0" + bytes(100),
        "60,000 brackets": npy("(" * 60_000),
    },
    "lock": {
        "nested 2,000 deep": f"a = {NESTED}",
        "tables nested 2,000 deep": "a = " + "{a=" * 2000 + "1" + "}" * 2000,
        "a key of 5,000 parts": ".".join("a" * 5000) + " = 1",
        "an integer of 5,000 digits": f"a = {DIGITS}",
        "a size of 5,000 digits": entry(size=DIGITS),
        "a size of 5,000 hexadecimal digits": entry(size=HEX),
        "a size without end": entry(size="1e999"),
        "a size below 0": entry(size="-1"),
        "a date that cannot be": "a = 2026-99-99",
        "release is a number": "release = 1",
        "release is a table": "[release]\na = 1",
        "no UTF-8": b"\xff",
        "half of a surrogate pair": r'a = "\ud800"',
    },
    "record": {
        "nothing": "",
        "nested 100,000 deep": "[" * 100_000,
        "a number of 5,000 digits": DIGITS,
        "a size of 5,000 digits": record('"size": 1', f'"size": {DIGITS}'),
        "a size without end": record('"size": 1', '"size": 1e999'),
        "an artefact that is no file of it": record('"a.pkl"', '"c.pkl"'),
    },
    "seen": {
        "nested 100,000 deep": '{"a":' * 100_000,
        "a number": DIGITS,
        "a list": "[]",
        "a number for a commit": '{"a": {"v1.0": 1}}',
        "no UTF-8": b'{"\xff": {}}',
    },
    "card": {
        name: f"---\n{text}\n---\n# Card\n"
        for name, text in {
            "nested 2,000 deep": f"a: {NESTED}",
            "mappings nested 2,000 deep": "a: " + "{a: " * 2000 + "1" + "}" * 2000,
            "an integer of 5,000 digits": f"a: {DIGITS}",
            "a contract of 5,000 hexadecimal digits": f"contract: {HEX}",
            "a date that cannot be": "a: 2026-99-99",
            "a time zone that cannot be": "a: 2026-01-01T00:00:00+99:99",
            "an equals sign": "a: =",
            "a merge of a number": "<<: 1",
            "a key that is a list": "? [a]\n: 1",
            "an empty contract": "contract:",
            "a number as a key": "contract: {1: 2}",
        }.items()
    },
    "flags": {
        "nothing": "",
        "nested 2,000 deep": '{"a":' * 2000 + "1" + "}" * 2000,
        "nested 100,000 deep": "[" * 100_000,
        "an integer of 5,000 digits": f'{{"flags": {DIGITS}}}',
        "a number without end": '{"flags": {}, "a": Infinity}',
        "half of a surrogate pair": r'{"flags": {"model-version": "\ud800"}}',
        "a list": "[]",
        "no UTF-8": b'{"\xff": 1}',
    },
    "sums": {
        "no digest": "x",
        "no UTF-8": b"\xff" * 70,
        "a path": "1" * 64 + "  ../a",
        "a NUL": "1" * 64 + "  a\0",
    },
    "mnist": {"nothing": "", "a header alone": b"\0\0\x08\x03" + b"\xff" * 12},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("reader", "data"),
    [
        pytest.param(kind, data, id=f"{kind}: {name}")
        for kind, inputs in SMALLEST.items()
        for name, data in inputs.items()
    ],
    indirect=["reader"],
)
def test_the_smallest_input_of_each_kind_is_refused(reader: Reader, data: bytes | str):
    with pytest.raises(reader.refusal) as caught:
        reader.read(data.encode() if isinstance(data, str) else data)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 2000


def test_a_lock_that_is_a_fifo_is_refused_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "model.lock")
    with pytest.raises(BadLock, match="no plain file"):
        read_lock(tmp_path / "model.lock")


@pytest.mark.parametrize("inside", ["range: [0, 255]", "shape: [28, 28]"])
def test_numbers_of_a_contract_have_an_end(published: Callable[[str], Published], inside: str):
    """A whole number of 5,000 hexadecimal digits is one for YAML, and has no text in Python."""
    card = published("v1.0").card
    assert inside in card
    with pytest.raises(BadCard):
        read_card(card.replace(inside, inside.partition("[")[0] + f"[0, {HEX}]").encode())
