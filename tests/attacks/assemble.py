"""A pickle assembler of our own: writes what `joblib.dump` writes, and what it never would.

A tree of plain values, `Global`, `Instance`, `Call` and numpy arrays becomes the bytes that joblib's pickler gives for
it. `Raw` puts any opcodes into the place of any value: that is how hostile files are made. Of the standard library's
pickle only the names of the opcodes are used; scikit-learn and joblib are not needed.

Source of the format: CPython's Lib/pickle.py, joblib's numpy_pickle.py.
"""

from __future__ import annotations

import functools
import pickle as op
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ALIGNMENT = 16
MISSING: Any = object()
"""As a value of an override: leave this key out."""


@dataclass(frozen=True)
class Global:
    """A name that the file refers to."""

    module: str
    name: str


@dataclass(eq=False)
class Instance:
    """An object without arguments and with a state: NEWOBJ, BUILD."""

    of: Any
    state: Any
    args: tuple[Any, ...] = ()


@dataclass(eq=False)
class Call:
    """A function called, its result perhaps given a state: REDUCE, BUILD."""

    function: Any
    args: tuple[Any, ...]
    state: Any = MISSING


@dataclass(eq=False)
class Raw:
    """Opcodes that stand where a value would."""

    code: bytes


@dataclass(eq=False)
class Array:
    """An array as joblib writes it, with any part changed.

    Args:
        header: keys of the NumpyArrayWrapper's state to replace, or to leave out (MISSING).
        data: bytes to write instead of the array's.
        padding: bytes to write instead of the length byte and the padding.
        wrapper: the class of the header.
    """

    values: np.ndarray
    header: Mapping[str, Any] = field(default_factory=dict)
    data: bytes | None = None
    padding: bytes | None = None
    wrapper: Any = Global("joblib.numpy_pickle", "NumpyArrayWrapper")


@functools.cache
def dtype(
    code: str, *, byteorder: str | None = None, names: Any = None, align: tuple[int, int, int] | None = None
) -> Call:
    """The pickle of `np.dtype(code)`; one object per code, so that the second use is a memo reference, as in numpy."""
    size = int(code[1:]) if code[1:].isdigit() else 0
    order = byteorder or ("|" if size == 1 and code[0] != "U" else "<")
    extra = align or ((4 * size, 4, 8) if code[0] == "U" else (-1, -1, 0))
    return Call(Global("numpy", "dtype"), (code, False, True), (3, order, None, names, None, *extra))


