"""git, run deaf and blind: only what we tell it, only over one transport, in a bare repository that is thrown away.

Nothing is ever checked out, so no filter, hook, link or submodule of a release can act; blobs are read as bytes.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from app.errors import ConfigurationError
from app.release.address import Address

_KEPT = ("GIT_SSH_COMMAND", "GIT_SSL_CAINFO")
"""The caller's own GIT_ variables that are heard: how to reach a private fork, and whose certificates to trust."""

_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=15 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"

_CONFIGURATION = """\
[protocol]
    allow = never
[protocol "{transport}"]
    allow = always
[transfer]
    fsckObjects = true
[fetch]
    unpackLimit = 1
[core]
    hooksPath = /dev/null
    bigFileThreshold = 1m
[gc]
    auto = 0
[http]
    followRedirects = initial
    lowSpeedLimit = 1000
    lowSpeedTime = 30
"""


_USER_OR_TOKEN = re.compile(r"//[^/\s]*@")


class GitFailed(Exception):
    """git left with an error; the message is what it said, made printable and short, without any token."""


class Git:
    """One bare repository of our own, and the one address it may talk to.

    Args:
        folder: an empty folder of ours; the caller removes it.
        address: where releases come from.
        environ: the caller's environment; None means the process's own.
        size_limit: no file that git writes may grow beyond this many bytes (a release is far smaller).
    """

    def __init__(
        self,
        folder: Path,
        address: Address,
        *,
        environ: Mapping[str, str] | None = None,
        size_limit: int = 256 << 20,
    ) -> None:
        self.address = address
        self._repository = folder / "git"
        self._size_limit = size_limit
        configuration = folder / "gitconfig"
        configuration.write_text(_configuration(address), encoding="utf-8")
        self._environment = _environment(os.environ if environ is None else environ, configuration)
        self.run("init", "--quiet", "--bare", "--template=", str(self._repository))

    def run(self, *arguments: str, seconds: float = 60) -> bytes:
        """What git wrote to its standard output.

        Raises:
            GitFailed: it left with an error, or did not end within `seconds`.
        """
        try:
            process = subprocess.Popen(
                ["git", f"--git-dir={self._repository}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,  # no terminal to ask at, and one group to end
                restore_signals=False,  # SIGXFSZ stays ignored: git itself says "File too large"
            )
        except FileNotFoundError:
            raise ConfigurationError(
                "git", found="no such program", promised="git 2.32 or newer", remedy="Run `apt-get install git`."
            ) from None
        with process:
            self._bound(process.pid)
            output, said = self._wait(process, seconds)
        if process.returncode:
            raise GitFailed(self._printable(said) or f"git {arguments[0]} left with {process.returncode}")
        return output

    def _wait(self, process: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, bytes]:
        ended = False
        try:
            result = process.communicate(timeout=seconds)
            ended = True
        except subprocess.TimeoutExpired:
            raise GitFailed(f"no end within {seconds:.0f} seconds") from None
        finally:
            if not ended:  # Ctrl-C too: git's own children (ssh, the https helper) do not outlive it
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return result

    def _bound(self, process: int) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if soft == resource.RLIM_INFINITY or soft > self._size_limit:
            resource.prlimit(process, resource.RLIMIT_FSIZE, (self._size_limit, hard))

    def _printable(self, said: bytes) -> str:
        text = said.decode("utf-8", "replace").replace(self.address.url, self.address.repository)
        text = _USER_OR_TOKEN.sub("//", text)
        # subtle: a repository chooses part of these words, so no control character of them reaches a terminal
        printable = "".join(character if character.isprintable() else " " for character in text)
        return " ".join(printable.split()).rstrip(".")[:500]


def _configuration(address: Address) -> str:
    text = _CONFIGURATION.format(transport=address.transport)
    if address.folder is None:
        return text
    # A repository of another user is read, but only this one: `sudo` runs the same commands on the user's clone.
    paths = (str(path).replace("\\", "\\\\").replace('"', '\\"') for path in (address.folder, address.folder / ".git"))
    return text + "[safe]\n" + "".join(f'    directory = "{path}"\n' for path in paths)


def _environment(caller: Mapping[str, str], configuration: Path) -> dict[str, str]:
    kept = {
        key: value
        for key, value in caller.items()
        if key in _KEPT or not (key.startswith("GIT_") or key in ("SSH_ASKPASS", "LANGUAGE"))
    }
    return {
        "GIT_SSH_COMMAND": _SSH,
        **kept,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(configuration),
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",  # its words are read (`repository.py`)
    }
