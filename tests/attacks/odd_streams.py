"""Odd streams: the same honest model, written with other opcodes, frames, protocols and memo numbers."""

from __future__ import annotations

import pickle as op
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.attacks.assemble import Assembler, Global, Raw, joblib_dump, text
from tests.attacks.honest import tree
from tests.attacks.odd import PIXELS, Odd, linear, network


def files() -> Iterator[Odd]:
    for protocol in range(7):
        yield Odd(f"protocol {protocol}, linear", joblib_dump(tree(features=PIXELS), protocol=protocol))
        yield Odd(
            f"protocol {protocol}, network", joblib_dump(tree("MLPClassifier", features=PIXELS), protocol=protocol)
        )
    yield from _writers()
    yield from _bytes()
    yield from _values()


class Unframed(Assembler):
    """Protocol 4 without frames."""

    def end_frame(self) -> None:
        self.file += self.frame
        self.frame.clear()


class ShortFrames(Assembler):
    """A frame for each opcode."""

    def emit(self, code: bytes) -> None:
        self.file += op.FRAME + struct.pack("<Q", len(code)) + code

    def end_frame(self) -> None:
        return


class EmptyFrames(Assembler):
    """An empty frame before each opcode."""

    def emit(self, code: bytes) -> None:
        self.file += op.FRAME + bytes(8) + code


class LongFrames(Assembler):
    """Frames that reach over the bytes of the array that follows."""

    def end_frame(self) -> None:
        self.file += op.FRAME + struct.pack("<Q", len(self.frame) + 16) + self.frame
        self.frame.clear()


class CutFrames(Assembler):
    """Frames that end one byte early."""

    def end_frame(self) -> None:
        self.file += op.FRAME + struct.pack("<Q", max(0, len(self.frame) - 1)) + self.frame
        self.frame.clear()


class Numbered(Assembler):
    """Memo entries with numbers of their own, far apart."""

    step, start, put = 7, 1000, op.LONG_BINPUT

    def remember(self, key: Any) -> None:
        index = self.memo[key] = self.start + self.step * len(self.memo)
        self.emit(op.LONG_BINPUT + struct.pack("<I", index))


class Reused(Numbered):
    """Every second memo entry overwrites the one before."""

    def remember(self, key: Any) -> None:
        index = self.memo[key] = len(self.memo) // 2
        self.emit(op.LONG_BINPUT + struct.pack("<I", index))


class Mixed(Assembler):
    """MEMOIZE and numbered entries in turn: MEMOIZE counts the entries there are."""

    def remember(self, key: Any) -> None:
        index = self.memo[key] = len(self.memo)
        self.emit(op.MEMOIZE if index % 2 else op.BINPUT + bytes([index]) if index < 256 else op.MEMOIZE)


class Skipping(Assembler):
    """One number left out, then MEMOIZE: it takes the count, not the next number."""

    def remember(self, key: Any) -> None:
        count = len(self.memo)
        self.memo[key] = 500 if count == 3 else count
        self.emit(op.LONG_BINPUT + struct.pack("<I", 500) if count == 3 else op.MEMOIZE)


class Forgetful(Assembler):
    """Nothing is remembered, all is written out."""

    def remember(self, key: Any) -> None:
        return


class Marked(Assembler):
    """Every tuple with a mark, every list and dictionary filled with a mark."""

    def save_tuple(self, value: tuple[Any, ...], key: Any) -> None:
        self.emit(op.MARK)
        for item in value:
            self.save(item)
        self.emit(op.TUPLE)
        self.remember(key)

    def fill(self, groups: list[list[Any]], *, one: bytes, many: bytes) -> None:
        self.emit(op.MARK)
        for item in (item for group in groups for item in group):
            self.save(item)
        self.emit(many)


class OneByOne(Assembler):
    """Lists and dictionaries filled one by one."""

    def fill(self, groups: list[list[Any]], *, one: bytes, many: bytes) -> None:
        for group in groups:
            for item in group:
                self.save(item)
            self.emit(one)


class LongTexts(Assembler):
    """Texts of 8 length bytes."""

    def save_str(self, value: str, key: Any) -> None:
        self.emit(op.BINUNICODE8 + struct.pack("<Q", len(value)) + value.encode())
        self.remember(key)


