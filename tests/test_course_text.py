"""docs/course.md as its reader goes through it: each command runs, in order, and prints what it shows.

The tree is a new clone in which both environments are installed and the local releases are built, as the page's first
command and its `pixelwise pull v2.0` do before they do the rest. A local repository with a release like the course's
stands in for GitHub's. Nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import MNIST_FOLDER
from tests.course import prose_of
from tests.installation import CARD, GIT, REPOSITORY, ROOT, Published
from tests.release.remote import Remote

PAGE = (ROOT / "docs/course.md").read_text(encoding="utf-8")
MODEL_VENV = ROOT / "pixelwise-model/.venv"
PLACE = "127.0.0.1:8000"
GITHUB = "https://github.com/schutera/pixelwise-model.git"
TREE = ("app", "pixelwise-model", "setup-server.sh", "predict.py", "model.lock", ".env.example", "requirements.txt")
MADE = shutil.ignore_patterns("__pycache__", ".venv", "data", "releases.git", "tests", ".*_cache")
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")


class Block(NamedTuple):
    """A fenced block of the page.

    Attributes:
        number: the line in which it begins.
        kind: "sh" is run; "markdown" is written to `file`.
        not_run: why it is not; empty if it is.
        shown: the "text" block that follows, which is what it prints; None if it prints nothing.
    """

    number: int
    kind: str
    file: str
    text: str
    not_run: str
    shown: str | None


def blocks_of(page: str) -> list[Block]:
    found: list[Block] = []
    for fence in re.finditer(
        r"(?:^(<!-- not run: .+? -->)\n)?^```(\w+)(?: (\S+))?\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    ):
        mark, kind, file, text = fence.groups()
        if kind == "text":
            found[-1] = found[-1]._replace(shown=text)
            continue
        why = NOT_RUN.fullmatch(mark or "")
        number = page.count("\n", 0, fence.start()) + 1
        found.append(Block(number, kind, file or "", text, why[1] if why else "", None))
    return found


BLOCKS = blocks_of(PAGE)


class Reader:
    """A tree as the page finds it, and a shell in it."""

    def __init__(self, folder: Path, v1: Published) -> None:
        self.root = folder / "pixelwise"
        self.github = Remote(folder / "github.git")
        self.github.release("v1.0", {v1.record.artefact: v1.artefact, CARD: prose_of("v1.0").encode()})
        self.root.mkdir()
        for name in TREE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.root / name, ignore=MADE)
            else:
                shutil.copy2(source, self.root)
        shutil.copy2(ROOT / ".gitignore", self.root)
        shutil.copytree(ROOT / REPOSITORY, self.root / REPOSITORY)
        (self.root / "pixelwise-model/data").mkdir()
        for file in MNIST_FOLDER.glob("*-ubyte"):
            os.link(file, self.root / "pixelwise-model/data" / file.name)
        self._environment(".venv", Path(sys.executable), sysconfig.get_path("purelib"), "requirements.txt")
        (libraries,) = (MODEL_VENV / "lib").glob("python*/site-packages")
        requirements = "pixelwise-model/requirements.txt"
        self._environment("pixelwise-model/.venv", MODEL_VENV / "bin/python", str(libraries), requirements)
        command = self.root / ".venv/bin/pixelwise"
        command.write_text(f"#!{self.root / '.venv/bin/python'}\nfrom app.cli import main\n\nmain()\n")
        command.chmod(0o755)
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = one.getsockname()[1]
        for line in ("git init --quiet", "git add .", "git commit --quiet -m clone"):
            assert self.run(line) == ""

    def _environment(self, name: str, python: Path, libraries: str, requirements: str) -> None:
        """One as set-up leaves it; its libraries are those of this machine's."""
        subprocess.run([python, "-m", "venv", "--without-pip", self.root / name], check=True)
        (packages,) = (self.root / name / "lib").glob("python*/site-packages")
        own = f"{self.root}\n" if name == ".venv" else ""
        (packages / "here.pth").write_text(f"{own}{libraries}\n")
        shutil.copy2(ROOT / requirements, self.root / name / f".installed-{Path(requirements).name}")

    def run(self, script: str) -> str:
        """What the script prints, both streams as a terminal shows them; it must end well."""
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.root.parent), "PYTHONDONTWRITEBYTECODE": "1", **GIT}
        done = subprocess.run(
            ["bash", "-c", script.replace(PLACE, f"127.0.0.1:{self.port}").replace(GITHUB, str(self.github.folder))],
            cwd=self.root,
            env={**environ, "PORT": str(self.port), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
        printed = done.stdout.replace(f"127.0.0.1:{self.port}", PLACE).replace(str(self.root.parent), "/home/you")
        assert done.returncode == 0, printed
        return printed

    def write(self, block: Block) -> None:
        """Writes a file that the page tells the reader to write."""
        (self.root / block.file).write_text(block.text, encoding="utf-8")


# -- does a block print what the page shows? ---------------------------------------------------------------------------

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def lines_of(text: str) -> list[str]:
    """Lines with one space between words; those of white space alone are no lines."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def is_line(shown: str, printed: str) -> bool:
    """`…` stands for any text. A figure that is measured may differ as it does between two processors."""
    parts = (re.escape(NUMBER.sub("#", part)).replace(r"\#", "#") for part in shown.split("…"))
    pattern = "(.*)".join(part.replace("#", f"(?:{NUMBER.pattern})") for part in parts)
    found = re.fullmatch(pattern, printed)
    if found is None:
        return False
    left_out = {place for group in range(1, len(found.groups()) + 1) for place in range(*found.span(group))}
    there = [match[0] for match in NUMBER.finditer(printed) if match.start() not in left_out]
    here = NUMBER.findall(shown.replace("…", " "))
    return len(here) == len(there) and all(map(is_figure, here, there))


def is_figure(shown: str, printed: str) -> bool:
    """Counts from 800 on within 1%, shares within 0.02, percentages within 0.5; every other number is that number."""
    first, second = (float(text.replace(",", "")) for text in (shown, printed))
    if "." in shown:
        return abs(first - second) <= (0.5 if first > 2 else 0.02)
    return abs(first - second) <= (first / 100 if first >= 800 else 0)


def shows(shown: list[str], printed: list[str]) -> bool:
    """`...` stands for any lines, none too."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(shows(shown[1:], printed[begin:]) for begin in range(len(printed) + 1))
    return bool(printed) and is_line(shown[0], printed[0]) and shows(shown[1:], printed[1:])


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("Pred: 4 (conf 0.48) True: 2", "Pred: 4 (conf 0.47) True: 2", True),
        ("Pred: 4 (conf 0.48) True: 2", "Pred: 5 (conf 0.48) True: 2", False),
        ("Pred: 4 (conf 0.48) True: 2", "Pred: 4 (conf 0.52) True: 2", False),
        ("8,246 of 9,020: 91.42%", "8,250 of 9,020: 91.46%", True),
        ("8,246 of 9,020: 91.42%", "8,000 of 9,020: 88.69%", False),
        ("784 features", "785 features", False),
        ("v1.0: pulled, commit ….", "v1.0: pulled, commit 44cb12bc8d15.", True),
        ("v1.0: pulled, commit ….", "v1.1: pulled, commit 44cb12bc8d15.", False),
        ("v1.0: pulled, commit ….", "v1.0: copied, commit 44cb12bc8d15.", False),
        ("a\n...\nb", "a\nx\ny\nb", True),
        ("a\nb", "a\nx\nb", False),
        ("a", "a\nb", False),
        ("...\nb\nc", "b\nx\nb\nc", True),
        ("", "an error", False),
    ],
)
def test_what_a_page_shows_is_told_from_what_it_does_not(shown: str, printed: str, same: bool):
    assert shows(lines_of(shown), lines_of(printed)) is same


