"""Verification of one version: `pixelwise verify` in a process of its own, where that version is the only one.

It opens the model as a start does, with the same order of checks, whichever version is the default here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from app.errors import PixelWiseError, Refused

START_SECONDS = 120
"""Longest time for a release to start, before it is refused."""


class Trial(NamedTuple):
    """The outcome.

    Attributes:
        refusal: the refusal of its start; None if it starts.
        classes: the classes of the opened model.
        has_recorded: it has recorded answers, and reproduces them.
        has_certainty: it was measured with drawn digits that went through the recipe of this code.
    """

    refusal: PixelWiseError | None
    classes: tuple[str, ...] = ()
    has_recorded: bool = False
    has_certainty: bool = False


def try_alone(version: str, *, root: Path, path: Path | None = None) -> Trial:
    """Tries to start this version and reproduce its recorded answers, if it has any.

    Args:
        root: the installation's folder.
        path: the artefact; None means the default's, whose copy in `models/` is also checked.
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
        return Trial(_without_refusal(version, f"no start within {START_SECONDS} s", Refused.exit_code))
    try:
        said = json.loads(done.stdout)
        if done.returncode == 0:
            outcomes = {check["name"]: check["outcome"] for check in said["checks"]}
            reproduces, is_sure = (outcomes.get(name) == "agrees" for name in ("recorded answers", "recipe"))
            return Trial(None, tuple(said["classes"]), reproduces, is_sure)
        refusal = said["error"]
        parts = {"found": refusal["found"], "expected": refusal["promised"], "remedy": refusal["remedy"]}
        error = PixelWiseError(refusal["subject"], **parts)
        error.word = refusal["word"]
    except (ValueError, KeyError):  # the last line is Python's own error
        found = (done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1]
        return Trial(_without_refusal(version, found, done.returncode))
    error.exit_code = done.returncode
    return Trial(error)


def _without_refusal(version: str, found: str, exit_code: int) -> PixelWiseError:
    remedy = "Try again; if it stays so, report it with the output of `pixelwise doctor`."
    error = PixelWiseError(f"start of {version}", found=found, expected="a start, or a refusal", remedy=remedy)
    error.exit_code = exit_code
    return error


def run_alone(version: str, *arguments: str, root: Path, path: Path | None) -> int:
    """The exit code of `pixelwise ARGUMENTS...` with this version as the only one; its output is passed through."""
    return subprocess.run(_command(*arguments), env=_environment(version, path), cwd=root, check=False).returncode


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", "import app.cli; app.cli.main()", *arguments]


def _environment(version: str, path: Path | None) -> dict[str, str]:
    """The environment for one version; an empty list of versions in it overrides that of `.env`."""
    return {**os.environ, "MODEL_VERSION": version, "MODEL_VERSIONS": "", "MODEL_PATH": str(path) if path else ""}
