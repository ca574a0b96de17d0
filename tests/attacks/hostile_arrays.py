"""Files with arrays that are not what their headers say, and with dtypes that are refused."""

from __future__ import annotations

import pickle as op
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Array, Call, Global, Instance, Raw, dtype, text
from tests.attacks.honest import honest_pipeline, label_binarizer, labels, weights
from tests.attacks.hostile import Hostile, hostile

NDARRAY = Global("numpy", "ndarray")


def files() -> Iterator[Hostile]:
    yield from _shapes()
    yield from _headers()
    yield from _padding()
    yield from _dtypes()
    yield from _text_arrays()


def _array(**parts: Any) -> bytes:
    """An honest file with one more array, in place of n_iter_, of 16 float64."""
    return honest_pipeline(n_iter_=Array(weights(16), **parts))


def _shapes() -> Iterator[Hostile]:
    shapes: dict[str, tuple[Any, str]] = {
        "2^31 x 2^31": ((1 << 31, 1 << 31), "array truncated"),
        "2^62": ((1 << 62,), "array truncated"),
        "overflow to 0": ((1 << 32, 1 << 32), "array truncated"),
        "overflow to 16": ((1 << 60, 16, 1 << 4), "array truncated"),
        "2^31-1 cubed": (((1 << 31) - 1,) * 3, "array truncated"),
        "one too many": ((16_000_000,), "truncated"),
        "negative": ((-1,), "array"),
        "negative twice": ((-4, -4), "array"),
        "True": ((True,), "array"),
        "float": ((16.0,), "array"),
        "text": (("16",), "array"),
        "None inside": ((None,), "array"),
        "a list": ([16], "array"),
        "a number": (16, "array"),
        "None": (None, "array"),
        "a tuple in a tuple": (((16,),), "array"),
        "four dimensions": ((1, 1, 1, 16), "array"),
        "33 dimensions": ((1,) * 33, "array"),
        "a thousand dimensions": ((1,) * 1000, "array"),
        "an array": (np.array([16]), "array"),
        "LONG1 of 32 bytes": ((1 << 250,), "array truncated"),
    }
    for name, (shape, codes) in shapes.items():
        yield hostile(f"shape {name}", _array(header={"shape": shape}), codes, f"shape {name}")
    huge = ((1 << 31) - 1, (1 << 31) - 1, 0)
    empty = honest_pipeline(coef_=Array(weights(0), header={"shape": huge}))
    yield hostile("shape empty but huge", empty, "weights array", "zero cells, 2^62 rows: numpy refuses to make it")
    empty_f = honest_pipeline(coef_=Array(weights(0), header={"shape": huge[::-1], "order": "F"}))
    yield hostile("shape empty but huge, Fortran order", empty_f, "weights array", "the same the other way round")
    yield hostile(
        "shape of one row less",
        honest_pipeline(coef_=Array(weights(9, 12), header={"shape": (8, 12)})),
        {"opcode", "stack", "type", "text", "memo", "truncated", "frame", "bytes", "integer"},
        "the last row is read as opcodes",
    )
    yield hostile(
        "shape of one row more",
        honest_pipeline(coef_=Array(weights(9, 12), header={"shape": (10, 12)})),
        {"opcode", "stack", "type", "text", "memo", "truncated", "frame", "array", "weights", "global"},
        "opcodes are read as weights",
    )


