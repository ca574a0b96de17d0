"""Reads the pickle inside a joblib file as data. Nothing in the file is imported, called or executed.

A pickle is a program for a stack machine. `joblib.dump` of a fitted scikit-learn pipeline needs 36 of its opcodes; this
module interprets those, on a machine whose only values are None, bool, int, float, str, bytes, tuple, list, dict, a
read-only array view of the input, and two inert records: `Global` (a name) and `Instance` (a name, arguments, a state).
Everything else is refused, with its byte offset. No memory is allocated on the word of the file.

Source of the format: CPython's Lib/pickletools.py and joblib's numpy_pickle.py (NumpyArrayWrapper).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from app.model.sklearn_pickle.names import (
    ALLOWED,
    ARRAY_WRAPPER,
    BUILT,
    CALLED,
    DTYPE,
    ESTIMATORS,
    HELP,
    NDARRAY,
    SCALARS,
    WRITTEN_BY_PICKLE,
    Global,
    Instance,
)
from app.model.sklearn_pickle.numpy_forms import OBJECT, is_built, wrong_call, wrong_state
from app.model.sklearn_pickle.refusals import WRITE_ANEW, refused
from app.model.sklearn_pickle.text_lists import MAX_OBJECT_TEXTS, read_object_texts

MAX_OPCODES = 50_000
MAX_TEXT_BYTES = 4096
MAX_TEXT_BYTES_IN_ALL = 256 << 10
MAX_INT_BYTES = 32
MAX_DIMENSIONS = 3
SCALAR_BYTES = 8
ARRAY_ALIGNMENT = 16
PROTOCOLS = (3, 4, 5)
WITHOUT_PROTOCOL = "Write it with `joblib.dump(model, path)`, without protocol=."
TEXT_KEYS = "If it is a class_weight, train on labels as text (`y.astype(str)`), with text as its keys too."
NO_OBJECTS = (
    "Write it with joblib 1.5 or newer, or train on labels as text (`y.astype(str)`) and on an array instead of a "
    "DataFrame (`X.to_numpy()`)."
)
ARRAY_HEADER = {"subclass", "shape", "order", "dtype", "allow_mmap"}


_MARK = object()


def read_pickle(data: bytes) -> object:
    """The value that a joblib file holds, as plain values, `Global`s and `Instance`s.

    Example: the file of `Binarizer(threshold=0.5)` -> an Instance of sklearn.preprocessing._data.Binarizer with the
    state {"threshold": 0.5, "copy": True, "_sklearn_version": "1.9.1"}.

    Raises:
        ArtefactRefused: and no other error, whatever the bytes.
    """
    return _Machine(data).run()


class _Machine:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.opcode_at = 0
        self.frame_end: int | None = None
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.text_bytes = 0

    def run(self) -> object:
        for _ in range(MAX_OPCODES):
            self.opcode_at = self.position
            if self.position == self.frame_end:
                self.frame_end = None
            opcode = self.take(1)[0]
            if opcode == STOP:
                return self.stop()
            action = ACTIONS.get(opcode)
            if action is None:
                self.refuse("opcode", f"opcode 0x{opcode:02x}, which no honest artefact needs")
            action(self)
        self.refuse("opcode-count", f"more than {MAX_OPCODES:,} opcodes")

    def refuse(self, code: str, why: str, *, remedy: str | None = None) -> NoReturn:
        raise refused(code, why, offset=self.opcode_at, remedy=remedy)

    # -- bytes -----------------------------------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        end = self.position + count
        if self.frame_end is not None and end > self.frame_end:
            self.refuse("frame", f"{count:,} bytes wanted, the frame ends before")
        if end > len(self.data):
            self.refuse("truncated", f"{count:,} bytes wanted, {len(self.data) - self.position:,} left")
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self, size: int) -> str:
        if size > MAX_TEXT_BYTES:
            self.refuse("text", f"a text of {size:,} bytes, the limit is {MAX_TEXT_BYTES:,}")
        self.count_text(size)
        try:
            return self.take(size).decode("utf-8")
        except UnicodeDecodeError:
            self.refuse("text", "a text that is not UTF-8")

    def count_text(self, size: int) -> None:
        self.text_bytes += size  # a str may take four times its encoded bytes
        if self.text_bytes > MAX_TEXT_BYTES_IN_ALL:
            self.refuse("text", f"more than {MAX_TEXT_BYTES_IN_ALL:,} bytes of text")

    def line(self) -> str:
        end = self.data.find(b"\n", self.position, self.position + 256)
        if end < 0:
            self.refuse("text", "a name without end")
        text = self.text(end - self.position)
        self.take(1)
        return text

    # -- stack -----------------------------------------------------------------------------------------------------

    def push(self, value: object) -> None:
        self.stack.append(value)

    def top(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            self.refuse("stack", "an empty stack where a value belongs")
        return self.stack[-1]

    def top_as(self, kind: type) -> Any:
        value = self.top()
        if type(value) is not kind:
            self.refuse("type", f"{type(value).__name__} where {kind.__name__} belongs")
        return value

    def pop(self) -> Any:
        value = self.top()
        del self.stack[-1]
        return value

    def pop_as(self, kind: type) -> Any:
        value = self.top_as(kind)
        del self.stack[-1]
        return value

    def pop_to_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                items = self.stack[index + 1 :]
                del self.stack[index:]
                return items
        self.refuse("stack", "no MARK on the stack")

    # -- opcodes ---------------------------------------------------------------------------------------------------

    def proto(self) -> None:
        protocol = self.unsigned(1)
        if self.opcode_at != 0:
            self.refuse("opcode", "a second protocol header")
        if protocol not in PROTOCOLS:
            self.refuse("format", f"pickle protocol {protocol}, while 3, 4 and 5 are read", remedy=WITHOUT_PROTOCOL)

    def frame(self) -> None:
        size = self.unsigned(8)
        if self.frame_end is not None:
            self.refuse("frame", "a frame inside a frame")
        if size > len(self.data) - self.position:
            self.refuse("frame", f"a frame of {size:,} bytes, {len(self.data) - self.position:,} are left")
        self.frame_end = self.position + size

    def stop(self) -> object:
        value = self.pop()
        if self.stack:
            self.refuse("stack", f"{len(self.stack)} values left over at the end")
        if self.frame_end is not None and self.frame_end != self.position:
            self.refuse("frame", "a frame that goes on after the end")
        if self.position != len(self.data):
            self.refuse("trailing", f"{len(self.data) - self.position:,} bytes after the end")
        return value

    def remember(self, index: int) -> None:
        if index in self.memo:
            self.refuse("memo", f"memo entry {index} is written twice")
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        if index not in self.memo:
            self.refuse("memo", f"no memo entry {index}")
        self.push(self.memo[index])

    def integer(self) -> None:
        size = self.unsigned(1)
        if size > MAX_INT_BYTES:
            self.refuse("integer", f"an integer of {size} bytes, the limit is {MAX_INT_BYTES}")
        self.push(int.from_bytes(self.take(size), "little", signed=True))

    def short_bytes(self) -> None:
        size = self.unsigned(1)
        if size > SCALAR_BYTES:
            self.refuse("bytes", f"{size} raw bytes, the limit (one number) is {SCALAR_BYTES}")
        self.push(self.take(size))

    def tuple_of(self, size: int) -> None:
        items = [self.pop() for _ in range(size)]
        self.push(tuple(reversed(items)))

    def append(self) -> None:
        item = self.pop()
        self.top_as(list).append(item)

    def appends(self) -> None:
        items = self.pop_to_mark()
        self.top_as(list).extend(items)

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.put([key, value])

    def set_items(self) -> None:
        self.put(self.pop_to_mark())

    def put(self, items: list[Any]) -> None:
        target = self.top_as(dict)
        if len(items) % 2:
            self.refuse("stack", "a dictionary key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) is not str:
                why = f"a dictionary key of type {type(key).__name__}, while only text is read"
                self.refuse("type", why, remedy=TEXT_KEYS)
            if key in target:
                self.refuse("duplicate-key", f"the dictionary key {key[:80]!a} twice")
            target[key] = value

    def global_lines(self) -> None:
        module = self.line()
        self.named(Global(module, self.line()))

    def global_from_stack(self) -> None:
        name = self.pop_as(str)
        self.named(Global(self.pop_as(str), name))

    def named(self, name: Global) -> None:
        if name not in ALLOWED:
            if name in WRITTEN_BY_PICKLE:
                self.refuse("format", "a file that pickle.dump wrote", remedy=WRITE_ANEW)
            shown = ascii(f"{name.module[:100]}.{name.name[:100]}")
            for start, remedy in HELP:
                if f"{name}".startswith(start):
                    self.refuse("estimator", f"{shown}, which is not supported", remedy=remedy)
            self.refuse("global", f"the name {shown}, which is not on the allow-list")
        self.push(name)

    def new_object(self) -> None:
        args, of = self.pop_as(tuple), self.pop_as(Global)
        if of not in BUILT or args:
            self.refuse("new", f"{of} built with {len(args)} arguments")
        self.push(Instance(of, ()))

    def reduce(self) -> None:
        args, function = self.pop_as(tuple), self.pop_as(Global)
        if function not in CALLED:
            self.refuse("call", f"a call of {function}")
        if function in SCALARS:
            self.push(self.scalar(args))
            return
        if wrong := wrong_call(function, args):
            self.refuse("dtype" if function == DTYPE else "random", wrong)
        self.push(Instance(function, args))

    def scalar(self, args: tuple[Any, ...]) -> object:
        if len(args) != 2 or type(args[1]) is not bytes:
            self.refuse("scalar", "a numpy number without dtype and bytes")
        dtype = self.dtype(args[0])
        if dtype.kind in "UO" or len(args[1]) != dtype.itemsize:
            self.refuse("scalar", f"a numpy number of {len(args[1])} bytes for {dtype}")
        value: object = np.frombuffer(args[1], dtype)[0].item()
        return value

    def dtype(self, value: object) -> np.dtype[Any]:
        if type(value) is not Instance or not is_built(value, DTYPE):
            self.refuse("dtype", f"{type(value).__name__} where a dtype belongs")
        code: str = value.args[0]
        return np.dtype("<" + code) if code != OBJECT else np.dtype(object)

    def build(self) -> None:
        state = self.pop()
        instance = self.top_as(Instance)
        if instance.state is not None:
            self.refuse("build", f"{instance.of} given its state twice")
        if instance.of in ESTIMATORS:
            if type(state) is not dict:
                self.refuse("build", f"{instance.of} with a state of type {type(state).__name__}")
            state = dict(state)  # scikit-learn copies it too: a key that is added later through the memo does not count
        elif wrong := wrong_state(instance, state):
            self.refuse("dtype" if instance.of == DTYPE else "random", wrong)
        instance.state = state
        if instance.of == ARRAY_WRAPPER:
            self.stack[-1] = self.array(state)

    def array(self, header: object) -> NDArray[Any]:
        """A read-only view of the array bytes that follow the header in the file."""
        if type(header) is not dict or set(header) - {"numpy_array_alignment_bytes"} != ARRAY_HEADER:
            self.refuse("array", "an array header with unexpected keys")
        if type(header["subclass"]) is not Global or header["subclass"] != NDARRAY:
            self.refuse("array", "a subclass of ndarray")
        order = header["order"]
        if type(order) is not str or order not in ("C", "F"):
            self.refuse("array", "an array that is neither C nor Fortran ordered")
        shape = header["shape"]
        if (
            type(shape) is not tuple
            or len(shape) > MAX_DIMENSIONS
            or not all(type(length) is int and length > 0 for length in shape)
        ):
            self.refuse("array", f"an array shape that is not up to {MAX_DIMENSIONS} positive counts")
        dtype = self.dtype(header["dtype"])
        if self.frame_end is not None and self.frame_end != self.position:
            self.refuse("frame", "array bytes inside a frame")
        self.frame_end = None
        alignment = header.get("numpy_array_alignment_bytes", ARRAY_ALIGNMENT)
        if type(alignment) is not int or alignment != ARRAY_ALIGNMENT or type(header["allow_mmap"]) is not bool:
            self.refuse("array", f"an array header that is not as joblib writes it, aligned to {ARRAY_ALIGNMENT} bytes")
        if dtype.kind == "O":
            return self.object_texts(shape)
        if "numpy_array_alignment_bytes" in header:
            self.skip_padding()

        count = math.prod(shape)  # Python integers: no overflow
        start = self.position
        size = count * dtype.itemsize
        if size > len(self.data) - start:
            self.refuse("truncated", f"an array of {size:,} bytes, {len(self.data) - start:,} are left")
        self.position += size
        if dtype.kind == "U":
            self.count_text(size)
            self.check_code_points(start, size)
        flat = np.frombuffer(self.data, dtype, count, start)
        return flat.reshape(shape) if order == "C" else flat.reshape(shape[::-1]).T

    def skip_padding(self) -> None:
        length = self.unsigned(1)
        # The padding fills up to the boundary; at a boundary it is a whole block long.
        if length != ARRAY_ALIGNMENT - self.position % ARRAY_ALIGNMENT or self.take(length) != b"\xff" * length:
            self.refuse("array", "array padding that is not as joblib writes it")

    def object_texts(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """The only kind of object array that is read: a list of short texts, in a closed form."""
        if len(shape) != 1 or shape[0] > MAX_OBJECT_TEXTS:
            self.refuse("array", f"an object array of shape {shape}, no list of up to {MAX_OBJECT_TEXTS} texts")
        found = read_object_texts(self.data, self.position, shape[0])
        if found is None:
            self.refuse("array", "an object array that joblib did not write for short texts", remedy=NO_OBJECTS)
        texts, self.position = found
        self.count_text(4 * texts.nbytes)
        return texts

    def check_code_points(self, start: int, size: int) -> None:
        # numpy raises SystemError when it makes a str of such a code point.
        points = np.frombuffer(self.data, "<u4", size // 4, start)
        if bool(((points > 0x10FFFF) | ((points >= 0xD800) & (points <= 0xDFFF))).any()):
            self.refuse("text", "a text array with code points that are no characters")


STOP = 0x2E
Action = Callable[[_Machine], None]
ACTIONS: dict[int, Action] = {
    0x80: _Machine.proto,
    0x95: _Machine.frame,
    # constants and numbers
    0x4E: lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    0x4B: lambda m: m.push(m.unsigned(1)),  # BININT1
    0x4D: lambda m: m.push(m.unsigned(2)),  # BININT2
    0x4A: lambda m: m.push(int.from_bytes(m.take(4), "little", signed=True)),  # BININT
    0x8A: _Machine.integer,  # LONG1
    0x47: lambda m: m.push(struct.unpack(">d", m.take(8))[0]),  # BINFLOAT
    # text and bytes
    0x8C: lambda m: m.push(m.text(m.unsigned(1))),  # SHORT_BINUNICODE
    0x58: lambda m: m.push(m.text(m.unsigned(4))),  # BINUNICODE
    0x43: _Machine.short_bytes,  # SHORT_BINBYTES
    # containers
    0x28: lambda m: m.push(_MARK),
    0x29: lambda m: m.push(()),
    0x85: lambda m: m.tuple_of(1),
    0x86: lambda m: m.tuple_of(2),
    0x87: lambda m: m.tuple_of(3),
    0x74: lambda m: m.push(tuple(m.pop_to_mark())),  # TUPLE
    0x5D: lambda m: m.push([]),
    0x61: _Machine.append,
    0x65: _Machine.appends,
    0x7D: lambda m: m.push({}),
    0x73: _Machine.set_item,
    0x75: _Machine.set_items,
    # memo
    0x94: lambda m: m.remember(len(m.memo)),  # MEMOIZE
    0x71: lambda m: m.remember(m.unsigned(1)),  # BINPUT
    0x72: lambda m: m.remember(m.unsigned(4)),  # LONG_BINPUT
    0x68: lambda m: m.recall(m.unsigned(1)),  # BINGET
    0x6A: lambda m: m.recall(m.unsigned(4)),  # LONG_BINGET
    # names and objects
    0x63: _Machine.global_lines,  # GLOBAL
    0x93: _Machine.global_from_stack,  # STACK_GLOBAL
    0x81: _Machine.new_object,  # NEWOBJ
    0x52: _Machine.reduce,  # REDUCE
    0x62: _Machine.build,  # BUILD
}
