"""Where a site may lead: into no private network from a public host, and to no link-local address at all."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

import pytest

from app.release.refusals import BadRelease
from app.release.sources.http import Site
from tests.release.sources.test_http import SECRET, refusal

PUBLIC = "https://93.184.215.14"


def name(monkeypatch: pytest.MonkeyPatch, numbers: Mapping[str, Sequence[str]]) -> None:
    """Gives hosts these numbers."""

    def resolve(host: str, *arguments: object, **options: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, 0)) for number in numbers[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "localhost",
            "10.0.0.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
        ),
        *("[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "[2002:a00:1::]", "224.0.0.1"),
    ],
)
def test_from_a_public_host_nothing_leads_into_a_private_network(host: str) -> None:
    site = Site(PUBLIC, "source x", authorization=SECRET)
    assert "in a private network" in refusal(lambda: site.get(f"https://{host}/x", limit=10), BadRelease, 4)


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:1::]",
    ],
)
@pytest.mark.parametrize("base", ["https://10.0.0.1", "http://127.0.0.1:1", "https://169.254.169.254"])
def test_nothing_leads_to_a_link_local_address(base: str, host: str) -> None:
    """From a private host neither; there a cloud's machine is given its credentials."""
    site = Site(base, "source x")
    assert "a link-local address" in refusal(lambda: site.get(f"https://{host}/x", limit=10), BadRelease, 4)


def test_a_name_with_a_link_local_number_is_refused_wherever_the_base_is(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"inside.example": ["10.0.0.1"], "near.example": ["10.0.0.2", "169.254.169.254"]}
    name(monkeypatch, numbers)
    site = Site("https://inside.example", "source x")
    said = refusal(lambda: site.get("https://near.example/x", limit=1), BadRelease, 4)
    assert "near.example, which is 169.254.169.254, a link-local address" in said


def test_a_host_with_one_public_number_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else the owner of its name could open the way into this network by a second number."""
    numbers = {"forge.example": ["93.184.215.14", "10.0.0.1"], "inside.example": ["10.0.0.2"]}
    name(monkeypatch, numbers)
    site = Site("https://forge.example", "source x")
    assert "10.0.0.2 in a private" in refusal(lambda: site.get("https://inside.example/x", limit=1), BadRelease, 4)
    assert "10.0.0.1 in a private" in refusal(lambda: site.get("x", limit=1), BadRelease, 4)


@pytest.mark.parametrize("base", ["http://example.com", "http://10.0.0.1", "ftp://127.0.0.1.example", "http:///x"])
def test_plain_http_is_spoken_with_this_machine_only(base: str) -> None:
    assert "http" in refusal(lambda: Site(base, "source x"), BadRelease, 4)
