"""A worker's environment."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from app.server.place import Place
from app.server.worker_process import WorkerProcess


@pytest.mark.parametrize(("given", "passed"), [(None, "1"), ("2", "2")])
def test_numpy_s_library_has_one_thread_unless_the_environment_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, passed: str
):
    process = Mock()
    monkeypatch.setattr(subprocess, "Popen", process)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if given is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
    with socket.socket() as listener:
        WorkerProcess(listener, tmp_path, Place(1, 1, None)).stop()
    environ = process.call_args.kwargs["env"]
    assert environ["OPENBLAS_NUM_THREADS"] == passed and "PATH" in environ
