"""Publishing in an MLflow registry, against a stand-in; the real server is in PixelWise's tests/clients."""

import hashlib
import http.server
import json
import socket
import threading
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

import publish_mlflow
from errors import CredentialsRefused, ModelRepositoryError, ReleaseRefused, RemoteUnreachable, TagExists
from publishing import publisher, push
from repository import ReleaseRepository

API, ARTIFACTS = "/api/2.0/mlflow/", "/api/2.0/mlflow-artifacts/artifacts/"
SECRET = "s3cr3t-t0ken"


class Handler(http.server.BaseHTTPRequestHandler):
    """A registry whose contents are attributes of its class."""

    models: set
    versions: list
    files: dict
    asked: list
    instead: dict
    root: str

    def do_GET(self):
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        query = {key: one[0] for key, one in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append((self.command, path.removeprefix(API), self.headers["Authorization"]))
        if own := next((answer for end, answer in self.instead.items() if path.endswith(end)), None):
            self.send(*own)
        elif path.startswith(ARTIFACTS):
            name = path.removeprefix(ARTIFACTS)
            if self.command == "PUT":
                self.files[name] = body
            self.send(200 if name in self.files else 404, self.files.get(name, MISSING))
        else:
            answer = self.answer(path.removeprefix(API), query | (json.loads(body) if body else {}))
            self.send(
                404 if answer is None else 200, MISSING if answer is None else json.dumps(answer).encode()
            )

    do_POST = do_PUT = do_GET

    def answer(self, what, asked):
        match what:
            case "registered-models/get":
                return {"registered_model": {}} if asked["name"] in self.models else None
            case "registered-models/create":
                self.models.add(asked["name"])
            case "experiments/get-by-name":
                return None
            case "experiments/create":
                return {"experiment_id": "1"}
            case "runs/create":
                uri = f"{self.root}1/{len(self.versions)}/artifacts"
                return {"run": {"info": {"run_id": "r", "artifact_uri": uri}}}
            case "model-versions/create":
                self.versions.append({"version": str(len(self.versions) + 1), **asked, "tag": None})
                return {"model_version": self.versions[-1]}
            case "model-versions/set-tag":
                assert asked["key"] == "release"
                self.versions[int(asked["version"]) - 1]["tag"] = asked["value"]
            case "model-versions/search":
                found = [one for one in self.versions if f"tags.release='{one['tag']}'" in asked["filter"]]
                return {"model_versions": found} if found else {}
            case "model-versions/get-download-uri":
                return {"artifact_uri": self.versions[int(asked["version"]) - 1]["source"]}
        return {}

    def send(self, status, data, **headers):
        self.send_response(status)
        for key, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *arguments):
        pass


MISSING = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"}).encode()


@pytest.fixture
def registry():
    """An empty registry: its handler, with its address."""
    empty = {
        "models": set(),
        "versions": [],
        "files": {},
        "asked": [],
        "instead": {},
        "root": "mlflow-artifacts:/",
    }
    handler = type("OfThis", (Handler,), empty)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        handler.address = f"mlflow+http://127.0.0.1:{server.server_address[1]}/digits"
        yield handler
        server.shutdown()
        thread.join()


def released(folder: Path, artefact: bytes = b"artefact") -> ReleaseRepository:
    """A repository with a v1.0."""
    files = {"digit_classifier_v1.pkl": artefact, "MODELCARD.md": b"# A card\n"}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    (folder / "files").mkdir(parents=True)
    for name, data in {**files, "SHA256SUMS": sums.encode()}.items():
        (folder / "files" / name).write_bytes(data)
    repository = ReleaseRepository(folder / "releases.git")
    repository.publish("v1.0", folder / "files", "Release v1.0")
    return repository


def refused(registry, repository, kind: type[ModelRepositoryError]) -> str:
    with pytest.raises(kind) as refusal:
        push("v1.0", repository, registry.address)
    assert SECRET not in str(refusal.value)
    assert not [one for one in registry.versions if one["tag"]]
    return str(refusal.value)


def test_the_tag_is_set_last_after_all_files(registry, tmp_path):
    repository = released(tmp_path)
    assert push("v1.0", repository, registry.address) == f"pushed v1.0 to {registry.address}"
    changes = [what.removeprefix(ARTIFACTS) for command, what, _ in registry.asked if command != "GET"]
    folder = "1/0/artifacts"
    assert changes == [
        *("registered-models/create", "experiments/create", "runs/create"),
        *(f"{folder}/{name}" for name in sorted(repository.files("v1.0"))),
        *("runs/update", "model-versions/create", "model-versions/set-tag"),
    ]
    assert registry.files == {f"{folder}/{name}": data for name, data in repository.files("v1.0").items()}
    assert [(one["name"], one["tag"]) for one in registry.versions] == [("digits", "v1.0")]


