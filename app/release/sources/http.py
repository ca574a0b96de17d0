"""HTTP for sources: bounded requests over https, with credentials that no other host is ever sent.

Plain http is spoken with this machine only. From a public host nothing leads into a private network, nor from any to a
link-local address: a repository chooses some of the addresses that are read here. Other hosts are reached by the proxy
that the environment names (`proxy.py`), as git reaches them.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import msgspec

from app.errors import PixelWiseError, Unreachable, only_refusals
from app.release.refusals import BadRelease, CredentialsWanted
from app.release.sources.address import is_loopback
from app.release.sources.proxy import Proxy, proxy_for, tunnel
from app.release.sources.secrets import without_secrets

SECONDS = 60
"""Longest time for a whole answer, its redirects included, unless a caller allows more."""
SILENCE = 30
"""Longest time without a byte, in seconds."""
JSON_LIMIT = 1 << 20
"""Most bytes of an answer in JSON."""
REDIRECTS = 5
_PIECE = 1 << 16
_SHOWN = 200
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MOVED = (301, 302, 303, 307, 308)
_NEVER = (501, 505)
_LAST_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.*$")
"""A host whose last part is a number: it is an address, or is meant to be one, and no name."""

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """A whole answer with status 200 or 201; the names of its headers are in lower case."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_page(self) -> bool:
        """True if it is HTML, as a server's own pages are."""
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"


class NotThere(BadRelease):
    """An answer of 404 or 410."""


