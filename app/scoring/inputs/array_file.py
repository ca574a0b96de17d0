"""Arrays in files, .npy and IDX, by ranges of rows; no memory is allocated on the word of a header."""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.errors import only_refusals, system_refusals
from app.scoring.fingerprint import stamp
from app.scoring.refusals import BadInput

HEADER_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""Header readers by the version of a .npy file; (3, 0) is written only for names of fields, which no image has."""
NPY_MAGIC = b"\x93NUMPY"
GZIP_MAGIC = b"\x1f\x8b"
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Types of an IDX file. Source: the MNIST page of LeCun, Cortes and Burges, "the IDX file format"."""
MOST_SIDES = 4
NPY_REMEDY = "Save it again: `numpy.save(path, images)`, with images uint8 (N, 28, 28), 0 paper to 255 ink."
IDX_REMEDY = "Fetch or write it again: 00 00, the type, the number of sizes, each size in 4 bytes, the values."


class Stream(Protocol):
    """An opened file, or one that is being unpacked."""

    def read(self, size: int = ..., /) -> bytes: ...
    def tell(self) -> int: ...


@dataclass(frozen=True)
class ArrayFile:
    """An array in a file, its header read and held against the bytes that are there.

    Attributes:
        kind: "npy" or "idx".
        offset: where the values begin.
        is_packed: it is compressed by gzip, so it can only be read from its beginning.
        stamp: size and time of change, when its header was read.
    """

    path: Path
    kind: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    is_packed: bool
    stamp: tuple[int, int]

    @property
    def rows(self) -> int:
        return self.shape[0]

    @property
    def item_shape(self) -> tuple[int, ...]:
        return self.shape[1:]

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows `start` to `stop`: mapped into memory, or unpacked.

        Raises:
            BadInput: it ends too soon.
        """
        if self.is_packed:
            blocks = list(self.unpacked(start, stop, stop - start))
            return blocks[0] if blocks else np.empty((0, *self.item_shape), self.dtype)
        if stop <= start:
            return np.empty((0, *self.item_shape), self.dtype)
        place = self.offset + start * self._row_bytes
        shape = (stop - start, *self.item_shape)
        with only_refusals(lambda said: _bad(self.path, said, NPY_REMEDY if self.kind == "npy" else IDX_REMEDY)):
            return np.asarray(np.memmap(self.path, self.dtype, "r", offset=place, shape=shape))

    def unpacked(self, start: int, stop: int, rows: int) -> Iterator[NDArray[Any]]:
        """Rows `start` to `stop` of a compressed file, at most `rows` at a time; its end is held against its header."""
        with _gzip(self.path) as file:
            _skip(file, self.offset + start * self._row_bytes, self.path)
            for first in range(start, stop, rows):
                count = min(rows, stop - first)
                data = _exactly(file, count * self._row_bytes, self.path)
                yield np.frombuffer(data, self.dtype).reshape(count, *self.item_shape)
            if stop == self.rows and _some(file, 1, self.path):
                raise _bad(self.path, f"more bytes than an array {self.shape} has", IDX_REMEDY)

    @property
    def _row_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.item_shape)


def open_array(path: Path) -> ArrayFile:
    """The array in a .npy or IDX file, by its first bytes.

    Raises:
        BadInput: neither, or not as its header says.
    """
    first = stamp(path)
    with system_refusals(path), path.open("rb") as file:
        begin = file.read(8)
        file.seek(0)
        if begin.startswith(NPY_MAGIC):
            return _npy(path, file, first)
    if begin.startswith(GZIP_MAGIC):
        with _gzip(path) as packed:
            return _idx(path, packed, first, is_packed=True)
    with path.open("rb") as file:
        return _idx(path, file, first, is_packed=False)


def _npy(path: Path, file: Stream, first: tuple[int, int]) -> ArrayFile:
    with only_refusals(lambda said: _bad(path, f"no .npy header ({said})", NPY_REMEDY)):
        shape, fortran_order, dtype = HEADER_READERS[npy.read_magic(file)](file)
    if dtype.hasobject:
        raise _bad(path, "pickled objects, which are never read", NPY_REMEDY)
    _check_shape(path, shape, NPY_REMEDY)
    if fortran_order and len(shape) > 1:
        raise _bad(
            path, "an array in Fortran's order", "Save it again: `numpy.save(path, numpy.ascontiguousarray(images))`."
        )
    array = ArrayFile(path, "npy", dtype, shape, file.tell(), False, first)
    _check_size(array, first[0], NPY_REMEDY)
    return array


def _idx(path: Path, file: Stream, first: tuple[int, int], *, is_packed: bool) -> ArrayFile:
    begin = _some(file, 4, path)
    if len(begin) < 4 or begin[:2] != b"\0\0" or begin[2] not in IDX_TYPES or not 1 <= begin[3] <= MOST_SIDES:
        raise _bad(path, "neither an array nor pictures", "Name Parquet, .npy or IDX files, or a folder of pictures.")
    sizes = np.frombuffer(_exactly(file, 4 * begin[3], path), ">u4")
    shape = tuple(sizes.tolist())
    _check_shape(path, shape, IDX_REMEDY)
    array = ArrayFile(path, "idx", np.dtype(IDX_TYPES[begin[2]]), shape, 4 + 4 * begin[3], is_packed, first)
    if not is_packed:
        _check_size(array, first[0], IDX_REMEDY)
    return array


def _check_shape(path: Path, shape: tuple[int, ...], remedy: str) -> None:
    if not 1 <= len(shape) <= MOST_SIDES or any(type(side) is not int or side < 0 for side in shape):
        raise _bad(path, f"an array of shape {shape}", remedy)  # to numpy, True is an int, 1


def _check_size(array: ArrayFile, size: int, remedy: str) -> None:
    promised = array.offset + array.dtype.itemsize * math.prod(array.shape)
    if promised != size:
        raise _bad(array.path, f"{size:,} bytes where an array {array.dtype} {array.shape} has {promised:,}", remedy)


def _gzip(path: Path) -> gzip.GzipFile:
    with system_refusals(path):
        return gzip.open(path, "rb")


def _skip(file: Stream, count: int, path: Path) -> None:
    while count:
        count -= len(_exactly(file, min(count, 1 << 20), path))


def _exactly(file: Stream, count: int, path: Path) -> bytes:
    data = _some(file, count, path)
    if len(data) != count:
        raise _bad(path, "an end before its header promised it", IDX_REMEDY)
    return data


def _some(file: Stream, count: int, path: Path) -> bytes:
    with only_refusals(lambda said: _bad(path, f"a broken file ({said})", IDX_REMEDY)):
        return file.read(count)


def _bad(path: Path, found: str, remedy: str) -> BadInput:
    return BadInput(
        f"input {path}", found=found, expected="digits, in a file that is as its header says", remedy=remedy
    )
