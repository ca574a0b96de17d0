"""A pull over https from a server of our own: git's own `http-backend` behind a self-signed certificate."""

from __future__ import annotations

import http.server
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import Unreachable
from tests.release.conftest import House
from tests.release.remote import ENVIRONMENT, Remote

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")

Environment = Callable[..., dict[str, str]]


class Backend(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(self.server.folder),  # type: ignore[attr-defined]
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        ran = subprocess.run(["git", "http-backend"], input=body, env=ENVIRONMENT | variables, capture_output=True)
        head, _, answer = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def server(remote: Remote, tmp_path: Path) -> Iterator[str]:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=x -addext subjectAltName=IP:127.0.0.1"
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "certificate.pem")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) as running:
        running.folder = remote.folder.parent  # type: ignore[attr-defined]
        running.socket = context.wrap_socket(running.socket, server_side=True)
        running.handle_error = lambda *arguments: None  # type: ignore[method-assign]
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_release_is_pulled_over_https(
    house: House, remote: Remote, server: str, environment: Environment, tmp_path: Path
) -> None:
    commit = remote.release()
    trusting = environment(GIT_SSL_CAINFO=str(tmp_path / "certificate.pem"))
    pulled = house.pull(f"https://someone:secret@{server}/remote.git", environ=trusting)
    assert pulled.release.commit == commit and pulled.release.repository == f"https://{server}/remote.git"
    assert not [name for name, data in house.contents().items() if b"secret" in data]
    with pytest.raises(Unreachable, match="not found") as refusal:
        house.pull(f"https://someone:secret@{server}/gone.git", environ=trusting)
    assert refusal.value.exit_code == 6 and "secret" not in str(refusal.value)


def test_a_server_whose_certificate_nobody_vouches_for_is_not_talked_to(
    house: House, remote: Remote, server: str, environment: Environment
) -> None:
    remote.release()
    with pytest.raises(Unreachable, match="certificate"):
        house.pull(f"https://{server}/remote.git", environ=environment(GIT_SSL_NO_VERIFY="1"))


def test_a_port_where_nobody_listens_is_unreachable(house: House, environment: Environment) -> None:
    with pytest.raises(Unreachable, match=r"Check the network and MODEL_REPO.*setup-server.sh --releases v1.0"):
        house.pull("https://127.0.0.1:1/x.git", environ=environment())
