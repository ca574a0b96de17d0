"""Secrets: sent in a header, and kept out of messages, since a server that was sent one may say it back."""

from __future__ import annotations

import base64

_LEAST = 4
"""Fewest characters of a secret: shorter ones are parts of too many words."""
_HIDDEN = "(hidden)"


def basic_authorization(user: str, password: str) -> str:
    """The value of the header for a user and a password."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def without_secrets(text: str, authorization: str | None) -> str:
    """`text` without the credentials of an Authorization header: as they were sent, and the password of Basic ones."""
    kind, _, sent = (authorization or "").partition(" ")
    secrets = [sent]
    if kind == "Basic":
        secrets.append(base64.b64decode(sent).decode("utf-8", "replace").partition(":")[2])
    for secret in secrets:
        if len(secret) >= _LEAST:
            text = text.replace(secret, _HIDDEN)
    return text
