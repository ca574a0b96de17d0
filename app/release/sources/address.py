"""`MODEL_REPO` -> the address that git connects to, the one that may be shown, and a key for comparing repositories.

https://token@github.com/x/y.git  ->  shown https://github.com/x/y.git, key github.com/x/y
git@github.com:x/y                ->  shown git@github.com:x/y,         key github.com/x/y
hf://x/y                          ->  shown hf://x/y,                   key huggingface.co/x/y
mlflow+https://host/name          ->  shown mlflow+https://host/name, key mlflow:host/name
pixelwise-model/releases.git      ->  shown pixelwise-model/releases.git, key file:<absolute path>
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from app.release.refusals import BadRelease

HUB = "https://huggingface.co"
_KINDS = "https://…, ssh://…, git@host:path, hf://owner/name, mlflow+https://host/name, file://… or a local path"
_HELPER = re.compile(r"[A-Za-z0-9+._-]*::")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_CREDENTIALS = re.compile(r"[^@]*:[^@]*@")
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^/:\[\]]+):(?P<path>.+)")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/@%+,=!$&'()*;\[\]-]+")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+")
_HUB_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_NO_OWNERS = ("datasets", "spaces", "models")
_MODEL_NAME = re.compile(r"[\w.+@-][\w .+@-]{0,199}")
_DEFAULT_PORTS = {"https": 443, "ssh": 22}
_WHY_NOT = {
    "http": "the http transport, which anyone on the way can change",
    "git": "the git:// transport, which anyone on the way can change",
}


@dataclass(frozen=True)
class Address:
    """A checked address of a repository of releases.

    Attributes:
        url: the address given to git. It may hold a token, so it is never printed.
        repository: the same address as it is shown and recorded: without a token, and relative if it lies below the
            project's root.
        transport: the one transport that git may use for it; http for this machine only.
        key: equal for two addresses of one repository: https and ssh of one host and path, with or without
            `.git`, a trailing slash, a user or capitals (forges ignore all of these).
        folder: the repository's folder when it is local.
        kind: the kind of source there, as in the table of `table.py`.
    """

    url: str = field(repr=False)
    repository: str
    transport: Literal["https", "http", "ssh", "file"]
    key: str
    folder: Path | None = None
    kind: str = "git"

    @property
    def host(self) -> str:
        """The host's name, of a repository that is not local; a number of version 6 in brackets."""
        place = self.key.partition("/")[0]
        return f"[{place}]" if place.count(":") > 1 else place.partition(":")[0]


def parse_address(text: str, *, root: Path) -> Address:
    """The address that `text` means; a relative path counts from `root`.

    Raises:
        BadRelease: an address that git could take for an option or a command, a transport that is not
            protected against tampering in transit, or no address at all.
    """
    if not text.strip():
        raise _refused(text, found="empty")
    if not text.isprintable():
        raise _refused(text, found="control characters")
    if text.startswith("-"):
        raise _refused(text, found="an option of git instead of an address")
    if helper := _HELPER.match(text):
        raise _refused(text, found=f"the transport helper {helper[0]}, which can run any command")
    if scheme := _SCHEME.match(text):
        return _from_url(text, scheme[1].lower(), root)
    if _CREDENTIALS.match(text):
        raise _refused(text, found="a user and a token without https:// before them")
    if scp := _SCP.fullmatch(text):
        host, path = scp["host"].strip("[]"), scp["path"]
        if not scp["user"] and host.lower() in SCHEMES:
            raise _refused(
                text, found=f"{host}: without the // that follows it (a machine of that name: USER@{host}:…)"
            )
        return _network(text, "ssh", text, user=scp["user"] or "", host=host, port=None, path=path)
    return _local(Path(text), root)


def without_user(address: Address) -> Address:
    """An address over http(s) without its user and token, which a command line must not show."""
    if address.transport not in ("https", "http"):
        return address
    scheme, _, rest = address.url.partition("://")
    place, slash, path = rest.partition("/")
    return replace(address, url=f"{scheme}://{place.rpartition('@')[2]}{slash}{path}")


def recorded_key(text: str, *, root: Path) -> str | None:
    """The key of an address that a lock or a record has; None for one of a kind that is not known here, as another
    version of PixelWise may have written: no source here is the same repository."""
    try:
        return parse_address(text, root=root).key
    except BadRelease:
        return None


def _from_url(text: str, scheme: str, root: Path) -> Address:
    read = SCHEMES.get(scheme)
    if read is None:
        raise _refused(text, found=_WHY_NOT.get(scheme, f"the transport {scheme}://"))
    return read(text, root)


