"""Counts that processes share in a redis, by the storage of the library `limits`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from limits.errors import ConfigurationError as NoLibrary
from limits.storage import RedisStorage

from app.errors import ConfigurationError
from app.web.refusals import CountsUnavailable

ANSWER_SECONDS = 1.0
"""Longest wait for redis; nothing but the settling thread waits."""
PREFIX = "pixelwise"


class Counted(NamedTuple):
    """What is counted: the requests of one caller (or whatever `name` says) in one window of so many seconds."""

    kind: str
    name: str
    seconds: int
    window: int


class RedisCounts:
    """Counters in redis; each vanishes when its window is over.

    Args:
        url: LIMITS_URL. Nothing connects before the first call.
        secret: of this service: names of callers are stored as digests keyed with it, so that nobody can read them in
            redis, and services with different keys may share one.

    Attributes:
        name: the address without password, for messages.

    Raises:
        ConfigurationError: the library for redis is not installed.
    """

    def __init__(self, url: str, *, secret: bytes) -> None:
        self.name, self._key = _shown(url), hashlib.blake2b(secret, digest_size=32, person=b"pixelwise limits").digest()
        try:
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            # Without retries of its own: that it is lost must be known at once.
            options: Any = {"retry": Retry(NoBackoff(), 0), "socket_timeout": ANSWER_SECONDS}
            options["socket_connect_timeout"] = ANSWER_SECONDS
            self._storage = RedisStorage(url, key_prefix=PREFIX, **options)
        except (ImportError, NoLibrary):
            raise ConfigurationError(
                "LIMITS_URL",
                found="an address, and no library that speaks to redis",
                expected="the extra pixelwise[scale]",
                remedy="Install it: `.venv/bin/python -m pip install --require-hashes -r requirements-scale.txt`; or "
                "empty LIMITS_URL in .env.",
            ) from None
        self._client: Any = self._storage.storage

    def add(self, amounts: Mapping[Counted, int]) -> dict[Counted, int]:
        """Adds to counters, in one round trip, and gives what each stands at then.

        Raises:
            CountsUnavailable: redis does not answer, or refuses.
        """
        pipeline = self._client.pipeline(transaction=False)
        try:
            for counted, amount in amounts.items():
                keys, arguments = [self._storage.prefixed_key(self._digest(counted))], [2 * counted.seconds, amount]
                self._storage.lua_incr_expire(keys, arguments, client=pipeline)
            return dict(zip(amounts, map(int, pipeline.execute()), strict=True))
        except self._storage.base_exceptions as error:
            raise CountsUnavailable(self.name, said=type(error).__name__) from None

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _digest(self, counted: Counted) -> str:
        return hashlib.blake2b(repr(tuple(counted)).encode(), key=self._key, digest_size=16).hexdigest()


def _shown(text: str) -> str:
    """The address without user and password: "redis://HOST:6379/0"."""
    parts = urlsplit(text)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or 6379}{parts.path}"
