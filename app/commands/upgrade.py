"""`pixelwise upgrade`: another release, taken up by the running service without a pause, or not at all."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Annotated
from urllib.error import URLError

import typer

from app.errors import NotTakenUp
from app.running import Running, running_service
from app.serving import START_SECONDS
from app.settings import Settings, read_settings

TAKE_UP_SECONDS = START_SECONDS + 10
"""Longer than a worker may take to start: .env is put back only when none will take the release up any more."""
_LINE = re.compile(r"^MODEL_VERSION=.*$", re.MULTILINE)


def upgrade(version: Annotated[str, typer.Argument(help="The release, such as v2.0.")]) -> None:
    """Fetch a release, verify it, pin it in .env, and let the running service take it up; else all stays as it was."""
    settings = read_settings()
    _pull(version, settings)
    file = settings.root / ".env"
    before = file.read_text(encoding="utf-8") if file.exists() else None
    _write(file, _pinned(before or "", version))
    taken_up = False
    try:
        after = read_settings()
        if after.model_version != version:
            raise NotTakenUp(version, found=f"MODEL_VERSION={after.model_version} in the environment, which beats .env")
        service = running_service(settings.data)
        if service is not None:
            _take_up(service, after)
        taken_up = True
    finally:
        if not taken_up:
            _write(file, before)
    typer.echo(f"{version}: pinned in .env, and " + ("served." if service else "no service runs now."), err=True)


def _pull(version: str, settings: Settings) -> None:
    """In a process of its own, to which the new version is pinned; what does not verify and start is not placed."""
    command = [sys.executable, "-c", "import app.cli; app.cli.main()", "pull"]
    done = subprocess.run(command, cwd=settings.root, env={**os.environ, "MODEL_VERSION": version}, check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


def _pinned(text: str, version: str) -> str:
    line = f"MODEL_VERSION={version}"
    return _LINE.sub(line, text) if _LINE.search(text) else f"{text.rstrip()}\n{line}\n".lstrip()


def _write(file: Path, text: str | None) -> None:
    """Puts `text` there in one step; None is no file."""
    if text is None:
        file.unlink()
        return
    draft = file.with_name(".env.draft")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    if file.exists():
        now = file.stat()
        draft.chmod(now.st_mode & 0o777)
        os.chown(draft, now.st_uid, now.st_gid)  # root upgrades a service that another user runs
    draft.replace(file)


def _take_up(service: Running, settings: Settings) -> None:
    os.kill(service.pid, signal.SIGHUP)
    deadline = time.monotonic() + TAKE_UP_SECONDS
    served = None
    while time.monotonic() < deadline:
        served = _served_version(service)
        if served == settings.model_version:
            return
        time.sleep(0.1)
    raise NotTakenUp(settings.model_version, found=f"a service that still answers with {served}; its log says why")


def _served_version(service: Running) -> str | None:
    url = service.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/health", timeout=5) as answer:
            return str(json.load(answer)["model_version"])
    except (URLError, TimeoutError, ConnectionError):
        return None
