"""The Hugging Face Hub as a source: `hf://owner/name`, read as the git repository with git-LFS that it is.

`HF_ENDPOINT` names a mirror of the Hub, or a stand-in on this machine: hf://owner/name is one repository wherever it is
read. A token comes from `HF_TOKEN` alone, and is sent to that host only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from app.errors import ConfigurationError
from app.release.sources.address import Address, is_loopback
from app.release.sources.secrets import basic_authorization

ENDPOINT = "HF_ENDPOINT"
TOKEN = "HF_TOKEN"
_USER = "hf_user"
"""Some name: the Hub looks at the token only, and its own client sends this name to git."""
_PATH = re.compile(r"(?:/[A-Za-z0-9._-]+)*")


def behind(address: Address, environ: Mapping[str, str]) -> tuple[Address, str | None]:
    """The git repository of a Hub address, and the Authorization header for it, if there is a token.

    Raises:
        ConfigurationError: `HF_ENDPOINT` or `HF_TOKEN` cannot be used.
    """
    token = environ.get(TOKEN, "")
    if not (token.isascii() and token.isprintable()) or " " in token or ":" in token:
        raise ConfigurationError(
            TOKEN,
            found="characters that no token has",
            expected="a token of the Hub, such as hf_…",
            remedy=f"Correct {TOKEN} in the environment, or unset it for public repositories.",
        )
    authorization = basic_authorization(_USER, token) if token else None
    given = environ.get(ENDPOINT, "").rstrip("/")
    if not given:
        return address, authorization
    scheme, place = _endpoint(given)
    return replace(address, url=f"{place}{urlsplit(address.url).path}", transport=scheme), authorization


def without_token(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for other programs, none of which needs the token."""
    return {name: value for name, value in environ.items() if name != TOKEN}


def _endpoint(given: str) -> tuple[Literal["https", "http"], str]:
    try:
        parts = urlsplit(given)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if (
        not host
        or not given.isprintable()
        or parts.username is not None
        or parts.query
        or parts.fragment
        or not _PATH.fullmatch(parts.path)
    ):
        raise _refused("no address of a host, or one with a user, a token or a query", "https://HOST")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise _refused(f"the transport {ascii(parts.scheme)[1:-1]}", "https, or http on this machine")
    named = f"[{host}]" if ":" in host else host
    return (
        "https" if parts.scheme == "https" else "http",
        f"{parts.scheme}://{named}{f':{port}' if port else ''}{parts.path}",
    )


def _refused(found: str, expected: str) -> ConfigurationError:
    return ConfigurationError(
        ENDPOINT,
        found=found,
        expected=expected,
        remedy=f"Correct {ENDPOINT} in the environment; without it the Hub itself is asked.",
    )
