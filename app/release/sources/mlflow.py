"""An MLflow registry as a source: `mlflow+https://host[/prefix]/name`, read by MLflow's REST interface.

A release is a version of the registered model that has the tag `release` with a value such as "v1.0": aliases like
"v1" are reserved by MLflow. Neither a tag nor a stored file is fixed there, so the pin is the manifest digest.
Source: https://mlflow.org/docs/latest/rest-api.html; MLflow 2 and 3 have what is used here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from msgspec import Struct

from app.errors import ConfigurationError
from app.release.manifest import listed_manifest, manifest_digest
from app.release.pin import Pin
from app.release.record import CARD, SUMS, describe, is_plain, is_version, own_artefact, read_sums
from app.release.refusals import BadRelease
from app.release.sources.address import Address
from app.release.sources.http import NotThere, Site
from app.release.sources.source import ListedFile, Listing, bad_file, size_limit

TAG = "release"
TOKEN, USER, PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
_API = "api/2.0/mlflow/"
_ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts"
_ARTIFACT_SCHEME = "mlflow-artifacts"
_ASKED = 100
"""Most versions that an answer is asked to have."""
_MOST_ENTRIES = 1000
_SHOWN = 20

T = TypeVar("T")


class _Tag(Struct):
    key: str
    value: str = ""


class _Version(Struct):
    name: str
    version: str | int
    source: str = ""
    tags: tuple[_Tag, ...] = ()

    @property
    def releases(self) -> list[str]:
        """The values of its tag `release`, one at most as MLflow keeps tags."""
        return [tag.value for tag in self.tags if tag.key == TAG]


class _Versions(Struct):
    model_versions: tuple[_Version, ...] = ()


class _Place(Struct):
    artifact_uri: str


class _Entry(Struct):
    path: str
    is_dir: bool = False
    file_size: int | str = 0  # MLflow writes a number, its description of the protocol asks for text


class _Entries(Struct):
    files: tuple[_Entry, ...] = ()


class _Anything(Struct):
    """An object in JSON."""


@dataclass(frozen=True)
class _Found:
    """The folder of a release on the server, as it was when the release was pinned.

    Attributes:
        path: below the root of the server's artifacts.
        entries: all that lies in it.
        names: the files that the manifest digest covers.
    """

    path: str
    entries: tuple[_Entry, ...]
    names: frozenset[str]


class MlflowSource:
    """The source behind one registered model (`source.py` describes the verbs)."""

    def __init__(self, address: Address, environ: Mapping[str, str]) -> None:
        base, _, name = address.url.rpartition("/")
        self._name = unquote(name)
        self._host = urlsplit(base).netloc
        self._subject = f"registry {address.repository}"
        authorization = _authorization(environ)
        credentials = f"{TOKEN}, or {USER} and {PASSWORD},"
        self._site = Site(base, self._subject, authorization, credentials, environ=environ)
        self._found: dict[Pin, _Found] = {}

    def resolve(self, version: str) -> Pin:
        path = self._path_of(self._version(version))
        entries = self._entries(path)
        there = [entry.path for entry in entries if not entry.is_dir]
        if SUMS in there:
            sums = self._get(path, SUMS, size_limit(SUMS))
            names = frozenset({SUMS, *(name for _, name in read_sums(sums))})
            pin = Pin(version, listed_manifest(sums))
        else:
            names = frozenset({own_artefact(version, there), CARD}) & frozenset(there)
            read = [describe(name, self._get(path, name, size_limit(name))) for name in sorted(names)]
            pin = Pin(version, manifest_digest(read))
        self._found[pin] = _Found(path, entries, names)
        return pin

    def list(self, pin: Pin) -> Listing:
        found = self._found[pin]
        files, left_out = [], []
        for entry in found.entries:
            if not entry.is_dir and entry.path in found.names:
                files.append(ListedFile(entry.path, self._size(pin.version, entry)))
            else:
                left_out.append(ascii(entry.path)[1:-1] + ("/" if entry.is_dir else ""))
        return Listing(pin.version, files, left_out)

    def read(self, pin: Pin, name: str, *, limit: int) -> bytes:
        return self._get(self._found[pin].path, name, limit)

    def _version(self, version: str) -> _Version:
        """The one registered version with this tag."""
        found = self._search(f"name='{self._name}' and tags.{TAG}='{version}'")
        for one in found:
            if one.name != self._name or one.releases != [version]:
                tagged = _shown(", ".join(one.releases)) or "otherwise"
                raise self._refused(
                    f"version {_shown(one.version)} of {_shown(one.name)}, tagged {tagged}",
                    f"versions of {self._name} tagged {TAG}={version}, as asked",
                    "The server searches in another way than MLflow: let MODEL_REPO name another.",
                )
        if len(found) > 1:
            numbers = ", ".join(_shown(one.version) for one in found[:_SHOWN])
            raise self._refused(
                f"{len(found)} versions tagged {TAG}={version}: {numbers}",
                "one",
                f"Take that tag off all but the right one (`mlflow.MlflowClient().delete_model_version_tag`, {TAG!r}).",
            )
        if not found:
            raise self._without(version)
        return found[0]

    def _without(self, version: str) -> BadRelease:
        """The refusal of a version that the model does not have."""
        try:
            self._site.get_json(f"{_API}registered-models/get?{urlencode({'name': self._name})}", _Anything)
        except NotThere:
            return self._refused(
                f"no registered model {self._name} there", "a registered model", "Correct MODEL_REPO in .env."
            )
        there = {release for one in self._search(f"name='{self._name}'") for release in one.releases}
        tagged = sorted(filter(is_version, there))[:_SHOWN]
        return self._refused(
            f"versions tagged {', '.join(tagged)}" if tagged else f"no version with a tag like {TAG}=v1.0",
            f"one tagged {TAG}={version}",
            "Name a version that exists, here or in .env (MODEL_VERSION, MODEL_VERSIONS), or give the right one that "
            f"tag (`mlflow.MlflowClient().set_model_version_tag`, {TAG!r}).",
        )

    def _path_of(self, found: _Version) -> str:
        """The folder of a version's files, below the root of the server's artifacts."""
        expected = f"{_ARTIFACT_SCHEME}: or models:/, which the server itself serves"
        remedy = f"Log the release on this server, and tag that version {TAG}=…: nothing else is read."
        subject = f"version {_shown(found.version)}"
        self._check_scheme(found.source, ("models", _ARTIFACT_SCHEME), f"{subject} with the source", expected, remedy)
        where = {"name": self._name, "version": str(found.version)}
        place = self._site.get_json(f"{_API}model-versions/get-download-uri?{urlencode(where)}", _Place).artifact_uri
        self._check_scheme(place, (_ARTIFACT_SCHEME,), f"{subject} with its files at", expected, remedy)
        rest = place.partition(":")[2]
        authority, _, path = rest[2:].partition("/") if rest.startswith("//") else ("", "", rest)
        if authority and authority.casefold() != self._host.casefold():
            raise self._refused(f"{subject} with its files on {_shown(authority)}", f"on {self._host}", remedy)
        parts = path.strip("/").split("/")
        if not path.isprintable() or not all(parts) or {".", ".."} & {unquote(part) for part in parts}:
            raise self._refused(f"{subject} with its files at {_shown(place)}", "a plain path", remedy)
        return "/".join(parts)

    def _check_scheme(self, uri: str, allowed: tuple[str, ...], found: str, expected: str, remedy: str) -> None:
        if uri.partition(":")[0] not in allowed or ":" not in uri:
            raise self._refused(f"{found} {_without_user(uri)}", expected, remedy)

    def _entries(self, path: str) -> tuple[_Entry, ...]:
        try:
            entries = self._site.get_json(f"{_ARTIFACTS}?{urlencode({'path': path})}", _Entries).files
        except NotThere as error:
            raise self._without_files(error.found) from error
        if len(entries) > _MOST_ENTRIES:
            remedy = "Log the release in a folder of its own."
            raise self._refused(f"{len(entries):,} files beside it", f"at most {_MOST_ENTRIES:,}", remedy)
        for entry in entries:
            if "/" in entry.path or entry.path in ("", ".", ".."):
                remedy = "The server lists in another way than MLflow: let MODEL_REPO name another."
                raise self._refused(f"a file {_shown(entry.path)}, which leads elsewhere", "plain file names", remedy)
        return entries

    def _size(self, version: str, entry: _Entry) -> int:
        size = str(entry.file_size)
        if not re.fullmatch(r"[0-9]{1,15}", size):
            raise bad_file(version, entry.path, f"{_shown(size)} bytes", "a size")
        return int(size)

    def _get(self, path: str, name: str, limit: int) -> bytes:
        if not is_plain(name):
            raise self._refused(f"a file {_shown(name)}", "plain file names", "Its owner must publish it anew.")
        try:
            reply = self._site.get(f"{_ARTIFACTS}/{quote(path)}/{quote(name)}", limit=limit)
        except NotThere as error:
            raise self._without_files(f"{error.found}, asked for {name}") from error
        if name == SUMS and reply.is_page:
            remedy = "Look at that address in a browser: something before the server may ask to log in."
            raise self._refused(f"an HTML page in the place of {SUMS}", "its lines", remedy)
        return reply.body

    def _without_files(self, found: str) -> BadRelease:
        remedy = "The version is registered, and its files are gone, or the server gives none out (MLflow's does with "
        remedy += "--serve-artifacts). Its owner must mend that, or log the release anew; nothing was replaced."
        return self._refused(found, "the files of a registered version", remedy)

    def _search(self, condition: str) -> tuple[_Version, ...]:
        asked = {"filter": condition, "max_results": _ASKED}
        return self._site.get_json(f"{_API}model-versions/search?{urlencode(asked)}", _Versions).model_versions

    def _refused(self, found: str, expected: str, remedy: str) -> BadRelease:
        return BadRelease(self._subject, found=self._site.hidden(found), expected=expected, remedy=remedy)


def _authorization(environ: Mapping[str, str]) -> str | None:
    """The value of the Authorization header; a name and a password count before a token, as with MLflow's own client.

    Raises:
        ConfigurationError: a value that no header can have, or half of a pair.
    """
    token, user, password = (environ.get(name, "") for name in (TOKEN, USER, PASSWORD))
    if bool(user) != bool(password):
        given, wanted = (USER, PASSWORD) if user else (PASSWORD, USER)
        raise ConfigurationError(
            given,
            found=f"no {wanted} beside it",
            expected="both or neither",
            remedy=f"Set {wanted} in the environment too, or unset {given}.",
        )
    if user:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    # subtle: http.client would name a value with a line break in its error
    if token and not re.fullmatch(r"[!-~]+", token):
        raise ConfigurationError(
            TOKEN,
            found="spaces or characters that no header can have",
            expected="a token as the server gave it",
            remedy=f"Set {TOKEN} anew in the environment, or unset it.",
        )
    return f"Bearer {token}" if token else None


def _without_user(uri: str) -> str:
    """An address of somebody else's, for a message: without a user, a query or a fragment."""
    return _shown(re.sub(r"//[^/]*@", "//", uri).partition("?")[0].partition("#")[0])


def _shown(text: object) -> str:
    return ascii(str(text)[:200])[1:-1]