def replaced(state: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The state with some keys changed, added, or left out (MISSING)."""
    return {key: value for key, value in {**state, **changes}.items() if value is not MISSING}


def text(value: str) -> bytes:
    """SHORT_BINUNICODE or BINUNICODE, without memo."""
    encoded = value.encode("utf-8", "surrogatepass")
    if len(encoded) < 256:
        return op.SHORT_BINUNICODE + bytes([len(encoded)]) + encoded
    return op.BINUNICODE + struct.pack("<I", len(encoded)) + encoded


def integer(value: int) -> bytes:
    if 0 <= value < 1 << 8:
        return op.BININT1 + bytes([value])
    if 0 <= value < 1 << 16:
        return op.BININT2 + struct.pack("<H", value)
    if -(1 << 31) <= value < 1 << 31:
        return op.BININT + struct.pack("<i", value)
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return op.LONG1 + bytes([len(encoded)]) + encoded


def joblib_dump(tree: Any, *, protocol: int = 4, splice: Mapping[int, tuple[bytes, int]] | None = None) -> bytes:
    """The file that `joblib.dump(tree)` would write.

    Args:
        splice: opcode number -> (bytes to put before it, 1 to keep or 0 to drop the opcode itself). Frames and
            padding come out right all the same.
    """
    assembler = Assembler(protocol, splice or {})
    assembler.save(tree)
    assembler.emit(op.STOP)
    return assembler.finish()


class Assembler:
    """The writing side of the stack machine. `count` is the number of opcodes so far."""

    def __init__(self, protocol: int, splice: Mapping[int, tuple[bytes, int]]) -> None:
        self.protocol, self.splice = protocol, splice
        self.file = bytearray(op.PROTO + bytes([protocol]))
        self.frame = bytearray()
        self.memo: dict[Any, int] = {}
        self.kept: list[Any] = []  # the memo knows objects by id, so they must live
        self.count = 0

    def emit(self, code: bytes) -> None:
        before, keep = self.splice.get(self.count, (b"", 1))
        self.frame += before + code * keep
        self.count += 1

    def end_frame(self) -> None:
        if self.protocol >= 4 and len(self.frame) >= 4:  # a frame shorter than 4 bytes is not worth its header
            self.file += op.FRAME + struct.pack("<Q", len(self.frame))
        self.file += self.frame
        self.frame.clear()

    def finish(self) -> bytes:
        self.end_frame()
        return bytes(self.file)

    def remember(self, key: Any) -> None:
        index = self.memo[key] = len(self.memo)
        if self.protocol >= 4:
            self.emit(op.MEMOIZE)
        else:
            self.emit(op.BINPUT + bytes([index]) if index < 256 else op.LONG_BINPUT + struct.pack("<I", index))

    def recalled(self, key: Any) -> bool:
        index = self.memo.get(key)
        if index is None:
            return False
        self.emit(op.BINGET + bytes([index]) if index < 256 else op.LONG_BINGET + struct.pack("<I", index))
        return True

    def save(self, value: Any) -> None:
        if isinstance(value, np.ndarray):
            value = Array(value)
        elif isinstance(value, np.generic):
            value = scalar(value)
        if isinstance(value, Raw):
            self.emit(value.code)
        elif value is None or isinstance(value, bool):
            self.emit({None: op.NONE, True: op.NEWTRUE, False: op.NEWFALSE}[value])
        elif isinstance(value, int):
            self.emit(integer(value))
        elif isinstance(value, float):
            self.emit(op.BINFLOAT + struct.pack(">d", value))
        elif value == ():
            self.emit(op.EMPTY_TUPLE)
        else:
            self.kept.append(value)
            key = value if isinstance(value, (str, Global)) else id(value)
            if not self.recalled(key):
                getattr(self, f"save_{type(value).__name__.lower()}")(value, key)

    def save_str(self, value: str, key: Any) -> None:
        short = len(value.encode()) < 256 and self.protocol >= 4
        self.emit(text(value) if short else op.BINUNICODE + struct.pack("<I", len(value.encode())) + value.encode())
        self.remember(key)

    def save_bytes(self, value: bytes, key: Any) -> None:
        self.emit(op.SHORT_BINBYTES + bytes([len(value)]) + value)
        self.remember(key)

    def save_tuple(self, value: tuple[Any, ...], key: Any) -> None:
        if len(value) > 3:
            self.emit(op.MARK)
        for item in value:
            self.save(item)
        self.emit({1: op.TUPLE1, 2: op.TUPLE2, 3: op.TUPLE3}.get(len(value), op.TUPLE))
        self.remember(key)

    def save_list(self, value: list[Any], key: Any) -> None:
        self.emit(op.EMPTY_LIST)
        self.remember(key)
        self.fill([[item] for item in value], one=op.APPEND, many=op.APPENDS)

    def save_dict(self, value: dict[str, Any], key: Any) -> None:
        self.emit(op.EMPTY_DICT)
        self.remember(key)
        self.fill([list(pair) for pair in value.items()], one=op.SETITEM, many=op.SETITEMS)

    def fill(self, groups: list[list[Any]], *, one: bytes, many: bytes) -> None:
        if not groups:
            return
        if len(groups) > 1:
            self.emit(op.MARK)
        for item in (item for group in groups for item in group):
            self.save(item)
        self.emit(many if len(groups) > 1 else one)

    def save_global(self, value: Global, key: Any) -> None:
        if self.protocol >= 4:
            self.save(value.module)
            self.save(value.name)
            self.emit(op.STACK_GLOBAL)
        else:
            self.emit(op.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        self.remember(key)

    def save_instance(self, value: Instance, key: Any) -> None:
        self.save(value.of)
        self.save(value.args)
        self.emit(op.NEWOBJ)
        self.remember(key)
        self.save(value.state)
        self.emit(op.BUILD)

    def save_call(self, value: Call, key: Any) -> None:
        self.save(value.function)
        self.save(value.args)
        self.emit(op.REDUCE)
        self.remember(key)
        if value.state is not MISSING:
            self.save(value.state)
            self.emit(op.BUILD)

    def save_array(self, value: Array, key: Any) -> None:
        flags = value.values.flags
        order = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
        header = {
            "subclass": Global("numpy", "ndarray"),
            "shape": value.values.shape,
            "order": order,
            "dtype": dtype(dtype_code(value.values.dtype)),
            "allow_mmap": True,
            "numpy_array_alignment_bytes": ALIGNMENT,
        }
        self.save(Instance(value.wrapper, replaced(header, value.header)))
        self.end_frame()
        if value.padding is not None:
            self.file += value.padding
        elif value.header.get("numpy_array_alignment_bytes") is not MISSING:
            length = ALIGNMENT - (len(self.file) + 1) % ALIGNMENT
            self.file += bytes([length]) + b"\xff" * length
        self.file += value.values.tobytes(order) if value.data is None else value.data


def dtype_code(kind: np.dtype) -> str:
    """ "f8", "U1": the first argument in a dtype's pickle."""
    return f"{kind.kind}{kind.itemsize // 4 if kind.kind == 'U' else kind.itemsize}"


def scalar(value: np.generic, *, numpy: int = 2) -> Call:
    """A numpy number, as numpy 1 or 2 pickles it."""
    function = Global({1: "numpy.core.multiarray", 2: "numpy._core.multiarray"}[numpy], "scalar")
    return Call(function, (dtype(dtype_code(value.dtype)), value.tobytes()))
