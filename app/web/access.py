"""Callers: programs with a key or visits of the page, the address they call from and the host name they use."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from itsdangerous import BadSignature, TimestampSigner

from app.storage.key_rows import MAIN_KEY, digest
from app.web.rate_limits import Limits
from app.web.refusals import Forbidden, NotAuthenticated, NotUnderstood
from app.web.request import Call

COOKIE = "pixelwise_visit"
VISIT_SECONDS = 12 * 3600
KEY_HEADER = b"x-api-key"
_NAME_AND_PORT = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Caller(NamedTuple):
    """The name of a key, or the random name of a visit. The key in `.env` is called MAIN_KEY."""

    kind: Literal["key", "visit"]
    name: str


class Access:
    """Recognises callers, and counts how often they ask.

    Args:
        main_key: SECRET_API_KEY; visits are signed with `visit_secret` of it.
        proxies: networks whose forwarding headers are believed.
        hosts: names of this service beside IP addresses and localhost.
        listens_on: the service's HOST, for `is_local`; without it, no client is local.
    """

    def __init__(
        self,
        main_key: str,
        limits: Limits,
        *,
        proxies: Sequence[Network] = (),
        hosts: Sequence[str] = (),
        listens_on: str = "",
    ) -> None:
        self._main = digest(main_key)
        self._named: Mapping[str, bytes] = {}
        secret = visit_secret(main_key)
        self._signer = TimestampSigner(secret, salt="visit", digest_method=hashlib.sha256)
        self._owner_key = hashlib.blake2b(secret, digest_size=32, person=b"pixelwise owner").digest()
        self.limits, self._proxies, self._hosts = limits, tuple(proxies), frozenset(hosts)
        self._this_machine_only = _is_loopback(listens_on)

    def replace_named_keys(self, digests: Mapping[str, bytes]) -> None:
        """Takes the SHA-256 of each stored key, by name. One called MAIN_KEY is ignored."""
        self._named = {name: known for name, known in digests.items() if name != MAIN_KEY}

    def caller(self, call: Call) -> Caller:
        """The sender of this request; each call counts once against the limits.

        A visit also counts against its address, as does opening the page: opening it a thousand times gives a
        thousand visits, but not one extra request.

        Raises:
            TooMany: it asks too often. NotAuthenticated: it is unknown. Forbidden: a foreign page sent its cookie.
        """
        key = call.field(KEY_HEADER)
        name = None if key is None else self._key_name(key)
        if name is not None:
            caller = Caller("key", name)
        else:
            self.count_address(call)  # guessed keys count too
            if key is not None:
                raise _not_authenticated("an X-API-Key that is not known")
            caller = Caller("visit", self._visit(call)[0])
            if call.method not in ("GET", "HEAD"):
                self._refuse_foreign_origin(call)
        self.limits.count(caller.kind, caller.name)
        return caller

    def owner(self, caller: Caller) -> str:
        """The caller's mark in stored answers: 32 hex digits, the same after a restart.

        A keyed digest: without SECRET_API_KEY nobody can tell which key or visit it stands for, even by trying names.
        A different SECRET_API_KEY changes every owner.
        """
        return _owner(self._owner_key, caller)

    def may_label(self, caller: Caller, owner: str | None) -> bool:
        """True if `caller` may label the answer: its own, or any as the holder of SECRET_API_KEY.

        owner: of the answer; None where it is unknown.
        """
        return caller == Caller("key", MAIN_KEY) or owner == self.owner(caller)

    def has_key(self, call: Call) -> bool:
        """True if this request names a key, valid or not: if it does, only that key counts."""
        return call.field(KEY_HEADER) is not None

    def count_address(self, call: Call) -> None:
        """Counts a request against its address alone; raises TooMany when the address asks too often."""
        self.limits.count("address", _counted(self.address(call)))

    def new_visit(self, call: Call) -> str | None:
        """A signed token for the page: of a new visit, or of the request's own once half of its lifetime has passed."""
        try:
            name, age = self._visit(call)
        except NotAuthenticated:
            name, age = secrets.token_urlsafe(12), VISIT_SECONDS
        return self._signer.sign(name).decode() if age > VISIT_SECONDS / 2 else None

    def address(self, call: Call) -> str:
        """The client's address: the last in X-Forwarded-For that is not one of our proxies, if one of them sent it.

        Ports are left out. An entry that is not an address counts as the proxy that wrote it: anything before it comes
        from an unknown sender.
        """
        peer = peer_address(call.scope.get("client"))
        if not self._proxies or not self._is_proxy(peer):
            return peer
        for text in reversed((call.field(b"x-forwarded-for") or "").split(",")):
            hop = _without_port(text.strip())
            if not hop:
                continue
            if not _is_address(hop):
                break
            peer = hop
            if not self._is_proxy(peer):
                break
        return peer

    def is_https(self, call: Call) -> bool:
        """True if the browser used https, as far as the request can be believed."""
        peer = peer_address(call.scope.get("client"))
        forwarded = call.field(b"x-forwarded-proto") if self._is_proxy(peer) else None
        return (forwarded or call.scope["scheme"]).lower() == "https"

    def is_local(self, call: Call) -> bool:
        """True if the client is on this machine: its address, the name it used, and no proxy in between.

        Always false unless HOST is loopback. A proxy on this machine that calls the service by a loopback name and adds
        none of these headers looks like a local program: it should send X-Forwarded-For.
        """
        if any(call.field(name) is not None for name in (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")):
            return False
        return (
            self._this_machine_only
            and _is_loopback(peer_address(call.scope.get("client")))
            and _is_loopback(_host(call))
        )

    def check_host(self, call: Call) -> None:
        """Refuses a host name that is not ours: a foreign site may point its own name at our address (DNS rebinding).

        Raises:
            NotUnderstood: no Host, or several (a proxy may have used a different one). Forbidden: not ours.
        """
        if (times := call.times(b"host")) != 1:
            raise NotUnderstood(
                "Host of the request",
                found=f"{times} headers",
                expected="exactly one",
                remedy="Send one Host header, as HTTP/1.1 has it.",
            )
        host = _host(call)
        if not (_is_address(host) or host == "localhost" or host in self._hosts):
            raise Forbidden(
                "Host of the request",
                found=host or "none",
                expected="an IP address, localhost or a name in ALLOWED_HOSTS",
                remedy="The operator adds the name to ALLOWED_HOSTS in .env.",
            )

    def address_of(self, call: Call) -> str:
        """Where the caller reached the service, such as http://127.0.0.1:8000.

        Of a Host that `check_host` let pass, and in full only where it is a name or an address, perhaps with a port; of
        another form, the name alone.
        """
        host = call.field(b"host") or ""
        if not _NAME_AND_PORT.fullmatch(host):
            name = _name_in(host)
            host = f"[{name}]" if ":" in name else name
        return f"{'https' if self.is_https(call) else 'http'}://{host}"

    def _refuse_foreign_origin(self, call: Call) -> None:
        """Refuses a request from a foreign page, as named by the browser: a visit's cookie is for our own pages only.

        The same name over http is a different origin from https: anyone on the network path can place a page there.
        """
        origin = call.field(b"origin")
        own = f"{'https' if self.is_https(call) else 'http'}://{call.field(b'host') or ''}"
        if origin is None or origin.lower() != own.lower():
            raise Forbidden(
                "Origin of the request",
                found=origin or "none",
                expected=f"the page of this service, {own}",
                remedy="Use the page itself; programs send X-API-Key. The operator names a proxy that speaks https in "
                "TRUSTED_PROXIES, and has it send X-Forwarded-Proto.",
            )

    def _is_proxy(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._proxies)

    def _key_name(self, key: str) -> str | None:
        given = digest(key)
        name = MAIN_KEY if hmac.compare_digest(given, self._main) else None
        for candidate, known in self._named.items():  # always to the end: constant time
            if hmac.compare_digest(given, known):
                name = candidate
        return name

    def _visit(self, call: Call) -> tuple[str, float]:
        """The name of the visit, and the seconds since it was signed: negative after the clock was set back."""
        token = call.cookies.get(COOKIE)
        if token is None:
            raise _not_authenticated("no key and no visit")
        try:
            name, signed = self._signer.unsign(token, return_timestamp=True)
        except BadSignature:
            raise _not_authenticated("a visit that is not ours") from None
        age = time.time() - signed.timestamp()
        # The same limit holds for the future: setting the clock back by an hour ends no visit.
        if abs(age) > VISIT_SECONDS:
            raise _not_authenticated("a visit that has expired")
        return name.decode(), age


@lru_cache(maxsize=4096)
def _owner(key: bytes, caller: Caller) -> str:
    name = f"{caller.kind}:{caller.name}".encode()
    return hashlib.blake2b(name, key=key, digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def visit_secret(main_key: str) -> bytes:
    """The secret that signs visits, stretched so that a cookie does not help to guess SECRET_API_KEY.

    A guess costs about 50 ms and 16 MiB. The secret is the same after a restart, so visits continue.
    """
    return hashlib.scrypt(main_key.encode(), salt=b"pixelwise visit", n=2**14, r=8, p=1)


def _not_authenticated(found: str) -> NotAuthenticated:
    return NotAuthenticated(
        "caller",
        found=found,
        expected="a key in the header X-API-Key, or a visit of the page",
        remedy="Send SECRET_API_KEY of the service's .env (or a key of `pixelwise keys add`), or reload the page.",
    )


def peer_address(client: tuple[str, int] | None) -> str:
    """The address at the other end of a connection; an IPv4 address as IPv4, even on a dual-stack socket."""
    address = client[0] if client else ""
    return str(_parsed(address) or address) if address.startswith("::ffff:") else address


def _host(call: Call) -> str:
    """The name in the Host header, in lower case, without port and brackets."""
    return _name_in(call.field(b"host") or "")


@lru_cache(maxsize=1024)
def _name_in(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _without_port(hop: str) -> str:
    """An entry of X-Forwarded-For, such as 192.0.2.7:5678 or [2001:db8::1]:5678, without port and brackets."""
    return _name_in(hop) if hop.startswith("[") or hop.count(":") == 1 else hop


@lru_cache(maxsize=1024)
def _parsed(host: str) -> Address | None:
    """The text as an address, or None; ::ffff:192.0.2.7, from a dual-stack socket, becomes 192.0.2.7."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=1024)
def _counted(address: str) -> str:
    """The unit that an address counts as: for IPv6 its first 64 bits, since one subscriber owns all the rest."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
    return str(parsed or address)


def _is_address(host: str) -> bool:
    return _parsed(host) is not None


def _is_loopback(host: str) -> bool:
    address = _parsed(host)
    return host == "localhost" or (address is not None and address.is_loopback)