class Lines(Assembler):
    """Names as lines, as older protocols write them."""

    def save_global(self, value: Global, key: Any) -> None:
        self.emit(op.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        self.remember(key)


class OldClasses(Assembler):
    """Instances by OBJ instead of NEWOBJ."""

    def save_instance(self, value: Any, key: Any) -> None:
        self.emit(op.MARK)
        self.save(value.of)
        self.emit(op.OBJ)
        self.remember(key)
        self.save(value.state)
        self.emit(op.BUILD)


class Called(Assembler):
    """Instances by a call of the class instead of NEWOBJ."""

    def save_instance(self, value: Any, key: Any) -> None:
        self.save(value.of)
        self.save(value.args)
        self.emit(op.REDUCE)
        self.remember(key)
        self.save(value.state)
        self.emit(op.BUILD)


def _writers() -> Iterator[Odd]:
    for writer in (Unframed, ShortFrames, EmptyFrames, LongFrames, CutFrames, Numbered, Reused, Mixed, Skipping,
                   Forgetful, Marked, OneByOne, LongTexts, Lines, OldClasses, Called):  # fmt: skip
        assert writer.__doc__ is not None
        for kind in ("LogisticRegression", "MLPClassifier"):
            assembler = writer(4, {})
            assembler.save(tree(kind, features=PIXELS))
            assembler.emit(op.STOP)
            yield Odd(f"stream of a {kind}: {writer.__doc__.rstrip('.')}", assembler.finish())


def _bytes() -> Iterator[Odd]:
    honest = linear()
    changes: dict[str, Callable[[bytes], bytes]] = {
        "a byte behind": lambda data: data + b"\0",
        "a second model behind": lambda data: data + linear(classes="012345678"),
        "a model of two": lambda data: data[:-1] + linear(classes="012345678")[2:],
        "without STOP": lambda data: data[:-1],
        "two protocol headers": lambda data: data[:2] + data,
        "protocol 4 called 5": lambda data: b"\x80\x05" + data[2:],
        "protocol 4 called 3": lambda data: b"\x80\x03" + data[2:],
        "a header of zlib": lambda data: b"\x78" + data,
        "a first byte of a zip": lambda data: b"PK\x03\x04" + data,
        "without a header": lambda data: data[2:],
        "spaces before": lambda data: b" " + data,
    }
    for name, change in changes.items():
        yield Odd(f"stream with {name}", change(honest))


def _values() -> Iterator[Odd]:
    """Honest values in other words."""
    short = op.LONG1 + b"\x02\x10\x03"
    for name, code in {
        "LONG1": short, "LONG1 with zeros": op.LONG1 + b"\x08" + (784).to_bytes(8, "little"),
        "LONG4": op.LONG4 + struct.pack("<i", 2) + b"\x10\x03", "BININT": op.BININT + struct.pack("<i", 784),
        "INT": b"I784\n", "LONG": b"L784L\n", "a float": op.BINFLOAT + struct.pack(">d", 784.0),
        "an octal INT": b"I01420\n",
    }.items():  # fmt: skip
        yield Odd(f"784 as {name}", linear(n_features_in_=Raw(code)))
    for name, code in {"INT 00": b"I00\n", "INT 01": b"I01\n", "BININT1": b"K\x00", "NEWTRUE": op.NEWTRUE}.items():
        yield Odd(f"fit_intercept as {name}", linear(fit_intercept=Raw(code)))
    for name, code in {
        "SHORT_BINUNICODE": text("lbfgs"), "BINUNICODE": op.BINUNICODE + struct.pack("<I", 5) + b"lbfgs",
        "UNICODE": b"Vlbfgs\n", "UNICODE with escapes": b"V\\u006cbfgs\n", "STRING": b"S'lbfgs'\n",
        "SHORT_BINSTRING": b"U\x05lbfgs", "SHORT_BINBYTES": b"C\x05lbfgs",
        "a duplicate": text("lbfgs") + op.DUP + op.POP, "a popped one": text("saga") + op.POP + text("lbfgs"),
    }.items():  # fmt: skip
        yield Odd(f"lbfgs as {name}", linear(solver=Raw(code)))
    for name, code in {
        "FLOAT": b"F0.5\n", "a long FLOAT": b"F0.50000000000000001\n", "FLOAT 5e-1": b"F5e-1\n", "FLOAT nan": b"Fnan\n",
        "BINFLOAT": op.BINFLOAT + struct.pack(">d", 0.5),
    }.items():  # fmt: skip
        yield Odd(f"alpha as {name}", network(alpha=Raw(code)))
    yield Odd("a set", linear(class_weight=Raw(op.EMPTY_SET)))
    yield Odd("a frozenset", linear(class_weight=Raw(op.MARK + op.FROZENSET)))
    yield Odd("a bytearray", linear(class_weight=Raw(op.BYTEARRAY8 + bytes(8))))
    yield Odd("a persistent id", linear(class_weight=Raw(op.NONE + op.BINPERSID)))
    yield Odd("an extension", linear(class_weight=Raw(op.EXT1 + b"\x01")))
    yield Odd("a buffer", linear(class_weight=Raw(op.NEXT_BUFFER)))
    yield Odd("a dictionary from a mark", linear(class_weight=Raw(op.MARK + op.DICT)))
    yield Odd("a list from a mark", linear(class_weight=Raw(op.MARK + op.LIST)))
    yield Odd("a key that is a number", linear(class_weight=Raw(b"}K\x01G" + struct.pack(">d", 2) + op.SETITEM)))
    yield Odd("a key twice", linear(class_weight=Raw(b"}" + text("1") + b"K\x01s" + text("1") + b"K\x02s")))
    yield Odd("a lone surrogate", linear(class_weight=Raw(op.SHORT_BINUNICODE + b"\x03\xed\xa0\x80")))
    yield Odd("a text with NUL", linear(penalty="l2\0"))
    yield Odd("numpy text as solver", linear(solver=np.array("lbfgs")))
