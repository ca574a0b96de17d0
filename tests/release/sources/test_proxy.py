"""Proxies that the environment names, with one on loopback that makes tunnels."""

from __future__ import annotations

import shutil
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import ConfigurationError, PixelWiseError, Unreachable
from app.release.refusals import BadRelease, CredentialsWanted
from app.release.sources.http import Site
from app.release.sources.proxy import proxy_for
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote
from tests.release.sources.forge import Forge, make_certificate, serving
from tests.release.sources.raw import Raw

HOST = "forge.example"
"""A name that nobody has: only the proxy knows where it is."""
SECRET = "Bearer TheTokenOfThisTest"


class Tunnels(Raw):
    """A proxy whose tunnels all lead to one port of this machine."""

    def __init__(self, to: int) -> None:
        super().__init__()
        self.to = to
        self.says = self.carry

    def carry(self, connection: socket.socket, stop: threading.Event) -> None:
        with socket.create_connection(("127.0.0.1", self.to)) as other:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
            back = threading.Thread(target=_copy, args=(other, connection))
            back.start()
            _copy(connection, other)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    return make_certificate(tmp_path_factory.mktemp("certificate") / "certificate.pem", f"DNS:{HOST}")


@pytest.fixture
def proxy(forge: Forge) -> Iterator[Tunnels]:
    running = Tunnels(int(forge.url.rpartition(":")[2]))
    yield running
    running.close()


@pytest.fixture
def forge(remote: Remote, certificate: Path) -> Iterator[Forge]:
    with serving(Forge(remote.folder.parent), certificate=certificate) as running:
        yield running


@pytest.fixture
def site(certificate: Path, proxy: Tunnels) -> Callable[..., Site]:
    def make(user: str = "", base: str = f"https://{HOST}", **environ: str) -> Site:
        named = {"HTTPS_PROXY": f"http://{user}127.0.0.1:{proxy.port}", **environ}
        return Site(base, "source x", authorization=SECRET, certificates=str(certificate), environ=named)

    return make


def refusal(ask: Callable[[], object], kind: type[PixelWiseError], code: int) -> str:
    with pytest.raises(kind) as caught:
        ask()
    words = str(caught.value)
    assert caught.value.exit_code == code and "TheToken" not in words and "secret" not in words and words.isprintable()
    return words


# -- the choice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "host"),
    [
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1", "ALL_PROXY": "http://c:1"}, "a"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://b:1", "ALL_PROXY": "http://c:1"}, "b"),
        ({"all_proxy": "http://c:1"}, "c"),
        ({"HTTPS_PROXY": "b:1"}, "b"),
        ({"HTTP_PROXY": "http://b:1", "http_proxy": "http://b:1"}, None),
        ({}, None),
        ({"HTTPS_PROXY": "http://b:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://b:1", "NO_PROXY": "forge.example"}, None),
        ({"HTTPS_PROXY": "http://b:1", "no_proxy": "x, .EXAMPLE", "NO_PROXY": "y"}, None),
        ({"HTTPS_PROXY": "http://b:1", "NO_PROXY": "ge.example,orge.example,forge.example.org,10.0.0.0/8"}, "b"),
        ({"HTTPS_PROXY": "http://b:1", "no_proxy": "x", "NO_PROXY": "forge.example"}, "b"),
    ],
)
def test_the_proxy_is_the_one_that_git_takes(environ: dict[str, str], host: str | None) -> None:
    found = proxy_for(HOST, environ)
    assert (found and found.host) == host


@pytest.mark.parametrize(
    ("host", "left_out", "is_proxied"),
    [
        ("10.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", False),
        ("11.1.2.3", "10.0.0.0/8", True),
        ("fd00::1", "[fd00::1]", False),
        ("127.0.0.1", "", False),
        ("localhost", "", False),
        ("::1", "", False),
        ("1.2.3.4", ",, ,.", True),
    ],
)
def test_numbers_are_left_out_by_network_and_this_machine_always(host: str, left_out: str, is_proxied: bool) -> None:
    assert (proxy_for(host, {"HTTPS_PROXY": "http://b:1", "NO_PROXY": left_out}) is not None) == is_proxied


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("socks5h://127.0.0.1:1", "a proxy of the kind socks5h://"),
        ("https://user:secret@127.0.0.1:1", "a proxy of the kind https://"),
        ("http://user:secret@127.0.0.1:99999", "no address of a proxy"),
        ("http://[::1", "no address of a proxy"),
        ("http://", "no address of a proxy"),
        ("http://a..b:1", "no address of a proxy"),
        (f"http://{'a' * 300}:1", "no address of a proxy"),
        ("http://user:secret@a b:1", "no address of a proxy"),
    ],
)
def test_another_kind_of_proxy_is_refused_by_its_variable(site: Callable[..., Site], given: str, found: str) -> None:
    said = refusal(lambda: site(https_proxy=given).get("x", limit=10), ConfigurationError, 3)
    assert said.startswith(f"https_proxy: {found}; expected http://") and "NO_PROXY" in said


def test_a_proxy_without_a_port_has_that_of_curl() -> None:
    found = proxy_for(HOST, {"HTTPS_PROXY": "http://a"})
    assert found is not None and found.port == 1080


# -- the tunnel --------------------------------------------------------------------------------------------------------


