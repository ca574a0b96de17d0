"""The real client of the Hugging Face Hub, against a stand-in for the Hub: both ways, and beside our own pull."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.release.model_lock import add_to_lock, read_lock
from app.release.record import SUMS
from app.release.refusals import ChangedFile
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, sums
from tests.release.sources.forge import Forge, pointer, serving
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


def test_what_the_client_uploads_is_pulled_and_has_the_same_manifest_as_from_git(
    client: Hub, hub: Forge, environment: dict[str, str], house: House, tmp_path: Path
) -> None:
    git = Remote(tmp_path / "releases.git")
    git.release("v1.0", WHOLE)
    manifest = house.pull(str(git.folder)).release.manifest
    (house.models / "v1.0").unlink()
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, data in {**WHOLE, "README.md": b"# Other words than the card's\n"}.items():
        (folder / name).write_bytes(data)
    upload = f"api.upload_folder(repo_id='owner/name', folder_path={str(folder)!r})"
    tag = "api.create_tag('owner/name', tag='v1.0', revision=commit.oid)"
    commit = client(
        "-c", f"from huggingface_hub import HfApi; api = HfApi(); commit = {upload}; {tag}; print(commit.oid)"
    )
    assert pointer(WHOLE[PKL]) == Remote(hub.folder / "owner/name").run("cat-file", "blob", f"v1.0:{PKL}")

    pulled = house.pull(ADDRESS, environ=environment)
    assert pulled.release.commit == commit.strip()
    assert {name: house.contents()[f"v1.0/{name}"] for name in WHOLE} == WHOLE
    add_to_lock(models=house.models, version="v1.0", lock_file=house.lock_file, root=house.root)
    (entry,) = read_lock(house.lock_file)
    assert entry.manifest == manifest is not None
    assert house.pull(ADDRESS, environ=environment, frozen=True).covered_by == entry


def test_a_changed_byte_behind_the_same_commit_and_etag_is_accepted_by_the_client_and_refused_here(
    client: Hub, publish: Hub, hub: Forge, environment: dict[str, str], house: House, tmp_path: Path
) -> None:
    """It documents the peer; `hf_hub_download` compares sizes only."""
    git = Remote(tmp_path / "releases.git")
    git.release("v1.0", WHOLE)
    publish(git)
    digest = hashlib.sha256(WHOLE[PKL]).hexdigest()
    changed = WHOLE[PKL].replace(b"a", b"A", 1)
    hub.objects[digest] = changed

    assert downloaded(client, PKL) == changed != WHOLE[PKL]
    with pytest.raises(ChangedFile, match=rf"^{PKL}: changed .*sha256 {digest} by its pointer of git-LFS") as refusal:
        house.pull(ADDRESS, environ=environment)
    assert refusal.value.exit_code == 4 and not house.contents().keys() - {"seen.json"}


def test_a_published_tag_is_never_moved(publish: Hub, hub: Forge, tmp_path: Path) -> None:
    git = Remote(tmp_path / "releases.git")
    git.release("v1.0", WHOLE)
    publish(git)
    before = Remote(hub.folder / "owner/name").git("show-ref")
    other = {**FILES, PKL: b"another"}
    git.release("v1.0", {**other, SUMS: sums(other)})
    assert "Published tags are not moved" in publish(git, code=4)
    assert Remote(hub.folder / "owner/name").git("show-ref") == before


def test_a_later_release_is_published_without_the_files_of_the_earlier(
    client: Hub, publish: Hub, environment: dict[str, str], house: House, hub: Forge, tmp_path: Path
) -> None:
    git = Remote(tmp_path / "releases.git")
    git.release("v1.0", WHOLE)
    publish(git)
    later = {"digit_classifier_v2.pkl": b"later", "MODELCARD.md": b"# Later\n"}
    git.release("v2.0", {**later, SUMS: sums(later)})
    publish(git, "v2.0")
    pulled = house.pull(ADDRESS, "v2.0", environ=environment)
    assert {file.name for file in pulled.release.files} == {*later, SUMS}
    assert downloaded(client, PKL) == WHOLE[PKL]


@pytest.mark.parametrize(
    ("changed", "code", "why"),
    [
        ({"HF_TOKEN": ""}, 3, "no token given (HF_TOKEN); expected credentials that may write there. Set HF_TOKEN"),
        ({"HF_TOKEN": "hf_another"}, 3, "401: the token of HF_TOKEN was given, and is refused"),
        ({"HF_ENDPOINT": "http://hub.example"}, 4, "HF_ENDPOINT: the transport http"),
        ({"HF_ENDPOINT": "http://127.0.0.1:1"}, 6, "ConnectError"),
    ],
)
def test_publishing_says_what_is_missing(
    changed: dict[str, str], code: int, why: str, publish: Hub, environment: dict[str, str], tmp_path: Path
) -> None:
    environment.update(changed)
    git = Remote(tmp_path / "releases.git")
    git.release("v1.0", WHOLE)
    said = publish(git, code=code)
    assert why in said and "hf_another" not in said


def test_a_repository_that_is_not_there_is_not_made(publish: Hub, hub: Forge, tmp_path: Path) -> None:
    (hub.folder / "owner/name").rename(tmp_path / "away")
    git = Remote(tmp_path / "releases.git")
    git.release("v1.0", WHOLE)
    assert "hf repos create owner/name" in publish(git, code=6)
