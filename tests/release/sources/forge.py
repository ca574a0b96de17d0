"""A forge on loopback: bare repositories behind git's own `http-backend`, and a git-LFS server beside each."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.release.remote import ENVIRONMENT


def pointer(data: bytes, *, size: int | None = None) -> bytes:
    """The pointer that git-LFS commits for these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    said = len(data) if size is None else size
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {said}\n".encode()


@dataclass
class Asked:
    """A request, as the forge saw it; the names of its headers are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Forge:
    """The forge's contents, and what was asked of it.

    Attributes:
        folder: of the bare repositories.
        objects: contents by their sha256.
        login: user:password that everything needs; None lets everybody in.
        header: sent along with each address of contents, and wanted back.
        instead: answers of its own, for paths that end with, or begin with, the key.
    """

    folder: Path
    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    login: str | None = None
    header: dict[str, str] = field(default_factory=dict)
    instead: dict[str, Callable[[Handler], None]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def keep(self, data: bytes) -> bytes:
        """Takes contents, and returns their pointer."""
        self.objects[hashlib.sha256(data).hexdigest()] = data
        return pointer(data)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    forge: ClassVar[Forge]
    body: bytes = b""

    def do_GET(self) -> None:
        forge = self.forge
        self.body = self._received()
        headers = {name.lower(): value for name, value in self.headers.items()}
        forge.asked.append(Asked(self.command, self.path, headers, self.body))
        path = self.path.partition("?")[0]
        own = next((do for part, do in forge.instead.items() if path.endswith(part) or path.startswith(part)), None)
        if own is not None:
            own(self)
        elif not self.is_let_in(path, headers):
            self.send({"WWW-Authenticate": 'Basic realm="x"'}, b"log in", status=401)
        elif not self.answer(path):
            self._git(path)

    do_POST = do_GET
    do_HEAD = do_GET

    def answer(self, path: str) -> bool:
        """Answers what is not git's; false for everything else."""
        if path.endswith("/info/lfs/objects/batch"):
            self.batch(json.loads(self.body))
        elif path.startswith("/lfs/"):
            data = self.forge.objects.get(path.removeprefix("/lfs/"))
            self.send({}, data if data is not None else b"", status=200 if data is not None else 404)
        else:
            return False
        return True

    def send(self, headers: dict[str, str], data: bytes, *, status: int = 200) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_json(self, value: object, *, status: int = 200, kind: str = "application/json") -> None:
        self.send({"Content-Type": kind}, json.dumps(value).encode(), status=status)

    def _received(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def is_let_in(self, path: str, headers: dict[str, str]) -> bool:
        if path.startswith("/lfs/"):
            return all(headers.get(name.lower()) == value for name, value in self.forge.header.items())
        if self.forge.login is None:
            return True
        return headers.get("authorization") == f"Basic {base64.b64encode(self.forge.login.encode()).decode()}"

    def batch(self, wanted: dict[str, Any]) -> None:
        kind = "application/vnd.git-lfs+json"
        assert self.headers["Accept"] == self.headers["Content-Type"] == kind
        assert (wanted["operation"], wanted["transfers"]) == ("download", ["basic"])
        objects = [
            {
                **one,
                "actions": {"download": {"href": f"{self.forge.url}/lfs/{one['oid']}", "header": self.forge.header}},
            }
            if one["oid"] in self.forge.objects
            else {**one, "error": {"code": 404, "message": "Object does not exist"}}
            for one in wanted["objects"]
        ]
        self.send_json({"transfer": "basic", "objects": objects}, kind=kind)

    def _git(self, path: str) -> None:
        variables = {
            "GIT_PROJECT_ROOT": str(self.forge.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": self.path.partition("?")[2],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        ran = subprocess.run(["git", "http-backend"], input=self.body, env=ENVIRONMENT | variables, capture_output=True)
        head, _, answer = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send(headers, answer, status=int(headers.pop("Status", "200 OK").split()[0]))

    def log_message(self, *arguments: object) -> None: ...


@contextmanager
def serving(forge: Forge, handler: type[Handler] = Handler, *, certificate: Path | None = None) -> Iterator[Forge]:
    """The forge at its `url`: https with a certificate, which has its key in the same file, else http."""
    bound = type("Bound", (handler,), {"forge": forge})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), bound) as running:
        running.daemon_threads = True
        running.handle_error = lambda *arguments: None  # type: ignore[method-assign]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            running.socket = context.wrap_socket(running.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        forge.url = f"{scheme}://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield forge
        finally:
            running.shutdown()
            thread.join()


def make_certificate(file: Path, host: str = "IP:127.0.0.1") -> Path:
    """A certificate for 127.0.0.1, or "DNS:NAME", and its key, which nobody vouches for, in one file."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=x"
    paths = ["-addext", f"subjectAltName={host}", "-keyout", f"{file}.key", "-out", str(file)]
    subprocess.run([*command.split(), *paths], check=True, capture_output=True)
    with file.open("ab") as certificate:
        certificate.write(Path(f"{file}.key").read_bytes())
    return file
