"""A source that is no git repository: a folder with a folder for each version, which its manifest digest pins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from app.errors import Unreachable
from app.release.manifest import manifest_digest, manifest_files
from app.release.pin import Pin
from app.release.record import SUMS, describe, own_artefact
from app.release.refusals import BadRelease
from app.release.sources.address import Address
from app.release.sources.source import ListedFile, Listing


def parse_shelf(text: str, root: Path) -> Address:
    """The address "shelf://FOLDER"."""
    folder = root / text.partition("://")[2]
    return Address(url=text, repository=text, transport="file", key=text, folder=folder, kind="shelf")


class Shelf:
    def __init__(self, address: Address, folder: Path, environ: Mapping[str, str]) -> None:
        assert address.folder is not None
        self.folder = address.folder

    def resolve(self, version: str) -> Pin:
        if not self.folder.is_dir():
            raise Unreachable(f"shelf {self.folder}", found="no such folder", expected="a folder", remedy="Make it.")
        if not (self.folder / version).is_dir():
            raise BadRelease(f"shelf {self.folder}", found="others", expected=version, remedy="Name another.")
        files = {path.name: describe(path.name, path.read_bytes()) for path in (self.folder / version).iterdir()}
        sums = (self.folder / version / SUMS).read_bytes() if SUMS in files else None
        return Pin(version, manifest_digest(manifest_files(files, sums, artefact=own_artefact(version, files))))

    def list(self, pin: Pin) -> Listing:
        paths = sorted((self.folder / pin.version).iterdir())
        return Listing(pin.version, [ListedFile(path.name, path.stat().st_size) for path in paths])

    def read(self, pin: Pin, name: str, *, limit: int) -> bytes:
        with (self.folder / pin.version / name).open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise BadRelease(f"file {name}", found="more bytes", expected=f"at most {limit}", remedy="Ask its owner.")
        return data


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
