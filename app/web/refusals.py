"""Refusals of requests (`http_statuses.py` gives each its status), and of a service without a key."""

from __future__ import annotations

from app.errors import ConfigurationError, PixelWiseError, Unreachable


class MissingKey(ConfigurationError):
    """The service has no key that a program could call it with; a default one is never shipped."""

    def __init__(self) -> None:
        super().__init__(
            "SECRET_API_KEY",
            found="not set",
            expected="a long random text in .env",
            remedy="Run `bash setup-server.sh`, which writes one, or put a random text of your own there.",
        )


class RequestRefused(PixelWiseError):
    """A request to the service that its sender must change."""

    exit_code = 2


class NotFound(RequestRefused):
    """No such page, model or row."""


class NotUnderstood(RequestRefused):
    """A request that is not JSON, or has invalid headers."""


class BadParameter(RequestRefused):
    """A parameter in the address, or a header, with an invalid value."""


class BadDrawing(RequestRefused):
    """A drawing whose form or values are invalid."""


class BadLabel(RequestRefused):
    """A label that is neither a digit nor "not-a-digit"."""


class TooLarge(RequestRefused):
    """A body with more bytes or drawings than are taken at once."""


class WrongMediaType(RequestRefused):
    """A body of a kind that this route does not take."""


class NotAuthenticated(RequestRefused):
    """Neither a known key nor a visit of the page."""


class Forbidden(RequestRefused):
    """A request from another host's page, to a name that is not this service's, about someone else's answer, or for
    an operation that takes a key."""


class TooMany(RequestRefused):
    """A caller that exceeds its rate limit; `retry_after` is in seconds."""

    def __init__(self, who: str, *, limit: str, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"requests of this {who}",
            found="more than agreed",
            expected=f"at most {limit}",
            remedy=f"Wait {retry_after} s, send several drawings in one request, or ask for a higher limit.",
        )


class CountsUnavailable(Unreachable):
    """Counts that processes share and that do not answer; `name` has no password."""

    def __init__(self, name: str, *, said: str) -> None:
        super().__init__(
            name,
            found=f"no answer ({said})",
            expected="the redis of LIMITS_URL",
            remedy="Start it, or correct LIMITS_URL in .env; the service takes it up by itself.",
        )
