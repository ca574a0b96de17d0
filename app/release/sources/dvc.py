"""DVC: files that a git repository names by a pointer, `NAME.dvc`, and whose bytes lie in a remote.

The repository chooses its remote, in `.dvc/config`. So one over https is read by the rules of `http.py`, without any
credentials of ours but for the repository's own host; one that is a folder only if it lies inside a repository that is
a folder itself.

Source: DVC's user guide, ".dvc files", "remote storage" and "structure of the cache directory".
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec
from msgspec import Meta, Struct

from app.errors import only_refusals
from app.model.plain_yaml import read_plain_yaml
from app.release.record import is_plain
from app.release.refusals import BadRelease
from app.release.sources.address import Address, is_loopback
from app.release.sources.inside import read_inside
from app.release.sources.lfs import basic
from app.release.sources.pointers import Pointer, ReadCommitted, no_contents
from app.release.sources.source import bad_file

SYSTEM = "DVC"
_SUFFIX = ".dvc"
_CONFIG = ".dvc/config"
_MOST_BYTES = 64 << 10
_SECONDS = 600
_SHOWN = 200
_REMOTE = re.compile(r"""'?remote "([^"']{1,100})"'?""")


class _Out(Struct):
    """One file that a pointer stands for. DVC has more keys, none of which changes what its bytes are."""

    path: str
    md5: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}(\.dir)?\Z")]
    size: Annotated[int, Meta(ge=0, le=1 << 40)]
    hash: str | None = None
    remote: str | None = None


class _PointerFile(Struct):
    outs: Annotated[list[_Out], Meta(min_length=1, max_length=100)]
    wdir: str = "."


class _Place(NamedTuple):
    """Where the bytes of a pointer may lie: the names below the remote, in DVC 3's layout and in DVC 2's."""

    remote: str | None
    ways: tuple[tuple[str, ...], ...]


