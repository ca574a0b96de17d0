"""The git repository of releases: bare, one commit and one annotated tag per release.

Plumbing only (no work tree, no index), so nothing is half checked out and no hook or filter acts.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from addresses import PushRefused, shown, without_credentials
from errors import GitFailed, ReleaseRefused, RemoteUnreachable, TagExists

Sign = Callable[[str], str]
"""The signature of a tag's text, to stand behind it; empty for a tag without one."""
NAME, EMAIL = "PixelWise release", "release@pixelwise.invalid"
_TAGGER = re.compile(r"^tagger .*$", re.MULTILINE)
_WANTS_CREDENTIALS = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|Permission denied \(|returned error: 40[13]"
)
"""git's own words where it is refused, or asked for what nobody gave."""
VERSION = re.compile(r"v([0-9]{1,9})\.([0-9]{1,9})")


def version_key(version: str) -> tuple[int, int]:
    """v1.10 -> (1, 10): later versions are greater."""
    match = VERSION.fullmatch(version)
    if match is None:
        raise ReleaseRefused(
            f"version {version}", found="another shape", promised="vN.N", remedy="Name it like v1.0."
        )
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class ReleaseRepository:
    """Releases by version; made when the first one is published."""

    path: Path

    def versions(self) -> list[str]:
        """The published versions, oldest first; tags of another shape are none."""
        if not self.path.exists():
            return []
        tags = self._git("tag", "--list").split()
        return sorted(filter(VERSION.fullmatch, tags), key=version_key)

    def previous(self, version: str) -> str | None:
        """The highest version below this one."""
        lower = [known for known in self.versions() if version_key(known) < version_key(version)]
        return lower[-1] if lower else None

    def read(self, version: str, name: str) -> str | None:
        """A text file of a release; None if the release has no such file."""
        listed = self._git("ls-tree", "--name-only", f"refs/tags/{version}", "--", name)
        return self._git("cat-file", "blob", f"refs/tags/{version}:{name}") if listed else None

    def files(self, version: str) -> dict[str, bytes]:
        """All files of a release, by name."""
        listed = self._git("ls-tree", "-z", "--name-only", f"refs/tags/{version}").split("\0")[:-1]
        return {
            name: self._bytes_of_git("cat-file", "blob", f"refs/tags/{version}:{name}") for name in listed
        }

    def publish(self, version: str, folder: Path, message: str, sign: Sign = lambda text: "") -> str:
        """Commit the folder's files, then tag the commit: both references change in one transaction, or none.

        The date of both is the clock's, or SOURCE_DATE_EPOCH (reproducible-builds.org): with that, the same
        files after the same releases give the same commit and the same tag.

        Returns:
            The commit.

        Raises:
            ReleaseRefused: SOURCE_DATE_EPOCH is no number of seconds.
        """
        date = f"{release_second()} +0000"
        self._create_if_missing()
        branch = self._git("symbolic-ref", "HEAD").strip()
        parent = self._git("for-each-ref", "--format=%(objectname)", branch).strip()
        tree = self._git("mktree", stdin="".join(self._tree_line(path) for path in sorted(folder.iterdir())))
        line = ["-p", parent] if parent else []
        commit = self._git("commit-tree", tree.strip(), *line, "-m", message, date=date).strip()
        tagger = f"{NAME} <{EMAIL}> {date}"
        text = f"object {commit}\ntype commit\ntag {version}\ntagger {tagger}\n\n{message}\n"
        tag = self._git("mktag", stdin=text + sign(text)).strip()
        # A branch that moved since, or a tag that appeared, undoes the whole transaction.
        self._git(
            "update-ref",
            "--stdin",
            stdin=f"start\nupdate {branch} {commit} {parent or '0' * 40}\n"
            f"create refs/tags/{version} {tag}\nprepare\ncommit\n",
        )
        return commit

    def is_signed(self, version: str) -> bool:
        """True if the published tag has a signature."""
        return "\n-----BEGIN " in self._git("cat-file", "-p", f"refs/tags/{version}")

    def sign(self, version: str, sign: Sign) -> None:
        """Sign a published tag that has no signature yet: the same commit, under today's date."""
        reference = f"refs/tags/{version}"
        before = self._git("rev-parse", reference).strip()
        tagger = f"tagger {NAME} <{EMAIL}> {release_second()} +0000"
        text = _TAGGER.sub(tagger, self._git("cat-file", "tag", before), count=1)
        after = self._git("mktag", stdin=text + sign(text)).strip()
        self._git("update-ref", reference, after, before)

    def published_at(self, version: str, url: str) -> bool:
        """True if the remote has this very release.

        Raises:
            TagExists: the remote has another one under this name.
            RemoteUnreachable: it does not answer.
        """
        answer = self._git_at(url, "ls-remote", "--", url, f"refs/tags/{version}")
        if not answer.strip():
            return False
        theirs = answer.split()[0]
        ours = self._git("rev-parse", f"refs/tags/{version}").strip() if version in self.versions() else None
        if theirs != ours:
            raise TagExists(
                version, where=shown(url), remedy="Published tags are not moved: choose the next version."
            )
        return True

    def push(self, version: str, url: str) -> None:
        """Push the tag, and with it the commit; the remote's branches stay as they are."""
        reference = f"refs/tags/{version}"
        self._git_at(
            url, "--git-dir", str(self.path), "push", "--quiet", "--", url, f"{reference}:{reference}"
        )

    def _create_if_missing(self) -> None:
        if self.path.exists():
            self._git("rev-parse", "--git-dir")
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".releases-") as folder:
            fresh = Path(folder, "new.git")
            ReleaseRepository(fresh)._git("init", "--quiet", "--bare", "--initial-branch=main", "--template=")
            fresh.rename(self.path)

    def _tree_line(self, file: Path) -> str:
        blob = self._git("hash-object", "-w", "--no-filters", "--", str(file)).strip()
        return f"100644 blob {blob}\t{file.name}\n"

    def _git(self, *arguments: str, stdin: str = "", date: str | None = None) -> str:
        return self._bytes_of_git(*arguments, stdin=stdin, date=date).decode()

    def _bytes_of_git(self, *arguments: str, stdin: str = "", date: str | None = None) -> bytes:
        # No user's configuration applies here, so a release is cut in the same way on every machine.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_NAME": NAME, f"GIT_{role}_EMAIL": EMAIL}
            if date is not None:
                environment[f"GIT_{role}_DATE"] = f"@{date}"  # subtle: without @ git guesses at short numbers
        done = _run(["git", "--git-dir", str(self.path), *arguments], environment, stdin)
        if done.returncode != 0:
            raise GitFailed(f"{arguments[0]} in {self.path}", found=_complaint(done))
        return done.stdout

    def _git_at(self, url: str, *arguments: str) -> str:
        # The caller's own configuration and keys apply: this is their fork. Variables that name another
        # repository are removed.
        elsewhere = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
        environment = {key: value for key, value in os.environ.items() if key not in elsewhere}
        done = _run(["git", *arguments], environment)
        if done.returncode != 0:
            found = without_credentials(_complaint(done), url)
            if _WANTS_CREDENTIALS.search(found):
                raise PushRefused(url, found=found)
            raise RemoteUnreachable(
                shown(url),
                found=found,
                remedy="Check the address and your access, then run again with --if-missing.",
            )
        return done.stdout.decode()


def release_second() -> int:
    """Seconds since 1970 in UTC: SOURCE_DATE_EPOCH, or now when it is not set."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        return int(time.time())
    if re.fullmatch(r"[0-9]{1,10}", given) is None:  # ten digits reach the year 2286
        raise ReleaseRefused(
            f"SOURCE_DATE_EPOCH={given!a}",
            found="no number of seconds",
            promised="whole seconds since 1970-01-01 UTC, at most ten digits",
            remedy="Unset it, or set it like SOURCE_DATE_EPOCH=$(git log -1 --format=%ct).",
        )
    return int(given)


def _run(
    command: list[str], environment: dict[str, str], stdin: str = ""
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            command, env=environment, input=stdin.encode(), capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise GitFailed(command[1], found="no git on this machine: install git") from error


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (line.strip() for line in done.stderr.decode(errors="replace").splitlines())
    said = [line.rstrip(".;") for line in lines if line.removeprefix("remote:").strip()]
    return "; ".join(said[:3]) or f"exit code {done.returncode}"
