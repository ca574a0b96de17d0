"""Addresses that releases are pushed to: how they are shown, without credentials, and which are none."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from errors import ModelRepositoryError, ReleaseRefused

FORMS = (
    "a git repository (https://, ssh://, file://, git@host:path, a path), hf://owner/name or "
    "mlflow+https://host/name"
)
GIT_SCHEMES = ("https", "http", "ssh", "git", "git+ssh", "ssh+git", "file")
_OTHERS = {
    "hf": "Did you mean hf://{rest}?",
    "mlflow": "Did you mean mlflow+https://host/name?",
    "aim": "Aim keeps no releases; to record the training there, pass --track aim:{rest}.",
    "clearml": "ClearML keeps no releases; to record the training there, pass --track clearml.",
}
_LONG_NAME = 16
"""A user's name of so many characters may be a token, as in https://TOKEN:x-oauth-basic@host."""
_LONG_PART = 8
"""Fewer characters between the @ of a password may be a word of git's."""
_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:)//[^\s'\"]*@")


class PushRefused(ModelRepositoryError):
    """A git repository that wants credentials, or other ones."""

    exit_code = 3

    def __init__(self, address: str, *, found: str) -> None:
        over_ssh = "://" not in address or "ssh" in address.partition("://")[0].lower()
        given = shown(address) != address
        if over_ssh:
            remedy = "Give that machine your public key, or the agent your private one (`ssh-add KEY`)"
        elif given:
            remedy = "Make a new token that may write there, and put it into the address"
        else:
            remedy = (
                "Put a token into the address (https://USER:TOKEN@HOST/…), or into git's credential helper"
            )
        words = "those of ssh" if over_ssh else "given and refused" if given else "not given, or a helper's"
        super().__init__(
            f"repository {shown(address)}",
            found=f"credentials {words} ({found})",
            promised="credentials that may write there",
            remedy=f"{remedy}, then run again with --if-missing.",
        )


def shown(address: str) -> str:
    """The address as messages show it: without credentials, and without what stands behind a question mark.

    https://me:token@host/a.git  ->  https://host/a.git
    ssh://git@host/a.git         ->  ssh://git@host/a.git
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    user, at, behind = rest.rpartition("@")  # subtle: the last @, since a password may have an @ or a / in it
    keep = at and "ssh" in scheme.lower() and re.fullmatch(r"[\w.-]+", user)
    place = rest if keep else behind
    return f"{scheme}://{place}" if scheme.lower() == "file" else f"{scheme}://{re.split('[?#]', place)[0]}"


def without_credentials(text: str, *addresses: str | None) -> str:
    """A text, such as git's own, without the credentials of these addresses, or of any other in it."""
    for address in filter(None, addresses):
        place = shown(address)
        if place == address:
            continue
        rest = address.partition("://")[2]
        user, colon, password = rest.rpartition("@")[0].partition(":")
        secrets = [password] if colon else [user]
        secrets += [user] if len(user) >= _LONG_NAME else []
        secrets += re.split("[?#&=]", rest)[1:]
        secrets += [part for part in password.split("@") if len(part) >= _LONG_PART]
        text = text.replace(address, place)
        for secret in filter(None, (*secrets, *map(unquote, secrets))):
            text = text.replace(secret, "(hidden)")
    return _USER.sub(lambda match: f"{shown(match[0] + 'x')[:-1]}", text)


def check_git(address: str) -> None:
    """Checks that an address is one of git.

    Raises:
        ReleaseRefused: git would take it for a program, or for a machine that nobody meant.
    """
    scheme, colon, rest = address.partition(":")
    scheme, rest = scheme.lower(), rest.removeprefix("//")
    if not colon or "/" in scheme or Path(address).exists():
        return
    if "://" in address:
        if scheme in GIT_SCHEMES:
            return
        remedy = _OTHERS.get(scheme, "Correct it; docs/sources.md of PixelWise lists the systems.")
    elif scheme in (*GIT_SCHEMES, "mlflow+https", "mlflow+http"):
        remedy = f"Did you mean {scheme}://{rest.lstrip('/')}?"
    elif scheme in _OTHERS:
        remedy = _OTHERS[scheme]
    else:
        return
    raise ReleaseRefused(
        f"--push {shown(address)}",
        found=f"an address of {scheme}: that nothing here publishes at",
        promised=FORMS,
        remedy=without_credentials(remedy.format(rest=rest), address),
    )
