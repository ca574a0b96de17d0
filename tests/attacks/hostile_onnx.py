"""The catalogue of hostile ONNX files: each breaks one rule, of the wire format and the frame here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.attacks.hostile import Hostile, hostile
from tests.attacks.onnx_files import (
    BOOL,
    DOUBLE,
    FLOAT,
    FLOAT16,
    GRAPH,
    INITIALIZER,
    INPUT,
    IR,
    NODE,
    OPSET,
    OUTPUT,
    PROPERTIES,
    UINT8,
    VALUE_INFO,
    changed,
    encode,
    graph_of,
    linear,
    model,
    part,
    small,
    value,
    varint,
)


def catalogue() -> Iterator[Hostile]:
    """Every hostile file; none has a card that states a scale."""
    from tests.attacks import hostile_onnx_graphs

    for files in (_other_files, _wire, _fields, _frame, hostile_onnx_graphs.files):
        yield from files()


def _other_files() -> Iterator[Hostile]:
    honest = encode(small())
    for name, data, codes in (
        ("one byte", b"\x08", "truncated"),
        ("only a version", b"\x08\x08", "opset"),
        ("a SavedModel", b"\x08\x01\x12\xd2\x01\x0a\x4b", "ir truncated field twice"),
        ("zeros after a version", b"\x08\x08" + bytes(100), "field"),
        ("HTML after a version", b"\x08\x08<html>", "field truncated wire"),
        ("two files in one", honest + honest, "twice"),
        ("followed by a zero byte", honest + b"\0", "field"),
        ("followed by a newline", honest + b"\n", "truncated twice wire"),
        ("noise", b"\x08\x08" + np.random.default_rng(0).bytes(3000), "field truncated wire twice varint"),
    ):
        yield hostile(f"other {name}", data, codes, name)
    for percent in (1, 10, 25, 50, 75, 90, 98):
        data = honest[: len(honest) * percent // 100]
        yield hostile(f"{percent}% of a file", data, "truncated", "a download that broke off")
    yield hostile("all but the last byte", honest[:-1], "truncated", "a download that broke off")


def _wire() -> Iterator[Hostile]:
    head = b"\x08\x08"
    for name, data, codes in (
        ("a varint of 11 bytes", b"\x08" + b"\xff" * 10 + b"\x01", "varint"),
        ("a varint of 65 bits", b"\x08" + b"\xff" * 9 + b"\x03", "varint"),
        ("a varint that does not end", b"\x08" + b"\xff" * 5, "truncated"),
        ("a padded varint", b"\x08\x88\x00", "varint"),
        ("a padded tag", head + b"\x92\x00\x01x", "varint"),
        ("a padded length", head + b"\x12\x80\x00", "varint"),
        ("field 0", head + b"\x02\x00", "field"),
        ("field 536870911", head + varint(536870911 << 3) + b"\0", "field"),
        ("a tag beyond 32 bits", head + varint((1 << 32 | 1) << 3) + b"\0", "field"),
        ("a group", head + b"\x13\x14", "wire"),
        ("the end of a group", head + b"\x14", "wire"),
        ("wire type 6", head + b"\x16", "wire"),
        ("wire type 7", head + b"\x17", "wire"),
        ("a number of 8 bytes", head + b"\x29" + bytes(8), "wire"),
        ("a number as text", head + b"\x2a\x01\x08", "wire"),
        ("a graph as a number", head + b"\x38\x01", "wire"),
        ("a length beyond the file", head + b"\x3a\xff\xff\xff\xff\x0f", "truncated"),
        ("a length of 2^63", head + b"\x3a" + varint(1 << 63), "truncated"),
        ("a name that is no UTF-8", head + b"\x12\x02\xff\xfe", "text"),
        ("a surrogate in a name", head + b"\x12\x03\xed\xa0\x80", "text"),
        ("an overlong UTF-8", head + b"\x12\x02\xc0\x80", "text"),
        ("a part beyond its whole", head + b"\x3a\x02\x12\x05hello", "truncated"),
        ("a flood of fields", head + b"\x72\x00" * 60_000, "limit"),
        ("a flood of sizes", changed(lambda g: part(g, INITIALIZER).insert(0, (1, b"\x01" * 60_000))), "limit shape"),
        ("a flood of nodes", changed(lambda g: g.extend([(NODE, [])] * 40_000)), "limit"),
        ("a flood of constants", changed(lambda g: g.extend([(INITIALIZER, [])] * 40_000)), "limit"),
    ):
        yield hostile(f"wire {name}", data, codes, name)


def _fields() -> Iterator[Hostile]:
    """Fields that protobuf would skip, merge, or let win."""
    for name, more, codes in (
        ("a second version", [(IR, 8)], "twice"),
        ("a second graph", [(GRAPH, graph_of(small(seed=1)))], "twice"),
        ("an empty second graph", [(GRAPH, [])], "twice"),
        ("a second producer", [(2, "another")], "twice"),
        ("a second operator set", [(OPSET, [(2, 14)])], "opset"),
        ("operators of another domain", [(OPSET, [(1, "ai.onnx.ml"), (2, 3)])], "domain"),
        ("operators of a maker's domain", [(OPSET, [(1, "com.microsoft"), (2, 1)])], "domain"),
        ("a function", [(25, [(1, "f")])], "function"),
        ("training", [(20, [])], "training"),
        ("a configuration of devices", [(26, [])], "field"),
        ("an unknown field", [(999, "hello")], "field"),
        ("an unknown number", [(21, 1)], "field"),
        ("two lists of classes", [(PROPERTIES, [(1, "classes"), (2, "1 2 3")])], "twice"),
    ):
        yield hostile(f"field {name}", encode(small(more=more)), codes, name)
    for name, number, content, codes in (
        ("quantization", 14, [(1, "x")], "quantization"),
        ("a sparse constant", 15, [], "sparse"),
        ("a second name", 2, "another", "twice"),
        ("an unknown field", 77, 1, "field"),
        ("a field of old ONNX", 3, "x", "field"),
    ):
        yield hostile(f"graph with {name}", changed(lambda g: g.append((number, content))), codes, name)  # noqa: B023
    for name, number, content, codes in (
        ("a domain", 7, "com.microsoft", "domain"),
        ("an overload", 8, "x", "domain"),
        ("a device", 10, [], "field"),
        ("a second operator", 4, "Conv", "twice"),
        ("an unknown field", 15, "x", "field"),
        ("a second output", 2, "mask", "graph"),
    ):
        data = changed(lambda g: part(g, NODE).append((number, content)))  # noqa: B023
        yield hostile(f"node with {name}", data, codes, name)


def _frame() -> Iterator[Hostile]:
    for name, changes, codes in (
        ("IR version 3", {"ir": 3}, "ir"),
        ("IR version 6", {"ir": 6}, "ir"),
        ("IR version 999", {"ir": 999}, "ir"),
        ("a negative IR version", {"ir": -8}, "ir"),
        ("an IR version beyond 32 bits", {"ir": (1 << 32) + 8}, "ir"),
        ("opset 12", {"opset": 12}, "opset"),
        ("opset 0", {"opset": 0}, "opset"),
        ("opset 99", {"opset": 99}, "opset"),
        ("opset beyond 32 bits", {"opset": (1 << 32) + 13}, "opset"),
        ("an input of float64", {"input": value("pixels", DOUBLE, ["n", 28, 28])}, "input"),
        ("an input of float16", {"input": value("pixels", FLOAT16, ["n", 28, 28])}, "input"),
        ("an input of bool", {"input": value("pixels", BOOL, ["n", 28, 28])}, "input"),
        ("an input of type 0", {"input": value("pixels", 0, ["n", 28, 28])}, "input"),
        ("colours", {"input": value("pixels", UINT8, ["n", 3, 28, 28])}, "input"),
        ("32x32 pixels", {"input": value("pixels", UINT8, ["n", 32, 32])}, "input"),
        ("open sizes", {"input": value("pixels", UINT8, ["n", "h", "w"])}, "input"),
        ("no batch", {"input": value("pixels", UINT8, [28, 28])}, "input"),
        ("no dimensions", {"input": value("pixels", UINT8, [])}, "input"),
        ("a batch of 0", {"input": value("pixels", UINT8, [0, 28, 28])}, "input"),
        ("a negative batch", {"input": value("pixels", UINT8, [-1, 28, 28])}, "input"),
        ("a huge batch", {"input": value("pixels", UINT8, [1 << 40, 28, 28])}, "input"),
        ("five dimensions", {"input": value("pixels", UINT8, ["n", 1, 1, 28, 28])}, "shape"),
        ("an input without a type", {"input": [(1, "pixels")]}, "shape"),
        ("an input without a name", {"input": value("", UINT8, ["n", 28, 28])}, "graph"),
        ("an input of a sequence", {"input": [(1, "pixels"), (2, [(4, [])])]}, "dtype"),
        ("a sparse input", {"input": [(1, "pixels"), (2, [(8, [])])]}, "dtype"),
        (
            "a size said twice",
            {"input": [(1, "pixels"), (2, [(1, [(1, 2), (2, [(1, [(1, 1), (2, "n")])])])])]},
            "twice",
        ),
        ("another input", {"input": value("other", UINT8, ["n", 28, 28])}, "graph"),
        ("an output of another value", {"output": value("value 3", FLOAT, ["n", 3])}, "output"),
        ("an output that is no value", {"output": value("nothing", FLOAT, ["n", 3])}, "output"),
        ("an output of float64", {"output": value("scores", DOUBLE, ["n", 3])}, "shape"),
        ("an output of four classes", {"output": value("scores", FLOAT, ["n", 4])}, "shape"),
        ("an output of an open width", {"output": value("scores", FLOAT, ["n", "m"])}, "shape"),
        ("an output without dimensions", {"output": value("scores", FLOAT, [])}, "shape"),
        ("a second input", {"graph": [(INPUT, value("more", UINT8, ["n"]))]}, "input"),
        ("a constant as an input", {"graph": [(INPUT, value("constant 0", FLOAT, []))]}, "input"),
        ("a second output", {"graph": [(OUTPUT, value("value 0", FLOAT, ["n", 28, 28]))]}, "output"),
        ("a declaration of nothing", {"graph": [(VALUE_INFO, value("nothing", FLOAT, ["n"]))]}, "graph"),
        ("a declaration of another shape", {"graph": [(VALUE_INFO, value("value 0", FLOAT, ["n", 9, 9]))]}, "shape"),
        ("a declaration of another type", {"graph": [(VALUE_INFO, value("value 0", UINT8, ["n", 28, 28]))]}, "shape"),
        ("two declarations", {"graph": [(VALUE_INFO, value("value 0", FLOAT, ["n", 28, 28]))] * 2}, "twice"),
        ("no classes for three scores", {"classes": None}, "classes"),
        ("two classes for three scores", {"classes": "1 2"}, "classes"),
        ("a class twice", {"classes": "1 2 2"}, "classes"),
        ("falling classes", {"classes": "3 2 1"}, "classes"),
        ("classes that are no digits", {"classes": "1 2 a"}, "classes"),
        ("classes that are other digits", {"classes": "1 2 \u0663"}, "classes"),
        ("classes of two digits", {"classes": "1 2 10"}, "classes"),
        ("empty classes", {"classes": ""}, "classes"),
        ("classes with commas", {"classes": "1,2,3"}, "classes"),
        ("a terminal's commands in classes", {"classes": "1 2 \x1b[2J"}, "classes"),
        ("a huge list of classes", {"classes": "1 " * 100_000}, "classes"),
    ):
        yield hostile(f"frame {name}", encode(small(**changes)), codes, name)
    yield hostile("frame without a graph", encode([(IR, 8), (OPSET, [(2, 13)])]), "graph", "nothing to compute")
    yield hostile("frame without nodes", encode(model([], [])), "scores", "nothing to compute")
    yield hostile("frame with a version of 0", encode(small(ir=0)), "ir", "as if it said none")
    yield hostile("frame float32 without a scale", encode(linear()), "scale", "no card")
