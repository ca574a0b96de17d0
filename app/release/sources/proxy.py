"""The proxy that the environment names for a host, chosen as git chooses it, and the tunnel through it.

Source: curl(1), "ENVIRONMENT": lower case before capitals, `https_proxy` before `all_proxy`, and `no_proxy`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from app.errors import ConfigurationError, PixelWiseError, Unreachable
from app.release.refusals import CredentialsWanted
from app.release.sources.address import is_loopback
from app.release.sources.secrets import basic_authorization

_NAMES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_FORM = "http://[USER:PASSWORD@]HOST:PORT"
_PORT = 1080
"""That of a proxy whose address has none, as with curl."""
_MOST_BYTES = 16 << 10
"""Most bytes of a proxy's answer."""
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")


class Proxy(NamedTuple):
    """A proxy that makes tunnels (CONNECT).

    Attributes:
        variable: the one that names it.
        authorization: the value of its Proxy-Authorization header, never shown; None without a user.
    """

    variable: str
    host: str
    port: int
    authorization: str | None

    @property
    def shown(self) -> str:
        return f"the proxy {self.host} port {self.port}"


def proxy_for(host: str, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for an https address of this host; None for this machine, and for hosts of `NO_PROXY`.

    Raises:
        ConfigurationError: another kind of proxy, or no address of one.
    """
    variable = next((name for name in _NAMES if environ.get(name)), None)
    if (
        variable is None
        or is_loopback(host)
        or _is_left_out(host, environ.get("no_proxy") or environ.get("NO_PROXY", ""))
    ):
        return None
    given = environ[variable]
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        place, port = parts.hostname or "", parts.port or _PORT
        place.encode("idna")  # as a lookup of it does
    except ValueError:  # UnicodeError is one
        raise _refused(variable, "no address of a proxy") from None
    if parts.scheme != "http":
        raise _refused(variable, f"a proxy of the kind {ascii(parts.scheme)[1:-1]}://")
    if not place or not given.isascii() or not given.isprintable() or " " in given:
        raise _refused(variable, "no address of a proxy")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return Proxy(variable, place, port, basic_authorization(user, password) if user else None)


def tunnel(connection: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    """Asks the proxy at the other end of `connection` for a tunnel to a host.

    Raises:
        CredentialsWanted: the proxy wants credentials, or other ones.
        Unreachable: it makes none.
        OSError: it does not answer.
    """
    named = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {named} HTTP/1.1", f"Host: {named}", "User-Agent: pixelwise"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = bytearray()
    while not answer.endswith(b"\r\n\r\n"):
        piece = connection.recv(1)  # subtle: what follows is the other host's
        if not piece or len(answer) == _MOST_BYTES:
            raise _no_tunnel(proxy, "no whole answer", host)
        answer += piece
    status = _STATUS.match(answer)
    if status is None or status[1][:1] != b"2":
        raise _no_tunnel(proxy, "no answer of HTTP" if status is None else status[1].decode(), host)


def _is_left_out(host: str, listed: str) -> bool:
    """True if `NO_PROXY` lists this host, a domain that it is in, or a network that its number is in."""
    host = host.rstrip(".").casefold()
    for one in re.split(r"[\s,]+", listed.casefold().strip()):
        if one == "*":
            return True
        with suppress(ValueError):
            if ipaddress.ip_address(host) in ipaddress.ip_network(one.strip("[]"), strict=False):
                return True
        domain = one.strip(".")
        if domain and (host == domain or host.endswith(f".{domain}")):
            return True
    return False


def _no_tunnel(proxy: Proxy, found: str, host: str) -> PixelWiseError:
    remedy = f"Check {proxy.variable} in the environment, or list {host} in NO_PROXY if it is reached without a proxy."
    if found == "407":
        return CredentialsWanted(
            proxy.shown,
            found=f"407; credentials {'given were refused' if proxy.authorization else 'are not given'}",
            expected=f"a tunnel to {host}",
            remedy=f"Set {proxy.variable} to {_FORM}.",
        )
    return Unreachable(proxy.shown, found=found, expected=f"a tunnel to {host}", remedy=remedy)


def _refused(variable: str, found: str) -> ConfigurationError:
    return ConfigurationError(
        variable,
        found=found,
        expected=_FORM,
        remedy="Name one of that form in HTTPS_PROXY, or list the host in NO_PROXY if it is reached without a proxy.",
    )
