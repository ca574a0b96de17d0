"""The real client of the Hugging Face Hub, against a stand-in for the Hub: both ways, and beside our own pull."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.release.model_lock import add_to_lock, read_lock
from app.release.record import SUMS
from tests.release.conftest import House
from tests.release.remote import FILES, Remote, sums
from tests.release.sources.forge import Forge, serving
from tests.release.sources.hub_server import HubHandler

ROOT = Path(__file__).resolve().parents[2]
WHOLE = {**FILES, SUMS: sums(FILES)}
TOKEN = "hf_ThisTokenMustNotBeSeen"
ADDRESS = "hf://owner/name"

Hub = Callable[..., str]


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "house").mkdir()
    return House(tmp_path / "house")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Forge]:
    """A Hub with an empty repository, as `hf repos create` leaves it, that TOKEN may read and write."""
    remote = Remote(tmp_path / "hub/owner/name")
    remote.git("update-ref", "refs/heads/main", remote.commit({".gitattributes": b"*.pkl filter=lfs\n"}))
    with serving(Forge(tmp_path / "hub", login=TOKEN), HubHandler) as running:
        yield running


@pytest.fixture
def environment(hub: Forge, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",  # its own protocol for large files, which only the Hub itself speaks
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }


@pytest.fixture
def client(client_environment: Callable[[str], Path], environment: dict[str, str]) -> Hub:
    """Runs Python with the client, and returns what it printed."""
    python = client_environment("hub") / "python"

    def run(*arguments: str, code: int = 0) -> str:
        ran = subprocess.run([python, *arguments], env=environment, capture_output=True, text=True)
        assert ran.returncode == code, ran.stderr
        assert TOKEN not in ran.stdout + ran.stderr
        return ran.stdout if code == 0 else ran.stderr

    return run


@pytest.fixture
def publish(client: Hub, tmp_path: Path) -> Hub:
    """`release.py VERSION --push hf://owner/name` for a release that is there already."""

    def run(repository: Remote, version: str = "v1.0", *, code: int = 0) -> str:
        command = [str(ROOT / "pixelwise-model/release.py"), version, "--if-missing", "--push", ADDRESS]
        return client(*command, "--repository", str(repository.folder), code=code)

    return run


def downloaded(client: Hub, name: str, revision: str = "v1.0") -> bytes:
    call = f"hf_hub_download('owner/name', {name!r}, revision={revision!r})"
    return Path(client("-c", f"from huggingface_hub import hf_hub_download; print({call})").strip()).read_bytes()


def test_what_is_published_here_the_client_reads_and_a_pull_takes_as_the_same_release(
    client: Hub, publish: Hub, environment: dict[str, str], house: House, tmp_path: Path
) -> None:
    git = Remote(tmp_path / "releases.git")
    git.release("v1.0", WHOLE)
    assert "pushed v1.0 to hf://owner/name" in publish(git)
    assert "nothing to push" in publish(git)
    assert {name: downloaded(client, name) for name in WHOLE} == WHOLE
    assert downloaded(client, "README.md") == WHOLE["MODELCARD.md"]

    house.pull(str(git.folder))
    add_to_lock(models=house.models, version="v1.0", lock_file=house.lock_file, root=house.root)
    (house.models / "v1.0").unlink()
    pulled = house.pull(ADDRESS, environ=environment, frozen=True)
    assert pulled.covered_by == read_lock(house.lock_file)[0]
    assert {file.name for file in pulled.release.files} == set(WHOLE)
    assert (pulled.release.repository, pulled.outcome) == (ADDRESS, "pulled")
    assert any("README.md" in said and ".gitattributes" in said for said in house.said)
    assert not [name for name, data in house.contents().items() if TOKEN.encode() in data]
