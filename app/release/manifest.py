r"""The manifest digest: one name for the bytes of a release, the same for every source.

sha256sum SHA256SUMS $(tr -d '\r' <SHA256SUMS | cut -c67- | sed 's,^\./,,' | sort -u) | LC_ALL=C sort | sha256sum
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from app.release.record import CARD, SUMS, ReleaseFile, describe, read_sums


def manifest_digest(files: Iterable[ReleaseFile]) -> str:
    """The digest of exactly these files: "sha256:" and that of the sorted lines "digest  name"."""
    lines = sorted(f"{file.sha256}  {file.name}\n" for file in files)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def listed_manifest(sums: bytes) -> str:
    """The manifest digest of the release that this `SHA256SUMS` describes, whose other files are not read for it.

    Raises:
        BadRelease: it cannot be read.
    """
    listed = {name: ReleaseFile(name, 0, digest) for digest, name in read_sums(sums)}
    return manifest_digest({**listed, SUMS: describe(SUMS, sums)}.values())


def manifest_files(files: Mapping[str, ReleaseFile], sums: bytes | None, *, artefact: str) -> list[ReleaseFile]:
    """The files of a release that its manifest digest covers.

    They are `SHA256SUMS` and the files it lists; in a release without one, the artefact and the card.

    Args:
        files: all that the release holds, by name.
        sums: the bytes of its `SHA256SUMS`, or None where it has none.

    Raises:
        BadRelease: `SHA256SUMS` cannot be read.
    """
    names = {artefact, CARD} if sums is None else {SUMS, *(name for _, name in read_sums(sums))}
    return [file for name, file in files.items() if name in names]
