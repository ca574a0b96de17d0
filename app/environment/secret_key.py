"""The one rule for keys that others could guess."""

from __future__ import annotations

import re

KEY_LENGTH, KEY_VARIETY = 16, 4
PUBLISHED_KEY = "thepasswordyoudontwantotherstoknow"
"""The key in the sources of the course's own project."""
_PLACEHOLDER = re.compile(r"change[-_ ]?me|replace|placeholder|example|default|secret|password|here|your|test|api|key")


def weakness(key: str) -> str | None:
    """The reason others could guess a key; None for a good key or an empty one."""
    if not key:
        return None
    if key.lower() == PUBLISHED_KEY:
        return "it is the published one of the course"
    if not re.sub(r"[\W_]", "", _PLACEHOLDER.sub("", key.lower())):
        return "it is a placeholder"
    if len(key) < KEY_LENGTH:
        return f"it has fewer than {KEY_LENGTH} characters"
    if len(set(key)) < KEY_VARIETY:
        return f"it has fewer than {KEY_VARIETY} different characters"
    return None
