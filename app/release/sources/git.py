"""git, run in isolation: with our own configuration only, over one transport, in a bare repository that is thrown away.

Nothing is ever checked out, so no filter, hook, link or submodule of a release can act; blobs are read as bytes.
"""

from __future__ import annotations

import errno
import os
import re
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from app.errors import ConfigurationError, SystemRefused
from app.release.refusals import BadRelease
from app.release.sources.address import Address
from app.release.sources.secrets import without_secrets

_KEPT = ("GIT_SSH_COMMAND", "GIT_SSL_CAINFO")
"""The caller's GIT_ variables that are passed on: how to reach a private fork, and which certificates to trust."""

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
[pack]
    threads = 1
[gc]
    auto = 0
[http]
    followRedirects = {redirects}
    lowSpeedLimit = 1000
    lowSpeedTime = 30
"""

_MOST_BYTES = 1 << 20
"""Most bytes of a listing, and of git's messages: far more than a release needs."""

_MOST_MEMORY = 2 << 30
"""Address space of each git process: an object cannot claim more memory than this."""

_SHOWN = 500
"""Most characters of git's own words in a message."""

_USER_OR_TOKEN = re.compile(r"//[^/\s]*@")


_OWN_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)
"""Errors in git's words that are faults of this machine, wherever the repository is."""

_OWN_REPOSITORY = (*_OWN_DISK, errno.EACCES, errno.EPERM)
"""The same where the repository is a local folder; for a remote one, "Permission denied" comes from ssh."""

_CANNOT_WRITE = re.compile(r"unable to (?:write|create)|could not (?:write|create)|cannot (?:mkdir|write)|write error")


class GitFailed(Exception):
    """git failed; the message is its own, made printable and short, without any token."""

    def __init__(self, said: str) -> None:
        self.whole = said
        """The whole message, for searching."""
        super().__init__(said[:_SHOWN])