# -- the page ----------------------------------------------------------------------------------------------------------


def test_every_command_prints_what_the_page_shows(tmp_path: Path, published: Callable[[str], Published]):
    if not (MODEL_VENV / "bin/python").exists() or not (ROOT / REPOSITORY).exists():
        pytest.fail(f"{MODEL_VENV} or {REPOSITORY} is missing: `make test` makes both.")
    reader, wrong = Reader(tmp_path, published("v1.0")), []
    for block in BLOCKS:
        if block.kind == "markdown":
            reader.write(block)
        elif not block.not_run:
            printed = reader.run(block.text)
            if not shows(lines_of(block.shown or ""), lines_of(printed)):
                wrong.append(f"line {block.number} shows\n{block.shown}\nand prints\n{printed}")
    assert wrong == [], "\n\n".join(wrong)


def test_every_fenced_block_is_run_written_or_held_against_what_is_printed():
    assert {block.kind for block in BLOCKS} == {"sh", "markdown"}
    assert all(block.file for block in BLOCKS if block.kind == "markdown")
    shown = sum(block.shown is not None for block in BLOCKS)
    assert PAGE.count("```") == 2 * (len(BLOCKS) + shown), "a fence that is not read, or an output that follows none"
    assert not re.search(r"^(?: {4}|\t)", re.sub(r"(?ms)^```.*?^```$", "", PAGE), re.MULTILINE), "an indented block"


def test_no_command_is_left_out():
    """A block under `<!-- not run: REASON -->` is not run; each must be listed here with its reason."""
    assert [block.not_run for block in BLOCKS if block.not_run] == []
    assert "not run:" not in PAGE


def test_every_command_in_a_sentence_is_one_that_is_run():
    run = "\n".join(block.text for block in BLOCKS if block.kind == "sh" and not block.not_run)
    words = re.sub(r"(?ms)^```.*?^```$", "", PAGE)
    named = re.findall(r"`((?:\.venv/bin/|bash |git |make |pip |pixelwise |python )[^`]+)`", words)
    assert named
    assert [command for command in named if command not in run] == []


def test_every_file_in_a_sentence_exists():
    words = re.sub(r"(?ms)^```.*?^```$", "", PAGE)
    named = re.findall(r"`((?:app|tests|pixelwise-model)/[\w./-]+|[\w-]+\.(?:py|sh|lock))`", words)
    of_releases = {"train.py", "release.py"}
    missing = [name for name in named if not (ROOT / name).exists() and name not in of_releases]
    assert named and missing == []
    assert all((ROOT / "pixelwise-model" / name).exists() for name in of_releases)
