from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from app.errors import PixelWiseError, Unreachable
from app.release.refusals import BadRelease, CredentialsWanted
from app.release.sources.http import JSON_LIMIT, NotThere, Site
from tests.release.sources.forge import Forge, Handler, serving
from tests.release.sources.raw import Raw, Says

SECRET = "Bearer TheTokenOfThisTest"


class Answer(msgspec.Struct):
    value: int


@pytest.fixture
def raw() -> Iterator[Raw]:
    server = Raw()
    yield server
    server.close()


@pytest.fixture
def site(raw: Raw) -> Site:
    return Site(f"http://127.0.0.1:{raw.port}/base", "source x", authorization=SECRET, credentials="X_TOKEN")


def says(data: bytes) -> Says:
    return lambda connection, stop: connection.sendall(data)


def drip(first: bytes, piece: bytes) -> Says:
    """A byte now and then, without end."""

    def run(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(first)
        while not stop.wait(0.02):
            connection.sendall(piece)

    return run


def whole(body: bytes, headers: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def refusal(ask: Callable[[], object], kind: type[PixelWiseError], code: int) -> str:
    with pytest.raises(kind) as caught:
        ask()
    assert caught.value.exit_code == code and "TheToken" not in str(caught.value) and str(caught.value).isprintable()
    return str(caught.value)


# -- answers -----------------------------------------------------------------------------------------------------------


def test_an_address_below_the_base_is_read_with_its_credentials(raw: Raw, site: Site) -> None:
    raw.says = says(whole(b"contents", "X-Name: value\r\n"))
    reply = site.get("a/b?c=d", limit=8, headers={"X-Own": "1"})
    assert (reply.body, reply.headers["x-name"]) == (b"contents", "value")
    (heard,) = raw.heard
    assert heard.startswith(b"GET /base/a/b?c=d HTTP/1.1\r\n")
    assert f"Authorization: {SECRET}\r\n".encode() in heard and b"X-Own: 1\r\n" in heard


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncon\r\n5\r\ntents\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\ncontents",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ncontents",
    ],
)
def test_a_body_is_read_however_it_is_sent(answer: bytes, raw: Raw, site: Site) -> None:
    raw.says = says(answer)
    assert site.get("x", limit=8).body == b"contents"


@pytest.mark.parametrize(
    ("status", "kind", "code", "why"),
    [
        ("401 Unauthorized", CredentialsWanted, 3, "credentials given were refused; .* Set X_TOKEN"),
        ("403 Forbidden", CredentialsWanted, 3, "403 Forbidden from 127"),
        ("404 Not Found", NotThere, 4, "404 Not Found"),
        ("410 Gone", NotThere, 4, "410 Gone"),
        ("400 Bad Request", BadRelease, 4, "400 Bad Request .* MODEL_REPO .* ask whoever runs it"),
        ("405 Method Not Allowed", BadRelease, 4, "ask whoever runs it"),
        ("451 Unavailable For Legal Reasons", BadRelease, 4, "ask whoever runs it"),
        ("501 Not Implemented", BadRelease, 4, "ask whoever runs it"),
        ("408 Request Timeout", Unreachable, 6, "Try again later"),
        ("429 Too Many Requests", Unreachable, 6, "to be asked again after 30 s"),
        ("500 Internal Server Error", Unreachable, 6, "500 Internal Server Error"),
        ("503 Service Unavailable", Unreachable, 6, "503"),
        ("999 Odd", Unreachable, 6, "999"),
        ("204 No Content", BadRelease, 4, "status 204"),
        ("206 Partial Content", BadRelease, 4, "status 206"),
        ("302 Found", BadRelease, 4, "status 302"),
    ],
)
def test_a_status_is_told_by_its_number(
    status: str, kind: type[PixelWiseError], code: int, why: str, raw: Raw, site: Site
) -> None:
    raw.says = says(whole(b"" if status.startswith("204") else b"TheToken", "Retry-After: 30\r\n", status))
    assert pytest.RaisesExc(kind, match=why).matches(_caught(lambda: site.get("x", limit=8)))
    refusal(lambda: site.get("x", limit=8), kind, code)


def _caught(ask: Callable[[], object]) -> BaseException:
    with pytest.raises(PixelWiseError) as caught:
        ask()
    return caught.value


def test_without_credentials_a_refusal_says_so(raw: Raw) -> None:
    raw.says = says(whole(b"", status="401 Unauthorized"))
    site = Site(f"http://127.0.0.1:{raw.port}", "source x")
    assert "credentials are not given" in refusal(lambda: site.get("x", limit=8), CredentialsWanted, 3)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_a_broken_answer_is_no_answer(answer: bytes, raw: Raw, site: Site) -> None:
    raw.says = says(answer)
    refusal(lambda: site.get("x", limit=100), Unreachable, 6)


