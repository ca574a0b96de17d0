"""One version alone: `pixelwise verify` in a process of its own, where that version is the only one.

It opens the model as a start does, in the same order of checks, whatever is the default here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from app.errors import Refused

START_SECONDS = 120
"""How long a release may take to start before it is refused."""


class Trial(NamedTuple):
    """How it went.

    Attributes:
        exit_code: 0 when it starts.
        said: the words of the refusal.
        classes: that the opened model knows.
        has_recorded: it reproduces recorded answers, and does not merely have none.
    """

    exit_code: int
    said: str
    classes: tuple[str, ...] = ()
    has_recorded: bool = False


def try_alone(version: str, *, root: Path, path: Path | None = None) -> Trial:
    """Whether this version starts and reproduces its recorded answers, if it has any.

    Args:
        root: of the installation.
        path: the artefact; None means that of the default, whose copy in `models/` is looked at too.
    """
    try:
        done = subprocess.run(
            _command("verify", "--json"),
            env=_environment(version, path),
            cwd=root,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=START_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Trial(Refused.exit_code, f"no start within {START_SECONDS} s")
    if done.returncode:
        return Trial(done.returncode, done.stderr.strip() or f"exit code {done.returncode}")
    verified = json.loads(done.stdout)
    outcomes = {check["name"]: check["outcome"] for check in verified["checks"]}
    return Trial(0, "", tuple(verified["classes"]), outcomes["recorded answers"] == "agrees")


def run_alone(version: str, *arguments: str, root: Path, path: Path | None) -> int:
    """The exit code of `pixelwise ARGUMENTS...` with this version as the only one; it speaks for itself."""
    return subprocess.run(_command(*arguments), env=_environment(version, path), cwd=root, check=False).returncode


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import app.cli; app.cli.main()", *arguments]


def _environment(version: str, path: Path | None) -> dict[str, str]:
    """An empty list in the environment beats the one of `.env`."""
    return {**os.environ, "MODEL_VERSION": version, "MODEL_VERSIONS": "", "MODEL_PATH": str(path) if path else ""}