@dataclass(frozen=True)
class Site:
    """A server of releases, and the rules by which it and the addresses that it names may be read.

    Attributes:
        base: its address, "https://host[:port][/path]"; http only for this machine.
        subject: the source, as messages name it: without tokens.
        authorization: the value of the Authorization header for exactly the host and port of `base`, or None.
        credentials: for the remedy where it is refused: the environment variables that hold it.
        certificates: a file of certificates to trust instead of the system's, or None.
        environ: the environment; of it, the proxies.
    """

    base: str
    subject: str
    authorization: str | None = field(default=None, repr=False)
    credentials: str = ""
    certificates: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        host = urlsplit(self.base).hostname or ""
        if urlsplit(self.base).scheme != "https" and not is_loopback(host):
            raise BadRelease(
                self.subject,
                found="http, which anyone on the way can change",
                expected="https, or http on this machine",
                remedy="Correct MODEL_REPO in .env.",
            )

    def get(self, url: str, *, limit: int, headers: Mapping[str, str] | None = None, seconds: float = SECONDS) -> Reply:
        """Reads an address, absolute or below `base`, at most `limit` bytes.

        Args:
            headers: sent to this address, and to no redirect of it.

        Raises:
            NotThere: there is no such file.
            BadRelease: more than `limit` bytes, or an address that must not be read.
            ConfigurationError: it wants credentials, or other ones.
            Unreachable: it does not answer, or not in time.
        """
        return self._ask("GET", url, None, headers or {}, limit, seconds)

    def get_json(self, url: str, kind: type[T], *, limit: int = JSON_LIMIT) -> T:
        """Reads JSON of a known form, as `get`."""
        return self.decoded(self.get(url, limit=limit, headers={"Accept": "application/json"}), kind)

    def post_json(self, url: str, body: object, kind: type[T], *, headers: Mapping[str, str] | None = None) -> T:
        """Sends JSON and reads JSON of a known form, as `get`; a redirect is refused."""
        sent = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
        return self.decoded(self._ask("POST", url, msgspec.json.encode(body), sent, JSON_LIMIT, SECONDS), kind)

    def decoded(self, reply: Reply, kind: type[T]) -> T:
        """The JSON of an answer.

        Raises:
            BadRelease: it is no JSON of this form.
        """
        with only_refusals(lambda said: self._wrong(f"{_kind_of(reply)} ({said})", "an answer in its own JSON")):
            return msgspec.json.decode(reply.body, type=kind)

    def _ask(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], limit: int, seconds: float
    ) -> Reply:
        target = self._joined(self.base.rstrip("/") + "/", url)
        deadline = time.monotonic() + seconds
        for _ in range(REDIRECTS + 1):
            reply, moved = self._once(method, target, body, headers, limit, deadline, seconds)
            if moved is None:
                return reply
            if method != "GET":
                raise self._wrong("a redirect of what was sent", "an answer")
            target, headers = self._joined(target, moved), {}
        raise self._wrong(f"more than {REDIRECTS} redirects", "a file")

    def _once(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        limit: int,
        deadline: float,
        seconds: float,
    ) -> tuple[Reply, str | None]:
        host, port, path = self._checked(target)
        sent = {"Accept-Encoding": "identity", "User-Agent": "pixelwise", **headers}
        if not all(f"{name}{value}".isascii() and f"{name}{value}".isprintable() for name, value in sent.items()):
            raise self._wrong("a header with odd characters", "plain ones")
        if self.authorization is not None and _origin(target) == _origin(self.base):
            sent.setdefault("Authorization", self.authorization)
        with self._faults(host, deadline, seconds), self._connected(target, host, port, deadline) as connection:
            connection.request(method, path, body, sent)
            with connection.getresponse() as answer:
                reply = Reply(target, {name.lower(): value for name, value in answer.getheaders()}, b"")
                if answer.status in _MOVED and "location" in reply.headers:
                    return reply, reply.headers["location"]
                if answer.status not in (200, 201):
                    raise self._refusal(answer.status, target, reply.headers)
                received = bytearray()
                while piece := answer.read1(_PIECE):
                    received += piece
                    if len(received) > limit:
                        page = ", in an HTML page" if replace(reply, body=bytes(received[:_SHOWN])).is_page else ""
                        found = f"more than {limit:,} bytes{page}"
                        raise self._wrong(found, "no more than it says, or than a release needs")
                if answer.length:
                    raise http.client.IncompleteRead(b"")
            if time.monotonic() > deadline:
                raise TimeoutError
        return replace(reply, body=bytes(received)), None

    def _joined(self, at: str, url: str) -> str:
        with only_refusals(lambda said: self._wrong(f"an address that cannot be read ({said})", "an https address")):
            return urlsplit(urljoin(at, url)).geturl()  # subtle: urljoin may leave the scheme in capitals

    def _checked(self, target: str) -> tuple[str, int, str]:
        """The host, the port and the path of an address that may be read."""
        with only_refusals(lambda said: self._wrong(f"an address that cannot be read ({said})", "an https address")):
            parts = urlsplit(target)
            host, port = parts.hostname or "", parts.port
        plain_here = parts.scheme == "http" and is_loopback(host) and is_loopback(urlsplit(self.base).hostname or "")
        if not host or (parts.scheme != "https" and not plain_here):
            raise self._wrong(f"the address {_shown(target)}", "an https address")
        if not target.isascii() or not target.isprintable() or " " in target:
            raise self._wrong("an address with odd characters", "an https address")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return host, port or (443 if parts.scheme == "https" else 80), path

    @contextmanager
    def _connected(self, target: str, host: str, port: int, deadline: float) -> Iterator[http.client.HTTPConnection]:
        """A connection to an address that was looked at before, closed at the deadline whatever the server does."""
        connection = http.client.HTTPConnection(host, port)
        proxy = proxy_for(host, self.environ) if target.startswith("https:") else None
        sockets: list[Any] = [self._open(host, port, proxy, deadline)]
        guard = threading.Timer(max(0.0, deadline - time.monotonic()), lambda: _shut(sockets[-1]))
        guard.daemon = True
        guard.start()
        try:
            if proxy is not None:
                tunnel(sockets[0], proxy, host, port)
            if target.startswith("https:"):
                context = ssl.create_default_context(cafile=self.certificates)
                # subtle: the guard must know the new socket before the handshake, which may be slow too
                sockets.append(context.wrap_socket(sockets[0], server_hostname=host, do_handshake_on_connect=False))
                sockets[-1].do_handshake()
            connection.sock = sockets[-1]
            yield connection
        finally:
            guard.cancel()
            _shut(sockets[-1])  # an answer that is not read to its end keeps the socket open
            connection.close()
            sockets[-1].close()

    def _open(self, host: str, port: int, proxy: Proxy | None, deadline: float) -> socket.socket:
        addresses = self._checked_numbers(host)
        if proxy is not None:
            addresses, port = [proxy.host], proxy.port
        failure = OSError("no address")
        for address in addresses:
            try:
                return socket.create_connection((address, port), min(SILENCE, max(0.1, deadline - time.monotonic())))
            except OSError as error:
                failure = error
        if proxy is not None:
            raise OSError(f"{failure}, by {proxy.shown} that {proxy.variable} names") from failure
        raise failure

    def _checked_numbers(self, host: str) -> list[str]:
        """The numbers behind a name, each of which may be read; none if a proxy looks it up, and it has none here."""
        base, addresses = self._numbers(urlsplit(self.base).hostname or ""), self._numbers(host)
        is_public = not base or not all(map(_is_private, base))
        if is_public and (inside := next((one for one in addresses if _is_private(one)), None)):
            raise self._wrong(f"{host}, which is {inside} in a private network", "a public address")
        # Not from here either: at such an address a machine's own host gives out credentials.
        if near := next((one for one in addresses if _number(one).is_link_local), None):
            raise self._wrong(f"{host}, which is {near}, a link-local address", "an address of a server")
        return addresses

    def _numbers(self, host: str) -> list[str]:
        try:
            return _addresses(host)
        except OSError:
            # subtle: "169.254.169.254." is no number here, and may be one for the proxy
            if proxy_for(host, self.environ) is None or ":" in host or _LAST_NUMBER.search(host):
                raise
            return []

    @contextmanager
    def _faults(self, host: str, deadline: float, seconds: float) -> Iterator[None]:
        """Makes a refusal of whatever a connection raises."""
        try:
            yield
        except PixelWiseError:
            raise
        except UnicodeError as error:
            raise self._wrong(f"an address that cannot be read ({host[:_SHOWN]})", "an https address") from error
        except (OSError, http.client.HTTPException) as error:
            late = time.monotonic() >= deadline
            said = f"no end within {seconds:.0f} seconds" if late else str(error) or type(error).__name__
            raise Unreachable(
                self.subject,
                found=self.hidden(f"{said[:_SHOWN]} ({host})"),
                expected="a server that answers",
                remedy="Check the network and MODEL_REPO in .env, and try again later.",
            ) from error

    def _refusal(self, status: int, target: str, headers: Mapping[str, str]) -> PixelWiseError:
        found = f"{status} {http.client.responses.get(status, '')}".strip() + f" from {urlsplit(target).hostname}"
        found = self.hidden(found)
        if status in (401, 403):
            is_ours = _origin(target) == _origin(self.base)
            if not is_ours:
                given = "of ours are not sent there"
            else:
                given = "given were refused" if self.authorization else "are not given"
            return CredentialsWanted(
                self.subject,
                found=f"{found}; credentials {given}",
                expected="credentials that may read it",
                remedy="The server named that address: try again, and if it stays so, its owner must mend it."
                if not is_ours
                else f"Set {self.credentials} in the environment."
                if self.credentials
                else "It has to be public.",
            )
        if status in (404, 410):
            return NotThere(
                self.subject, found=found, expected="what MODEL_REPO names", remedy="Correct MODEL_REPO in .env."
            )
        if status < 400:
            return self._wrong(f"status {found}", "an answer with its contents")
        if not is_passing(status):
            return self._not_taken(found, target)
        after = headers.get("retry-after", "")
        return Unreachable(
            self.subject,
            found=found + (f", to be asked again after {after[:30]} s" if after.isdigit() else ""),
            expected="a server that answers",
            remedy="Try again later.",
        )

    def _not_taken(self, found: str, target: str) -> BadRelease:
        """The refusal where the server will say the same again."""
        remedy = "See that MODEL_REPO in .env is the address of such a server; if it is, ask whoever runs it."
        if _origin(target) != _origin(self.base):
            remedy = "The server named that address: its owner must mend it; nothing was replaced."
        return BadRelease(self.subject, found=found, expected="an answer with its contents", remedy=remedy)

    def hidden(self, text: str) -> str:
        """Words of a server, without our credentials."""
        return without_secrets(text, self.authorization)

    def _wrong(self, found: str, expected: str) -> BadRelease:
        return BadRelease(
            self.subject,
            found=self.hidden(found),
            expected=expected,
            remedy="Its owner must correct it; nothing was replaced.",
        )


