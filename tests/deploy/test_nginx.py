"""deploy/pixelwise.nginx in Debian's nginx, with a running service behind it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from app.drawing.decode_image import PICTURE_BYTES
from app.web.routes.classify import BATCH_BYTES
from app.web.routes.open_inference import INFER_BYTES
from tests.installation import ROOT
from tests.service import Service, services

NAME = "digits.example.org"
SITE = ROOT / "deploy/pixelwise.nginx"
CONFIGURATION = """
pid {folder}/pid; error_log {folder}/error.log; {user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/a; uwsgi_temp_path {folder}/b; scgi_temp_path {folder}/c;
    include {folder}/site;
}}
"""


class Proxy(NamedTuple):
    """A running nginx: the service behind it, and the ports of 127.0.0.1 where it listens."""

    service: Service
    http: int
    https: int

    def client(self, scheme: str = "http", *, source: str | None = None, **headers: str) -> httpx.Client:
        """A client that asks for NAME. `source`: the address of this machine from which it comes."""
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        port = self.https if scheme == "https" else self.http
        return httpx.Client(
            base_url=f"{scheme}://127.0.0.1:{port}",
            headers={"host": f"{NAME}:{port}", **headers},
            transport=httpx.HTTPTransport(verify=trusting, local_address=source),
            timeout=30,
        )

    def requests(self) -> list[dict[str, Any]]:
        """The lines about requests in the service's log."""
        time.sleep(0.2)  # they are written a twentieth of a second late
        lines = [json.loads(line) for line in self.service.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["source"] == "request"]


def rendered(name: str, address: str) -> str:
    """The site as the installation writes it."""
    command = 'ROOT=$1; source "$1/deploy/service.sh"; site "$2" "$3"'
    done = subprocess.run(["bash", "-c", command, "-", ROOT, name, address], capture_output=True, text=True, check=True)
    return done.stdout


