"""Aim and ClearML keep models, and are no sources here: the commands of docs/sources.md bring one over, and a changed
byte that they hand out is refused then."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.release.manifest import manifest_digest
from app.release.record import SUMS, describe
from app.release.refusals import ChangedFile
from tests.clients.mlflow_server import quiet
from tests.installation import ROOT
from tests.release.conftest import House
from tests.release.remote import ENVIRONMENT, FILES, PKL, sums

WHOLE = {**FILES, SUMS: sums(FILES)}
CHANGED = b"Artefact"
DOCS = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
AIM = (
    """python -c "import aim; [one.download('release') for one in aim.Run('RUN', repo='FOLDER').artifacts.values()]\""""
)
CLEARML = (
    """python -c "from clearml import Task; print(Task.get_task('TASK').artifacts['release'].get_local_copy())\""""
)
RELEASE = "git init --quiet && git add . && git commit --quiet -m v1.0 && git tag v1.0"

Client = Callable[..., str]


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / "house").mkdir()
    return House(tmp_path / "house")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with the files of a release."""
    folder = tmp_path / "kept"
    folder.mkdir()
    for name, data in WHOLE.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def client(client_environment: Callable[[str], Path], tmp_path: Path) -> Client:
    """Runs a command of the shell with a client's Python, and returns what it printed."""

    def run(name: str, command: str) -> str:
        home = quiet(tmp_path) | {"CLEARML_OFFLINE_MODE": "1", "CLEARML_CACHE_DIR": str(tmp_path / "cache")}
        home["PATH"] = f"{client_environment(name)}:{home['PATH']}"
        ran = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=home, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    return run


def as_release(folder: Path) -> str:
    """Makes a release of the files in a folder, as docs/sources.md says."""
    subprocess.run(["bash", "-c", RELEASE], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    return str(folder)


def test_the_commands_stand_in_the_documents() -> None:
    for command in (AIM, CLEARML, RELEASE):
        assert command in DOCS


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_aim_keeps_is_brought_over_by_one_command(
    client: Client, kept: Path, house: House, tmp_path: Path, is_changed: bool
) -> None:
    quietly = "system_tracking_interval=None, capture_terminal_logs=False"
    uri = f"run.set_artifacts_uri('file://{tmp_path}/store')"
    log = f"run.log_artifacts('{kept}', name='v1.0', block=True)"
    run = client(
        "aim", f"python -c \"import aim; run = aim.Run(repo='runs', {quietly}); {uri}; {log}; print(run.hash)\""
    )
    if is_changed:
        (stored,) = (tmp_path / "store").rglob(PKL)
        stored.write_bytes(CHANGED)

    (tmp_path / "release").mkdir()
    client("aim", AIM.replace("RUN", run.splitlines()[-1]).replace("FOLDER", "runs"))
    assert (tmp_path / "release" / PKL).read_bytes() == (CHANGED if is_changed else WHOLE[PKL])
    check(house, tmp_path / "release", is_changed)


@pytest.mark.parametrize("is_changed", [False, True])
def test_what_clearml_keeps_is_brought_over_by_one_command(
    client: Client, kept: Path, house: House, tmp_path: Path, is_changed: bool
) -> None:
    """Without its server there is no `Task.get_task`: the artifact is that of the session that was kept here."""
    start = "task = Task.init(project_name='x', task_name='v1.0', auto_connect_frameworks=False)"
    upload = f"task.upload_artifact('release', artifact_object='{kept}', wait_on_upload=True)"
    client("clearml", f'python -c "from clearml import Task; {start}; {upload}; task.close()"')
    (described,) = tmp_path.rglob("task.json")
    stored = json.loads(described.read_text())["execution"]["artifacts"][0]
    assert stored["hash"]  # of the archive; it is written down, and not compared
    if is_changed:
        Path(stored["uri"]).unlink()
        with zipfile.ZipFile(stored["uri"], "w") as archive:
            for name, data in {**WHOLE, PKL: CHANGED}.items():
                archive.writestr(name, data)

    artifact = f"Artifact(tasks.Artifact(**json.load(open('{described}'))['execution']['artifacts'][0]))"
    imports = (
        "import json; from clearml.binding.artifacts import Artifact; from clearml.backend_api.services import tasks"
    )
    folder = client("clearml", f'python -c "{imports}; print({artifact}.get_local_copy())"').splitlines()[-1]
    assert (Path(folder) / PKL).read_bytes() == (CHANGED if is_changed else WHOLE[PKL])
    check(house, Path(folder), is_changed)


def test_a_model_of_clearml_has_no_digest(client: Client) -> None:
    look = "print([name for name in dir(clearml.Model) if 'sha256' in name or 'digest' in name or name == 'hash'])"
    assert client("clearml", f'python -c "import clearml; {look}"') == "[]"


def check(house: House, folder: Path, is_changed: bool) -> None:
    repository = as_release(folder)
    if is_changed:
        with pytest.raises(ChangedFile, match=PKL):
            house.pull(repository)
        assert not house.contents().keys() - {"seen.json"}
    else:
        manifest = manifest_digest(describe(name, data) for name, data in WHOLE.items())
        assert house.pull(repository).release.manifest == manifest
