"""Who may call, from where, and how often."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx
import pytest
from itsdangerous import TimestampSigner

from app.storage.key_rows import MAIN_KEY, digest
from app.web.access import COOKIE, VISIT_SECONDS, Access, Caller, visit_secret
from app.web.rate_limits import RateLimits
from tests.service import Service, as_json
from tests.web.inside import KEY, Inside
from tests.web.visits import ORIGIN, MakeInside, preview, visit

LOOPBACK = "127.0.0.1"


# -- keys --------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_named_key_counts_within_seconds_and_stops_when_it_is_removed(service: Service, published):
    """By the command, while the service runs."""

    def keys(*arguments: str) -> str:
        command = [
            sys.executable,
            "-X",
            "utf8",
            "-c",
            "import app.cli; app.cli.main()",
            "keys",
            *arguments,
        ]
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


def test_a_refusal_names_no_key(inside: Inside):
    reply = preview(inside, {}, key="wrong-but-secret")
    assert (reply.status, reply.json["error"]) == (401, "not-authenticated")
    assert b"wrong-but-secret" not in reply.body
    assert ": no key and no visit" in preview(inside, {}).json["message"]
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


def signed(seconds: int, secret: str | bytes) -> dict[str, str]:
    """The headers of a visit named someone that was signed with `secret` some seconds ago."""
    signer = Earlier(secret, salt="visit", digest_method=hashlib.sha256)
    signer.seconds = seconds
    return {"cookie": f"{COOKIE}={signer.sign('someone').decode()}", **ORIGIN}


@pytest.mark.parametrize(("seconds", "status"), [(VISIT_SECONDS - 60, 200), (VISIT_SECONDS + 60, 401)])
def test_a_visit_expires(inside: Inside, seconds: int, status: int):
    assert preview(inside, signed(seconds, visit_secret(KEY))).status == status


@pytest.mark.parametrize(("seconds", "status"), [(60, 200), (3600, 200), (VISIT_SECONDS - 60, 200),
                                                 (VISIT_SECONDS + 60, 401)])  # fmt: skip
def test_a_clock_that_is_set_back_ends_no_visit(inside: Inside, seconds: int, status: int):
    """The signature is from the future then; from one further away than a visit lasts, it is none."""
    headers = signed(-seconds, visit_secret(KEY))
    assert preview(inside, headers).status == status
    page = inside.ask("GET", "/", headers=headers, key=None).headers
    assert ("set-cookie" in page) == (status == 401), "a visit that goes on needs no new one"


def test_a_visit_is_renewed_under_its_name_when_the_page_is_opened_in_the_second_half_of_its_time(inside: Inside):
    first_half = signed(VISIT_SECONDS // 2 - 60, visit_secret(KEY))
    assert "set-cookie" not in inside.ask("GET", "/", headers=first_half, key=None).headers
    second_half = signed(VISIT_SECONDS // 2 + 60, visit_secret(KEY))
    renewed = inside.ask("GET", "/", headers=second_half, key=None).headers["set-cookie"].partition(";")[0]
    assert renewed.startswith(f"{COOKIE}=someone.")
    assert "set-cookie" not in inside.ask("GET", "/", headers={"cookie": renewed}, key=None).headers
    over = signed(VISIT_SECONDS + 60, visit_secret(KEY))
    assert "someone" not in inside.ask("GET", "/", headers=over, key=None).headers["set-cookie"]


def test_a_cookie_is_of_no_use_for_guessing_the_key(inside: Inside):
    """It is signed with something that takes long to compute from the key, and so does each guess."""
    assert preview(inside, signed(0, KEY)).status == 401
    assert visit_secret(KEY) == hashlib.scrypt(KEY.encode(), salt=b"pixelwise visit", n=2**14, r=8, p=1)


def test_caches_between_service_and_browser_keep_no_page_with_a_visit(inside: Inside):
    for headers in ({}, visit(inside)):
        assert inside.ask("GET", "/", headers=headers, key=None).headers["cache-control"] == "private, no-cache"


def test_a_visit_signed_with_another_key_is_unknown(inside: Inside):
    assert preview(inside, signed(0, visit_secret("another key"))).status == 401


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
        ("http://pixel.example", "pixel.example", 200),
        ("https://pixel.example", "pixel.example", 403),
        ("pixel.example", "pixel.example", 403),
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
        assert reply.json["message"].startswith(f"Origin of the request: {origin or 'none'}; expected the page of ")


@pytest.mark.parametrize(
    ("address", "forwarded", "own"),
    [
        ("10.1.2.3", "https", "https"),
        ("::ffff:10.1.2.3", "HTTPS", "https"),
        ("10.1.2.3", "http", "http"),
        ("192.0.2.7", "https", "http"),  # whom nobody trusts
    ],
)
def test_the_scheme_of_a_page_is_what_a_proxy_of_ours_says(make: MakeInside, address: str, forwarded: str, own: str):
    inside = make(hosts=["pixel.example"], proxies=[ipaddress.ip_network("10.0.0.0/8")])
    headers = {**visit(inside), "host": "pixel.example", "x-forwarded-proto": forwarded}
    for scheme in ("http", "https"):
        reply = preview(inside, {**headers, "origin": f"{scheme}://pixel.example"}, address=address)
        assert reply.status == (200 if scheme == own else 403)
        if reply.status == 403:
            assert f"expected the page of this service, {own}://pixel.example" in reply.json["message"]
            assert "TRUSTED_PROXIES" in reply.json["remedy"]


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
    assert reply.json["message"].startswith(f"Host of the request: {host or 'none'}; expected an IP address")


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["127.0.0.1"], 200),
        (["evil.example", "127.0.0.1"], 400),
        (["127.0.0.1", "evil.example"], 400),
        (["127.0.0.1", "127.0.0.1"], 400),
        ([], 400),
    ],
)
def test_a_request_has_exactly_one_host(service: Service, hosts: list[str], status: int):
    """A proxy may have read another one than we do."""
    lines = "".join(f"host: {host}\r\n" for host in hosts)
    address, _, port = service.url.removeprefix("http://").partition(":")
    with socket.create_connection((address, int(port)), timeout=30) as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\n{lines}connection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    if status == 400:
        assert f"Host of the request: {len(hosts)} headers; expected exactly one." in answer


def test_other_headers_may_be_there_twice(service: Service):
    headers = [("x-api-key", service.environ["SECRET_API_KEY"]), ("accept", "a/b"), ("accept", "c/d")]
    assert httpx.get(f"{service.url}/results", headers=headers, trust_env=False).status_code == 200


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
        (LOOPBACK, {"cookie": f"{COOKIE}=forged"}, 200),
        ("192.0.2.7", {"cookie": f"{COOKIE}=forged"}, 401),
        ("192.0.2.7", {"x-api-key": KEY}, 200),
    ],
)
def test_results_are_readable_without_a_key_on_this_machine_only(
    make: MakeInside, address: str, headers: dict[str, str], status: int
):
    inside = make(hosts=["pixel.example"], listens_on="127.0.0.1")
    assert inside.ask("GET", "/results", headers=headers, key=None, address=address).status == status


@pytest.mark.parametrize(
    ("listens_on", "status"),
    [("127.0.0.1", 200), ("127.0.0.2", 200), ("::1", 200), ("localhost", 200)]
    + [(host, 401) for host in ("0.0.0.0", "::", "192.0.2.1", "pixel.example", "")],
)
def test_results_need_a_key_on_this_machine_too_unless_the_service_is_for_it_alone(
    make: MakeInside, listens_on: str, status: int
):
    assert make(listens_on=listens_on).ask("GET", "/results", key=None, address=LOOPBACK).status == status


def test_the_service_serves_results_without_a_key_to_this_machine_while_it_listens_there_only(
    service: Service, start_service: Callable[..., Service]
):
    assert httpx.get(f"{service.url}/results", trust_env=False).status_code == 200
    url = start_service(HOST="0.0.0.0").url.replace("0.0.0.0", LOOPBACK)
    assert httpx.get(f"{url}/results", trust_env=False).status_code == 401


def test_results_are_readable_with_a_visit_and_by_anyone_where_they_are_public(make: MakeInside):
    inside = make(results_public=True)
    assert inside.ask("GET", "/results", key=None).status == 200
    assert inside.ask("GET", "/results", headers={"x-forwarded-for": "192.0.2.9"}, key=None).status == 200
    assert inside.ask("GET", "/results", headers=visit(inside), key=None).status == 200
    expired = signed(VISIT_SECONDS + 60, visit_secret(KEY))
    assert inside.ask("GET", "/results", headers=expired, key=None).status == 200
    assert inside.ask("GET", "/results", key="wrong").status == 401


# -- owners ------------------------------------------------------------------------------------------------------------


def access_of(key: str = KEY) -> Access:
    return Access(key, RateLimits(dict.fromkeys(("key", "address", "visit"), "1/second")))


MAIN, TEACHER, VISIT = Caller("key", MAIN_KEY), Caller("key", "teacher"), Caller("visit", "teacher")


def test_an_owner_is_the_same_after_a_restart_and_tells_keys_and_visits_apart():
    owners = [access_of().owner(caller) for caller in (MAIN, TEACHER, VISIT)]
    assert owners == [access_of().owner(caller) for caller in (MAIN, TEACHER, VISIT)]
    assert len(set(owners)) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", owner) for owner in owners)


def test_an_owner_cannot_be_computed_from_a_name_without_the_key():
    """Neither with the cookie's key, which signs what a visit can see, nor with the text in .env."""
    owner = access_of().owner(TEACHER)
    assert owner != access_of("another key").owner(TEACHER)
    for secret in (b"", KEY.encode(), visit_secret(KEY)):
        assert owner != hashlib.blake2b(b"key:teacher", key=secret, digest_size=16).hexdigest()


def test_the_owner_of_an_answer_may_label_it_and_the_holder_of_the_main_key_any():
    access = access_of()
    for caller in (MAIN, TEACHER, VISIT):
        allowed = {one for one in (MAIN, TEACHER, VISIT) if access.may_label(one, access.owner(caller))}
        assert allowed == {MAIN, caller}
    assert {one for one in (MAIN, TEACHER, VISIT) if access.may_label(one, None)} == {MAIN}
    assert not access.may_label(Caller("visit", MAIN_KEY), None)


def test_no_other_key_passes_for_the_main_one(inside: Inside):
    inside.access.replace_named_keys({MAIN_KEY: digest("an old key of that name"), "teacher": digest("a new key")})
    assert preview(inside, {}, key="an old key of that name").status == 401
    assert preview(inside, {}, key="a new key").status == 200
    assert preview(inside, {}, key=KEY).status == 200
