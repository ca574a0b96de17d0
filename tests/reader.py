"""The reader of a page: a new clone, a shell in it, and a terminal of its own for the service.

In the clone both environments are installed and the local releases are built, as `make test` does; it has no .env
and no models/. A local repository with a release like the course's stands in for GitHub's, and free ports for those
that pages name. Nothing is downloaded.
"""

from __future__ import annotations

import ast
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MNIST_FOLDER
from tests.course import prose_of
from tests.installation import CARD, GIT, REPOSITORY, ROOT, Published
from tests.pages import Block, shows
from tests.release.remote import Remote

MODEL_VENV = ROOT / "pixelwise-model/.venv"
GITHUB = "https://github.com/schutera/pixelwise-model.git"
TREE = (
    *("app", "drawn", "pixelwise-model", "setup-server.sh", "predict.py", "model.lock", "requirements.txt", "Makefile"),
    *(".env.example", ".gitignore"),
)
MADE = shutil.ignore_patterns("__pycache__", ".venv*", "data", "releases.git", "tests", ".*_cache")
ANSWERS = "PixelWise answers at "
PATIENCE_SECONDS = 300
AS_AT_A_PROMPT = """
import ast, sys
for statement in ast.parse(sys.argv[1]).body:
    exec(compile(ast.Interactive([statement]), "page", "single"))
"""


class Reader:
    """A tree as a page finds it, and a shell in it.

    Attributes:
        root: the tree.
        before: what was typed in each shell before the block, such as "source .venv/bin/activate".
        stands_for: texts of pages, and what is typed and printed in their place here.
        environ: more of the shell's environment.
    """

    def __init__(self, folder: Path, published: Callable[[str], Published]) -> None:
        if not (MODEL_VENV / "bin/python").exists() or not (ROOT / REPOSITORY).exists():
            pytest.fail(f"{MODEL_VENV} or {REPOSITORY} is missing: `make test` makes both.")
        self.root = folder / "pixelwise"
        self.before = ""
        self.environ: dict[str, str] = {}
        github = Remote(folder / "github.git")
        release = published("v1.0")
        github.release("v1.0", {release.record.artefact: release.artefact, CARD: prose_of("v1.0").encode()})
        self.port, second = _free_ports()
        self.stands_for = {
            GITHUB: str(github.folder),
            "127.0.0.1:8000": f"127.0.0.1:{self.port}",
            "127.0.0.1:8001": f"127.0.0.1:{second}",
            "PORT=8001": f"PORT={second}",
        }
        self._services: dict[str, subprocess.Popen[bytes]] = {}
        self._clone()

    def _clone(self) -> None:
        self.root.mkdir()
        for name in TREE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.root / name, ignore=MADE)
            else:
                shutil.copy2(source, self.root)
        shutil.copytree(ROOT / REPOSITORY, self.root / REPOSITORY)
        (self.root / "pixelwise-model/data").mkdir()
        for file in MNIST_FOLDER.glob("*-ubyte"):
            os.link(file, self.root / "pixelwise-model/data" / file.name)
        self._environment(".venv", Path(sys.executable), sysconfig.get_path("purelib"), "requirements.txt")
        (libraries,) = (MODEL_VENV / "lib").glob("python*/site-packages")
        requirements = "pixelwise-model/requirements.txt"
        self._environment("pixelwise-model/.venv", MODEL_VENV / "bin/python", str(libraries), requirements)
        command = self.root / ".venv/bin/pixelwise"
        guarded = 'from app.cli.program import main\n\nif __name__ == "__main__":\n    main()\n'  # as the installed one
        command.write_text(f"#!{self.root / '.venv/bin/python'}\n{guarded}")
        command.chmod(0o755)
        for line in ("git init --quiet", "git add .", "git commit --quiet -m clone"):
            assert self.run(line) == ""

    def _environment(self, name: str, python: Path, libraries: str, requirements: str) -> None:
        """One as set-up leaves it; its libraries are those of this machine's."""
        subprocess.run([python, "-m", "venv", "--without-pip", self.root / name], check=True)
        (packages,) = (self.root / name / "lib").glob("python*/site-packages")
        own = f"{self.root}\n" if name == ".venv" else ""
        (packages / "here.pth").write_text(f"{own}{libraries}\n")
        shutil.copy2(ROOT / requirements, self.root / name / f".installed-{Path(requirements).name}")

    # -- a shell -------------------------------------------------------------------------------------------------------

    def run(self, script: str, *, typed: str = "") -> str:
        """What the script prints, both streams as a terminal shows them; each command must end well."""
        done = subprocess.run(
            self._bash(script),
            cwd=self.root,
            env=self._environ,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            start_new_session=True,  # without a terminal: a password is read from what is typed
        )
        printed = self._as_on_the_page(done.stdout)
        assert done.returncode == 0, f"{script}\nends with exit code {done.returncode} and prints\n{printed}"
        return printed

    def run_python(self, text: str) -> str:
        """What Python prints when these lines are typed at its prompt: the value of each that has one."""
        (self.root.parent / "prompt.py").write_text(AS_AT_A_PROMPT)
        (self.root.parent / "typed.py").write_text(text)
        return self.run('.venv/bin/python ../prompt.py "$(cat ../typed.py)"')

    def write(self, block: Block) -> None:
        """Writes a file that the page tells the reader to write."""
        (self.root / block.file).write_text(block.text, encoding="utf-8")

    # -- the service ---------------------------------------------------------------------------------------------------

    def serve(self, script: str, address: str = "http://127.0.0.1:8000") -> str:
        """What a command prints that then serves at an address until Ctrl+C, up to that address. One that served there
        is ended first.
        """
        if address in self._services:
            self._ctrl_c(self._services[address])
        log = self.root.parent / "service.log"
        with log.open("wb") as terminal:
            service = subprocess.Popen(
                self._bash(script),
                cwd=self.root,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=terminal,
                start_new_session=True,
            )
        self._services[address] = service
        deadline = time.monotonic() + PATIENCE_SECONDS
        while ANSWERS not in (printed := log.read_text(encoding="utf-8")).rpartition("\n")[0]:
            assert service.poll() is None, f"{script}\ndoes not serve and prints\n{printed}"
            assert time.monotonic() < deadline, f"{script}\ndoes not serve yet and prints\n{printed}"
            time.sleep(0.02)
        upto = printed.index("\n", printed.index(ANSWERS))
        return self._as_on_the_page(printed[:upto])

    def leave(self) -> None:
        """Ends all services that run."""
        for service in self._services.values():
            self._ctrl_c(service)

    @staticmethod
    def _ctrl_c(service: subprocess.Popen[bytes]) -> None:
        """As the key does: every process of the terminal hears it."""
        if service.poll() is None:
            os.killpg(service.pid, signal.SIGINT)
            service.wait(PATIENCE_SECONDS)

    # -- this machine and the page -------------------------------------------------------------------------------------

    def _bash(self, script: str) -> list[str]:
        for text, here in self.stands_for.items():
            script = script.replace(text, here)
        return ["bash", "-eo", "pipefail", "-c", f"{self.before}\n{script}"]

    def _as_on_the_page(self, printed: str) -> str:
        for text, here in self.stands_for.items():
            printed = printed.replace(here, text)
        return printed.replace(str(self.root.parent), "/home/you")

    @property
    def _environ(self) -> dict[str, str]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.root.parent), "PYTHONDONTWRITEBYTECODE": "1", **GIT}
        return {**environ, "PORT": str(self.port), "LC_ALL": "C.UTF-8", **self.environ}


