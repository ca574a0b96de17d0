"""Odd dtypes: each field of a dtype's pickle, changed. numpy obeys the state; the first argument is only a start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Array, Call, Global, dtype, scalar
from tests.attacks.honest import NINE, labels, weights
from tests.attacks.odd import PIXELS, Odd, linear, network

DTYPE = Global("numpy", "dtype")
PLAIN = ("<", None, None, None, -1, -1, 0)
FIELDS = ("byte order", "subarray", "names", "fields", "item size", "alignment", "flags")
RUNS_TRUE = b"cposix\nsystem\nX\x04\0\0\0true\x85R."


def files() -> Iterator[Odd]:
    yield from _numbers_of_the_state()
    yield from _texts()
    yield from _arguments()
    yield from _scalars()
    yield Odd("dtype shared by 64 bit and text arrays", _shared())
    objects = Array(np.frombuffer(RUNS_TRUE.ljust(48, b"."), "f8"), header={
        "dtype": _with("flags", 63), "numpy_array_alignment_bytes": MISSING})  # fmt: skip
    yield Odd("dtype flags 63, and a pickle that runs a command as data", linear(n_iter_=objects))


def _with(field: str, value: Any, code: str = "f8", start: tuple[Any, ...] = PLAIN) -> Call:
    state = [*start]
    state[FIELDS.index(field)] = value
    return Call(DTYPE, (code, False, True), (3, *state))


def _of_coef(changed: Any) -> bytes:
    return linear(coef_=Array(weights(9, PIXELS), header={"dtype": changed}))


def _of_intercept(changed: Any) -> bytes:
    return network(intercepts_=[*(weights(width) for width in (5, 4)), Array(weights(9), header={"dtype": changed})])


def _numbers_of_the_state() -> Iterator[Odd]:
    values: dict[str, tuple[Any, ...]] = {
        "flags": (
            63,
            1,
            2,
            4,
            8,
            16,
            32,
            64,
            128,
            255,
            256,
            -1,
            1 << 31,
            1 << 40,
            1 << 70,
            None,
            True,
            False,
            0.0,
            "0",
        ),
        "item size": (8, 4, 16, 1, 0, -2, 1 << 31, 1 << 62, None, -1.0, True),
        "alignment": (8, 1, 3, 16, 0, -2, 1 << 31, None, -1.0, True),
        "byte order": ("|", "=", ">", "!", "N", "L", "l", "", "<<", b"<", None, 0),
        "names": ((), [], "", ("a",), 0, False),
        "fields": ({}, (), 0, False),
        "subarray": ((), 0, False, (dtype("f8"), (1,)), (dtype("f8"), ())),
    }
    for field, changed in values.items():
        for value in changed:
            name = (
                repr(value) if not isinstance(value, tuple) or not value else f"a tuple of {len(value[-1])} at the end"
            )
            yield Odd(f"dtype f8 with {field} {name}", _of_coef(_with(field, value)))
    for field, value in (("flags", 63), ("flags", 1), ("item size", 4), ("alignment", 1), ("byte order", "|")):
        yield Odd(f"dtype f8 with {field} {value!r}, in a bias", _of_intercept(_with(field, value)))
        unused = Array(np.array([12], "i4"), header={"dtype": _with(field, value, "i4")})
        yield Odd(f"dtype i4 with {field} {value!r}, in an array nobody uses", linear(n_iter_=unused))


def _texts() -> Iterator[Odd]:
    honest = ("<", None, None, None, 4, 4, 8)
    for field, value in (
        *(("item size", size) for size in (8, 36, 0, -1, 3, 5, 1 << 31, 4.0, True)),
        *(("alignment", size) for size in (1, 8, -1, 0)),
        *(("flags", flags) for flags in (0, 63, 9, 24, -1)),
        *(("byte order", order) for order in ("|", ">", "=")),
    ):
        changed = Array(labels(NINE), header={"dtype": _with(field, value, "U1", honest)})
        yield Odd(f"dtype U1 with {field} {value!r}", linear(classes_=changed))
    wide = Array(np.array(list(NINE), "U2"), header={"dtype": _with("item size", 4, "U2", honest)})
    yield Odd("dtype U2 with item size 4", linear(classes_=wide))
    narrow = _with("item size", 8, "U1", honest)
    yield Odd("dtype U1 with item size 8 and twice the bytes",
              linear(classes_=Array(np.array(list(NINE), "U2"), header={"dtype": narrow})))  # fmt: skip


def _arguments() -> Iterator[Odd]:
    state = (3, *PLAIN)
    for name, args in {
        "aligned": ("f8", True, True),
        "not copied": ("f8", False, False),
        "0 and 1": ("f8", 0, 1),
        "of two arguments": ("f8", False),
        "of one argument": ("f8",),
        "of four arguments": ("f8", False, True, None),
        "with metadata": ("f8", False, True, {"x": 1}),
        "d": ("d", False, True),
        "<f8": ("<f8", False, True),
        ">f8": (">f8", False, True),
        "f4 for f8": ("f4", False, True),
        "i8 for f8": ("i8", False, True),
        "O8": ("O8", False, True),
        "V8": ("V8", False, True),
    }.items():
        yield Odd(f"dtype {name}", _of_coef(Call(DTYPE, args, state)))
    for version in (0, 1, 2, 4, True, 3.0, None):
        yield Odd(f"dtype state of version {version}", _of_coef(Call(DTYPE, ("f8", False, True), (version, *PLAIN))))
    for name, changed in {
        "with nine parts": (*state, None),
        "with metadata": (*state, {"x": 1}),
        "with metadata None": (*state, None),
        "with seven parts": state[:-1],
        "a list": list(state),
        "empty": (),
        "None": None,
        "left out": MISSING,
        "of version 1, as then": (1, "<", None, None, -1, -1),
        "of an older numpy": (2, "<", None, None, None, -1, -1),
    }.items():
        yield Odd(f"dtype state {name}", _of_coef(Call(DTYPE, ("f8", False, True), changed)))


def _scalars() -> Iterator[Odd]:
    multiarray = Global("numpy._core.multiarray", "scalar")
    number = np.float64(0.5).tobytes()
    for name, args in {
        "flags 63": (_with("flags", 63), number),
        "item size 4": (_with("item size", 4), number),
        "byte order >": (_with("byte order", ">"), number),
        "without bytes": (dtype("f8"),),
        "of too many bytes": (dtype("f8"), number + b"\0"),
        "of too few bytes": (dtype("f8"), number[:-1]),
        "of text": (dtype("U1"), b"5\0\0\0"),
        "of a bool that is 2": (dtype("b1"), b"\x02"),
        "of a dtype without state": (Call(DTYPE, ("f8", False, True)), number),
        "with bytes as text": (dtype("f8"), "12345678"),
    }.items():
        yield Odd(f"numpy number {name}", network(loss_=Call(multiarray, args)))
    for kind in ("f4", "f8", "i4", "i8", "u1", "b1"):
        number = np.ones(1, kind)[0]
        yield Odd(f"numpy number of type {kind} under numpy 1's name", network(best_loss_=scalar(number, numpy=1)))


def _shared() -> bytes:
    one = dtype("f8")
    coefs = [Array(weights(*shape), header={"dtype": one}) for shape in ((PIXELS, 5), (5, 4), (4, 9))]
    text = Array(labels(NINE), header={"dtype": one})
    return network(coefs_=coefs, classes_=text)