def _headers() -> Iterator[Hostile]:
    changes: dict[str, tuple[dict[str, Any], str]] = {
        "without shape": ({"shape": MISSING}, "array"),
        "without dtype": ({"dtype": MISSING}, "array"),
        "without subclass": ({"subclass": MISSING}, "array"),
        "without order": ({"order": MISSING}, "array"),
        "without allow_mmap": ({"allow_mmap": MISSING}, "array"),
        "with one more key": ({"strides": (8,)}, "array"),
        "with __class__": ({"__class__": NDARRAY}, "array"),
        "order A": ({"order": "A"}, "array"),
        "order lower case": ({"order": "c"}, "array"),
        "order empty": ({"order": ""}, "array"),
        "order None": ({"order": None}, "array"),
        "order a list": ({"order": ["C"]}, "array"),
        "order an array": ({"order": np.zeros(3)}, "array"),
        "dtype as text": ({"dtype": "f8"}, "dtype array"),
        "dtype None": ({"dtype": None}, "dtype array"),
        "dtype an array": ({"dtype": np.zeros(3)}, "dtype array"),
        "dtype a class": ({"dtype": Global("numpy", "dtype")}, "dtype array"),
        "dtype another object": ({"dtype": label_binarizer()}, "dtype array"),
        "subclass matrix": ({"subclass": Global("numpy", "matrix")}, "global"),
        "subclass recarray": ({"subclass": Global("numpy", "recarray")}, "global"),
        "subclass masked array": ({"subclass": Global("numpy.ma", "MaskedArray")}, "global"),
        "subclass memmap": ({"subclass": Global("numpy", "memmap")}, "global"),
        "subclass another class": ({"subclass": Global("sklearn.pipeline", "Pipeline")}, "array"),
        "subclass as a pair": ({"subclass": ("numpy", "ndarray")}, "array"),
        "subclass as text": ({"subclass": "ndarray"}, "array"),
        "subclass an array": ({"subclass": np.zeros((3, 3))}, "array"),
        "subclass an instance": ({"subclass": label_binarizer()}, "array"),
        "alignment 0": ({"numpy_array_alignment_bytes": 0}, "array"),
        "alignment 1": ({"numpy_array_alignment_bytes": 1}, "array"),
        "alignment 4096": ({"numpy_array_alignment_bytes": 4096}, "array"),
        "alignment -16": ({"numpy_array_alignment_bytes": -16}, "array"),
        "alignment 16.0": ({"numpy_array_alignment_bytes": 16.0}, "array"),
        "alignment True": ({"numpy_array_alignment_bytes": True}, "array"),
        "alignment as text": ({"numpy_array_alignment_bytes": "16"}, "array"),
    }
    for name, (header, codes) in changes.items():
        yield hostile(f"header {name}", _array(header=header), codes, f"array header {name}")
    for name, state in (("a list", [1, 2]), ("a tuple", ({}, {})), ("empty", {}), ("text", "shape")):
        broken = Instance(Global("joblib.numpy_pickle", "NumpyArrayWrapper"), state)
        yield hostile(f"header {name}", honest_pipeline(n_iter_=broken), "array build", f"array header that is {name}")


def _padding() -> Iterator[Hostile]:
    for name, padding in {
        "of length 0": b"\x00",
        "of length 255": b"\xff" * 256,
        "of length 17": b"\x11" + b"\xff" * 17,
        "of length 32": b"\x20" + b"\xff" * 32,
        "with zeros": b"\x05" + b"\x00" * 5,
        "with text in it": b"\x0c" + b"hidden bytes",
        "left out": b"",
    }.items():
        codes = "array truncated"
        yield hostile(f"padding {name}", _array(padding=padding), codes, "weights at another place than they seem")