def test_contents_come_through_the_tunnel_and_only_the_other_end_sees_the_token(
    site: Callable[..., Site], proxy: Tunnels, forge: Forge
) -> None:
    forge.instead["/x"] = lambda handler: handler.send({}, b"contents")
    assert site("someone:secr%40t@").get("x", limit=10).body == b"contents"
    (asked,) = forge.asked
    assert asked.headers["authorization"] == SECRET and "proxy-authorization" not in asked.headers
    (heard,) = proxy.heard
    assert heard.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n".encode())
    assert f"Proxy-Authorization: Basic {b64encode(b'someone:secr@t').decode()}\r\n".encode() in heard
    assert b"TheToken" not in heard and HOST not in site().environ["HTTPS_PROXY"]


def test_a_host_that_is_left_out_is_asked_itself(site: Callable[..., Site], proxy: Tunnels) -> None:
    said = refusal(lambda: site(NO_PROXY=".example").get("x", limit=10), Unreachable, 6)
    assert f"({HOST})" in said and "proxy" not in said and not proxy.heard


def test_a_whole_release_with_a_pointer_is_pulled_through_the_proxy(
    house: House,
    remote: Remote,
    forge: Forge,
    proxy: Tunnels,
    certificate: Path,
    environment: Callable[..., dict[str, str]],
) -> None:
    """git's part and the contents of the pointer."""
    remote.release("v1.0", {**FILES, PKL: forge.keep(FILES[PKL])})
    forge.url = f"https://{HOST}"  # as it names itself
    named = environment(HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}", GIT_SSL_CAINFO=str(certificate))
    house.pull(f"https://{HOST}/{remote.folder.name}", environ=named)
    assert house.contents()[f"v1.0/{PKL}"] == FILES[PKL]
    paths = forge.paths()
    assert any("git-upload-pack" in path for path in paths) and any("/lfs/" in path for path in paths)
    assert all(heard.startswith(f"CONNECT {HOST}:443 ".encode()) for heard in proxy.heard) and len(proxy.heard) > 2


def test_an_mlflow_registry_is_asked_through_the_proxy(house: House, proxy: Tunnels) -> None:
    proxy.says = lambda connection, stop: connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    environ = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
    said = refusal(lambda: house.pull("mlflow+https://registry.example/digits", environ=environ), Unreachable, 6)
    assert "the proxy 127.0.0.1" in said and proxy.heard[0].startswith(b"CONNECT registry.example:443 ")


@pytest.mark.parametrize(
    ("answer", "kind", "code", "found"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", CredentialsWanted, 3, "407; credentials given were"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Unreachable, 6, ": 403; expected a tunnel"),
        (b"HTTP/1.0 502 TheToken\r\n\r\nTheToken", Unreachable, 6, ": 502; expected a tunnel"),
        (b"SSH-2.0\r\n\r\n", Unreachable, 6, "no answer of HTTP"),
        (b"HTTP/1.1 200 OK\r\n", Unreachable, 6, "no whole answer"),
        (b"", Unreachable, 6, "no whole answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 50_000, Unreachable, 6, "no whole answer"),
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_named(
    site: Callable[..., Site], proxy: Tunnels, answer: bytes, kind: type[PixelWiseError], code: int, found: str
) -> None:
    def run(connection: socket.socket, stop: threading.Event) -> None:
        with suppress(OSError):
            connection.sendall(answer)

    proxy.says = run
    said = refusal(lambda: site("someone:secret@").get("x", limit=10), kind, code)
    assert said.startswith(f"the proxy 127.0.0.1 port {proxy.port}: ") and found in said and "HTTPS_PROXY" in said


def test_a_silent_proxy_is_left_at_the_deadline(site: Callable[..., Site], proxy: Tunnels) -> None:
    proxy.says = lambda connection, stop: stop.wait()
    assert "no whole answer" in refusal(lambda: site().get("x", limit=10, seconds=1), Unreachable, 6)


def test_a_proxy_that_does_not_answer_is_named(site: Callable[..., Site]) -> None:
    said = refusal(lambda: site(https_proxy="http://127.0.0.1:1").get("x", limit=10), Unreachable, 6)
    assert f"by the proxy 127.0.0.1 port 1 that https_proxy names ({HOST})" in said


# -- networks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [f"https://{HOST}", "https://93.184.215.14"])
@pytest.mark.parametrize("host", ["10.0.0.1", "127.0.0.1", "localhost", "169.254.169.254", "[::ffff:10.0.0.1]"])
def test_through_a_proxy_nothing_leads_into_a_private_network_either(
    site: Callable[..., Site], proxy: Tunnels, base: str, host: str
) -> None:
    said = refusal(lambda: site(base=base).get(f"https://{host}/x", limit=10), BadRelease, 4)
    assert "in a private network" in said and not proxy.heard


def test_through_a_proxy_nothing_leads_to_a_link_local_address_either(
    site: Callable[..., Site], proxy: Tunnels
) -> None:
    said = refusal(lambda: site(base="https://10.0.0.1").get("https://169.254.169.254/x", limit=10), BadRelease, 4)
    assert "a link-local address" in said and not proxy.heard


@pytest.mark.parametrize(
    "host", ["169.254.169.254.", "10.0.0.1.", "10.0.0.1..", "[fe80::1%25lo]", "a.0x7f.", "1.2.3.4.5"]
)
@pytest.mark.parametrize("base", [f"https://{HOST}", "https://10.0.0.1"])
def test_what_is_a_number_for_a_proxy_alone_is_not_asked_for(
    site: Callable[..., Site], proxy: Tunnels, base: str, host: str
) -> None:
    refusal(lambda: site(base=base).get(f"https://{host}/x", limit=10), PixelWiseError, 6 if ".." not in host else 4)
    assert not proxy.heard