def test_a_port_where_nobody_listens_and_a_name_that_nobody_has_do_not_answer() -> None:
    assert "127.0.0.1" in refusal(lambda: Site("http://127.0.0.1:1", "x").get("y", limit=1), Unreachable, 6)
    refusal(lambda: Site("https://nobody.invalid", "x").get("y", limit=1), Unreachable, 6)


# -- bounds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", ["", "Content-Length: 99999999999\r\n", "Transfer-Encoding: chunked\r\n"])
def test_an_endless_body_is_stopped_at_its_limit(headers: str, raw: Raw, site: Site) -> None:
    piece = b"1000\r\n" + b"x" * 0x1000 + b"\r\n" if "chunked" in headers else b"x" * 0x1000

    def endless(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\n{headers}\r\n".encode())
        while not stop.is_set():
            connection.sendall(piece)

    raw.says = endless
    assert "more than 5,000 bytes" in refusal(lambda: site.get("x", limit=5000), BadRelease, 4)


def test_a_body_at_its_limit_is_whole(raw: Raw, site: Site) -> None:
    raw.says = says(whole(b"x" * 5000))
    assert len(site.get("x", limit=5000).body) == 5000
    assert "more than 4,999 bytes" in refusal(lambda: site.get("x", limit=4999), BadRelease, 4)


def test_a_page_in_the_place_of_a_file_is_called_one(raw: Raw, site: Site) -> None:
    raw.says = says(whole(b"<!doctype html>" + b"x" * 100, "Content-Type: text/html\r\n"))
    assert "more than 50 bytes, in an HTML page" in refusal(lambda: site.get("x", limit=50), BadRelease, 4)


@pytest.mark.parametrize(
    "slow",
    [
        lambda connection, stop: stop.wait(),
        drip(b"HTTP/1.1 200 OK\r\n", b"X"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n", b"x"),
        drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "headers", "body", "continues"],
)
def test_a_slow_or_silent_server_is_left_at_the_deadline(slow: Says, raw: Raw, site: Site) -> None:
    raw.says = slow
    assert "no end within 1 seconds" in refusal(lambda: site.get("x", limit=100_000, seconds=1), Unreachable, 6)


def test_a_handshake_that_never_ends_is_left_at_the_deadline(raw: Raw) -> None:
    raw.at_once = True
    raw.says = drip(b"\x16\x03\x03\x3f\xff", b"\x02")
    site = Site(f"https://127.0.0.1:{raw.port}", "source x")
    assert "no end within 1 seconds" in refusal(lambda: site.get("x", limit=100, seconds=1), Unreachable, 6)


# -- JSON --------------------------------------------------------------------------------------------------------------


def test_json_of_the_known_form_is_read_and_sent(raw: Raw, site: Site) -> None:
    raw.says = says(whole(b'{"value": 5, "more": []}'))
    assert site.get_json("x", Answer).value == 5
    assert site.post_json("x", {"a": 1}, Answer, headers={"Accept": "application/other"}).value == 5
    assert raw.heard[1].startswith(b"POST /base/x ") and raw.heard[1].count(b"Accept: application/other\r\n") == 1


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[" * 100_000, "no JSON of the expected form"),
        (b'{"value":' + b"[" * 100_000, "no JSON of the expected form"),
        (b'{"more":' + b'{"a":' * 100_000, "no JSON of the expected form"),
        (b'{"value": 1e999}', "no JSON of the expected form"),
        (b'{"value": ' + b"9" * 5000 + b"}", "no JSON of the expected form"),
        (b'{"value": "5"}', "no JSON of the expected form"),
        (b"[]", "no JSON of the expected form"),
        (b"", "no JSON of the expected form"),
        (b"\xff\xfe", "no JSON of the expected form"),
        (b"  <html><form>Log in</form>", "an HTML page, such as one to log in"),
    ],
)
def test_json_of_another_form_is_refused(body: bytes, why: str, raw: Raw, site: Site) -> None:
    raw.says = says(whole(body))
    assert why in refusal(lambda: site.get_json("x", Answer), BadRelease, 4)


def test_json_without_end_is_stopped(raw: Raw, site: Site) -> None:
    raw.says = says(whole(json.dumps(["x" * 100] * 20_000).encode()))
    assert f"more than {JSON_LIMIT:,} bytes" in refusal(lambda: site.get_json("x", Answer), BadRelease, 4)


# -- redirects ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Forge]:
    """Another server: its port is another."""
    forge = Forge(tmp_path, instead={"/": lambda handler: handler.send({}, b"moved")})
    with serving(forge, Handler) as running:
        yield running


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_or_port_gets_no_credentials_and_no_headers(
    status: int, raw: Raw, site: Site, other: Forge
) -> None:
    raw.says = says(whole(b"", f"Location: {other.url}/there\r\n", f"{status} Moved"))
    assert site.get("x", limit=10, headers={"X-Own": "secret"}).body == b"moved"
    (asked,) = other.asked
    assert asked.path == "/there" and not {"authorization", "x-own"} & asked.headers.keys()


def test_a_redirect_below_the_base_keeps_the_credentials_and_loses_the_headers(raw: Raw, site: Site) -> None:
    answers = iter([whole(b"", "Location: /other\r\n", "302 Found"), whole(b"moved")])
    raw.says = lambda connection, stop: connection.sendall(next(answers))
    assert site.get("x", limit=10, headers={"X-Own": "secret"}).body == b"moved"
    assert b"Authorization" in raw.heard[1] and b"X-Own" not in raw.heard[1]


def test_a_refusal_by_an_address_that_the_server_named_asks_for_no_credentials(
    raw: Raw, site: Site, other: Forge
) -> None:
    raw.says = says(whole(b"", f"Location: {other.url}/there\r\n", "302 Found"))
    other.instead["/"] = lambda handler: handler.send({}, b"", status=403)
    said = refusal(lambda: site.get("x", limit=10), CredentialsWanted, 3)
    assert "of ours are not sent there" in said and "X_TOKEN" not in said


def test_a_request_that_such_an_address_does_not_take_is_its_owner_s_to_mend(
    raw: Raw, site: Site, other: Forge
) -> None:
    raw.says = says(whole(b"", f"Location: {other.url}/there\r\n", "302 Found"))
    other.instead["/"] = lambda handler: handler.send({}, b"", status=400)
    said = refusal(lambda: site.get("x", limit=10), BadRelease, 4)
    assert "The server named that address" in said and "MODEL_REPO" not in said


def test_a_circle_of_redirects_ends(raw: Raw, site: Site) -> None:
    raw.says = says(whole(b"", "Location: x\r\n", "302 Found"))
    assert "more than 5 redirects" in refusal(lambda: site.get("x", limit=10), BadRelease, 4)
    assert len(raw.heard) == 6


def test_what_is_sent_is_never_redirected(raw: Raw, site: Site) -> None:
    raw.says = says(whole(b"", "Location: /y\r\n", "307 Temporary Redirect"))
    assert "a redirect of what was sent" in refusal(lambda: site.post_json("x", {}, Answer), BadRelease, 4)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("http://example.com/x", "the address http://example.com/x; expected an https address"),
        ("file:///etc/passwd", "the address file:///etc/passwd"),
        ("ftp://127.0.0.1/x", "the address ftp://"),
        ("//user:TheToken@example.com:99999/x", "cannot be read"),
        ("https://[::1/x", "cannot be read"),
        ("https:///x", "the address https:///x"),
        ("/a\x01b", "odd characters"),
        ("/é", "odd characters"),
        ("https://exa\x7fmple.com/", "odd characters"),
        ("https://" + "a" * 64 + ".com/", "cannot be read"),
        ("https://a..b/", "cannot be read"),
    ],
)
def test_a_redirect_to_an_odd_address_is_refused(location: str, why: str, raw: Raw, site: Site) -> None:
    raw.says = lambda connection, stop: connection.sendall(
        f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n".encode("latin-1")
    )
    assert why in refusal(lambda: site.get("x", limit=10), BadRelease, 4)


