"""Odd arrays: headers, shapes, orders, padding, labels of other kinds, and numbers where others belong."""

from __future__ import annotations

import pickle as op
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Array, Call, Global, Instance, dtype, joblib_dump
from tests.attacks.honest import NINE, label_binarizer, labels, tree, weights
from tests.attacks.odd import PIXELS, Odd, linear, network

NDARRAY = Global("numpy", "ndarray")


def files() -> Iterator[Odd]:
    yield from _headers()
    yield from _orders_and_types()
    yield from _shapes()
    yield from _labels()
    yield from _object_labels()


def _coef(**parts: Any) -> bytes:
    return linear(coef_=Array(weights(9, PIXELS), **parts))


def _headers() -> Iterator[Odd]:
    for name, header in {
        "allow_mmap False": {"allow_mmap": False},
        "allow_mmap None": {"allow_mmap": None},
        "allow_mmap 2": {"allow_mmap": 2},
        "allow_mmap a text": {"allow_mmap": "no"},
        "allow_mmap an array": {"allow_mmap": np.ones(3)},
        "without allow_mmap": {"allow_mmap": MISSING},
        "order f": {"order": "f"},
        "order K": {"order": "K"},
        "order None": {"order": None},
        "alignment 1": {"numpy_array_alignment_bytes": 1},
        "alignment 32": {"numpy_array_alignment_bytes": 32},
        "alignment None": {"numpy_array_alignment_bytes": None},
        "alignment False": {"numpy_array_alignment_bytes": False},
        "alignment 0": {"numpy_array_alignment_bytes": 0},
        "alignment 16.0": {"numpy_array_alignment_bytes": 16.0},
        "alignment left out": {"numpy_array_alignment_bytes": MISSING},
        "subclass memmap": {"subclass": Global("numpy", "memmap")},
        "subclass dtype": {"subclass": Global("numpy", "dtype")},
        "subclass None": {"subclass": None},
        "subclass matrix": {"subclass": Global("numpy", "matrix")},
        "a method as attribute": {"read": None},
        "read_array as attribute": {"read_array": 1},
        "safe_get_numpy_array_alignment_bytes as attribute": {"safe_get_numpy_array_alignment_bytes": None},
        "__class__ as attribute": {"__class__": NDARRAY},
        "another key": {"strides": (8,)},
    }.items():
        yield Odd(f"header with {name}", _coef(header=header))
    for name, padding in {
        "none": b"", "length 0": b"\0", "length 255": b"\xff" * 256, "zeros": b"\x10" + b"\0" * 16,
        "twice": b"\x20" + b"\xff" * 32,
    }.items():  # fmt: skip
        yield Odd(f"padding: {name}", _coef(padding=padding))
    yield Odd("padding where alignment is left out",
              _coef(header={"numpy_array_alignment_bytes": MISSING}, padding=b"\x08" + b"\xff" * 8))  # fmt: skip
    wrapper = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
    header = {"subclass": NDARRAY, "shape": (1,), "order": "C", "dtype": dtype("f8"), "allow_mmap": True}
    yield Odd("header given to the constructor", linear(n_iter_=Instance(wrapper, {}, args=tuple(header.values()))))
    yield Odd("header as a pair of states", linear(n_iter_=Instance(wrapper, (None, header))))
    old = Global("joblib.numpy_pickle", "NDArrayWrapper")
    yield Odd("header of joblib 0.9", linear(n_iter_=Instance(old, {"filename": "x.npy", "subclass": NDARRAY})))


