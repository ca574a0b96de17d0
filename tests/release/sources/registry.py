"""A stand-in for an MLflow server on loopback: a registry of models, and the files of their versions; releases for it,
and its refusals."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from app.errors import PixelWiseError
from app.release.manifest import manifest_digest
from app.release.record import SUMS, describe
from app.release.sources.mlflow import TOKEN
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, sums

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
SEARCH, PLACE = f"{API}/model-versions/search", f"{API}/model-versions/get-download-uri"

WHOLE = {**FILES, SUMS: sums(FILES)}
MANIFEST = manifest_digest(describe(name, data) for name, data in WHOLE.items())
OTHER = {**FILES, PKL: b"Artefact"}
ANOTHER = {**OTHER, SUMS: sums(OTHER)}
SECRET = "s3cr3t-t0ken"


@dataclass
class Registry:
    """The registry's contents, and what was asked of it.

    Attributes:
        prefix: of all its paths, such as "/ml".
        versions: name, number, source and tags, as MLflow writes them.
        places: source -> the address of the files, where it is another one.
        files: contents by their path below the root of the artifacts.
        sizes: what a listing claims, by path, where it is another size.
        instead: answers of its own, for paths that end with the key.
        asked: path and Authorization header of every request.
    """

    prefix: str = ""
    url: str = ""
    versions: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, object] = field(default_factory=dict)
    instead: dict[str, Callable[[Handler], None]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def register(self, release: str, files: Mapping[str, bytes], *, name: str = "digits", source: str = "") -> str:
        """Adds a version of a model with these files; returns the path of its folder."""
        folder = f"1/{len(self.versions):032x}/artifacts"
        self.put(folder, files)
        version = {"name": name, "version": str(len(self.versions) + 1), "status": "READY"}
        tags = [{"key": "other", "value": release}, {"key": "release", "value": release}]
        self.versions.append({**version, "source": source or f"mlflow-artifacts:/{folder}", "tags": tags})
        return folder

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        self.files |= {f"{folder}/{name}": data for name, data in files.items()}

    def address(self, name: str = "digits") -> str:
        return f"mlflow+{self.url}{self.prefix}/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: ClassVar[Registry]

    def do_GET(self) -> None:
        registry, parts = self.registry, urlsplit(self.path)
        registry.asked.append((self.path, self.headers["Authorization"]))
        path, asked = unquote(parts.path), {key: one[0] for key, one in parse_qs(parts.query).items()}
        own = next((do for end, do in registry.instead.items() if path.endswith(end)), None)
        if own is not None:
            with suppress(OSError):  # who refuses an answer hangs up before its end
                own(self)
        elif not path.startswith(registry.prefix):
            self.send_error(404)
        else:
            self._answer(path.removeprefix(registry.prefix), asked)

    def _answer(self, path: str, asked: dict[str, str]) -> None:
        registry = self.registry
        if path == f"{API}/registered-models/get":
            there = asked["name"] in [one["name"] for one in registry.versions]
            self.send_json({"registered_model": {"name": asked["name"]}} if there else self._none(), there)
        elif path == SEARCH:
            found = [one for one in registry.versions if matches(one, asked["filter"])]
            self.send_json({"model_versions": found[: int(asked["max_results"])]} if found else {})
        elif path == PLACE:
            sources = [one["source"] for one in registry.versions if one["version"] == asked["version"]]
            self.send_json({"artifact_uri": registry.places.get(sources[0], sources[0])})
        elif path == ARTIFACTS:
            self.send_json({"files": self._listing(asked["path"])})
        elif (data := registry.files.get(path.removeprefix(f"{ARTIFACTS}/"))) is not None:
            self.send(data, kind="application/octet-stream")
        else:
            self.send_json(self._none(), False)

    def _listing(self, folder: str) -> list[dict[str, object]]:
        below = {path.removeprefix(f"{folder}/"): path for path in self.registry.files if path.startswith(f"{folder}/")}
        files: list[dict[str, object]] = [
            {"path": name, "is_dir": False, "file_size": self.registry.sizes.get(path, len(self.registry.files[path]))}
            for name, path in below.items()
            if "/" not in name
        ]
        folders = {name.partition("/")[0] for name in below if "/" in name}
        return files + [{"path": name, "is_dir": True} for name in sorted(folders)]

    @staticmethod
    def _none() -> dict[str, object]:
        return {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"}

    def send_json(self, value: object, is_there: bool = True) -> None:
        self.send(json.dumps(value).encode(), status=200 if is_there else 404, kind="application/json")

    def send(self, data: bytes, *, status: int = 200, kind: str = "", **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def matches(version: Mapping[str, Any], condition: str) -> bool:
    """True if a version is one that MLflow finds with this filter: a name, and perhaps a tag's value."""
    match = re.fullmatch(r"name='([^']*)'(?: and tags\.(\w+)='([^']*)')?", condition)
    assert match is not None, condition
    has_tag = {"key": match[2], "value": match[3]} in version["tags"]
    return version["name"] == match[1] and (has_tag or match[2] is None)


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    handler = type("OfThis", (Handler,), {"registry": registry})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        registry.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()


def refused(house: House, registry: Registry, kind: type[PixelWiseError], *, exit_code: int, address: str = "") -> str:
    """The message of a refused pull, which is asked for with a token. Nothing has changed, and nothing shows it."""
    before = house.contents()
    with pytest.raises(kind) as refusal:
        house.pull(address or registry.address(), environ={TOKEN: SECRET})
    assert refusal.value.exit_code == exit_code
    assert house.contents() == before
    message = str(refusal.value)
    assert SECRET not in message + "".join(house.said) + json.dumps(refusal.value.parts) and message.isprintable()
    return message