@contextmanager
def nginx(folder: Path, address: str) -> Iterator[tuple[int, int]]:
    """nginx with our site before `address`; the value is where it speaks HTTP and HTTPS."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("openssl") is None:
        say = pytest.fail if os.environ.get("PIXELWISE_NGINX") == "required" else pytest.skip
        say("no nginx or no openssl here (Debian: apt-get install nginx openssl)")
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-subj", f"/CN={NAME}", "-keyout", f"{folder}/key", "-out", f"{folder}/certificate"]
    subprocess.run(command, check=True, capture_output=True)
    ports = free_port(), free_port()
    # As certbot does it.
    listen = f"listen 127.0.0.1:{ports[0]}; listen 127.0.0.1:{ports[1]} ssl;"
    certificate = f"ssl_certificate {folder}/certificate; ssl_certificate_key {folder}/key;"
    site = rendered(NAME, address)
    assert site.count("listen 80;") == 1
    site = site.replace("listen 80;", f"{listen} {certificate}").replace("listen [::]:80;", "")
    (folder / "site").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, user=user))
    program_here = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    tested = subprocess.run([*program_here, "-t"], capture_output=True, text=True)
    assert (tested.returncode, "[warn]" in tested.stderr) == (0, False), tested.stderr
    process = subprocess.Popen([*program_here, "-g", "daemon off;"])
    try:
        wait_for(ports[1])
        yield ports
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.fixture(scope="module")
def proxy(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    with services(compiled, tmp_path_factory.mktemp("service")) as start:
        service = start(TRUSTED_PROXIES="127.0.0.1/32", ALLOWED_HOSTS=NAME)
        with nginx(folder, service.url.removeprefix("http://")) as ports:
            yield Proxy(service, *ports)


def test_the_page_works_through_it(proxy: Proxy):
    drawing = {"strokes": [[[140, 40], [140, 240]]], "pen_width": 16, "canvas": [280, 280]}
    with proxy.client() as client:
        page = client.get("/")
        assert page.status_code == 200
        visit = page.headers["set-cookie"].partition(";")[0]
        headers = {"cookie": visit, "origin": f"http://{NAME}:{proxy.http}"}
        assert client.post("/drawings", json=drawing, headers=headers).json()["prediction"] == "1"
        assert client.post("/drawings", json=drawing, headers={**headers, "origin": "http://evil"}).status_code == 403


@pytest.mark.parametrize(("scheme", "other"), [("http", "https"), ("https", "http")])
def test_a_visit_is_good_for_pages_of_the_scheme_that_the_browser_uses(proxy: Proxy, scheme: str, other: str):
    with proxy.client(scheme) as client:
        own = client.headers["host"]
        headers = {"cookie": client.get("/").headers["set-cookie"].partition(";")[0]}
        for origin, status in ((scheme, 200), (other, 403)):
            sent = {**headers, "origin": f"{origin}://{own}"}
            assert client.post("/drawings", json={"strokes": [[[1, 1], [1, 9]]]}, headers=sent).status_code == status


def test_the_cookie_is_secure_where_the_browser_came_by_https(proxy: Proxy):
    with proxy.client("https") as client:
        assert "; secure" in client.get("/").headers["set-cookie"].lower()
    with proxy.client("http", **{"x-forwarded-proto": "https"}) as client:  # a claim of the client's own
        assert "; secure" not in client.get("/").headers["set-cookie"].lower()


def test_the_client_is_who_connects_to_nginx_whatever_it_claims(proxy: Proxy):
    with proxy.client(source="127.0.0.2", **{"x-forwarded-for": "203.0.113.9"}) as client:
        assert client.get("/health").status_code == 200
    assert proxy.requests()[-1]["client"] == "127.0.0.2"


def test_who_comes_through_it_is_not_local(proxy: Proxy):
    with proxy.client() as client:
        assert client.get("/results").status_code == 401
    assert httpx.get(f"{proxy.service.url}/results", trust_env=False).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/api/metrics", "//metrics", "/%6detrics", "/x/../metrics", "/metrics?x"])
def test_metrics_are_not_for_the_world(proxy: Proxy, path: str):
    with socket.create_connection(("127.0.0.1", proxy.http)) as plain:  # httpx would tidy the path
        plain.sendall(f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        assert plain.recv(12) == b"HTTP/1.1 403"
    assert httpx.get(f"{proxy.service.url}/metrics", trust_env=False).status_code == 200


def test_a_request_has_one_id_in_its_answer_and_in_the_log(proxy: Proxy):
    with proxy.client() as client:
        given = client.get("/health").headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", given)
    assert proxy.requests()[-1]["request_id"] == given


def test_nginx_lets_through_what_the_largest_route_takes_and_no_more(proxy: Proxy):
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", SITE.read_text())
    assert int(megabytes) << 20 == max(BATCH_BYTES, PICTURE_BYTES, INFER_BYTES)
    with proxy.client(**{"x-api-key": proxy.service.environ["SECRET_API_KEY"], "content-type": "image/png"}) as client:
        assert client.post("/drawings", content=bytes(PICTURE_BYTES)).status_code == 422
        refused = client.post("/drawings", content=bytes(PICTURE_BYTES + 1))
    assert (refused.status_code, refused.json()["error"]) == (413, "too-large")
    assert set(refused.json()) == {"error", "message", "remedy"}


def test_a_client_that_is_slow_waits_at_nginx(proxy: Proxy):
    head = f"POST /drawings/preview HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", proxy.http)) as slow:
        slow.sendall(head.encode() + b"{")
        time.sleep(0.3)
    assert "/drawings/preview" not in [line["path"] for line in proxy.requests()]


OWN_WORDS = {
    "no HTTP": (b"BREW\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "a large header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 400),
    "a long address": (b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "metrics": (f"GET /metrics HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode(), 403),
    "TRACE": (f"TRACE / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode(), 405),
}


@pytest.mark.parametrize(("request_bytes", "status"), OWN_WORDS.values(), ids=OWN_WORDS.keys())
def test_what_nginx_refuses_itself_has_the_one_shape(proxy: Proxy, request_bytes: bytes, status: int):
    with socket.create_connection(("127.0.0.1", proxy.http), timeout=30) as plain:
        plain.sendall(request_bytes)
        said = b"".join(iter(lambda: plain.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) and b"content-type: application/json" in head.lower()
    assert set(json.loads(body)) == {"error", "message", "remedy"}


def test_two_thousand_silent_connections_of_one_address_harm_nobody_else(proxy: Proxy):
    """Those that never sent anything make room for whoever comes."""
    with contextlib.ExitStack() as stack:
        for _ in range(2000):
            silent = socket.create_connection(("127.0.0.1", proxy.http), source_address=("127.0.0.2", 0), timeout=30)
            stack.enter_context(silent)
        for _ in range(20):
            with proxy.client(source="127.0.0.3") as client:
                assert client.get("/health").status_code == 200


def test_an_address_that_floods_is_told_to_wait_and_others_are_answered(proxy: Proxy):
    head = f"POST /classify HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 1000\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(256):
            waiting = socket.create_connection(("127.0.0.1", proxy.http), source_address=("127.0.0.2", 0), timeout=30)
            stack.enter_context(waiting).sendall(head + b"{")
        with proxy.client(source="127.0.0.2") as same:
            refused = [same.get("/health") for _ in range(5)][-1]
        with proxy.client(source="127.0.0.3") as other:
            assert other.get("/health").status_code == 200
    assert (refused.status_code, refused.json()["error"]) == (429, "too-many-requests")
    assert refused.headers["retry-after"] == "1"


def test_without_a_service_the_answer_is_still_one_of_ours(tmp_path: Path):
    with nginx(tmp_path, f"127.0.0.1:{free_port()}") as ports:
        away = httpx.get(f"http://127.0.0.1:{ports[0]}/", trust_env=False)
    assert (away.status_code, away.json()["error"], away.headers["retry-after"]) == (503, "away", "5")
