"""Folders of pictures, with all folders in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.drawing.decode_image import PICTURE_BYTES
from app.model.plain_file import NotPlain, read_plain_file
from app.scoring.batch import Batch
from app.scoring.fingerprint import Fingerprint, check_unchanged, stamp
from app.scoring.inputs.label_file import LabelFile, open_labels
from app.scoring.inputs.picture_bytes import PICTURE_BATCH, PICTURE_ROWS, as_batch
from app.scoring.inputs.source import Piece

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif", ".heic", ".heif"})
"""Those of files that are taken for pictures; what they are is told by their bytes."""

Found = tuple[str, int, int]
"""A picture's path below the folder, its size and its time of change."""


@dataclass(frozen=True)
class PictureSource:
    """Pictures in a folder, in the order of their names. It is sent to workers without the list of all."""

    folder: Path
    fingerprint: Fingerprint
    labels: LabelFile | None = None

    @property
    def is_labelled(self) -> bool:
        return self.labels is not None

    @property
    def files(self) -> Sequence[Path]:
        return [self.folder / name for name, _, _ in list_pictures(self.folder)]

    def pieces(self, rows: int, first_id: int) -> list[Piece]:
        """Even parts of the list, each with its own names."""
        del first_id  # pictures are named, not numbered
        listed, rows = list_pictures(self.folder), min(rows, PICTURE_ROWS)
        starts = range(0, len(listed), rows)
        parts = [tuple(listed[start : start + rows]) for start in starts]
        return [Piece(start, start + len(part), len(part), 0, part) for start, part in zip(starts, parts, strict=True)]

    def read(self, piece: Piece) -> Iterator[Batch]:
        """The pictures of a piece; their ids are their paths below the folder."""
        for start in range(0, piece.rows, PICTURE_BATCH):
            part = piece.keys[start : start + PICTURE_BATCH]
            at = piece.start + start
            labels = None if self.labels is None else self.labels.read(at, at + len(part))
            yield as_batch([name for name, _, _ in part], [self._bytes(one) for one in part], labels)

    def _bytes(self, found: Found) -> bytes | str:
        """A picture's bytes, or why there are none."""
        name, *planned = found
        check_unchanged(self.folder / name, (planned[0], planned[1]))
        try:
            return read_plain_file(os.path.realpath(self.folder / name), limit=PICTURE_BYTES)
        except NotPlain as refusal:
            return f"The file {refusal.why}."


def open_pictures(folder: Path, name: str, labels: Path | None) -> PictureSource:
    """The pictures in a folder and below it; labels are in the order of their names."""
    listed = list_pictures(folder)
    listing = hashlib.sha256("\n".join(map(repr, listed)).encode("utf-8", "surrogateescape")).hexdigest()
    named = None if labels is None else open_labels(labels, rows=len(listed), of=name)
    size, newest = sum(one[1] for one in listed), max((one[2] for one in listed), default=0)
    said = None if named is None else named.fingerprint
    return PictureSource(
        folder, Fingerprint(name, "pictures", len(listed), size, newest, listing=listing, labels=said), named
    )


def list_pictures(folder: Path) -> list[Found]:
    """The pictures in a folder and below it, in the order of their paths; links to folders are not followed."""
    found: list[Found] = []
    for top, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = Path(top, name)
            if path.suffix.lower() in SUFFIXES:
                found.append((path.relative_to(folder).as_posix(), *stamp(path)))
    return sorted(found)