class Git:
    """One bare repository of our own, and the one address it may talk to.

    Args:
        folder: an empty folder of ours; the caller removes it.
        address: the source of the releases.
        environ: the caller's environment; None means the process's own.
        authorization: the value of the Authorization header for the host of the address; no redirect is followed then.
        size_limit: the most bytes of any file that git writes (a release is far smaller).
    """

    def __init__(
        self,
        folder: Path,
        address: Address,
        *,
        environ: Mapping[str, str] | None = None,
        authorization: str | None = None,
        size_limit: int = 256 << 20,
    ) -> None:
        self.address = address
        self._repository = folder / "git"
        self._size_limit = size_limit
        self._authorization = authorization
        configuration = folder / "gitconfig"
        configuration.touch(mode=0o600)
        configuration.write_text(_configuration(address, authorization), encoding="utf-8")
        self._environment = _environment(os.environ if environ is None else environ, configuration, address.transport)
        try:
            self.run("init", "--quiet", "--bare", "--template=", str(self._repository))
        except GitFailed as failure:
            raise self._cannot_write(str(failure)) from failure

    def run(self, *arguments: str, seconds: float = 60, most_bytes: int = _MOST_BYTES) -> bytes:
        """Returns git's standard output, at most `most_bytes`.

        Raises:
            BadRelease: it wrote more; the excess is never kept.
            SystemRefused: by its message, this machine's disk is full, read-only, and the like.
            GitFailed: it ended with an error, or did not end within `seconds`.
        """
        try:
            process = subprocess.Popen(
                ["git", f"--git-dir={self._repository}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment,
                start_new_session=True,  # no terminal to prompt on, and one group to kill
                restore_signals=False,  # SIGXFSZ stays ignored: git itself says "File too large"
            )
        except FileNotFoundError:
            raise ConfigurationError(
                "git", found="no such program", expected="git 2.32 or newer", remedy="Run `apt-get install git`."
            ) from None
        with process:
            self._bound(process.pid)
            output, said = self._wait(process, seconds, most_bytes)
        if process.returncode:
            raise self._failure(said) or GitFailed(f"git {arguments[0]} left with {process.returncode}")
        return output

    def _failure(self, said: bytes) -> GitFailed | ConfigurationError | None:
        """Classifies git's message: a fault of this machine, which the repository's owner cannot fix, or another."""
        own = b"\n".join(line for line in said.splitlines() if not line.startswith((b"remote:", b"warning:")))
        words = self._printable(own)
        cause = SystemRefused.cause_in(words)
        if cause is not None and cause.errno in (_OWN_REPOSITORY if self.address.folder else _OWN_DISK):
            is_disk = cause.errno in _OWN_DISK
            return SystemRefused(self._repository.parent.parent if is_disk else self.address.repository, cause)
        if cause is None and _CANNOT_WRITE.search(words):
            return self._cannot_write(words[:_SHOWN])
        text = self._printable(said)
        return GitFailed(text) if text else None

    def _cannot_write(self, said: str) -> ConfigurationError:
        return ConfigurationError(
            f"git in {self._repository.parent.parent}",
            found=said,
            expected="a folder that git can write to",
            remedy="See that the folder can be written and has room (`df -h`), then try again.",
        )

    def _wait(self, process: subprocess.Popen[bytes], seconds: float, most_bytes: int) -> tuple[bytes, bytes]:
        deadline = time.monotonic() + seconds
        ended = False
        try:
            result = self._read(process, deadline, most_bytes)
            process.wait(max(0, deadline - time.monotonic()))
            ended = True
        except (TimeoutError, subprocess.TimeoutExpired):
            raise GitFailed(f"no end within {seconds:.0f} seconds") from None
        finally:
            if not ended:  # Ctrl-C too: git's own children (ssh, the https helper) do not outlive it
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return result

    def _read(self, process: subprocess.Popen[bytes], deadline: float, most_bytes: int) -> tuple[bytes, bytes]:
        output, said = bytearray(), bytearray()
        with selectors.DefaultSelector() as open_pipes:
            for pipe, read, most in ((process.stdout, output, most_bytes), (process.stderr, said, _MOST_BYTES)):
                if pipe is not None:  # both are pipes, but their type does not say so
                    open_pipes.register(pipe, selectors.EVENT_READ, (read, most))
            while open_pipes.get_map():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise TimeoutError
                for key, _ in open_pipes.select(remaining):
                    read, most = key.data
                    piece = os.read(key.fd, 1 << 16)
                    if not piece:
                        open_pipes.unregister(key.fileobj)
                    elif len(read) + len(piece) > most:
                        raise self._too_much(most)
                    read += piece
        return bytes(output), bytes(said)

    def _too_much(self, most: int) -> BadRelease:
        return BadRelease(
            f"repository {self.address.repository}",
            found=f"more than {most:,} bytes in one answer of git",
            expected="no more than a release needs",
            remedy="Its owner must correct the repository; nothing was replaced.",
        )

    def _bound(self, process: int) -> None:
        # Children inherit it: index-pack, which reads the repository's bytes, starts only after the first answer.
        for kind, limit in ((resource.RLIMIT_FSIZE, self._size_limit), (resource.RLIMIT_AS, _MOST_MEMORY)):
            soft, hard = resource.getrlimit(kind)
            if soft == resource.RLIM_INFINITY or soft > limit:
                resource.prlimit(process, kind, (limit, hard))

    def _printable(self, said: bytes) -> str:
        text = said.decode("utf-8", "replace").replace(self.address.url, self.address.repository)
        text = without_secrets(_USER_OR_TOKEN.sub("//", text), self._authorization)
        # subtle: a repository chooses part of this text, so none of its control characters may reach a terminal
        printable = "".join(character if character.isprintable() else " " for character in text)
        return " ".join(printable.split()).rstrip(".")[:_MOST_BYTES]


def _configuration(address: Address, authorization: str | None) -> str:
    text = _CONFIGURATION.format(transport=address.transport, redirects="initial" if authorization is None else "false")
    if address.transport == "http":
        text += "    proxy =\n"  # this machine is asked itself, whatever http_proxy says
    if authorization is not None:
        parts = urlsplit(address.url)
        text += f'[http "{parts.scheme}://{parts.netloc}/"]\n    extraHeader = "Authorization: {authorization}"\n'
    if address.folder is None:
        return text
    # This one repository is read even if another user owns it: `sudo` runs the same commands on the user's clone.
    paths = (str(path).replace("\\", "\\\\").replace('"', '\\"') for path in (address.folder, address.folder / ".git"))
    return text + "[safe]\n" + "".join(f'    directory = "{path}"\n' for path in paths)


def _environment(caller: Mapping[str, str], configuration: Path, transport: str) -> dict[str, str]:
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
        "GIT_ALLOW_PROTOCOL": transport,  # overrides any configuration, such as a local repository's own
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",  # `git_source.py` parses its messages
    }
