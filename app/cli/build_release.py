"""Builds a local release that does not exist yet: `setup-server.sh` trains and releases it, as for `make run`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

from app.cli.terminal import say
from app.release.refusals import BadRelease
from app.settings import Settings

REPOSITORY, PYTHON = "pixelwise-model/releases.git", "pixelwise-model/.venv/bin/python"


def build_if_missing(version: str, settings: Settings) -> None:
    """Builds a release of the local repository that has a recipe but no tag yet, with progress on stderr.

    Raises:
        BadRelease: the environment that trains is missing, or it could not be built; nothing has changed.
    """
    if not _is_local(settings) or _is_built(version, settings) or not _has_recipe(version, settings):
        return  # the pull reports any fault
    subject, script = f"local release {version}", str(settings.root / "setup-server.sh")
    command = f"bash {shlex.quote(os.path.relpath(script))} --releases {version}"
    if not (settings.root / PYTHON).exists():
        expected = f"the one that trains it ({PYTHON})"
        remedy = f"Run `{command}`, which installs it and builds {version}, then this again."
        raise BadRelease(subject, found="no such environment", expected=expected, remedy=remedy)
    say(f"{version} of {REPOSITORY} is not built yet: running `{command}`.")
    done = subprocess.run(["bash", script, "--releases", version], stdout=sys.stderr, check=False)
    if done.returncode:
        remedy = "Its message stands above: mend that, then run this again."
        raise BadRelease(
            subject, found=f"exit code {done.returncode}", expected="a release that is built", remedy=remedy
        )


def _is_local(settings: Settings) -> bool:
    from app.release.sources.address import parse_address

    return parse_address(settings.model_repo, root=settings.root).folder == (settings.root / REPOSITORY).resolve()


def _is_built(version: str, settings: Settings) -> bool:
    """True if the tag exists; asks git in the same way as setup-server.sh."""
    question = ["git", f"--git-dir={settings.root / REPOSITORY}", "rev-parse", "--verify", "--quiet"]
    return subprocess.run([*question, f"refs/tags/{version}"], capture_output=True, check=False).returncode == 0


def _has_recipe(version: str, settings: Settings) -> bool:
    from app.release.sources.git_source import has_recipe

    return has_recipe(settings.root / REPOSITORY, version)