class DvcStore:
    """The contents of the DVC pointers of one repository.

    Args:
        address: the repository; a token in it is sent to its own host and port, nowhere else.
        environ: the caller's environment; of it, the proxies and the certificates that git takes too.
    """

    def __init__(self, address: Address, environ: Mapping[str, str]) -> None:
        self._address = address
        self._environ = environ
        self._places: dict[str, _Place] = {}

    def may_be(self, name: str, size: int) -> bool:
        return name.endswith(_SUFFIX) and size <= _MOST_BYTES

    def find(self, version: str, name: str, data: bytes) -> Pointer | None:
        def refuse(found: str, expected: str) -> BadRelease:
            return bad_file(version, name, found, expected)

        document = read_plain_yaml(data.decode("utf-8", "replace"), refuse)
        with only_refusals(lambda said: refuse(f"no pointer of {SYSTEM} ({said})", "outs with a path, an md5, a size")):
            pointer = msgspec.convert(document, _PointerFile)
        out = pointer.outs[0]
        if len(pointer.outs) > 1 or out.md5.endswith(".dir") or pointer.wdir != ".":
            return None  # of a folder, such as the training data: a plain file like any other
        if not is_plain(out.path):
            raise refuse(f"the path {ascii(out.path[:_SHOWN])[1:-1]}", "a plain file name beside it")
        if out.hash not in (None, "md5"):
            raise refuse(f"a digest by {ascii(out.hash[:_SHOWN])[1:-1]}", "one by md5")
        digest = out.md5[:2], out.md5[2:]
        new = ("files", "md5", *digest)
        self._places[out.path] = _Place(out.remote, (new,) if out.hash else (digest, new))
        return Pointer(version, out.path, out.size, "md5", out.md5, SYSTEM)

    def read(self, pointer: Pointer, committed: ReadCommitted, *, limit: int) -> bytes:
        place = self._places[pointer.name]
        url = self._remote(pointer, place.remote, committed)
        with only_refusals(lambda said: self._unsupported(pointer, f"a remote of {SYSTEM} at no address ({said})")):
            parts = urlsplit(url)
        if parts.scheme in ("http", "https"):
            return self._download(pointer, parts, place, limit)
        if parts.scheme in ("", "file") and parts.netloc in ("", "localhost"):
            return self._read_folder(pointer, parts.path if parts.scheme else url, place, limit)
        raise self._unsupported(pointer, f"a remote of {SYSTEM} at {ascii(parts.scheme)[1:-1]}://…")

    def _remote(self, pointer: Pointer, name: str | None, committed: ReadCommitted) -> str:
        """The address of a pointer's remote; a folder's is relative to `.dvc/`."""

        def refuse(found: str, expected: str) -> BadRelease:
            return bad_file(pointer.version, _CONFIG, found, expected)

        data = committed(_CONFIG, _MOST_BYTES)
        if data is None:
            raise refuse("missing", f"the remote of {pointer.name}")
        sections = RawConfigParser(interpolation=None)
        with only_refusals(lambda said: refuse(f"no configuration of {SYSTEM} ({said})", "sections and keys")):
            sections.read_string(data.decode("utf-8", "replace"))
        remotes = {
            match[1]: sections[section] for section in sections.sections() if (match := _REMOTE.fullmatch(section))
        }
        wanted = name or sections.get("core", "remote", fallback=None)
        if wanted is None:
            raise refuse("no remote in its section core", "the remote that the files were pushed to")
        url = remotes[wanted].get("url") if wanted in remotes else None
        if url is None:
            raise refuse(f"no url of a remote {ascii(wanted[:_SHOWN])[1:-1]}", "the remote that it names")
        return url.strip("\"'")

    def _download(self, pointer: Pointer, parts: SplitResult, place: _Place, limit: int) -> bytes:
        from app.release.sources.http import NotThere, Site  # most releases have no pointers, and need no http

        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise self._unsupported(pointer, f"a remote of {SYSTEM} over http, which anyone on the way can change")
        url = parts.geturl()
        # A repository behind ssh is as public as its host; one in a folder is this machine's own.
        base = {"ssh": f"https://{self._address.host}", "file": url}.get(self._address.transport, self._address.url)
        site = Site(
            base=base,
            subject=f"release {pointer.version}, file {pointer.name} ({SYSTEM})",
            authorization=basic(self._address.url),
            certificates=self._environ.get("GIT_SSL_CAINFO"),
            environ=self._environ,
        )
        for way in place.ways:
            try:
                reply = site.get(f"{url.rstrip('/')}/{'/'.join(way)}", limit=limit, seconds=_SECONDS)
            except NotThere:
                continue
            if len(reply.body) != pointer.size and reply.is_page:
                raise no_contents(pointer, "an HTML page, such as one to log in")
            return reply.body
        raise no_contents(pointer, f"no file {' or '.join('/'.join(way) for way in place.ways)} in its remote")

    def _read_folder(self, pointer: Pointer, url: str, place: _Place, limit: int) -> bytes:
        repository = self._address.folder
        if repository is None:
            raise self._unsupported(pointer, f"a remote of {SYSTEM} that is a folder")
        inside = _inside(repository, url)
        if inside is None:
            raise self._unsupported(pointer, f"a remote of {SYSTEM} outside the repository's folder")
        for way in place.ways:
            data = read_inside(
                repository, [*inside, *way], limit=limit, refuse=lambda found: no_contents(pointer, found)
            )
            if data is not None:
                return data
        raise no_contents(pointer, f"no file {' or '.join('/'.join(way) for way in place.ways)} in its remote")

    def _unsupported(self, pointer: Pointer, found: str) -> BadRelease:
        # DVC knows no hf://; the address of a Hub has no token in it.
        repository = self._address.url if self._address.kind == "hf" else self._address.repository
        return BadRelease(
            f"release {pointer.version}, file {pointer.name}",
            found=found,
            expected="a remote over https, or a folder inside a repository that is a folder",
            remedy=f"Bring it over with {SYSTEM} itself, all its files and not the artefact alone: `git clone --branch "
            f"{pointer.version} {repository} release`, in it `dvc pull` and `sha256sum --check SHA256SUMS`; then make "
            f"a git repository of them, tag it {pointer.version}, and let MODEL_REPO name it (file:///path/to/it): "
            "docs/sources.md has the commands, under DVC.",
        )


def _inside(repository: Path, url: str) -> list[str] | None:
    """The names from the repository's folder to a remote in it, by an address that counts from its `.dvc/`; None if it
    lies elsewhere. Nothing is looked up, so a link is not followed."""
    path = os.path.normpath(repository / ".dvc" / url)
    below = os.path.relpath(path, repository)
    return None if below == ".." or below.startswith("../") else [name for name in below.split("/") if name != "."]
