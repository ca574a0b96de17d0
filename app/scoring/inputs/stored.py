"""The service's own store: what people drew, read again by another release."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from app.drawing.normalise import SIDE
from app.scoring.batch import Batch
from app.scoring.fingerprint import Fingerprint
from app.scoring.inputs.source import Piece
from app.scoring.refusals import BadInput
from app.storage.database import Database
from app.storage.identifiers import lowest_id
from app.storage.migrate import check_schema
from app.storage.stored_drawings import read_drawings, read_ids

FIRST, LAST = UUID(int=0), UUID(int=(1 << 128) - 1)


@dataclass(frozen=True)
class StoredSource:
    """Drawings of a range of time; their ids are those of the answers that were given.

    Attributes:
        address: DATABASE_URL, which may hold a password: it is in no file and no message.
        root: the folder from which its path counts.
    """

    address: str = field(repr=False)
    root: Path
    fingerprint: Fingerprint
    after: UUID
    before: UUID

    @property
    def is_labelled(self) -> bool:
        return True

    @property
    def files(self) -> Sequence[Path]:
        return ()

    def pieces(self, rows: int, first_id: int) -> list[Piece]:
        """Even ranges of identifiers."""
        del first_id  # they have identifiers of their own
        database = Database(self.address, root=self.root)
        ids = [one for some in read_ids(database, after=self.after, before=self.before) for one in some]
        database.close()
        starts = range(0, len(ids), rows)
        parts = [(start, ids[start : start + rows]) for start in starts]
        return [
            Piece(start, start + len(part), len(part), 0, ((str(part[0]), 0, 0), (str(part[-1]), 0, 0)))
            for start, part in parts
        ]

    def read(self, piece: Piece) -> Iterator[Batch]:
        """The drawings of a piece."""
        (first, *_), (last, *_) = piece.keys
        database = Database(self.address, root=self.root)
        try:
            for some in read_drawings(database, first=UUID(first), last=UUID(last)):
                yield Batch([str(one) for one in some.ids], some.pixels.reshape(-1, SIDE, SIDE), some.labels)
        except ValueError as error:
            remedy = "Delete that row, or restore it from a backup."
            raise BadInput(
                f"input {self.fingerprint.name}", found=str(error), expected="drawings", remedy=remedy
            ) from None
        finally:
            database.close()


def open_stored(address: str, *, root: Path, since: datetime | None, until: datetime | None) -> StoredSource:
    """The stored drawings from `since` on and before `until`, both aware of their time zone.

    Raises:
        DatabaseUnavailable: the database does not answer. WrongSchema: it is another version's.
    """
    after = FIRST if since is None else UUID(int=lowest_id(since).int - 1)
    before = LAST if until is None else lowest_id(until)
    database = Database(address, root=root)
    check_schema(database)
    digest, count = hashlib.sha256(), 0
    for ids in read_ids(database, after=after, before=before):
        count += len(ids)
        digest.update(b"".join(one.bytes for one in ids))
    name = f"{database.name}, from {_said(since)} to before {_said(until)}"
    database.close()
    fingerprint = Fingerprint(name, "stored", count, 0, 0, listing=digest.hexdigest())
    return StoredSource(address, root, fingerprint, after, before)


def _said(moment: datetime | None) -> str:
    return "any time" if moment is None else moment.isoformat(timespec="milliseconds")