def _from_hub(text: str, root: Path) -> Address:
    owner, slash, name = text.partition("://")[2].rstrip("/").partition("/")
    if not slash or "/" in name or owner.lower() in _NO_OWNERS:
        raise _refused(text, found="another form than hf://owner/name, which names a model on the Hub")
    for part in (owner, name):
        if not _HUB_NAME.fullmatch(part) or ".." in part or part.endswith(".git"):
            raise _refused(text, found="an owner or a name that the Hub does not have")
    address = _from_network_url(f"{HUB}/{owner}/{name}", root)
    return replace(address, repository=f"hf://{owner}/{name}", kind="hf")


def _from_file_url(text: str, root: Path) -> Address:
    host, slash, path = text.partition("://")[2].partition("/")
    if host not in ("", "localhost") or not slash:
        raise _refused(
            text, found=f"a file:// address on host {host.rpartition('@')[2] or '(none)'} without a local path"
        )
    if not unquote(path).isprintable():
        raise _refused(text, found="control characters behind percent signs")
    return _local(Path("/" + unquote(path)), root)


def _from_network_url(text: str, root: Path) -> Address:
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    url = f"{scheme}://{rest}"
    try:
        parts = urlsplit(url)
        user, host, port = unquote(parts.username or ""), parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(text, found=f"an address that cannot be read ({error})") from error
    named = f"[{host}]" if ":" in host else host
    shown = (
        f"{scheme}://{user + '@' if user and scheme == 'ssh' else ''}{named}{f':{port}' if port else ''}{parts.path}"
    )
    return _network(url, scheme, shown, user=user, host=host, port=port, path=parts.path)


def _from_mlflow_url(text: str, root: Path) -> Address:
    """The address of a registered model: `url` is that of the server, with the model's name as its last part."""
    scheme, _, rest = text.partition("://")
    if "@" in rest.partition("/")[0]:
        found = "a user or a token in an address of MLflow, where the environment has to name them"
        raise _refused(text, found=found)
    place = _from_network_url(f"https://{rest.rstrip('/')}", root)
    shown = f"{scheme.lower()}{place.repository.removeprefix('https')}"
    path = unquote(urlsplit(place.url).path)
    if not _MODEL_NAME.fullmatch(path.rpartition("/")[2]):
        raise _refused(shown, found="a name of a registered model with odd characters")
    # subtle: names of models and a server's prefix may differ by capitals alone
    host = urlsplit(place.url).netloc.casefold().removesuffix(":443")
    url = f"{scheme.lower().removeprefix('mlflow+')}{place.url.removeprefix('https')}"
    return Address(url, shown, "https", f"mlflow:{host}{path}", kind="mlflow")


def _network(url: str, scheme: str, shown: str, *, user: str, host: str, port: int | None, path: str) -> Address:
    plain = unquote(path)
    if not _URL_CHARACTERS.fullmatch(url) or not plain.isprintable():
        raise _refused(shown, found="characters that no address of a repository needs")
    if user.startswith("-") or host.startswith("-") or path.startswith("-"):
        raise _refused(shown, found="an option of ssh instead of a user, host or path")
    if not _HOST.fullmatch(host):
        raise _refused(shown, found="no host name")
    segments = [part for part in plain.split("/") if part]
    if not segments:
        raise _refused(shown, found="a host without a path")
    if ".." in segments or "." in segments:
        raise _refused(shown, found="a path with . or .. in it")
    transport: Literal["https", "ssh"] = "https" if scheme == "https" else "ssh"
    at = "" if port in (None, _DEFAULT_PORTS[transport]) else f":{port}"
    key = f"{host.rstrip('.')}{at}/{'/'.join(segments).removesuffix('.git')}".casefold()
    return Address(url, shown, transport, key)


def _local(path: Path, root: Path) -> Address:
    folder = (root / path).resolve()
    if folder.is_relative_to(root.resolve()):
        below = folder.relative_to(root.resolve()).as_posix()
        shown = f"./{below}" if ":" in below or below.startswith("-") else below
    else:
        shown = str(folder)
    # subtle: git treats an absolute path as a path whatever it contains, so no option, host or helper can hide here
    return Address(str(folder), shown, "file", f"file:{folder}", folder)


def is_loopback(host: str) -> bool:
    """True for this machine, by number or as localhost."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _refused(text: str, *, found: str) -> BadRelease:
    shown = re.sub(r"(?<=:)(?://?|\\\\)?[^@]*@|^[^@]*@", "(hidden)@", text) if ":" in text.rpartition("@")[0] else text
    return BadRelease(
        f"MODEL_REPO={ascii(shown)[1:-1]}",
        found=found,
        expected=f"the address of a repository of releases: {_KINDS}",
        remedy="Correct MODEL_REPO in .env; docs/sources.md lists the forms.",
    )


SCHEMES: dict[str, Callable[[str, Path], Address]] = {
    "https": _from_network_url,
    "ssh": _from_network_url,
    "file": _from_file_url,
    "hf": _from_hub,
    "mlflow+https": _from_mlflow_url,
    "mlflow+http": _from_mlflow_url,
}
"""Functions that read an address, by the part before its "://". A further source adds its own scheme."""
