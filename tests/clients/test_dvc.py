"""Releases whose artefact the real DVC added and pushed: pulled, and held against a changed byte beside `dvc get`."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import PixelWiseError
from app.release.refusals import BadRelease, ChangedFile
from tests.installation import GIT, ROOT, Published
from tests.pages import blocks_of
from tests.release.conftest import House
from tests.release.remote import ENVIRONMENT


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None: ...


PAGE = ROOT / "docs/sources.md"
PKL = "digit_classifier_v1.pkl"


class Repository:
    """A git repository with DVC in it, whose remote is a folder of its own."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.programs = folder, programs
        folder.mkdir()
        self.git("init", "--quiet")
        self.dvc("init", "--quiet")
        self.dvc("remote", "add", "--quiet", "--default", "storage", "storage")
        (folder / ".git" / "info" / "exclude").write_text("/storage\n")

    def git(self, *arguments: str) -> str:
        return self._run("git", *arguments)

    def dvc(self, *arguments: str) -> str:
        return self._run(str(self.programs / "dvc"), *arguments)

    def _run(self, *command: str) -> str:
        environment = {**ENVIRONMENT, "HOME": str(self.folder.parent), "DVC_NO_ANALYTICS": "1"}
        ran = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def release(self, files: dict[str, bytes], version: str = "v1.0") -> str:
        """The release of these files, with its artefact in DVC."""
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        self.dvc("add", "--quiet", PKL)
        self.dvc("push", "--quiet")
        shutil.rmtree(self.folder / ".dvc" / "cache")  # whoever gets it now reads the remote
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "release")
        self.git("tag", "--annotate", "-m", "release", version)
        return self.git("rev-parse", "HEAD").strip()

    @property
    def stored(self) -> Path:
        (path,) = (path for path in (self.folder / "storage").rglob("*") if path.is_file())
        return path


@pytest.fixture
def repository(tmp_path: Path, client_environment: Callable[[str], Path]) -> Repository:
    return Repository(tmp_path / "models-with-dvc", client_environment("dvc"))


@pytest.fixture
def serve_folder() -> Iterator[Callable[[Path], str]]:
    """Starts a web server of a folder on this machine; returns its address."""
    servers = []

    def serve(folder: Path) -> str:
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "house").mkdir()
    return House(tmp_path / "house")


def test_what_dvc_pushed_is_the_release_that_git_has(
    repository: Repository, house: House, published: Callable[[str], Published]
) -> None:
    whole = published("v1.0")
    commit = repository.release(whole.files)
    pulled = house.pull(str(repository.folder)).release
    assert pulled.commit == commit and pulled.files == whole.record.files
    assert pulled.manifest == whole.record.manifest is not None  # so that one entry of model.lock covers both
    said = "Left out of v1.0 (folders, odd names, and what a system adds for itself): "
    assert f"{said}.dvc/, .dvcignore, .gitignore, {PKL}.dvc." in house.said


def test_a_remote_over_http_is_read_too(
    repository: Repository, house: House, published: Callable[[str], Published], serve_folder: Callable[[Path], str]
) -> None:
    whole = published("v1.0")
    repository.release(whole.files)
    url = serve_folder(repository.folder / "storage")
    repository.dvc("remote", "modify", "--quiet", "storage", "url", url)
    repository.git("commit", "--quiet", "--all", "-m", "another remote")
    repository.git("tag", "--annotate", "--force", "-m", "release", "v1.0")
    assert house.pull(str(repository.folder)).release.manifest == whole.record.manifest


def test_a_changed_byte_passes_dvc_get_and_is_refused_here(
    repository: Repository, house: House, published: Callable[[str], Published], tmp_path: Path
) -> None:
    """What `dvc get` does is documented here, not wanted: if it notices one day, docs/sources.md changes."""
    repository.release(published("v1.0").files)
    stored = repository.stored
    data = bytearray(stored.read_bytes())
    data[-100] ^= 1
    stored.chmod(0o644)
    stored.write_bytes(data)
    repository.dvc("get", "--quiet", str(repository.folder), PKL, "--rev", "v1.0", "--out", str(tmp_path / "got"))
    assert (tmp_path / "got").read_bytes() == data
    with pytest.raises(ChangedFile, match=r"promised md5 [0-9a-f]{32} by its pointer of DVC"):
        house.pull(str(repository.folder))
    assert not house.contents()


def way_out(repository: Repository, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """The commands of docs/sources.md that bring a release over, in this folder."""
    (block,) = (block for block in blocks_of(PAGE.read_text(encoding="utf-8")) if block.section == "DVC")
    folder.mkdir()
    path = f"{repository.programs}:{ENVIRONMENT['PATH']}"
    environment = {**ENVIRONMENT, "HOME": str(folder), "DVC_NO_ANALYTICS": "1", "PATH": path, **GIT, **environ}
    script = block.text.replace("REPOSITORY", str(repository.folder))
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("changed", ["", "artefact", "card"])
def test_the_way_out_brings_over_a_whole_release_and_no_changed_byte(
    repository: Repository, house: House, published: Callable[[str], Published], tmp_path: Path, changed: str
) -> None:
    whole = published("v1.0")
    if changed == "card":
        (repository.folder / "MODELCARD.md").write_bytes(b"another card")
    repository.release(
        {name: data for name, data in whole.files.items() if changed != "card" or name != "MODELCARD.md"}
    )
    elsewhere = repository.folder.with_name("elsewhere")
    repository.dvc("remote", "modify", "--quiet", "storage", "url", str(elsewhere))
    (repository.folder / "storage").rename(elsewhere)
    repository.git("commit", "--quiet", "--all", "-m", "another remote")
    repository.git("tag", "--annotate", "--force", "-m", "release", "v1.0")
    if changed == "artefact":
        (stored,) = (path for path in elsewhere.rglob("*") if path.is_file())
        data = stored.read_bytes()
        stored.chmod(0o644)
        stored.write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
        stored.chmod(0o444)  # DVC believes a file that nobody may write
    with pytest.raises(BadRelease, match=r"outside the repository's folder.*`dvc pull`"):
        house.pull(str(repository.folder))
    done = way_out(repository, tmp_path / "over")
    if changed:
        assert done.returncode != 0 and "FAILED" in done.stdout, done.stdout + done.stderr
        with pytest.raises(PixelWiseError):
            house.pull(str(tmp_path / "over/release"))
        return
    assert done.returncode == 0, done.stderr
    pulled = house.pull(f"file://{tmp_path}/over/release").release
    assert pulled.files == whole.record.files and pulled.manifest == whole.record.manifest