@pytest.mark.parametrize("header", [{"X-Odd": "a\r\nHost: b"}, {"X-Odd": "é"}, {"X\n": "y"}])
def test_a_header_with_odd_characters_is_not_sent(header: dict[str, str], raw: Raw, site: Site) -> None:
    assert "odd characters" in refusal(lambda: site.get("x", limit=10, headers=header), BadRelease, 4)
    assert not raw.heard


# -- certificates -----------------------------------------------------------------------------------------------------


def test_from_https_nothing_leads_to_http(forge: Forge, certificate: Path, other: Forge) -> None:
    """Not on this machine either, where the base itself is https."""
    forge.instead["/x"] = lambda handler: handler.send({"Location": f"{other.url}/x"}, b"", status=302)
    site = Site("https://93.184.215.14", "source x", certificates=str(certificate))
    assert "the address http://127.0.0.1" in refusal(lambda: site.get(f"{other.url}/x", limit=10), BadRelease, 4)


def test_https_in_capitals_is_https(raw: Raw, site: Site, forge: Forge) -> None:
    raw.says = says(whole(b"", f"Location: {forge.url.replace('https', 'HTTPS')}/x\r\n", "302 Found"))
    assert "certificate" in refusal(lambda: site.get("x", limit=10), Unreachable, 6)
    assert not forge.asked


def test_a_certificate_that_nobody_vouches_for_is_refused(forge: Forge, certificate: Path) -> None:
    forge.instead["/x"] = lambda handler: handler.send({}, b"contents")
    assert Site(forge.url, "x", certificates=str(certificate)).get("x", limit=10).body == b"contents"
    assert "certificate" in refusal(lambda: Site(forge.url, "x").get("x", limit=10), Unreachable, 6)