def _orders_and_types() -> Iterator[Odd]:
    for kind in ("f4", "f8"):
        for order in ("C", "F"):
            yield Odd(f"linear, {kind}, order {order}", linear(dtype=kind, order=order))
            yield Odd(f"network, {kind}, order {order}", network(dtype=kind, order=order))
    yield Odd("float32 weights, float64 bias", linear(coef_=weights(9, PIXELS, dtype="f4")))
    yield Odd("float64 weights, float32 bias", linear(intercept_=weights(9, dtype="f4")))
    shapes = ((PIXELS, 5), (5, 4), (4, 9))
    yield Odd("layers of float32, 64, 32", network(coefs_=[weights(*shape, dtype=kind) for shape, kind in
                                                            zip(shapes, ("f4", "f8", "f4"), strict=True)]))  # fmt: skip
    yield Odd("layers of order C, F, C", network(coefs_=[weights(*shape, order=order) for shape, order in
                                                          zip(shapes, "CFC", strict=True)]))  # fmt: skip
    for kind in ("i4", "i8", "u1", "b1", "f2", "c16", ">f8", ">f4", "f16"):
        yield Odd(f"weights of type {kind}", linear(coef_=weights(9, PIXELS).astype(kind)))
        yield Odd(f"bias of type {kind}", linear(intercept_=np.round(weights(9)).astype(kind)))
    turned = {"shape": (9, PIXELS), "order": "F"}
    yield Odd("C data called F", _coef(header=turned))
    yield Odd("a bias called F", linear(intercept_=Array(weights(9), header={"order": "F"})))
    yield Odd("labels called F", linear(classes_=Array(labels(), header={"order": "F"})))


def _shapes() -> Iterator[Odd]:
    for name, shape in {
        "a list": [9, PIXELS], "of numpy numbers": (np.int64(9), np.int64(PIXELS)), "of True": (True, 9 * PIXELS),
        "of floats": (9.0, 784.0), "flat": (9 * PIXELS,), "turned": (PIXELS, 9), "of three": (1, 9, PIXELS),
        "with -1": (9, -1), "of one number": 9 * PIXELS, "a text": "9", "a dict": {"9": 1},
    }.items():  # fmt: skip
        yield Odd(f"weights of shape {name}", _coef(header={"shape": shape}))
    one = weights(9)
    for name, value in {
        "(1, 9)": one.reshape(1, 9), "(9, 1)": one.reshape(9, 1), "(1,)": one[:1], "()": np.array(0.5),
        "a list": one.tolist(), "a tuple": tuple(one.tolist()), "0.0": 0.0, "a numpy number": one[0],
    }.items():  # fmt: skip
        yield Odd(f"bias {name}", linear(intercept_=value))
    yield Odd("weights as lists", linear(coef_=weights(9, PIXELS)[:, :40].tolist()))
    layers = [weights(PIXELS, 5), weights(5, 4), weights(4, 9)]
    yield Odd("layers as a tuple", network(coefs_=tuple(layers)))
    yield Odd("biases as a tuple", network(intercepts_=tuple(weights(width) for width in (5, 4, 9))))
    yield Odd("biases as rows", network(intercepts_=[weights(1, width) for width in (5, 4, 9)]))
    yield Odd("one layer too many", network(coefs_=[*layers, weights(9, 9)], intercepts_=[
        *(weights(width) for width in (5, 4, 9, 9))]))  # fmt: skip


def _labels() -> Iterator[Odd]:
    for name, value in {
        "U2": np.array(list(NINE), "U2"),
        "U99": np.array(list(NINE), "U99"),
        "int64": np.arange(1, 10),
        "int32": np.arange(1, 10, dtype="i4"),
        "uint8": np.arange(1, 10, dtype="u1"),
        "float": np.arange(1.0, 10.0),
        "bytes": np.array(list(NINE), "S1"),
        "bool": np.array([False, True]),
        "a list": list(NINE),
        "a tuple": tuple(NINE),
        "a column": labels().reshape(9, 1),
        "a row": labels().reshape(1, 9),
        "with a NUL behind": Array(np.array(list(NINE), "U2"), data=np.array([
            point for digit in NINE for point in (ord(digit), 0)], "<u4").tobytes()),
        "with a NUL before": Array(np.array(list(NINE), "U2"), data=np.array([
            point for digit in NINE for point in (0, ord(digit))], "<u4").tobytes()),
    }.items():  # fmt: skip
        yield Odd(f"labels {name}", linear(classes_=value))
        binarizer = label_binarizer(classes_=value)
        yield Odd(f"labels {name}, in a network", network(classes_=value, _label_binarizer=binarizer))
        yield Odd(f"labels {name}, in the label binarizer only", network(_label_binarizer=binarizer))


