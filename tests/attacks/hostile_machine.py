"""Files that misuse the stack machine itself: opcodes, stack, memo, frames, lengths that lie, floods."""

from __future__ import annotations

import pickle as op
import struct
from collections.abc import Iterator

from tests.attacks.assemble import MISSING, Array, Raw, joblib_dump, text
from tests.attacks.honest import binarizer, honest_pipeline, logistic_regression, pipeline, weights
from tests.attacks.hostile import Hostile, hostile

ENDLESS = 1 << 62


def files() -> Iterator[Hostile]:
    yield from _refused_opcodes()
    yield from _values_out_of_place()
    yield from _lengths_that_lie()
    yield from _frames_that_lie()
    yield from _floods()
    yield from _deep_values()


def _refused_opcodes() -> Iterator[Hostile]:
    """Each opcode that no honest artefact needs, where a value is expected."""
    codes = {
        "POP": op.NONE + op.POP + op.NONE,
        "POP_MARK": op.MARK + op.POP_MARK + op.NONE,
        "DUP": op.NONE + op.DUP,
        "FLOAT": b"F1.5\n",
        "INT": b"I1\n",
        "INT as bool": b"I01\n",
        "LONG": b"L1L\n",
        "LONG of many digits": b"L" + b"9" * 5000 + b"L\n",
        "LONG4": op.LONG4 + struct.pack("<i", 1) + b"\x01",
        "LONG4 negative": op.LONG4 + struct.pack("<i", -1),
        "STRING": b"S'x'\n",
        "BINSTRING": op.BINSTRING + struct.pack("<i", 1) + b"x",
        "SHORT_BINSTRING": op.SHORT_BINSTRING + b"\x01x",
        "UNICODE": b"Vx\n",
        "BINUNICODE8": op.BINUNICODE8 + struct.pack("<Q", 1) + b"x",
        "BINBYTES": op.BINBYTES + struct.pack("<I", 1) + b"x",
        "BINBYTES8": op.BINBYTES8 + struct.pack("<Q", 1) + b"x",
        "BYTEARRAY8": op.BYTEARRAY8 + struct.pack("<Q", 1) + b"x",
        "NEXT_BUFFER": op.NEXT_BUFFER,
        "READONLY_BUFFER": op.NONE + op.READONLY_BUFFER,
        "DICT": op.MARK + op.DICT,
        "LIST": op.MARK + op.LIST,
        "EMPTY_SET": op.EMPTY_SET,
        "ADDITEMS": op.MARK + op.ADDITEMS,
        "FROZENSET": op.MARK + op.FROZENSET,
        "GET": b"g0\n",
        "PUT": op.NONE + b"p999\n",
        "PERSID": b"Pos.system\n",
        "BINPERSID": text("os.system") + op.BINPERSID,
        "EXT1": op.EXT1 + b"\x01",
        "EXT2": op.EXT2 + b"\x01\x00",
        "EXT4": op.EXT4 + b"\x01\x00\x00\x00",
        "EXT4 negative": op.EXT4 + b"\xff\xff\xff\xff",
        "INST of an allowed name": op.MARK + b"isklearn.pipeline\nPipeline\n",
        "OBJ of an allowed name": op.MARK + b"csklearn.pipeline\nPipeline\no",
        "NEWOBJ_EX of an allowed name": b"csklearn.pipeline\nPipeline\n)}\x92",
        "a second PROTO": op.PROTO + b"\x04" + op.NONE,
        "zero byte": b"\x00",
        "unassigned": b"\xff",
    }
    for name, code in codes.items():
        yield hostile(f"opcode {name}", honest_pipeline(random_state=Raw(code)), "opcode", f"{name} in a state")