@contextmanager
def reader_in(folder: Path, published: Callable[[str], Published]) -> Iterator[Reader]:
    """A reader; the services that it leaves running are ended at the end."""
    reader = Reader(folder, published)
    try:
        yield reader
    finally:
        reader.leave()


def go_through(reader: Reader, blocks: list[Block], *, all_shown: bool = False, typed: str = "") -> list[str]:
    """Runs the blocks in order; those that print something else than they show.

    Args:
        all_shown: a block without an output prints nothing.
        typed: what commands are answered that ask.
    """
    wrong = []
    for block in blocks:
        if block.not_run or not block.kind:
            continue
        if block.kind == "markdown":
            reader.write(block)
            continue
        shown = block.shown
        if block.kind == "python":
            shown, printed = _values_in(block.text), reader.run_python(block.text)
        elif shown is not None and ANSWERS in shown:
            printed = reader.serve(block.text, shown.partition(ANSWERS)[2].strip())
        else:
            printed = reader.run(block.text, typed=typed)
        if shown is None and all_shown:
            shown = ""
        if shown is not None and not shows(shown, printed):
            wrong.append(f"line {block.number} shows\n{shown}\nand prints\n{printed}")
    return wrong


def _values_in(text: str) -> str:
    """The comments beside expressions: a page shows their values there."""
    lines = text.splitlines()
    ends = [node.end_lineno for node in ast.parse(text).body if isinstance(node, ast.Expr)]
    return "\n".join(lines[end - 1].partition("  # ")[2] for end in ends if end)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
