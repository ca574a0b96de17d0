"""Walks a protobuf message by a table of its fields. Nothing unknown is skipped, nothing is merged or guessed.

protobuf's own readers keep unknown fields, and let the last of two values of one field win (or merge two messages),
so two readers of one file may see two models. Here both are refused. Varints must be as short as possible, texts
UTF-8. Nothing is copied but numbers and texts: long contents stay views of the file.

Source of the wire format: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, NoReturn

from app.model.onnx.refusals import refused

MAX_FIELDS = 50_000
"""Fields and packed numbers of a file. An exporter's notes on each node included, honest files have a few thousand."""

VARINT, LENGTH, FIXED32 = 0, 2, 5
_WIRE_TYPES = {"int": VARINT, "float": FIXED32}

Kind = Literal["int", "float", "text", "bytes", "message", "refused"]


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        name: as in onnx.proto.
        kind: "int" (int32, int64 or enum), "float" (float32), "text", "message", "bytes" (packed float32 too); or
            "refused".
        repeated: it may occur several times; ints may then be packed too.
        message: the table of its own fields, if its kind is "message"; the code of its refusal, if it is refused.
    """

    name: str
    kind: Kind
    repeated: bool = False
    message: Message | str = ""


@dataclass(frozen=True)
class Message:
    """The fields of a message, by their numbers."""

    name: str
    fields: Mapping[int, Field]


@dataclass
class Walk:
    """One walk of a file.

    Attributes:
        data: the file's bytes.
        fields: counts those that were met.
    """

    data: bytes
    view: memoryview = field(init=False, repr=False)
    fields: int = 0

    def __post_init__(self) -> None:
        self.view = memoryview(self.data)

    def message(self, of: Message, start: int, end: int) -> dict[str, Any]:
        """The values in data[start:end], by their names; a list for each repeated field, even if there is none.

        Ints are signed 64-bit numbers, "bytes" are read-only views, absent fields are missing.

        Raises:
            ArtefactRefused: with the byte at fault.
        """
        values: dict[str, Any] = {one.name: [] for one in of.fields.values() if one.repeated and one.kind != "refused"}
        position = start
        while position < end:
            at = position
            tag, position = self._varint(position, end)
            number, wire = tag >> 3, tag & 7
            one = of.fields.get(number)
            if one is None:
                self._refuse("field", f"an unknown field, {number} of {of.name}", at)
            if one.kind == "refused":
                self._refuse(str(one.message), f"{one.name} in {of.name}", at)
            self._count(at)
            if one.repeated:
                position = self._repeated(one, wire, position, end, values[one.name])
                continue
            if one.name in values:
                self._refuse("twice", f"a second {one.name} in one {of.name}", at)
            values[one.name], position = self._value(one, wire, position, end)
        return values

    def _repeated(self, one: Field, wire: int, position: int, end: int, into: list[Any]) -> int:
        if one.kind != "int" or wire != LENGTH:
            value, position = self._value(one, wire, position, end)
            into.append(value)
            return position
        start, stop = self._span(position, end)
        while start < stop:
            self._count(start)
            value, start = self._value(one, VARINT, start, stop)
            into.append(value)
        return stop

    def _value(self, one: Field, wire: int, position: int, end: int) -> tuple[Any, int]:
        if wire != _WIRE_TYPES.get(one.kind, LENGTH):
            self._refuse("wire", f"{one.name} of wire type {wire}", position)
        if one.kind == "int":
            number, position = self._varint(position, end)
            return number - (1 << 64 if number >> 63 else 0), position
        if one.kind == "float":
            if end - position < 4:
                self._refuse("truncated", f"{one.name} of {end - position} bytes", position)
            return struct.unpack_from("<f", self.data, position)[0], position + 4
        start, stop = self._span(position, end)
        if isinstance(one.message, Message):
            return self.message(one.message, start, stop), stop
        if one.kind == "bytes":
            return self.view[start:stop], stop
        try:
            return str(self.view[start:stop], "utf-8"), stop
        except UnicodeDecodeError:
            self._refuse("text", f"{one.name} that is no UTF-8", start)

    def _span(self, position: int, end: int) -> tuple[int, int]:
        at = position
        length, position = self._varint(position, end)
        if length > end - position:
            self._refuse("truncated", f"{length:,} bytes where {end - position:,} are left", at)
        return position, position + length

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """An unsigned number of at most 64 bits, and the position after it."""
        at, number, shift = position, 0, 0
        while position < end:
            byte = self.data[position]
            position += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                if number >> 64 or (byte == 0 and shift):
                    self._refuse("varint", "a number in more bytes than it needs", at)
                return number, position
            shift += 7
            if shift == 70:
                self._refuse("varint", "a number of more than 64 bits", at)
        self._refuse("truncated", "a number that does not end", at)

    def _count(self, at: int) -> None:
        self.fields += 1
        if self.fields > MAX_FIELDS:
            self._refuse("limit", f"more than {MAX_FIELDS:,} fields", at)

    def _refuse(self, code: str, why: str, at: int) -> NoReturn:
        raise refused(code, why, offset=at)