def test_the_same_release_is_nothing_to_push_and_another_is_refused(registry, tmp_path):
    push("v1.0", released(tmp_path / "one"), registry.address)
    assert "nothing to push" in push("v1.0", released(tmp_path / "same"), registry.address)
    for repository in (released(tmp_path / "two", b"Artefact"), ReleaseRepository(tmp_path / "none.git")):
        with pytest.raises(TagExists, match=r"version 1.*choose the next version"):
            publisher(repository, registry.address).published("v1.0")
    registry.files["1/0/artifacts/MODELCARD.md"] += b"more"
    with pytest.raises(TagExists):
        push("v1.0", released(tmp_path / "three"), registry.address)


def test_a_push_that_fails_midway_names_no_version(registry, tmp_path):
    registry.instead["MODELCARD.md"] = (500, b'{"message": "disk\\u001b full"}')
    message = refused(registry, released(tmp_path), RemoteUnreachable)
    assert "MODELCARD.md: 500 disk\\x1b full" in message and "--if-missing" in message
    registry.instead.clear()
    assert "pushed" in push("v1.0", ReleaseRepository(tmp_path / "releases.git"), registry.address)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        ((401, b""), CredentialsRefused, "401, credentials that were refused"),
        ((403, b""), CredentialsRefused, "Set MLFLOW_TRACKING_TOKEN"),
        ((404, b"<html>"), RemoteUnreachable, "404"),
        ((500, b"[" * 100_000), RemoteUnreachable, "500"),
        ((200, b"<html>log in</html>"), RemoteUnreachable, "such as a page to log in"),
        ((200, b"[" * 100_000), RemoteUnreachable, "no JSON"),
        ((200, b" " * (2 << 20)), RemoteUnreachable, "more than 1,048,576 bytes"),
    ],
)
def test_bad_answers_are_refused(registry, tmp_path, monkeypatch, answer, kind, said):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    registry.instead["model-versions/search"] = answer
    assert said in refused(registry, released(tmp_path), kind)
    assert {sent for _, _, sent in registry.asked} == {f"Bearer {SECRET}"}


def test_a_redirect_is_not_followed(registry, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Handler, "answer", lambda self, what, asked: self.send(307, b"", Location=f"{ARTIFACTS}x") or {}
    )
    assert "307" in refused(registry, released(tmp_path), RemoteUnreachable)
    assert len(registry.asked) == 1


def test_a_server_that_does_not_serve_its_files_is_refused_before_any_is_sent(registry, tmp_path):
    registry.root = "s3://bucket/"
    assert "--serve-artifacts" in refused(registry, released(tmp_path), ReleaseRefused)
    assert registry.files == {}


def test_a_server_that_is_silent_or_down_is_unreachable(tmp_path, monkeypatch):
    monkeypatch.setattr(publish_mlflow, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"mlflow+http://127.0.0.1:{silent.getsockname()[1]}/digits"
        with pytest.raises(RemoteUnreachable, match="timed out"):
            push("v1.0", released(tmp_path), address)
    with pytest.raises(RemoteUnreachable, match="refused"):
        push("v1.0", ReleaseRepository(tmp_path / "releases.git"), address)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mlflow+http://mlflow.example/digits", "http to another machine"),
        ("mlflow+https://me:s3cr3t-t0ken@host/digits", "another form"),
        ("mlflow+https://host", "another form"),
        ("mlflow+https://host/di'gits", "another form"),
        ("mlflow+https://host/di%27gits", "another form"),
        ("mlflow+https://host/digits?x=1", "another form"),
        ("mlflow+https://host:port/digits", "another form"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path, address, said):
    with pytest.raises(ReleaseRefused, match=said) as refusal:
        publisher(ReleaseRepository(tmp_path / "none.git"), address)
    assert SECRET not in str(refusal.value)


def test_a_token_that_no_header_can_have_is_refused_unshown(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", f"{SECRET}\r\nHost: x")
    with pytest.raises(CredentialsRefused, match="characters that no token has") as refusal:
        publisher(ReleaseRepository(tmp_path / "none.git"), "mlflow+https://host/digits")
    assert SECRET not in str(refusal.value)
