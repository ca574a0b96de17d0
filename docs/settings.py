"""Writes docs/settings.md from .env.example and DEFAULTS: `.venv/bin/python docs/settings.py`. A test compares it."""

from __future__ import annotations

import re
from pathlib import Path

from app.settings import DEFAULTS, ROOT

PAGE = """\
# The settings

For whoever looks up a setting. Written by `.venv/bin/python docs/settings.py` from `.env.example`; not edited by hand.

They stand in `.env`, which `setup-server.sh` makes from [.env.example](../.env.example) (mode 600). The environment
beats the file, and set-up says where it does. Relative paths count from the repository root.

| setting | meaning | default |
|---|---|---|
{rows}

Next: [service.md](service.md), which says how they are used.
"""


def meanings(example: str) -> dict[str, str]:
    """Each setting's comment in .env.example, as one line."""
    found = re.findall(r"((?:^#.*\n)+)([A-Z_]+)=", example, re.MULTILINE)
    return {key: re.sub(r"\n?# ?", " ", comment).strip() for comment, key in found}


def page() -> str:
    """The text of docs/settings.md."""
    meaning = meanings((ROOT / ".env.example").read_text(encoding="utf-8"))
    rows = [
        f"| `{key}` | {meaning[key]} | {f'`{default}`' if default else 'empty'} |" for key, default in DEFAULTS.items()
    ]
    return PAGE.format(rows="\n".join(rows))


if __name__ == "__main__":
    (Path(__file__).resolve().parent / "settings.md").write_text(page(), encoding="utf-8")
