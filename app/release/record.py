"""A release: one version of one source, and the exact bytes of its files.

The same record is an entry of `model.lock` (trusted by review) and `record.json` beside pulled files (as received).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from app.errors import only_refusals
from app.model.contract import Digest, PlainName, VersionName
from app.model.plain_file import NotPlain, ReadFile, read_needed_file, read_plain_file
from app.release.pin import Commit, Manifest
from app.release.refusals import BadRelease, ChangedFile, MissingFile, WrongSize
from app.signing.git_objects import TagProof

RECORD = "record.json"
"""The record's file name, in `models/<version>` and in `models/`. No file of a release may have it."""

RECORD_LIMIT = 1 << 20
"""Most bytes of a record."""

CARD = "MODELCARD.md"
SUMS = "SHA256SUMS"
_SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")

_VERSION = re.compile(r"v(?:0|[1-9][0-9]{0,3})\.(?:0|[1-9][0-9]{0,3})")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


class ReleaseFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One file, exactly."""

    name: PlainName
    size: Annotated[int, Meta(ge=0, le=1 << 40)]
    sha256: Digest


class Release(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One release, exactly: by its commit, by its manifest digest, or by both.

    Attributes:
        repository: its origin, without tokens; a path below the root is relative to it.
        version: the tag, such as "v1.0".
        commit: the commit that the tag names; None where the source has no commits.
        manifest: the digest of the digests of its files (`manifest.py`); None in a record with files
            that it does not cover, and in records older than this field.
        artefact: the file among `files` that this version serves (a tag may hold artefacts of other versions too).
        files: in `model.lock` the reviewed files (at least the artefact; the commit vouches for the rest), in
            `record.json` all files that were placed.
        proof: the objects of a signed tag, with which its signature is checked without its repository; only in
            `record.json`.
        signer: the name of who signed it, as it was trusted at its pull; only in `record.json`.
    """

    repository: str
    version: VersionName
    commit: Commit | None = None
    manifest: Manifest | None = None
    artefact: PlainName
    files: tuple[ReleaseFile, ...]
    proof: TagProof | None = None
    signer: str | None = None

    def __post_init__(self) -> None:
        names = [file.name for file in self.files]
        if self.artefact not in names:
            raise ValueError(f"the artefact {self.artefact} is not among the files")
        if len(set(names)) < len(names):
            raise ValueError("two files have one name")
        if not self.pins:
            raise ValueError("neither a commit nor a manifest")

    @property
    def pins(self) -> tuple[str, ...]:
        """Every id that this release can be pinned by, at least one."""
        return tuple(one for one in (self.commit, self.manifest) if one is not None)

    @property
    def pin(self) -> str:
        """The id that its source pins it by: the commit where there is one."""
        return self.pins[0]

    def serves(self, digest: str) -> bool:
        """True if the artefact that this release serves has this digest."""
        return any(file.name == self.artefact and file.sha256 == digest for file in self.files)


def is_version(text: str) -> bool:
    """True if `text` is vN.N, such as "v1.0"; a repository is never asked for anything else."""
    return _VERSION.fullmatch(text) is not None


def is_plain(name: str) -> bool:
    """True if `name` is a file name of letters, digits, `_`, `-` and `.`, and starts with neither of the last two."""
    return _PLAIN_NAME.fullmatch(name) is not None


def describe(name: str, data: bytes) -> ReleaseFile:
    """The exact file that these bytes are."""
    return ReleaseFile(name, len(data), hashlib.sha256(data).hexdigest())


def own_artefact(version: str, names: Collection[str], *, named: str | None = None) -> str:
    """The artefact that `version` serves: `named` by its card, else `digit_classifier_v<major>[_<minor>]` with the
    suffix of a format.

    Raises:
        BadRelease: there is no such file.
    """
    from app.model.formats import FORMATS  # the readers load numpy, which most callers do not need

    suffixes = tuple(dict.fromkeys(one.suffix for one in FORMATS))
    major, _, minor = version.partition(".")
    stems = [f"digit_classifier_{major}_{minor}"] if minor != "0" else []
    stems.append(f"digit_classifier_{major}")
    usual = [stem + suffix for stem in stems for suffix in suffixes]
    wanted = [named] if named is not None else usual
    for name in wanted:
        if name in names:
            return name
    raise BadRelease(
        f"release {version}",
        found=f"artefacts {', '.join(sorted(name for name in names if name.endswith(suffixes))) or '(none)'}",
        expected=f"{' or '.join(wanted)}{', as its card names it' if named is not None else ''}",
        remedy="Its owner must publish the artefact under that name; nothing was replaced.",
    )