def is_passing(status: int) -> bool:
    """True if another try may help: the server is busy, or has a fault of its own."""
    return status in (408, 425, 429) or (status >= 500 and status not in _NEVER)


def _addresses(host: str) -> list[str]:
    """The numbers behind a host's name; UnicodeError for a name that cannot be one."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))


def _is_private(address: str) -> bool:
    number = _number(address)
    return not number.is_global or number.is_multicast


def _number(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The number of an address; that of version 4 which one of version 6 stands for."""
    number: Any = ipaddress.ip_address(address.partition("%")[0])
    if number in _NAT64:
        return ipaddress.ip_address(int(number) & 0xFFFFFFFF)
    behind: ipaddress.IPv4Address | None = getattr(number, "ipv4_mapped", None) or getattr(number, "sixtofour", None)
    return behind or ipaddress.ip_address(number)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").casefold(), parts.port or (443 if parts.scheme == "https" else 80)


def _shown(url: str) -> str:
    """An address without a user, a token or a query."""
    parts = urlsplit(url)
    return ascii(f"{parts.scheme}://{parts.hostname or ''}{parts.path}"[:_SHOWN])[1:-1]


def _kind_of(reply: Reply) -> str:
    return "an HTML page, such as one to log in" if reply.is_page else "no JSON of the expected form"


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # that of TLS would take the other thread's session away
