"""How often one key, one address and one visit may ask, and what an address is."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from pathlib import Path

import pytest

from app.settings import read_settings
from app.web import rate_limits as limits_module
from tests.web.inside import KEY, MANY
from tests.web.visits import STROKES, MakeInside, preview, visit


class Clock:
    """Stands in for the module `time` where limits are counted: windows end when the test says so.

    Attributes:
        now: of the monotonic clock, in seconds. ahead: by how much the clock on the wall is ahead of it.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.ahead = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(limits_module, "time", found)
    return found


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
        ("10.0.0.1", "198.51.100.1:5678", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2:5678", "198.51.100.1"),
        ("10.0.0.1", "[2001:db8::1]:5678", "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", "2001:db8::1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, _hidden, 10.0.0.2", "10.0.0.2"),
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


@pytest.mark.parametrize(
    ("address", "other", "are_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.7", "192.0.2.8", False),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
    ],
)
def test_an_ipv6_subscriber_counts_as_one_address(
    make: MakeInside, clock: Clock, address: str, other: str, are_one: bool
):
    """Who has one of these addresses has 2**64 of them."""
    inside = make(limits={"address": "1/minute"})
    assert inside.ask("GET", "/", key=None, address=address).status == 200
    assert inside.ask("GET", "/", key=None, address=other).status == (429 if are_one else 200)


# -- limits ------------------------------------------------------------------------------------------------------------


def test_a_named_key_is_told_apart_from_the_main_one_and_has_its_own_limit(make: MakeInside, clock: Clock):
    inside = make(limits={"key": "2/minute"})
    inside.access.replace_named_keys({"one": hashlib.sha256(b"first").digest()})
    assert [preview(inside, {}, key=KEY).status for _ in range(3)] == [200, 200, 429]
    assert [preview(inside, {}, key="first").status for _ in range(3)] == [200, 200, 429]
    inside.access.replace_named_keys({})
    assert preview(inside, {}, key="first").status == 401


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
    assert reply.json["message"] == f"requests of this {kind}: more than agreed; expected at most 4/minute."
    clock.now += 40.001
    assert preview(inside, headers, key=key).status == 200


def test_a_clock_that_is_set_back_holds_nobody_up(make: MakeInside, clock: Clock):
    inside = make(limits={"key": "1/second"})
    assert [preview(inside, {}, key=KEY).status for _ in range(2)] == [200, 429]
    clock.ahead -= 3600
    assert preview(inside, {}, key=KEY).headers["retry-after"] == "1"
    clock.now += 1.001
    assert preview(inside, {}, key=KEY).status == 200


def test_new_visits_are_no_way_around_the_limit_of_their_address(make: MakeInside, clock: Clock):
    inside = make(limits={"address": "6/minute"})
    statuses = [preview(inside, visit(inside)).status for _ in range(3)]
    assert (statuses, inside.ask("GET", "/", key=None).status) == ([200] * 3, 429)


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
    storage = inside.access.limits._windows.storage
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
