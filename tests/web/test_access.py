"""Who may call, from where, and how often."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner

from app.settings import read_settings
from app.web import limits as limits_module
from app.web.access import COOKIE, VISIT_SECONDS
from tests.installation import Published
from tests.service import Service, as_json
from tests.web.inside import KEY, MANY, Inside, Reply

STROKES = b'{"strokes": [[[140, 40], [140, 240]]]}'
ORIGIN = {"origin": "http://127.0.0.1"}
LOOPBACK = "127.0.0.1"
MakeInside = Callable[..., Inside]


@pytest.fixture
def make(published: Callable[[str], Published], tmp_path: Path) -> Iterator[MakeInside]:
    """Applications with the limits, proxies and hosts that are given."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(Inside(published("v1.0"), tmp_path, **options))


class Clock:
    """Stands in for the module `time` where limits are counted: windows end when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(limits_module, "time", found)
    return found


def visit(inside: Inside, **options: str) -> dict[str, str]:
    """The headers of a request from the page, after a new visit."""
    reply = inside.ask("GET", "/", key=None, **options)
    return {"cookie": reply.headers["set-cookie"].partition(";")[0], **ORIGIN}


def preview(inside: Inside, headers: dict[str, str], *, key: str | None = None, address: str = "192.0.2.7") -> Reply:
    return inside.ask("POST", "/drawings/preview", STROKES, headers, key=key, address=address)


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_named_key_counts_within_seconds_and_stops_when_it_is_removed(service: Service, published):
    """By the command, while the service runs."""

    def keys(*arguments: str) -> str:
        command = [sys.executable, "-X", "utf8", "-c", "import app.cli; app.cli.main()", "keys", *arguments]
        return subprocess.run(
            command, cwd=service.root, env=service.environ, check=True, capture_output=True, text=True, timeout=60
        ).stdout.strip()

    def becomes(status: int, key: str) -> bool:
        body = as_json(published("v1.0").golden.images[0])
        deadline = time.monotonic() + 30
        with service.client(key=key) as client:
            while client.post("/classify", json=body).status_code != status:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.2)
        return True

    key = keys("add", "teacher")
    assert key not in service.log.read_text()
    assert becomes(200, key)
    keys("remove", "teacher")
    assert becomes(401, key)


def test_a_named_key_is_told_apart_from_the_main_one_and_has_its_own_limit(make: MakeInside, clock: Clock):
    inside = make(limits={"key": "2/minute"})
    inside.access.replace_named_keys({"one": hashlib.sha256(b"first").digest()})
    assert [preview(inside, {}, key=KEY).status for _ in range(3)] == [200, 200, 429]
    assert [preview(inside, {}, key="first").status for _ in range(3)] == [200, 200, 429]
    inside.access.replace_named_keys({})
    assert preview(inside, {}, key="first").status == 401


def test_a_refusal_names_no_key(inside: Inside):
    reply = preview(inside, {}, key="wrong-but-secret")
    assert (reply.status, reply.json["error"]) == (401, "not-authenticated")
    assert b"wrong-but-secret" not in reply.body
    assert KEY.encode() not in reply.body
    assert "X-API-Key" in reply.headers["www-authenticate"]


# -- visits ------------------------------------------------------------------------------------------------------------


def test_the_cookie_of_a_visit_cannot_be_read_by_scripts_nor_sent_by_other_sites(inside: Inside):
    (cookie,) = SimpleCookie(inside.ask("GET", "/", key=None).headers["set-cookie"]).values()
    assert cookie.key == COOKIE
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "strict", "/")
    assert (int(cookie["max-age"]), cookie["domain"], cookie["secure"]) == (VISIT_SECONDS, "", "")


def test_no_page_holds_a_key(inside: Inside):
    for path in ("/", "/docs", "/model", "/page/main.js", "/openapi.json"):
        reply = inside.ask("GET", path)
        assert KEY.encode() not in reply.body
        assert KEY not in str(reply.headers)


def test_a_visit_goes_on_when_the_page_is_opened_again(inside: Inside):
    headers = visit(inside)
    assert "set-cookie" not in inside.ask("GET", "/", headers=headers, key=None).headers
    assert preview(inside, headers).status == 200


class Earlier(TimestampSigner):
    """Signs as `Access` does, some seconds ago."""

    seconds = 0

    def get_timestamp(self) -> int:
        return super().get_timestamp() - self.seconds


@pytest.mark.parametrize(("seconds", "status"), [(VISIT_SECONDS - 60, 200), (VISIT_SECONDS + 60, 401)])
def test_a_visit_expires(inside: Inside, seconds: int, status: int):
    signer = Earlier(KEY, salt="visit", digest_method=hashlib.sha256)
    signer.seconds = seconds
    assert preview(inside, {"cookie": f"{COOKIE}={signer.sign('someone').decode()}", **ORIGIN}).status == status


def test_a_visit_signed_with_another_key_is_unknown(inside: Inside):
    forged = TimestampSigner("another key", salt="visit", digest_method=hashlib.sha256).sign("someone").decode()
    assert preview(inside, {"cookie": f"{COOKIE}={forged}", **ORIGIN}).status == 401


def test_the_cookie_is_for_https_only_where_a_proxy_of_ours_says_that_the_browser_used_it(make: MakeInside):
    inside = make(proxies=[ipaddress.ip_network("10.0.0.0/8")])

    def is_secure(address: str, **headers: str) -> bool:
        reply = inside.ask("GET", "/", headers={"x-forwarded-proto": "https"}, key=None, address=address)
        return "secure" in reply.headers["set-cookie"].lower()

    assert is_secure("10.1.2.3")
    assert not is_secure("192.0.2.7")


# -- Origin and Host ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", 200),
        ("https://pixel.example", "pixel.example", 200),
        ("http://PIXEL.example", "pixel.EXAMPLE", 200),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", 403),
        ("http://evil.example", "127.0.0.1:8000", 403),
        ("http://127.0.0.1.evil.example", "127.0.0.1", 403),
        ("null", "127.0.0.1", 403),
        ("", "127.0.0.1", 403),
    ],
)
def test_a_visit_is_good_for_pages_of_this_service_only(make: MakeInside, origin: str, host: str, status: int):
    inside = make(hosts=["pixel.example"])
    reply = preview(inside, {**visit(inside), "origin": origin, "host": host})
    assert reply.status == status
    if status == 403:
        assert reply.json["error"] == "forbidden"
        assert reply.json["message"].startswith("Origin of the request: found ")


def test_a_key_needs_no_origin(inside: Inside):
    assert preview(inside, {}, key=KEY).status == 200
    assert preview(inside, {"origin": "http://evil.example"}, key=KEY).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000",
                                  "192.0.2.1", "pixel.example", "Pixel.Example:443", "pixel.example."])  # fmt: skip
def test_our_own_names_are_answered(make: MakeInside, host: str):
    assert make(hosts=["pixel.example"]).ask("GET", "/health", headers={"host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "pixel.example.evil.example", "127.0.0.1.evil.example", "localhost.x",
                                  "xpixel.example", "", "a@127.0.0.1", "127.0.0.1/x"])  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/health", "/results", "/openapi.json", "/page/main.js", "/nothing"])
def test_a_foreign_name_for_our_address_is_refused_everywhere(make: MakeInside, path: str, host: str):
    """DNS rebinding: a page of evil.example, whose name now leads here, is refused before anything else."""
    reply = make(hosts=["pixel.example"]).ask("GET", path, headers={"host": host}, address=LOOPBACK)
    assert (reply.status, reply.json["error"]) == (403, "forbidden")
    assert reply.json["message"].startswith("Host of the request: found ")


# -- GET /results ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        (LOOPBACK, {}, 200),
        ("::1", {"host": "[::1]:8000"}, 200),
        (LOOPBACK, {"host": "localhost"}, 200),
        ("192.0.2.7", {}, 401),
        (LOOPBACK, {"host": "pixel.example"}, 401),
        *((LOOPBACK, {name: "192.0.2.7"}, 401) for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via")),
        *((LOOPBACK, {name: ""}, 401) for name in ("x-forwarded-for", "forwarded", "x-real-ip", "via")),
        (LOOPBACK, {"x-forwarded-for": LOOPBACK}, 401),
        (LOOPBACK, {"x-api-key": "wrong"}, 401),
        (LOOPBACK, {"cookie": f"{COOKIE}=forged"}, 401),
        ("192.0.2.7", {"x-api-key": KEY}, 200),
    ],
)
def test_results_are_readable_without_a_key_on_this_machine_only(
    make: MakeInside, address: str, headers: dict[str, str], status: int
):
    inside = make(hosts=["pixel.example"])
    assert inside.ask("GET", "/results", headers=headers, key=None, address=address).status == status


def test_results_are_readable_with_a_visit_and_by_anyone_where_they_are_public(make: MakeInside):
    inside = make(results_public=True)
    assert inside.ask("GET", "/results", key=None).status == 200
    assert inside.ask("GET", "/results", headers={"x-forwarded-for": "192.0.2.9"}, key=None).status == 200
    assert inside.ask("GET", "/results", headers=visit(inside), key=None).status == 200
    assert inside.ask("GET", "/results", key="wrong").status == 401


# -- addresses ---------------------------------------------------------------------------------------------------------


PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, ", "198.51.100.1"),
    ],
)
def test_a_forwarded_address_counts_only_from_a_proxy_of_ours_and_only_the_last_that_is_none(
    make: MakeInside, clock: Clock, peer: str, forwarded: str, counted: str
):
    inside = make(proxies=PROXIES, limits={"address": "1/minute"})
    headers = {"x-forwarded-for": forwarded}
    assert inside.ask("GET", "/", headers=headers, key=None, address=peer).status == 200
    assert inside.ask("GET", "/", headers=headers, key=None, address=peer).status == 429
    assert inside.ask("GET", "/", key=None, address=counted).status == 429, "it is this address that was counted"


def test_an_invented_forwarded_address_escapes_no_limit(make: MakeInside, clock: Clock):
    inside = make(limits={"address": "5/minute"})
    statuses = [
        inside.ask("GET", "/", headers={"x-forwarded-for": f"198.51.100.{number}"}, key=None).status
        for number in range(8)
    ]
    assert statuses == [200] * 5 + [429] * 3


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["key", "address", "visit"])
def test_one_request_too_many_is_told_when_to_come_back(make: MakeInside, clock: Clock, kind: str):
    inside = make(limits={kind: "4/minute"})
    headers = {} if kind == "key" else visit(inside)
    allowed = 3 if kind == "address" else 4  # opening the page was one
    key = KEY if kind == "key" else None
    assert [preview(inside, headers, key=key).status for _ in range(allowed)] == [200] * allowed
    clock.now += 20
    reply = preview(inside, headers, key=key)
    assert (reply.status, reply.headers["retry-after"]) == (429, "40")
    assert reply.json["error"] == "too-many-requests"
    assert reply.json["message"] == f"requests of this {kind}: found more than agreed, promised at most 4/minute."
    clock.now += 40.001
    assert preview(inside, headers, key=key).status == 200


def test_another_visit_and_another_address_are_not_held_up(make: MakeInside, clock: Clock):
    inside = make(limits={"visit": "1/minute", "address": "6/minute"})
    first, second = visit(inside), visit(inside)
    assert [preview(inside, headers).status for headers in (first, first, second)] == [200, 429, 200]
    assert [preview(inside, second).status for _ in range(2)] == [429, 429]
    assert inside.ask("GET", "/", key=None).json["message"].startswith("requests of this address")
    assert inside.ask("GET", "/", key=None, address="192.0.2.8").status == 200


def test_guesses_of_a_key_count_against_their_address(make: MakeInside, clock: Clock):
    inside = make(limits={"address": "3/minute"})
    assert [preview(inside, {}, key=f"guess {number}").status for number in range(5)] == [401] * 3 + [429] * 2
    assert preview(inside, {}, key=KEY).status == 200, "a known key is not held up by them"


def test_what_was_counted_is_forgotten(make: MakeInside, clock: Clock):
    inside = make(limits={"address": "1000/second"})
    storage = inside.access._limits._windows.storage
    for number in range(100):
        inside.ask("GET", "/", key=None, address=f"198.51.100.{number}")
    assert len(storage._counts) == 100
    clock.now += 10
    inside.ask("GET", "/", key=None)
    assert len(storage._counts) == 1


PEOPLE, PREVIEWS_A_SECOND = 50, 13
"""One each 80 ms, rounded up."""


def test_the_default_limits_admit_a_class_of_50_who_open_the_page_and_draw_live_from_one_address(
    make: MakeInside, clock: Clock, tmp_path: Path
):
    """All of it in one second, in which the window does not end."""
    default = read_settings({}, root=tmp_path)
    rates = {"key": default.limit_per_key, "address": default.limit_per_address, "visit": default.limit_per_visit}
    assert MANY not in rates.values()
    inside = make(limits=rates)
    people = [visit(inside) for _ in range(PEOPLE)]
    statuses = {preview(inside, person).status for _ in range(PREVIEWS_A_SECOND) for person in people}
    assert statuses == {200}
    stored = {inside.ask("POST", "/drawings", STROKES, person, key=None).status for person in people}
    assert stored == {200}
    assert json.loads(preview(inside, people[0]).body)["prediction"] is not None
    alone = {preview(inside, people[0]).status for _ in range(40)}
    assert alone == {200, 429}, "and no one of them may take it all"
