"""A real MLflow server: releases are published there, pulled, locked and served; and what its own client accepts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image

from app.release.manifest import manifest_digest
from app.release.record import CARD, RECORD, SUMS, describe, read_record
from tests.clients.mlflow_server import Server
from tests.conftest import Mnist
from tests.installation import REPOSITORY, ROOT, Installation, Published
from tests.release.remote import sums
from tests.service import Service

TRAINING = ROOT / "pixelwise-model"


@pytest.fixture
def installation(installation: Installation) -> Installation:
    """An installation without a release."""
    shutil.rmtree(installation.models)
    return installation


@pytest.fixture
def v1(published: Callable[[str], Published]) -> Published:
    return published("v1.0")


def push(address: str, version: str = "v1.0", *, repository: Path = ROOT / REPOSITORY, **environ: str) -> str:
    """What `release.py --push` says; its exit code stands in front where it is another than 0."""
    command = [TRAINING / ".venv/bin/python", TRAINING / "release.py", version, "--if-missing"]
    ran = subprocess.run(
        [*command, "--repository", repository, "--push", address], env=environ, capture_output=True, text=True
    )
    return ran.stdout if ran.returncode == 0 else f"{ran.returncode} {ran.stderr}"


def folder_of(server: Server, name: str) -> str:
    """The folder of the only version of a model, below the server's artifacts."""
    asked = urlencode({"name": name, "version": "1"})
    place = json.loads(server.get(f"api/2.0/mlflow/model-versions/get-download-uri?{asked}"))["artifact_uri"]
    return str(place.removeprefix("mlflow-artifacts:/"))


def versions(server: Server, name: str) -> list[dict[str, Any]]:
    """The versions of a model as the server describes them."""
    asked = urlencode({"filter": f"name='{name}'"})
    return list(json.loads(server.get(f"api/2.0/mlflow/model-versions/search?{asked}"))["model_versions"])


def changed(data: bytes) -> bytes:
    """One other byte, and the same size."""
    return bytes([data[0] ^ 1]) + data[1:]


def test_a_release_is_published_pulled_locked_and_served(
    server: Server, installation: Installation, v1: Published, mnist: Mnist, tmp_path: Path
) -> None:
    address = server.address("digits")
    assert f"pushed v1.0 to {address}" in push(address)
    assert f"v1.0 is at {address}: nothing to push" in push(address)

    settings = {"MODEL_REPO": address, "MODEL_VERSION": "v1.0"}
    ran = installation.pixelwise("pull", **settings)
    assert ran.returncode == 0, ran.stderr
    release = read_record(installation.models / "v1.0")
    assert release is not None and release.commit is None and release.repository == address
    assert release.manifest == manifest_digest(describe(name, data) for name, data in v1.files.items())

    (installation.root / "model.lock").unlink()
    ran = installation.pixelwise("lock", **settings)
    assert ran.returncode == 0, ran.stderr
    shutil.rmtree(installation.models)
    ran = installation.pixelwise("pull", "--frozen", **settings)
    assert ran.returncode == 0, ran.stderr

    Image.fromarray(255 - mnist.test_images[0]).save(tmp_path / "seven.png")
    strict = {**settings, "REQUIRE_LOCK": "true"}
    ran = installation.pixelwise("predict", str(tmp_path / "seven.png"), "--json", **strict)
    assert ran.returncode == 0 and '"7"' in ran.stdout, ran.stdout + ran.stderr
    service = Service(installation.root, strict)
    try:
        with service.client() as client:
            answer = client.post("/classify", json={"pixels": mnist.test_images[0].tolist()})
            assert answer.status_code == 200 and answer.json()["prediction"] == "7"
    finally:
        assert service.stop() == 0