def _object_labels() -> Iterator[Odd]:
    """Object arrays are pickles of their own inside of the file (`NumpyArrayWrapper.write_array`)."""
    function = Global("numpy._core.multiarray", "_reconstruct")
    state = (
        1,
        (9,),
        Call(Global("numpy", "dtype"), ("O8", False, True), (3, "|", None, None, None, -1, -1, 63)),
        False,
    )
    texts = list(NINE)
    for name, (args, changed) in {
        "as fetch_openml gives them": ((NDARRAY, (0,), b"b"), (*state, texts)),
        "of order F": ((NDARRAY, (0,), b"b"), (*state[:3], True, texts)),
        "of numbers": ((NDARRAY, (0,), b"b"), (*state, list(range(1, 10)))),
        "of None": ((NDARRAY, (0,), b"b"), (*state, [None] * 9)),
        "of texts and a number": ((NDARRAY, (0,), b"b"), (*state, [*NINE[:8], 9])),
        "of lists": ((NDARRAY, (0,), b"b"), (*state, [[digit] for digit in NINE])),
        "of eight": ((NDARRAY, (0,), b"b"), (1, (8,), *state[2:], texts[:8])),
        "of a shape that lies": ((NDARRAY, (0,), b"b"), (*state, texts[:8])),
        "unsorted": ((NDARRAY, (0,), b"b"), (*state, texts[::-1])),
        "of another start": ((NDARRAY, (9,), b"O"), (*state, texts)),
        "of another class": ((Global("numpy", "matrix"), (0,), b"b"), (*state, texts)),
        "of a state of version 0": ((NDARRAY, (0,), b"b"), (0, *state[1:], texts)),
        "by a command": ((NDARRAY, (0,), b"b"), (*state, Call(Global("posix", "system"), ("true",)))),
    }.items():
        inner = joblib_dump(Call(function, args, changed), protocol=5)
        yield Odd(f"object labels {name}", linear(classes_=_objects(inner)))
    inner = joblib_dump(Call(function, (NDARRAY, (0,), b"b"), (*state, texts)), protocol=5)
    twice = label_binarizer(classes_=_objects(inner))
    yield Odd("object labels in a network", network(classes_=_objects(inner), _label_binarizer=twice))
    yield Odd("object labels, text in the label binarizer", network(classes_=_objects(inner)))
    for name, data in {
        "and bytes behind": inner + b".",
        "not ended": inner[:-1],
        "of protocol 2": op.PROTO + b"\x02" + inner[2:],
        "twice": inner + inner,
        "a text": op.PROTO + b"\x05" + op.SHORT_BINUNICODE + b"\x01" + b"1" + op.STOP,
    }.items():
        yield Odd(f"object labels, {name}", linear(classes_=_objects(data)))
    names = [f"pixel{number}" for number in range(1, 785)]
    data = joblib_dump(Call(function, (NDARRAY, (0,), b"b"), (1, (784,), *state[2:], names)), protocol=5)
    for where in ("the classifier", "the Binarizer"):
        root = tree(features=PIXELS)
        root.state["steps"][where == "the classifier"][1].state["feature_names_in_"] = _objects(data, 784)
        yield Odd(f"feature names in {where}", joblib_dump(root))


def _objects(data: bytes, count: int = 9) -> Array:
    kind = Call(Global("numpy", "dtype"), ("O8", False, True), (3, "|", None, None, None, -1, -1, 63))
    return Array(np.zeros(count), header={"dtype": kind, "shape": (count,)}, padding=b"", data=data)