def _values_out_of_place() -> Iterator[Hostile]:
    head = op.PROTO + b"\x04"
    bare = {
        "STOP on an empty stack": (b".", "stack"),
        "STOP on a MARK": (b"(.", "stack"),
        "MARK left below": (b"(N.", "stack"),
        "values left over": (b"NN.", "stack"),
        "TUPLE without MARK": (b"Nt.", "stack"),
        "TUPLE2 of one": (b"N\x86.", "stack"),
        "TUPLE2 across a MARK": (b"N(N\x86.", "stack"),
        "APPEND to nothing": (b"a.", "stack"),
        "APPEND across a MARK": (b"](Na.", "stack type"),
        "APPENDS without MARK": (b"]Ne.", "stack"),
        "APPENDS to a tuple": (b")(Ne.", "type"),
        "APPEND to a dict": (b"}Na.", "type"),
        "SETITEM on a list": (b"]" + text("k") + b"Ns.", "type"),
        "SETITEMS on None": (b"N(" + text("k") + b"Nu.", "type"),
        "SETITEMS with an odd count": (b"}(" + text("k") + b"u.", "stack"),
        "SETITEM without a value": (b"}Ns.", "stack type"),
        "MEMOIZE nothing": (b"\x94.", "stack"),
        "MEMOIZE a MARK": (b"(\x94.", "stack"),
        "BUILD on nothing": (b"}b.", "stack type"),
        "BINGET of nothing": (b"h\x00.", "memo"),
        "LONG_BINGET of nothing": (b"j\xff\xff\xff\xff.", "memo"),
        "memo entry written twice": (b"]q\x00}q\x00.", "memo"),
        "MEMOIZE over BINPUT": (b"]q\x01}\x94.", "memo"),
        "only a MARK": (b"(", "truncated"),
        "key twice": (b"}(" + (text("threshold") + b"N") * 2 + b"u.", "duplicate-key"),
        "key twice in two steps": (b"}" + (text("threshold") + b"Ns") * 2 + b".", "duplicate-key"),
        "key with a number": (b"}K\x01Ns.", "type"),
        "key with None": (b"}NNs.", "type"),
        "key with a float": (b"}G" + struct.pack(">d", float("nan")) + b"Ns.", "type"),
        "key with bytes": (b"}C\x01xNs.", "type"),
        "key with a tuple": (b"})Ns.", "type"),
        "key with a list": (b"}]Ns.", "type"),
        "key with a name": (b"}cnumpy\ndtype\nNs.", "type"),
        "root None": (b"N.", "estimator"),
        "root text": (text("Pipeline") + b".", "estimator"),
        "root dict": (b"}.", "estimator"),
        "root is the class itself": (b"csklearn.pipeline\nPipeline\n.", "estimator"),
        "root without state": (b"csklearn.pipeline\nPipeline\n)\x81.", "estimator"),
    }
    for name, (code, codes) in bare.items():
        yield hostile(f"machine: {name}", head + code, codes, name)
    changed_memo = honest_pipeline(protocol=3, random_state=Raw(b"Nq\x00"))
    yield hostile("memo entry 0 replaced", changed_memo, "memo", "what a name means changes half way")
    loose = honest_pipeline(n_iter_=Raw(b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81Nb"))
    yield hostile("array header None", loose, "array", "a wrapper built from None")
    twice = pipeline(("b", binarizer()), ("c", logistic_regression(coef_=MISSING, intercept_=MISSING)))
    yield hostile("weights left out", joblib_dump(twice), "attribute", "nothing to multiply with")


def _lengths_that_lie() -> Iterator[Hostile]:
    lies = {
        "BINUNICODE of 4 GiB": (op.BINUNICODE + b"\xff\xff\xff\xff", "text truncated"),
        "BINUNICODE over the limit": (op.BINUNICODE + struct.pack("<I", 5000) + b"a" * 5000, "text"),
        "BINUNICODE8 of 2^62": (op.BINUNICODE8 + struct.pack("<Q", ENDLESS), "opcode"),
        "BINBYTES8 of 2^62": (op.BINBYTES8 + struct.pack("<Q", ENDLESS), "opcode"),
        "BYTEARRAY8 of 2^40": (op.BYTEARRAY8 + struct.pack("<Q", 1 << 40), "opcode"),
        "LONG1 of 255 bytes": (op.LONG1 + b"\xff" + b"\x7f" * 255, "integer"),
        "LONG1 of 33 bytes": (op.LONG1 + b"\x21" + b"\x7f" * 33, "integer"),
        "LONG4 of 2 GiB": (op.LONG4 + b"\xff\xff\xff\x7f", "opcode"),
        "SHORT_BINBYTES of 9": (op.SHORT_BINBYTES + b"\x09" + b"x" * 9, "bytes"),
        "text that is no UTF-8": (op.SHORT_BINUNICODE + b"\x01\xff", "text"),
        "text with half a character": (op.SHORT_BINUNICODE + b"\x02\xe2\x82", "text"),
        "text with a surrogate": (text("\ud800"), "text"),
        "text overlong": (op.SHORT_BINUNICODE + b"\x02\xc0\xae", "text"),
        "GLOBAL without end": (b"c" + b"a" * 300 + b"\nb\n", "text"),
        "GLOBAL that is no UTF-8": (b"c\xff\xfe\nb\n", "text"),
        "memo index without entry": (op.LONG_BINGET + b"\xff\xff\xff\x7f", "memo"),
    }
    for name, (code, codes) in lies.items():
        data = honest_pipeline(protocol=3, random_state=Raw(code))
        yield hostile(f"length: {name}", data, codes, name)
    end_of_file = {
        "SHORT_BINUNICODE": (b"\x8c\xff" + b"a" * 10, "truncated"),
        "BINUNICODE": (b"X\x00\x10\x00\x00" + b"a" * 10, "truncated"),
        "BINFLOAT": (b"G\x00", "truncated"),
        "BININT": (b"J\x00", "truncated"),
        "LONG1": (b"\x8a\x20\x00", "truncated"),
        "SHORT_BINBYTES": (b"C\x08\x00", "truncated"),
        "GLOBAL": (b"cnumpy\ndtype", "text truncated"),
        "LONG_BINPUT": (b"Nr\x00", "truncated"),
        "FRAME": (b"\x95\x00\x00", "truncated frame"),
    }
    for name, (code, codes) in end_of_file.items():
        yield hostile(f"end of file in {name}", b"\x80\x04" + code, codes, "wants more bytes than there are")


def _frames_that_lie() -> Iterator[Hostile]:
    plain = joblib_dump(pipeline(), protocol=3)[2:]  # opcodes without frames

    def framed(length: int, body: bytes = plain) -> bytes:
        return b"\x80\x04" + op.FRAME + struct.pack("<Q", length) + body

    first_array = plain.index(b"\xff" * 2) - 1  # the length byte in front of the padding
    yield hostile("frame of 2^62", framed(ENDLESS), "frame", "a frame longer than the file")
    yield hostile("frame of 2^64-1", framed((1 << 64) - 1), "frame", "a negative length in C")
    yield hostile("frame longer than the file by one", framed(len(plain) + 1), "frame", "off by one")
    yield hostile("frame over array bytes", framed(len(plain)), "frame", "opcodes and raw bytes in one frame")
    yield hostile("frame ends inside an opcode", framed(5), "frame", "text across the end of a frame")
    yield hostile("frame ends one byte late", framed(first_array + 1), "frame", "reaches into the padding")
    inner = op.FRAME + struct.pack("<Q", 4) + b"NNNN"
    yield hostile("frame in a frame", framed(len(inner) + 1, inner + b"N."), "frame", "nested frames")
    yield hostile(
        "frame after frame, each empty", b"\x80\x04" + (op.FRAME + b"\0" * 8) * 60_000, "opcode-count", "a flood"
    )
    yield hostile(
        "frame goes on after STOP", framed(10, b"N." + b"N" * 8), "frame trailing", "hidden in the last frame"
    )


def _floods() -> Iterator[Hostile]:
    head = b"\x80\x04"
    yield hostile("flood of None", head + b"N" * 60_000, "opcode-count", "stack growth")
    yield hostile("flood of MARKs", head + b"(" * 60_000, "opcode-count", "stack growth")
    yield hostile("flood of dicts", head + b"}\x94" * 30_000, "opcode-count", "objects in the memo")
    yield hostile("flood of floats", head + (b"G" + b"\x3f" * 8) * 60_000, "opcode-count", "objects")
    yield hostile("flood of memo entries", head + b"N" + b"\x94" * 60_000, "opcode-count", "memo growth")
    puts = b"".join(op.LONG_BINPUT + struct.pack("<I", index * 65_537) for index in range(60_000))
    yield hostile("flood of far memo entries", head + b"N" + puts, "opcode-count", "a memo that is an array in C")
    keys = b"".join(text(f"key{index}") + b"N" for index in range(30_000))
    yield hostile("flood of keys", head + b"}(" + keys + b"u.", "opcode-count", "a huge dict")
    yield hostile("deep lists", head + b"]" * 40_000 + b"a" * 39_999 + b".", "opcode-count", "recursion")
    yield hostile("deep tuples", head + b")" + b"\x85" * 49_000 + b".", "estimator", "recursion when it is freed")
    yield hostile(
        "text bomb of 3 MB", head + b"]" + (b"\x8c\xff" + b"a" * 255 + b"a") * 12_000 + b".", "estimator text", "3 MB"
    )
    endless = head + b"]\x94(" + b"h\x00" * 40_000 + b"e."
    yield hostile("list of itself 40,000 times", endless, "estimator", "a cycle")


def _deep_values() -> Iterator[Hostile]:
    """Values that no one can print, compare or hash, wherever a message might want to show one."""
    doubling = Raw(b"N" + _doubled())
    deep = Raw(b")" + b"\x85" * 5_000)
    cycle = Raw(b"]r\x00\x00\x10\x00j\x00\x00\x10\x00a")
    for kind, value in (("deep", deep), ("doubling", doubling), ("cyclic", cycle)):
        parts = {
            "classes_": (honest_pipeline(protocol=3, classes_=value), "classes"),
            "solver": (honest_pipeline(protocol=3, solver=value), "solver"),
            "coef_": (honest_pipeline(protocol=3, coef_=value), "weights"),
            "n_features_in_": (honest_pipeline(protocol=3, n_features_in_=value), "features"),
            "threshold": (honest_pipeline(protocol=3, threshold=value), "threshold"),
            "activation": (honest_pipeline("MLPClassifier", protocol=3, activation=value), "activation"),
            "coefs_": (honest_pipeline("MLPClassifier", protocol=3, coefs_=value), "weights"),
            "memory": (joblib_dump(pipeline(memory=value), protocol=3), "attribute"),
            "steps": (joblib_dump(pipeline(steps=value), protocol=3), "pipeline"),
            "step name": (
                joblib_dump(pipeline((value, binarizer()), ("c", logistic_regression())), protocol=3),
                "pipeline",
            ),
            "version": (joblib_dump(pipeline(_sklearn_version=value), protocol=3), "version"),
            "array order": (honest_pipeline(protocol=3, n_iter_=Array(weights(1), header={"order": value})), "array"),
            "array shape": (honest_pipeline(protocol=3, n_iter_=Array(weights(1), header={"shape": value})), "array"),
            "array dtype": (
                honest_pipeline(protocol=3, n_iter_=Array(weights(1), header={"dtype": value})),
                "dtype array",
            ),
            "dict key": (honest_pipeline(protocol=3, n_iter_=Raw(b"}" + value.code + b"Ns")), "type"),
        }
        for place, (data, codes) in parts.items():
            yield hostile(f"{kind} value as {place}", data, codes, "recursion or 2^2000 steps")


def _doubled() -> bytes:
    """A tuple of itself twice, 200 times over: 2^200 leaves when it is printed, in 1,600 bytes."""
    levels = b""
    for level in range(200):
        index = struct.pack("<I", 0x2000 + level)
        levels += op.LONG_BINPUT + index + op.LONG_BINGET + index + op.TUPLE2
    return levels
