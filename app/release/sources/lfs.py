"""git-LFS: pointers with a sha256, and the server behind the repository that has the contents.

https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md (pointers) and docs/api/batch.md (the server). The file
`.lfsconfig` of a repository, which may name another server, is never read: it could send our token there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field

from app.errors import ConfigurationError, PixelWiseError, Unreachable
from app.release.refusals import BadRelease, CredentialsWanted
from app.release.sources.address import Address
from app.release.sources.inside import read_inside
from app.release.sources.pointers import Pointer, ReadCommitted, no_contents
from app.release.sources.secrets import basic_authorization, without_secrets
from app.release.sources.source import bad_file

if TYPE_CHECKING:
    from app.release.sources.http import Site

SYSTEM = "git-LFS"
_MOST_BYTES = 1024
_SECONDS = 600
_BEGIN = b"version https://git-lfs.github.com/spec/"
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9]\d{0,11})\n"
)
_JSON = "application/vnd.git-lfs+json"
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_KEPT_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "range", "expect")
_SHOWN = 200


class _Action(Struct):
    href: str
    header: dict[str, str] = field(default_factory=dict)


class _Error(Struct):
    code: int = 0
    message: str = ""


class _Object(Struct):
    oid: str
    size: int
    actions: dict[str, _Action] = field(default_factory=dict)
    error: _Error | None = None


class _Batch(Struct):
    objects: list[_Object]
    transfer: str = "basic"


class LfsStore:
    """The contents of LFS pointers of one repository.

    Args:
        address: the repository; a token in it is sent to its own host and port, nowhere else.
        environ: the caller's environment; of it, the proxies and the certificates that git takes too.
        authorization: the value of the Authorization header instead of the address's own token.
        credentials: where that came from, for the remedy where it is refused.
    """

    def __init__(
        self,
        address: Address,
        environ: Mapping[str, str],
        *,
        authorization: str | None = None,
        credentials: str = "MODEL_REPO=https://USER:TOKEN@HOST/…",
    ) -> None:
        self._address = address
        self._environ = environ
        self._authorization = authorization or basic(address.url)
        self._credentials = credentials

    def may_be(self, name: str, size: int) -> bool:
        return len(_BEGIN) <= size <= _MOST_BYTES

    def find(self, version: str, name: str, data: bytes) -> Pointer | None:
        if not data.startswith(_BEGIN):
            return None
        match = _POINTER.fullmatch(data)
        if match is None:
            raise bad_file(
                version, name, f"a malformed pointer of {SYSTEM}", "the three lines version, oid sha256:… and size"
            )
        return Pointer(version, name, int(match[2]), "sha256", match[1].decode(), SYSTEM)

    def read(self, pointer: Pointer, committed: ReadCommitted, *, limit: int) -> bytes:
        if self._address.folder is not None:
            return _read_local(self._address.folder, pointer, limit)
        if self._address.transport == "ssh":
            raise ConfigurationError(
                f"release {pointer.version}, file {pointer.name}",
                found=f"a pointer of {SYSTEM} in a repository behind ssh",
                expected="one behind https, where its contents can be asked for",
                remedy="Let MODEL_REPO name its https address, with a token if it is private "
                "(https://USER:TOKEN@HOST/…), or a local mirror: `git clone --mirror` it, then `git lfs fetch --all` "
                "there.",
            )
        from app.release.sources.http import NotThere  # most releases have no pointers, and need no http

        site = self._site()
        try:
            action = self._ask(site, pointer)
        except NotThere as error:
            raise self._no_server(pointer, error.found) from error
        try:
            reply = site.get(action.href, limit=limit, headers=_headers(pointer, action), seconds=_SECONDS)
        except NotThere as error:
            raise no_contents(pointer, error.found) from error
        if len(reply.body) != pointer.size and reply.is_page:
            raise no_contents(pointer, "an HTML page, such as one to log in")
        return reply.body

    def _site(self) -> Site:
        from app.release.sources.http import Site  # as above

        return Site(
            base=lfs_server(self._address.url),
            subject=f"repository {self._address.repository}",
            authorization=self._authorization,
            credentials=self._credentials,
            certificates=self._environ.get("GIT_SSL_CAINFO"),
            environ=self._environ,
        )

    def _ask(self, site: Site, pointer: Pointer) -> _Action:
        """The address of the contents, as the server gives it."""
        wanted = {
            "operation": "download",
            "transfers": ["basic"],
            "objects": [{"oid": pointer.digest, "size": pointer.size}],
            "hash_algo": "sha256",
        }
        headers = {"Content-Type": _JSON, "Accept": _JSON}
        answer = site.post_json("objects/batch", wanted, _Batch, headers=headers)
        if answer.transfer != "basic":
            raise no_contents(pointer, f"a transfer {answer.transfer[:_SHOWN]!a} that was not asked for")
        answered = next((one for one in answer.objects if one.oid == pointer.digest), None)
        if answered is None:
            raise no_contents(pointer, "an answer about other contents")
        if answered.error is not None:
            raise self._refusal(pointer, answered.error)
        if answered.size != pointer.size:
            raise no_contents(pointer, f"contents of {answered.size:,} bytes")
        if "download" not in answered.actions:
            raise no_contents(pointer, "an answer without an address of its contents")
        return answered.actions["download"]

    def _no_server(self, pointer: Pointer, found: str) -> BadRelease:
        remedy = f"It may be a mirror of git's part alone, or have {SYSTEM} switched off: let MODEL_REPO name the "
        remedy += "repository where the files were pushed."
        if self._authorization is None:
            remedy += f" Some hosts say the same where credentials are missing ({self._credentials})."
        return BadRelease(
            f"release {pointer.version}, file {pointer.name}",
            found=f"a pointer of {SYSTEM}, and {found}, asked for its contents",
            expected=f"a server of {SYSTEM} beside {self._address.repository}",
            remedy=remedy,
        )

    def _refusal(self, pointer: Pointer, error: _Error) -> PixelWiseError:
        from app.release.sources.http import is_passing  # as above

        said = without_secrets(error.message, self._authorization)[:_SHOWN]
        found = f"{SYSTEM} server of {self._address.repository}: {error.code} {said}".rstrip()
        if error.code in (401, 403):
            return CredentialsWanted(
                f"release {pointer.version}, file {pointer.name}",
                found=found,
                expected="credentials that may read it",
                remedy=f"Set {self._credentials} in the environment.",
            )
        if is_passing(error.code):
            return Unreachable(
                f"release {pointer.version}, file {pointer.name}",
                found=found,
                expected="a server that answers",
                remedy="Try again later.",
            )
        return no_contents(pointer, found)


def lfs_server(url: str) -> str:
    """The LFS server of a repository, without a user or a token: https://host/x -> https://host/x.git/info/lfs."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/").removesuffix(".git")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}.git/info/lfs"


def basic(url: str) -> str | None:
    """The Authorization header that the user and the token of an address mean; None without them."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.username:
        return None
    return basic_authorization(unquote(parts.username), unquote(parts.password or ""))


def _headers(pointer: Pointer, action: _Action) -> dict[str, str]:
    """The headers that the server wants to see with the address it gave, none of which may change the request itself.

    Raises:
        BadRelease: one would, or is none.
    """
    for name, value in action.header.items():
        plain = _HEADER_NAME.fullmatch(name) and value.isascii() and value.isprintable()
        if not plain or name.lower() in _KEPT_HEADERS:
            raise no_contents(pointer, f"an answer with the header {ascii(name[:_SHOWN])[1:-1]}")
    return action.header


def _read_local(repository: Path, pointer: Pointer, limit: int) -> bytes:
    within = [".git"] if (repository / ".git").is_dir() else []
    digest = pointer.digest
    names = [*within, "lfs", "objects", digest[:2], digest[2:4], digest]
    data = read_inside(repository, names, limit=limit, refuse=lambda found: no_contents(pointer, found))
    if data is None:
        raise no_contents(pointer, f"no {'/'.join(names)} in {repository}")
    return data
