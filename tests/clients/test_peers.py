"""The clients side by side: one byte of the artefact changes where it is kept, and its size stays.

It documents them, and wishes for nothing: where one notices some day, this fails, and docs/sources.md is changed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from app.release.refusals import ChangedFile
from tests.clients.mlflow_server import Server
from tests.clients.test_dvc import Repository
from tests.clients.test_mlflow import changed, folder_of, push
from tests.installation import ROOT, Published
from tests.release.conftest import House
from tests.release.remote import Remote
from tests.release.sources.forge import Forge, serving
from tests.release.sources.hub_server import HubHandler

PAGE = ROOT / "docs/sources.md"
HEAD = "| client | what it gives when one byte was changed | a pull of the same |\n|---|---|---|\n"


class Kept(NamedTuple):
    """A release where a system keeps it.

    Attributes:
        address: for a pull, with `environ`.
        get: the artefact, as the system's own client gives it into a new folder.
        change: changes a byte of the artefact behind everybody's back.
    """

    address: str
    environ: Mapping[str, str]
    get: Callable[[Path], bytes]
    change: Callable[[], object]


class World(NamedTuple):
    v1: Published
    folder: Path
    programs: Callable[[str], Path]
    server: Callable[[], Server]


@contextmanager
def on_the_hub(world: World) -> Iterator[Kept]:
    v1, name = world.v1, world.v1.record.artefact
    with serving(Forge(world.folder / "hub"), HubHandler) as hub:
        Remote(hub.folder / "owner/name").release("v1.0", {**v1.files, name: hub.keep(v1.artefact)})
        environ = {"PATH": os.environ["PATH"], "HOME": str(world.folder), "HF_ENDPOINT": hub.url}

        def get(into: Path) -> bytes:
            script = "from huggingface_hub import hf_hub_download as get; "
            script += f"print(get('owner/name', {name!r}, revision='v1.0', cache_dir={str(into)!r}))"
            quiet = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
            command = [world.programs("hub") / "python", "-c", script]
            ran = subprocess.run(command, env={**environ, **quiet}, capture_output=True, text=True)
            assert ran.returncode == 0, ran.stderr
            return Path(ran.stdout.strip()).read_bytes()

        digest = next(file.sha256 for file in v1.record.files if file.name == name)
        yield Kept("hf://owner/name", environ, get, lambda: hub.objects.update({digest: changed(v1.artefact)}))


@contextmanager
def behind_dvc(world: World) -> Iterator[Kept]:
    name = world.v1.record.artefact
    repository = Repository(world.folder / "models-with-dvc", world.programs("dvc"))
    repository.release(world.v1.files)
    stored = repository.stored
    stored.chmod(0o644)

    def get(into: Path) -> bytes:
        into.mkdir()
        out = str(into / name)
        repository.dvc("get", "--quiet", str(repository.folder), name, "--rev", "v1.0", "--out", out)
        return (into / name).read_bytes()

    yield Kept(str(repository.folder), os.environ, get, lambda: stored.write_bytes(changed(world.v1.artefact)))


@contextmanager
def in_a_registry(world: World) -> Iterator[Kept]:
    server, name = world.server(), world.v1.record.artefact
    assert "pushed" in push(server.address("peers"))
    path = f"{folder_of(server, 'peers')}/{name}"

    def get(into: Path) -> bytes:
        arguments = f"'models:/peers/1', dst_path={str(into)!r}"
        server.client(f"import mlflow; mlflow.artifacts.download_artifacts({arguments})")
        return (into / name).read_bytes()

    yield Kept(server.address("peers"), os.environ, get, lambda: server.put(path, changed(world.v1.artefact)))


PEERS = {
    '`hf_hub_download(…, revision="v1.0")`': on_the_hub,
    "`dvc get … --rev v1.0`": behind_dvc,
    "`mlflow.artifacts.download_artifacts`": in_a_registry,
}


def test_a_changed_byte_passes_every_client_and_is_refused_by_a_pull(
    published: Callable[[str], Published],
    client_environment: Callable[[str], Path],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    v1 = published("v1.0")
    world = World(v1, tmp_path, client_environment, lambda: request.getfixturevalue("server"))
    table = HEAD
    for client, keep in PEERS.items():
        with keep(world) as kept:
            own = tmp_path / keep.__name__
            own.mkdir()
            assert kept.get(own / "before") == v1.artefact and pulls(kept, own / "house-before") == "given"
            kept.change()
            theirs = {v1.artefact: "the old bytes", changed(v1.artefact): "the changed byte"}[kept.get(own / "after")]
            table += f"| {client} | {theirs} | {pulls(kept, own / 'house-after')} |\n"
    assert table in PAGE.read_text(encoding="utf-8"), table


def pulls(kept: Kept, root: Path) -> str:
    """What a first pull, into a project of its own, makes of what is kept there."""
    root.mkdir()
    house = House(root)
    try:
        house.pull(kept.address, environ=kept.environ)
    except ChangedFile as refusal:
        assert refusal.exit_code == 4 and not house.contents()
        return "refused"
    return "given"