def _dtypes() -> Iterator[Hostile]:
    for code in (
        "O8", "O", "V8", "c8", "c16", "f2", "f16", "g", "M8[ns]", "m8", "S1", "a1", "U0", "U", "U100", "U2147483647",
        "U1\u0663", "f\uff18", "i3", "i16", "u0", "b2", "?", "d", "float64", "f8,f8", "(2,)f8", "2f8", " f8", "f8 ",
        "f8\n", "f8\x00", "<f8", ">f8", "|f8", "F8", "", "f8" * 200, "O\x1b[31m",
    ):  # fmt: skip
        changed = Call(Global("numpy", "dtype"), (code, False, True), (3, "<", None, None, None, -1, -1, 0))
        yield hostile(f"dtype {code[:12]!r}", _array(header={"dtype": changed}), "dtype", f"dtype {code[:40]!r}")
    name = Global("numpy", "dtype")
    state = (3, "<", None, None, None, -1, -1, 0)
    calls: dict[str, Call] = {
        "of a number": Call(name, (8, False, True), state),
        "of None": Call(name, (None, False, True), state),
        "of a list of fields": Call(name, ([("a", "f8")], False, True), state),
        "of a dtype": Call(name, (dtype("f8"), False, True), state),
        "of an array": Call(name, (np.zeros(2), False, True), state),
        "without arguments": Call(name, (), state),
        "with two arguments": Call(name, ("f8", False), state),
        "with five arguments": Call(name, ("f8", False, True, None, None), state),
        "aligned": Call(name, ("f8", True, True), state),
        "not copied": Call(name, ("f8", False, False), state),
        "without state": Call(name, ("f8", False, True)),
        "with state None": Call(name, ("f8", False, True), None),
        "with an empty state": Call(name, ("f8", False, True), ()),
        "with a dict as state": Call(name, ("f8", False, True), {"shape": (1,)}),
        "with state of version 4": Call(name, ("f8", False, True), (4, *state[1:])),
        "with state of version True": Call(name, ("f8", False, True), (True, *state[1:])),
        "with state and metadata": Call(name, ("f8", False, True), (*state, {"x": 1})),
        "big-endian": dtype("f8", byteorder=">"),
        "big-endian text": dtype("U1", byteorder=">"),
        "native order": dtype("f8", byteorder="="),
        "order None": Call(name, ("f8", False, True), (3, None, *state[2:])),
        "order a list": Call(name, ("f8", False, True), (3, ["<"], *state[2:])),
        "order an array": Call(name, ("f8", False, True), (3, np.zeros(2), *state[2:])),
        "structured": Call(name, ("V8", False, True), (3, "|", None, ("a",), {"a": (dtype("f8"), 0)}, 8, 1, 0)),
        "structured under another name": Call(name, ("f8", False, True), (3, "<", None, ("a",), {}, 8, 1, 0)),
        "with a subarray": Call(name, ("f8", False, True), (3, "<", (dtype("f8"), (2,)), None, None, -1, -1, 0)),
        "with state of arrays": Call(name, ("f8", False, True), (3, "<", np.zeros(2), np.zeros(2), None, -1, -1, 0)),
    }
    for what, changed in calls.items():
        yield hostile(f"dtype {what}", _array(header={"dtype": changed}), "dtype", f"a dtype {what}")
    for scalar_type in ("float64", "object_", "str_", "void"):
        header = {"dtype": Global("numpy", scalar_type)}
        yield hostile(f"dtype numpy.{scalar_type}", _array(header=header), "global", "a scalar type for a dtype")
    twice = Raw(_FLOAT64_WITH_STATE + _STATE + op.BUILD)
    data = honest_pipeline(protocol=3, n_iter_=Array(weights(2), header={"dtype": twice}))
    yield hostile("dtype given its state twice", data, "build", "harmless first, another then")


_STATE = b"(K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t"
_FLOAT64_WITH_STATE = b"cnumpy\ndtype\n" + text("f8") + b"\x89\x88\x87R" + _STATE + op.BUILD


def _text_arrays() -> Iterator[Hostile]:
    for name, point in {
        "above U+10FFFF": 0x110000,
        "of 2^32-1": 0xFFFFFFFF,
        "first surrogate": 0xD800,
        "last surrogate": 0xDFFF,
    }.items():
        points = np.array([ord("1"), ord("2"), point], dtype="<u4")
        broken = Array(labels("123"), data=points.tobytes())
        yield hostile(f"text array {name}", honest_pipeline(classes="123", classes_=broken), "text", "no character")
        unused = honest_pipeline(classes="123", n_iter_=Array(labels("123"), data=points.tobytes()))
        yield hostile(f"text array {name}, unused", unused, "text", "no character")
