"""Changes of the versions in `.env`: the running service follows without a pause, or everything stays unchanged."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.cli.pull import check_served_path
from app.cli.refusals import NotTakenUp
from app.cli.terminal import say
from app.environment import env_file
from app.release.default_copies import copy_out
from app.release.models_folder import only_one_pull, pulled
from app.release.record import Release, read_record
from app.server.running_service import Running, Served, running_service, served_by
from app.server.worker_process import START_SECONDS
from app.settings import read_settings

TAKE_UP_SECONDS = START_SECONDS + 10
"""Longer than a worker may take to start: .env is restored only when no worker can take up the change any more. Of
several, each but the first adds START_SECONDS."""
STEADY_SECONDS = 0.5
"""The new workers have taken over when all answers for this long are theirs: an old one stops listening after 0.1 s."""
ASK_BEFORE = 3
"""Number of attempts to reach a service that does not answer."""
ASK_AGAIN_SECONDS = 0.05

Versions = tuple[str, ...]


def take_up(version: str, decide: Callable[[Versions], Versions]) -> bool:
    """Changes the versions in `.env`, and has the running service serve them.

    Args:
        version: the one that the change concerns.
        decide: takes the present versions and returns the new ones, the default first.

    Returns:
        True if a service runs, which then serves them.

    Raises:
        NotTakenUp: the environment overrides `.env`, or the service does not follow the change of `version`. Everything
            is then as before.
    """
    models = read_settings().models
    # One change at a time, so that none undoes another. On failure the file is restored first, then the service told.
    with only_one_pull(models, say), ExitStack() as reload, ExitStack() as undo:
        now = read_settings()
        versions = decide(now.model_versions)
        if versions[0] != now.model_version:
            check_served_path(models / versions[0], versions[0], now)
            undo.callback(_copy_out_again, models, read_record(models))
            copy_out(models, pulled(models, versions[0]))
        file = (now.root / ".env").resolve()
        before = file.read_bytes().decode() if file.exists() else None
        undo.callback(env_file.write, file, before)
        env_file.write(file, env_file.with_values(before or "", _settings_for(before or "", versions)))
        after = read_settings()
        if after.model_versions != versions:
            name, shown = _as_setting(after.model_versions)
            raise NotTakenUp(version, found=f"{name}={shown} in the environment, which beats .env")
        service = running_service(now.data_dir)
        if service is not None:
            old = _served_before(service, version)
            _tell(service, version)
            reload.callback(_tell, service, version)
            _wait_for_others(service, now.data_dir, old, version, versions)
        undo.pop_all()
        reload.pop_all()
    return service is not None


def _as_setting(versions: Versions) -> tuple[str, str]:
    return ("MODEL_VERSION", versions[0]) if len(versions) == 1 else ("MODEL_VERSIONS", ",".join(versions))


def _settings_for(text: str, versions: Versions) -> dict[str, str]:
    """The lines of `.env` that name these versions: a single one is MODEL_VERSION, as before there were lists."""
    is_list, named = len(versions) > 1, env_file.lines_in(text)[0]
    values = {}
    if not is_list or "MODEL_VERSION" in named:
        values["MODEL_VERSION"] = versions[0]
    if is_list or "MODEL_VERSIONS" in named:
        values["MODEL_VERSIONS"] = ",".join(versions) if is_list else ""
    return values


def _copy_out_again(models: Path, before: Release | None) -> None:
    if before is not None and (models / before.version).is_dir():
        copy_out(models, before)


def _tell(service: Running, version: str) -> None:
    """Sends SIGHUP."""
    try:
        os.kill(service.pid, signal.SIGHUP)
    except PermissionError:
        raise NotTakenUp(version, found="the service runs as another user, who alone may tell it") from None
    except ProcessLookupError:
        raise NotTakenUp(version, found="the service has just ended") from None


def _served_before(service: Running, version: str) -> Served:
    """The report of the worker to be replaced, needed to tell its answers from the new one's."""
    for _ in range(ASK_BEFORE):
        said = served_by(service)
        if said is not None:
            return said
        time.sleep(ASK_AGAIN_SECONDS)
    raise NotTakenUp(version, found="the service does not answer GET /health now")


def _wait_for_others(service: Running, data: Path, old: Served, version: str, versions: Versions) -> None:
    """Waits until new workers have taken all places and follow the change, and all answers are theirs."""
    steady_since = None
    said, before = old, {*service.workers, old.started_at}
    deadline = time.monotonic() + TAKE_UP_SECONDS + START_SECONDS * max(0, len(service.workers) - 1)
    while time.monotonic() < deadline:
        said = served_by(service) or said
        is_new = said.started_at not in before
        if is_new:
            _check_taken_up(said, version, versions)
        now = running_service(data)
        if not is_new or now is None or before.intersection(now.workers):
            steady_since = None
        elif steady_since is None:
            steady_since = time.monotonic()
        elif time.monotonic() - steady_since >= STEADY_SECONDS:
            return
        time.sleep(ASK_AGAIN_SECONDS)
    raise NotTakenUp(version, found=f"the service still answers with {_shown(said)} (its log says why)")


def _check_taken_up(said: Served, version: str, versions: Versions) -> None:
    """Checks that a new worker followed the change; it did not if its own environment overrides `.env`."""
    if version in versions and version in said.left_out:
        raise NotTakenUp(version, found=f"the service leaves it out ({said.left_out[version]})")
    is_there = version in said.versions or version in said.left_out
    if is_there != (version in versions) or (version == versions[0] and version != said.model_version):
        raise NotTakenUp(version, found=f"the service answers with {_shown(said)}: its environment beats .env")


def _shown(said: Served | None) -> str:
    return "nothing" if said is None else ", ".join(said.versions or (said.model_version,))
