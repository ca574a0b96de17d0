"""A whole installation in a folder of its own: the code, a model.lock, and a pulled release. Processes run in it with
an environment that is handed in, so no test sees this machine's .env or models/.

Fixtures, for every test: `published` (the files of the local releases), `installation`, `compiled`; with all three
releases, `installation_of_three`, `compiled_with_three`.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from app.model.golden_set import GoldenSet, read_golden
from app.release.default_copies import copy_out
from app.release.models_folder import place
from app.release.pull import pull
from app.release.record import RECORD, Release, describe, record_bytes
from app.verify.card import read_card

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = "pixelwise-model/releases.git"
TRIAL = "pixelwise-model/trial.git"
CARD = "MODELCARD.md"

WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
"""Runs a program as root whom file modes bind like everybody else."""

GIT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    **{f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    **{name: value for name, value in os.environ.items() if name.startswith(("COVERAGE_", "OPENBLAS_NUM_THREADS"))},
}
"""The environment of processes that tests start, beside their own: git's, how `make coverage` sees into them, and the
threads of numpy: `make test` gives it one, since tests run side by side."""


class Published(NamedTuple):
    """One release as it was pulled: its record, and its files by name."""

    record: Release
    files: dict[str, bytes]

    @property
    def artefact(self) -> bytes:
        return self.files[self.record.artefact]

    @property
    def card(self) -> str:
        return self.files[CARD].decode()

    @property
    def golden(self) -> GoldenSet:
        contract = read_card(self.files[CARD]).contract
        assert contract is not None and contract.golden is not None
        return read_golden(
            self.files[contract.golden.file], classes=len(contract.classes), name=contract.golden.file, first=None
        )


def without_drawn(card: str) -> bytes:
    """The card as it was before releases were measured with drawn digits: its contract has no such block."""
    block, count = re.subn(r"^  drawn:\n(?: {4,}.*\n)+", "", card, flags=re.MULTILINE)
    assert count == 1
    return block.encode()


class Installation:
    """A root folder, and Python processes that run there.

    Attributes:
        root: the folder.
        python: the interpreter; that of this process if nothing else is set.
        flags: of the interpreter, such as ("-O",).
        prefix: a program that runs the interpreter, with its arguments.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.python = sys.executable
        self.flags: tuple[str, ...] = ()
        self.prefix: tuple[str, ...] = ()

    @property
    def models(self) -> Path:
        return self.root / "models"

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`python ARGUMENTS...` here, with these settings and nothing else of this machine's environment."""
        home = {"PATH": os.environ["PATH"], "HOME": str(self.root), "PYTHONPATH": str(self.root), **GIT}
        return subprocess.run(
            [*self.prefix, self.python, "-X", "utf8", *self.flags, *arguments],
            cwd=self.root,
            env={**home, **environ},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )

    def start(self, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run("-c", "import app.classifier", **environ)

    def predict(self, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run("predict.py", **environ)

    def pixelwise(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run("-c", "import app.cli; app.cli.main()", *arguments, **environ)

    def place(self, version: str, files: dict[str, bytes], *, artefact: str) -> None:
        """Puts these files there as if they had been pulled: recorded, and copied into models/."""
        described = tuple(describe(name, data) for name, data in files.items())
        release = Release(repository=REPOSITORY, version=version, commit="1" * 40, artefact=artefact, files=described)
        staged = self.models / ".incoming-test"
        staged.mkdir(parents=True)
        for name, data in files.items():
            (staged / name).write_bytes(data)
        (staged / RECORD).write_bytes(record_bytes(release))
        place(staged, self.models, version)
        shutil.rmtree(staged, ignore_errors=True)
        copy_out(self.models, release)

    def place_published(self, published: Published, **changed: bytes | None) -> None:
        """Places a release with some files changed (`card`, `golden`, `artefact`: None leaves one out)."""
        record = published.record
        golden = next(name for name in published.files if name.endswith(".npz"))
        names = {"card": CARD, "golden": golden, "artefact": record.artefact}
        changes = {names[kind]: data for kind, data in changed.items()}
        files = {name: data for name, data in {**published.files, **changes}.items() if data is not None}
        self.place(record.version, files, artefact=record.artefact)


def copy_of(pattern: Path, folder: Path) -> Installation:
    """A copy of an installation, in a folder of this folder."""
    root = folder / "installation"
    shutil.copytree(pattern, root, symlinks=True)
    return Installation(root)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Published]:
    """A version -> that local release, pulled once; of v3.0 the trial, which learnt from few digits."""
    folder = tmp_path_factory.mktemp("published")
    pulled: dict[str, Published] = {}

    def release(version: str) -> Published:
        if version not in pulled:
            pulled[version] = _pull(folder, version)
        return pulled[version]

    return release


def _pull(folder: Path, version: str) -> Published:
    repository = TRIAL if version.startswith("v3.") else REPOSITORY
    if not (ROOT / repository).exists():
        pytest.fail(f"{repository} is missing: `make test` builds it.")
    record = pull(
        repository=str(ROOT / repository),
        version=version,
        models=folder / "models",
        lock_file=folder / "model.lock",
        root=folder,
        frozen=False,
        accept=lambda staged: None,
        say=lambda line: None,
    ).release
    names = [file.name for file in record.files]
    return Published(record, {name: (folder / "models" / version / name).read_bytes() for name in names})


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory, published: Callable[[str], Published]) -> Path:
    """The installation that others are copied from, so that no test waits for the compiler."""
    root = tmp_path_factory.mktemp("pattern") / "installation"
    shutil.copytree(ROOT / "app", root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("predict.py", "model.lock", ".env.example", "requirements.txt"):
        shutil.copy2(ROOT / name, root)
    for optimisation in (0, 1):
        compileall.compile_dir(root / "app", quiet=2, optimize=optimisation)
    Installation(root).place_published(published("v1.0"))
    return root


@pytest.fixture(scope="session")
def compiled_with_three(
    tmp_path_factory: pytest.TempPathFactory, compiled: Path, published: Callable[[str], Published]
) -> Path:
    """The same with v1.1 and v2.0 in place too; those of v1.0 are the files of models/ itself."""
    installation = copy_of(compiled, tmp_path_factory.mktemp("pattern"))
    for version in ("v1.1", "v2.0", "v1.0"):
        installation.place_published(published(version))
    return installation.root


@pytest.fixture
def installation_of_three(compiled_with_three: Path, tmp_path: Path) -> Installation:
    """An installation without .env, in which three versions are in place."""
    return copy_of(compiled_with_three, tmp_path)


@pytest.fixture
def installation(compiled: Path, tmp_path: Path) -> Installation:
    """An installation without .env, in which the local v1.0 is in place."""
    return copy_of(compiled, tmp_path)