def hold_against(files: Iterable[ReleaseFile], promised: Iterable[ReleaseFile], *, promised_by: str) -> None:
    """Checks that every promised file is among `files`, byte for byte.

    Raises:
        MissingFile, WrongSize: a BadRelease.
        ChangedFile: a file has other bytes.
    """
    there = {file.name: file for file in files}
    for want in promised:
        have = there.get(want.name)
        if have is None:
            raise MissingFile(want.name, promised_by=promised_by)
        if have.size != want.size:
            raise WrongSize(want.name, found=have.size, expected=want.size, promised_by=promised_by)
        if have.sha256 != want.sha256:
            raise _changed(want.name, have.sha256, want.sha256, promised_by)


def read_sums(sums: bytes) -> list[tuple[str, str]]:
    """The digests and names that `SHA256SUMS` lists.

    Args:
        sums: lines as `sha256sum` writes them, with "\\n" or "\\r\\n"; every name must be in the same folder. Empty
            lines at the end, as editors leave them, count for nothing.

    Raises:
        BadRelease: a line cannot be read, or names a file elsewhere.
    """
    listed = []
    text = sums.decode("utf-8", "replace").rstrip("\r\n")
    for line in (line.removesuffix("\r") for line in (text.split("\n") if text else [])):
        entry = _SUM_LINE.fullmatch(line)
        if entry is None:
            raise _bad_sums(line, "a line that is no digest and name", "lines as `sha256sum` writes them")
        digest, name = entry[1], entry[2].removeprefix("./")
        if not is_plain(name):
            raise _bad_sums(name, "a path that leads elsewhere", "plain names of files beside it")
        listed.append((digest, name))
    return listed


def hold_against_sums(files: Mapping[str, ReleaseFile], sums: bytes) -> None:
    """Checks that every file that `SHA256SUMS` lists is among `files` with the listed digest.

    Raises:
        BadRelease: a line cannot be read, names a file elsewhere, or one that is missing.
        ChangedFile: a file has another digest.
    """
    for digest, name in read_sums(sums):
        if name not in files:
            raise MissingFile(name, promised_by=SUMS)
        if files[name].sha256 != digest:
            raise _changed(name, files[name].sha256, digest, SUMS)


def read_record(folder: Path) -> Release | None:
    """The record in `folder`, or None when there is none.

    Raises:
        BadRelease: the file is there but is not a record.
        SystemRefused: this user may not read it.
    """
    path = folder / RECORD
    with only_refusals(lambda said: _bad_record(path, said)):
        try:
            data = read_needed_file(path, limit=RECORD_LIMIT)
        except NotPlain as error:
            if error.is_missing:
                return None
            raise _bad_record(path, error.why) from None
        return msgspec.json.decode(data, type=Release)


def record_bytes(release: Release) -> bytes:
    """`release` as `record.json` holds it."""
    return msgspec.json.format(msgspec.json.encode(release), indent=2) + b"\n"


def changed_file(folder: Path, release: Release, *, read: ReadFile = read_plain_file) -> str | None:
    """The name of a file in `folder` that is not what the record says, or None if all are.

    read: treats a file that this user may not read as changed; `read_needed_file` raises SystemRefused instead.
    """
    return next((file.name for file in release.files if not is_intact(folder / file.name, file, read=read)), None)


def is_intact(path: Path, promised: ReleaseFile, *, read: ReadFile = read_plain_file) -> bool:
    """True if a plain file is there, with exactly the promised bytes; `read` as above."""
    try:
        return describe(promised.name, read(path, limit=promised.size)) == promised
    except NotPlain:
        return False


def _changed(name: str, found: str, promised: str, promised_by: str) -> ChangedFile:
    return ChangedFile(
        name,
        found=f"sha256 {found}",
        expected=f"sha256 {promised}",
        promised_by=promised_by,
        remedy="Do not use this release; ask its owner. Nothing was replaced.",
    )


def _bad_sums(shown: str, found: str, expected: str) -> BadRelease:
    return BadRelease(
        f"{SUMS}, {shown[:100]!a}",
        found=found,
        expected=expected,
        remedy="Its owner must publish the release anew; nothing was replaced.",
    )


def _bad_record(path: Path, found: str) -> BadRelease:
    expected = "the record that `pixelwise pull` wrote"
    remedy = f"Remove {path} and run `pixelwise pull{_version_of(path.parent)}`."
    return BadRelease(f"record {path}", found=found, expected=expected, remedy=remedy)


def _version_of(folder: Path) -> str:
    """The version whose folder this is, as an argument behind a space; empty for `models/`, which has the default's."""
    links = [folder] if is_version(folder.name) else sorted(folder.parent.parent.glob("v*"))
    return next((f" {link.name}" for link in links if is_version(link.name) and link.resolve() == folder.resolve()), "")