def test_a_changed_byte_is_accepted_by_mlflows_client_and_refused_here(
    server: Server, installation: Installation, v1: Published
) -> None:
    """An MLflow version has no digest of its files: whoever may write there may change them."""
    address, artefact = server.address("changed"), v1.record.artefact
    assert "pushed" in push(address)
    folder = folder_of(server, "changed")
    script = (
        "import mlflow; v = mlflow.MlflowClient().get_model_version('changed', '1'); print(v.last_updated_timestamp)"
    )
    before = server.client(script)
    server.put(f"{folder}/{artefact}", changed(v1.artefact))

    here = server.client(
        f"import mlflow; print(mlflow.artifacts.download_artifacts('models:/changed/1', dst_path='theirs')); {script}"
    )
    assert (server.folder / "theirs" / artefact).read_bytes() == changed(v1.artefact)
    assert here.splitlines()[-1] == before

    ran = installation.pixelwise("pull", MODEL_REPO=address, MODEL_VERSION="v1.0")
    assert ran.returncode == 4 and f"{artefact}: changed since it was released" in ran.stderr
    assert not [path for path in installation.models.rglob("*") if path.name in (artefact, RECORD)]


def test_a_version_overwritten_whole_is_refused_and_a_published_one_not_replaced(
    server: Server, installation: Installation, v1: Published
) -> None:
    address, artefact = server.address("overwritten"), v1.record.artefact
    assert "pushed" in push(address)
    settings = {"MODEL_REPO": address, "MODEL_VERSION": "v1.0"}
    assert installation.pixelwise("pull", **settings).returncode == 0
    folder = folder_of(server, "overwritten")
    files = {name: data for name, data in v1.files.items() if name != SUMS} | {artefact: changed(v1.artefact)}
    server.put(f"{folder}/{artefact}", files[artefact])
    server.put(f"{folder}/{SUMS}", sums(files))

    ran = installation.pixelwise("pull", **settings)
    assert ran.returncode == 4 and "moved to manifest sha256:" in ran.stderr, ran.stderr
    assert (installation.models / artefact).read_bytes() == v1.artefact
    said = push(address)
    assert said.startswith("4 ") and "A published version is not replaced" in said


def test_a_model_logged_and_registered_by_mlflow_3_is_read(
    server: Server, installation: Installation, v1: Published, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    release.mkdir()
    for name, data in v1.files.items():
        (release / name).write_bytes(data)
    (release / "MLmodel").write_text("flavors: {}\n")
    server.client(
        "import mlflow; client = mlflow.MlflowClient(); model = client.create_logged_model('0');"
        f"client.log_model_artifacts(model.model_id, {str(release)!r});"
        "client.finalize_logged_model(model.model_id, 'READY');"
        "mlflow.register_model(model.model_uri, 'logged', tags={'release': 'v1.0'})"
    )
    (version,) = versions(server, "logged")
    assert version["source"].startswith("models:/m-")

    ran = installation.pixelwise("pull", MODEL_REPO=server.address("logged"), MODEL_VERSION="v1.0")
    assert ran.returncode == 0 and "Left out of v1.0" in ran.stderr and "MLmodel" in ran.stderr, ran.stderr
    assert (installation.models / v1.record.artefact).read_bytes() == v1.artefact


def test_a_link_on_the_servers_disk_is_read_as_a_file_and_refused_by_its_digest(
    server: Server, installation: Installation, v1: Published
) -> None:
    """MLflow serves what is behind it, and refuses one that leads out of its artifacts."""
    assert "pushed" in push(server.address("linked"))
    card = server.folder / "artifacts" / folder_of(server, "linked") / CARD
    for elsewhere, exit_code, said in (
        (card.parent.parent / "other", 4, f"{CARD}: changed since it was released"),
        (server.folder / "outside", 4, "400 Bad Request"),
    ):
        elsewhere.write_bytes(changed(v1.files[CARD]))
        card.unlink()
        card.symlink_to(elsewhere)
        ran = installation.pixelwise("pull", MODEL_REPO=server.address("linked"), MODEL_VERSION="v1.0")
        assert ran.returncode == exit_code and said in ran.stderr
        assert not (installation.models / CARD).exists()


def test_a_version_or_a_model_that_is_not_there_is_said(server: Server, installation: Installation) -> None:
    assert "pushed" in push(server.address("few"))
    ran = installation.pixelwise("pull", "v1.1", MODEL_REPO=server.address("few"), MODEL_VERSION="v1.0")
    assert ran.returncode == 4 and "versions tagged v1.0; expected one tagged release=v1.1" in ran.stderr
    ran = installation.pixelwise("pull", MODEL_REPO=server.address("none"), MODEL_VERSION="v1.0")
    assert ran.returncode == 4 and "no registered model none there" in ran.stderr
