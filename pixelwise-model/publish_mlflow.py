"""An MLflow registry as a place for releases: mlflow+https://host[/prefix]/name, by MLflow's REST interface.

A release becomes the artifacts of a run, a version of the registered model, and last its tag `release=v1.0`.
Credentials are those of MLflow's own client: MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME with
MLFLOW_TRACKING_PASSWORD.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from addresses import shown
from errors import CredentialsRefused, ReleaseRefused, RemoteUnreachable, TagExists
from repository import ReleaseRepository

TAG, EXPERIMENT = "release", "PixelWise releases"
TOKEN, USER, PASSWORD = "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
_API, _ARTIFACTS = "api/2.0/mlflow/", "api/2.0/mlflow-artifacts/artifacts/"
_SECONDS = 60
_MOST_BYTES = 1 << 20
_HERE = ("localhost", "127.0.0.1", "::1")
_ADDRESS = re.compile(
    r"mlflow\+(https?)://((?:\[[0-9A-Fa-f:.]+\]|[\w.-]+)(?::\d{1,5})?)((?:/[\w.%+@~-]+)*)/([\w.%+@-]+)/?",
    re.ASCII,
)


class _NotThere(Exception):
    """The registry has no such thing."""


class MlflowPublisher:
    """One registered model; made with the first release of it."""

    def __init__(self, repository: ReleaseRepository, address: str) -> None:
        match = _ADDRESS.fullmatch(address)
        if match is None or re.fullmatch(r"[\w .+@-]+", unquote(match[4])) is None:
            raise self._wrong(shown(address), "another form")
        scheme, host, self._prefix, name = match.groups()
        if scheme == "http" and urlsplit(f"//{host}").hostname not in _HERE:
            raise self._wrong(address, "http to another machine, which anyone on the way can read and change")
        self._repository, self._address, self._name = repository, address, unquote(name)
        connect = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        self._connect = lambda: connect(host, timeout=_SECONDS)
        self._headers = self._credentials(os.environ)

    def published(self, version: str) -> bool:
        found = self._versions(version)
        if not found:
            return False
        if len(found) == 1 and version in self._repository.versions():
            files = self._repository.files(version)
            folder = self._folder(found[0])
            if all(self._artifact(f"{folder}/{name}", len(data)) == data for name, data in files.items()):
                return True
        raise TagExists(
            version,
            where=f"{self._address} (version {', '.join(str(one['version']) for one in found)})",
            remedy="A published version is not replaced: choose the next version.",
        )

    def publish(self, version: str) -> None:
        files = self._repository.files(version)
        try:
            self._call("GET", f"{_API}registered-models/get?{urlencode({'name': self._name})}")
        except _NotThere:
            self._send("registered-models/create", {"name": self._name})
        tags = [{"key": "manifest", "value": manifest_digest(files)}]
        start = {"experiment_id": self._experiment(), "run_name": f"{self._name} {version}", "tags": tags}
        run = self._send("runs/create", {**start, "start_time": _now()})["run"]["info"]
        folder = self._checked(run["artifact_uri"])
        for name, data in files.items():
            self._call("PUT", _ARTIFACTS + quote(f"{folder}/{name}"), data, "application/octet-stream")
        self._send("runs/update", {"run_id": run["run_id"], "status": "FINISHED", "end_time": _now()})
        made = {"name": self._name, "source": run["artifact_uri"], "run_id": run["run_id"], "tags": tags}
        number = self._send("model-versions/create", made)["model_version"]["version"]
        self._send(
            "model-versions/set-tag",
            {"name": self._name, "version": str(number), "key": TAG, "value": version},
        )
        if len(found := self._versions(version)) > 1:
            raise TagExists(
                version,
                where=f"{self._address} (version {', '.join(str(one['version']) for one in found)})",
                remedy=f"Somebody published it meanwhile: take the tag {TAG} off all but the right one.",
            )

    def _versions(self, version: str) -> list[dict[str, Any]]:
        """What the registry has under this tag."""
        asked = {"filter": f"name='{self._name}' and tags.{TAG}='{version}'", "max_results": 100}
        return list(
            self._json("GET", f"{_API}model-versions/search?{urlencode(asked)}").get("model_versions", [])
        )

    def _experiment(self) -> str:
        try:
            found = self._json(
                "GET", f"{_API}experiments/get-by-name?{urlencode({'experiment_name': EXPERIMENT})}"
            )
        except _NotThere:
            return str(self._send("experiments/create", {"name": EXPERIMENT})["experiment_id"])
        return str(found["experiment"]["experiment_id"])

    def _folder(self, found: Mapping[str, Any]) -> str:
        where = urlencode({"name": self._name, "version": str(found["version"])})
        return self._checked(
            self._json("GET", f"{_API}model-versions/get-download-uri?{where}")["artifact_uri"]
        )

    def _checked(self, uri: str) -> str:
        """The path below the server's artifacts."""
        scheme, _, path = uri.partition(":/")
        if scheme != "mlflow-artifacts" or path.startswith("/"):
            raise ReleaseRefused(
                f"registry {self._address}",
                found=f"files that it keeps at {scheme}: and does not serve",
                promised="a server that serves them (mlflow-artifacts:)",
                remedy="Start it with --serve-artifacts, with --artifacts-destination instead of "
                "--default-artifact-root.",
            )
        return path

    def _artifact(self, path: str, size: int) -> bytes | None:
        """A file of this size; of a longer one no more than one byte more."""
        try:
            return self._call("GET", _ARTIFACTS + quote(path), piece=size + 1)
        except _NotThere:
            return None

    def _send(self, what: str, body: object) -> dict[str, Any]:
        return self._json("POST", _API + what, json.dumps(body).encode())

    def _json(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        answer = self._call(method, path, body, "application/json")
        try:
            decoded = json.loads(answer)
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            raise self._unreachable("an answer that is no JSON, such as a page to log in")
        return decoded

    def _call(
        self, method: str, path: str, body: bytes | None = None, kind: str = "", piece: int | None = None
    ) -> bytes:
        """One request. Nothing is sent on to another address: a redirect is a failure."""
        connection = self._connect()
        try:
            headers = {**self._headers, **({"Content-Type": kind} if kind else {})}
            connection.request(method, f"{self._prefix}/{path}", body, headers)
            with connection.getresponse() as answer:
                read = answer.read(piece or _MOST_BYTES + 1)
        except (OSError, OverflowError, http.client.HTTPException) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        finally:
            connection.close()
        if answer.status == 404 and b"RESOURCE_DOES_NOT_EXIST" in read:
            raise _NotThere
        if answer.status in (401, 403):
            given = "credentials that were refused" if self._headers else "no credentials"
            raise CredentialsRefused(
                self._address,
                found=f"{answer.status}, {given}",
                variable=f"{TOKEN}, or {USER} and {PASSWORD},",
            )
        if answer.status not in (200, 201):
            raise self._unreachable(f"{method} {path.partition('?')[0]}: {answer.status} {_said(read)}")
        if piece is None and len(read) > _MOST_BYTES:
            raise self._unreachable(f"an answer of more than {_MOST_BYTES:,} bytes")
        return read

    def _credentials(self, environ: Mapping[str, str]) -> dict[str, str]:
        token, user, password = (environ.get(name, "") for name in (TOKEN, USER, PASSWORD))
        if user and password:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        if token and re.fullmatch(r"[!-~]+", token) is None:
            raise CredentialsRefused(self._address, found="characters that no token has", variable=TOKEN)
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _unreachable(self, found: str) -> RemoteUnreachable:
        remedy = "Check the address and the server, then run again with --if-missing."
        return RemoteUnreachable(self._address, found=found, remedy=remedy)

    @staticmethod
    def _wrong(address: str, found: str) -> ReleaseRefused:
        return ReleaseRefused(
            f"address {address}",
            found=found,
            promised="mlflow+https://host/name, or mlflow+http://127.0.0.1:port/name on this machine, and "
            "credentials in the environment",
            remedy="Correct the address.",
        )


def manifest_digest(files: Mapping[str, bytes]) -> str:
    """The digest that PixelWise pins a release by where there is no git."""
    named = {line[66:] for line in files["SHA256SUMS"].decode().splitlines() if line}
    lines = sorted(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in {"SHA256SUMS", *named})
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _said(answer: bytes) -> str:
    """What MLflow says of a failure, in one printable line."""
    try:
        said = json.loads(answer)["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return ascii(" ".join(str(said).split())[:200])[1:-1]


def _now() -> int:
    return int(time.time() * 1000)
