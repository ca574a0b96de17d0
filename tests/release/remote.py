"""A bare git repository of releases, honest or hostile, made object by object: git refuses to make most of these."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}

PKL = "digit_classifier_v1.pkl"
FILES = {PKL: b"artefact", "MODELCARD.md": b"# A model\n", "train.py": b"print()\n"}

Entry = tuple[str, str, str]  # mode, name, object


class Remote:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.exists():
            folder.mkdir(parents=True)
            self.git("init", "--quiet", "--bare")

    def git(self, *arguments: str, data: bytes = b"") -> str:
        return self.run(*arguments, data=data).decode().strip()

    def run(self, *arguments: str, data: bytes = b"") -> bytes:
        ran = subprocess.run(["git", *arguments], cwd=self.folder, input=data, env=ENVIRONMENT, capture_output=True)
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout

    def blob(self, data: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", data=data)

    def raw(self, kind: str, data: bytes) -> str:
        """An object of any bytes, however malformed."""
        return self.git("hash-object", "-t", kind, "--literally", "-w", "--stdin", data=data)

    def commit(self, files: dict[str, bytes], *, more: tuple[Entry, ...] = ()) -> str:
        """A commit of these plain files, and of entries of any mode and name."""
        entries = [("100644", name, self.blob(data)) for name, data in files.items()] + list(more)
        lines = sorted((name.encode(), mode.encode(), bytes.fromhex(sha)) for mode, name, sha in entries)
        tree = self.raw("tree", b"".join(mode + b" " + name + b"\0" + sha for name, mode, sha in lines))
        return self.git("commit-tree", tree, "-m", "release")

    def tag(self, version: str, target: str, *, named: str | None = None, kind: str = "commit") -> str:
        """An annotated tag; `named` is what the tag object calls itself."""
        text = f"object {target}\ntype {kind}\ntag {named or version}\ntagger x <x> 0 +0000\n\nrelease\n"
        tag = self.raw("tag", text.encode())
        self.point(version, tag)
        return tag

    def point(self, version: str, target: str) -> None:
        """A lightweight tag, new or moved."""
        self.git("update-ref", f"refs/tags/{version}", target)

    def release(self, version: str = "v1.0", files: dict[str, bytes] | None = None, **more: tuple[Entry, ...]) -> str:
        commit = self.commit(FILES if files is None else files, **more)
        self.tag(version, commit)
        return commit


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()


def object_file(remote: Remote, sha: str) -> Path:
    """Where an object lies in the repository, writable."""
    path = remote.folder / "objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    return path
