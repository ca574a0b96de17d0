"""Mutations of honest artefacts: each is a function of a seed and a number, so any of them can be made again."""

from __future__ import annotations

import pickle as op
import random
import struct
from collections.abc import Iterator

import numpy as np

from tests.attacks.assemble import MISSING, Array, Assembler, Global, Instance, dtype, integer, joblib_dump, text
from tests.attacks.honest import (
    binarizer,
    honest_pipeline,
    label_binarizer,
    logistic_regression,
    min_max_scaler,
    pca,
    pipeline,
    random_state,
    standard_scaler,
    tree,
    weights,
)

SMALL = {"classes": "123", "features": 3}
LEFT_OUT = dict.fromkeys(("_optimizer", "_best_coefs"), MISSING)
SMALL_MLP = {**SMALL, "hidden": (2,), "dtype": "f4", "_random_state": None, **LEFT_OUT}


def small_scaled() -> Instance:
    """A pipeline of every step that takes a card's scale."""
    return pipeline(
        ("s", standard_scaler(features=3)),
        ("p", pca(features=3, axes=2, whiten=True)),
        ("m", min_max_scaler(features=2)),
        ("c", logistic_regression(classes="123", features=2)),
    )


TREES = [tree(**SMALL), tree("MLPClassifier", **SMALL_MLP), small_scaled()]
HONEST = [
    *(honest_pipeline(protocol=protocol, **SMALL) for protocol in (3, 4, 5)),
    *(honest_pipeline("MLPClassifier", protocol=protocol, **SMALL_MLP) for protocol in (3, 4, 5)),
    *(joblib_dump(TREES[2], protocol=protocol) for protocol in (3, 4, 5)),
]

PIECES = [
    *(bytes([code]) for code in b"(.012NRabdeglostu)]}\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"),
    b"cos\nsystem\n" + text("true") + op.TUPLE1 + op.REDUCE,
    b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n",
    b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n",
    b"csklearn.pipeline\nPipeline\n)\x81",
    b"cnumpy._core.multiarray\nscalar\n",
    b"\x95\x04\0\0\0\0\0\0\0",
    b"\x95" + b"\xff" * 8,
    b"\x80\x04",
    b"\x8a\x20" + b"\xff" * 32,
    b"X\xff\xff\xff\xff",
    b"j\xff\xff\xff\xff",
    b"r\xff\xff\xff\x7f",
    *(op.BINFLOAT + struct.pack(">d", value) for value in (float("nan"), float("inf"), -0.0, 1e300)),
    *(integer(value) for value in (0, 1, 2, 3, 255, 65_535, -1, 1 << 31, 1 << 63, -(1 << 100))),
    *(
        text(value)
        for value in ("", "steps", "classes_", "coef_", "C", "F", "<", ">", "f8", "f4", "U1", "O8", "\u0663")
    ),
]


def exhaustive() -> Iterator[bytes]:
    """Every truncation, every deletion of one byte, and four replacements of every byte, of two small files."""
    for honest in (HONEST[0], HONEST[1]):
        for at in range(len(honest)):
            yield honest[:at]
            yield honest[:at] + honest[at + 1 :]
            for byte in {0x00, 0xFF, honest[at] ^ 0x01, honest[at] ^ 0x80} - {honest[at]}:
                yield honest[:at] + bytes([byte]) + honest[at + 1 :]


def mutation(seed: int, number: int) -> bytes:
    """The mutation of this seed and number: of five, two edit bytes, two splice opcodes, one replants a value."""
    chance = random.Random(f"{seed}:{number}")
    return (edited, spliced, edited, spliced, replanted)[number % 5](chance)


def edited(chance: random.Random) -> bytes:
    """One to eight random edits on top of each other."""
    data = bytearray(chance.choice(HONEST))
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 1, 2, 4, 8, 30))
        match chance.randrange(7):
            case 0:
                data[at : at + length] = chance.randbytes(length)
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = chance.choice(PIECES)
            case 3:
                data[at:at] = data[at : at + length] * chance.randint(1, 3)
            case 4:
                data[at : at + 4] = chance.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\x01\0\0\0"))
            case 5:
                source = chance.choice(HONEST)
                start = chance.randrange(len(source))
                data[at : at + length] = source[start : start + length]
            case 6:
                for offset in range(at, min(at + 1, len(data))):
                    data[offset] ^= 1 << chance.randrange(8)
    return bytes(data)


def spliced(chance: random.Random) -> bytes:
    """One to three foreign opcodes between or instead of honest ones; frames and padding are right."""
    index, protocol = chance.randrange(len(TREES)), chance.choice((3, 4))
    splice = {
        chance.randrange(OPCODES[index, protocol]): (chance.choice(PIECES), chance.randint(0, 1))
        for _ in range(chance.randint(1, 3))
    }
    return joblib_dump(TREES[index], protocol=protocol, splice=splice)


def replanted(chance: random.Random) -> bytes:
    """One or two attributes, or parts of an array's header, replaced by a value of another kind."""
    root = (tree(**SMALL), tree("MLPClassifier", **SMALL_MLP), small_scaled())[chance.randrange(3)]
    *before, classifier = [step for _, step in root.state["steps"]]
    for _ in range(chance.randint(1, 2)):
        state = chance.choice((root, *before, classifier, classifier, classifier)).state
        key, value = chance.choice(list(state)), chance.choice(VALUES)
        if isinstance(state[key], np.ndarray) and chance.random() < 0.7:
            part = chance.choice(("shape", "order", "dtype", "subclass", "numpy_array_alignment_bytes"))
            state[key] = Array(state[key], header={part: value})
        else:
            state[key] = value
    return joblib_dump(root, protocol=chance.choice((3, 4, 5)))


def _values() -> list[object]:
    numbers = [None, True, False, 0, 1, 2, 3, -1, 1 << 70, 0.5, -0.0, 1e300, float("nan"), float("inf")]
    texts = ["", "C", "F", "f8", "lbfgs", "auto", "relu", "tanh", "softmax", "1.9.1", "123", "\u0663", b"12345678"]
    shapes: list[object] = [
        (),
        (3,),
        (3, 3),
        (0, 3),
        (3, 0),
        (1 << 30, 1 << 30, 0),
        (3, 1, 1),
        [],
        [3],
        {},
        {"steps": []},
    ]
    arrays = [
        np.full(shape, value, dtype=kind)
        for shape in ((), (0,), (1,), (3,), (3, 3), (2, 3), (3, 2), (3, 1, 1))
        for kind, value in (
            ("f8", 0.25),
            ("f4", 1e-3),
            ("f8", np.nan),
            ("f4", np.inf),
            ("i8", 1),
            ("U1", "1"),
            ("?", True),
        )
    ]
    instances: list[object] = [
        binarizer(),
        standard_scaler(features=3),
        label_binarizer(classes="123"),
        logistic_regression(**SMALL),
        random_state(),
    ]
    dtypes: list[object] = [dtype(code) for code in ("f8", "f4", "i4", "u1", "b1", "U1", "U99", "O8", "c16", "V8")]
    return [*numbers, *texts, *shapes, *arrays, *arrays, *instances, *dtypes, Global("numpy", "ndarray"), weights(3, 3)]


VALUES = _values()


def _opcodes(index: int, protocol: int) -> int:
    assembler = Assembler(protocol, {})
    assembler.save(TREES[index])
    return assembler.count


OPCODES = {(index, protocol): _opcodes(index, protocol) for index in range(len(TREES)) for protocol in (3, 4)}
