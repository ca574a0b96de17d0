"""`pixelwise upgrade`, with a service that runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli.reload import TAKE_UP_SECONDS
from app.server.refusals import AlreadyRunning
from app.server.running_service import announced, running_service
from app.server.worker_process import START_SECONDS
from tests.installation import Installation, Published
from tests.service import Service, StartService

pytestmark = pytest.mark.long


def pixelwise(service: Service, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", "import app.cli; app.cli.main()", *arguments],
        cwd=service.root,
        env={**service.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )


def served(service: Service) -> str:
    with service.client() as client:
        return str(client.get("/health").json()["model_version"])


@pytest.fixture
def upgradable(start_service: StartService) -> Service:
    """A service with v1.0 in place, which pulls from the local repository, and whose .env holds its settings."""
    repository = Path(__file__).resolve().parents[2] / "pixelwise-model" / "releases.git"
    service = start_service(MODEL_REPO=str(repository))
    (service.root / ".env").write_text("MODEL_VERSION=v1.0\nLOG_LEVEL=info\n")
    return service


def test_another_release_is_fetched_pinned_and_served(upgradable: Service):
    done = pixelwise(upgradable, "upgrade", "v2.0")
    assert done.returncode == 0, done.stderr
    assert served(upgradable) == "v2.0"
    assert (upgradable.root / ".env").read_text() == "MODEL_VERSION=v2.0\nLOG_LEVEL=info\n"


def test_a_pull_beside_a_service_that_answers_with_another_release_says_what_it_takes_to_change_that(
    upgradable: Service,
):
    said = "still answers with the v1.0 it has: `pixelwise upgrade "
    assert f"{said}v1.0`" in pixelwise(upgradable, "pull").stderr, "another v1.0, of another repository"
    assert said not in pixelwise(upgradable, "pull").stderr
    assert said not in pixelwise(upgradable, "pull", "v2.0").stderr
    done = pixelwise(upgradable, "pull", MODEL_VERSION="v2.0")
    assert done.returncode == 0, done.stderr
    assert f"{said}v2.0`" in done.stderr
    assert served(upgradable) == "v1.0"


def test_a_release_that_is_not_there_changes_nothing(upgradable: Service):
    done = pixelwise(upgradable, "upgrade", "v7.0")
    assert done.returncode == 4
    assert served(upgradable) == "v1.0"
    assert (upgradable.root / ".env").read_text().startswith("MODEL_VERSION=v1.0\n")


def test_an_environment_that_pins_another_version_is_named(upgradable: Service):
    done = pixelwise(upgradable, "upgrade", "v2.0", MODEL_VERSION="v1.0")
    assert done.returncode == 4
    assert "MODEL_VERSION=v1.0 in the environment" in done.stderr
    assert (upgradable.root / ".env").read_text().startswith("MODEL_VERSION=v1.0\n")
    assert served(upgradable) == "v1.0"


def test_a_release_that_the_service_does_not_take_up_is_unpinned(upgradable: Service, published, monkeypatch):
    """The worker's own settings differ: MODEL_PATH keeps it on the old artefact, which is not v2.0's."""
    release: Published = published("v1.0")
    other = upgradable.root / "elsewhere"
    other.mkdir()
    (other / "model.pkl").write_bytes(release.artefact)
    upgradable.stop()
    upgradable.environ["MODEL_PATH"] = str(other / "model.pkl")
    upgradable.start()
    program = (
        "import app.cli.reload as taking_up, app.cli.program, sys; taking_up.TAKE_UP_SECONDS = 4;"
        "sys.argv = ['pixelwise', 'upgrade', 'v2.0']; app.cli.program.main()"
    )
    environ = {**upgradable.environ, "MODEL_PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=upgradable.root, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 4, done.stderr
    assert "still answers with v1.0" in done.stderr
    assert (upgradable.root / ".env").read_text().startswith("MODEL_VERSION=v1.0\n")
    assert served(upgradable) == "v1.0"


def test_without_a_service_the_release_is_pinned_for_the_next_start(installation: Installation):
    repository = Path(__file__).resolve().parents[2] / "pixelwise-model" / "releases.git"
    done = installation.pixelwise("upgrade", "v2.0", MODEL_REPO=str(repository))
    assert done.returncode == 0, done.stderr
    assert "no service runs" in done.stderr
    assert (installation.root / ".env").read_text() == "MODEL_VERSION=v2.0\n"
    assert (installation.root / ".env").stat().st_mode & 0o777 == 0o600


def test_one_installation_runs_one_service(start_service: StartService):
    service = start_service()
    done = pixelwise(service, "serve")
    assert done.returncode == 3
    assert service.url in done.stderr
    assert running_service(service.root / "data").pid == service.process.pid
    service.stop()
    assert running_service(service.root / "data") is None


def test_a_service_that_starts_or_ends_has_no_address_yet(installation: Installation):
    data = installation.root / "data"
    with announced(data, "http://127.0.0.1:1"):
        (data / "service.json").write_bytes(b"")
        assert running_service(data) is None
        with pytest.raises(AlreadyRunning, match="an address of its own"), announced(data, "http://127.0.0.1:2"):
            pass


def test_an_upgrade_waits_for_as_long_as_a_worker_may_take_to_start():
    assert TAKE_UP_SECONDS > START_SECONDS


def test_an_upgrade_that_is_interrupted_unpins_the_release(upgradable: Service):
    program = (
        "import app.cli.reload as taking_up, app.cli.program, sys\n"
        "def interrupted(*_): raise KeyboardInterrupt\n"
        "taking_up._wait_for_others = interrupted; sys.argv = ['pixelwise', 'upgrade', 'v2.0']; app.cli.program.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=upgradable.root, env=upgradable.environ, capture_output=True, timeout=120
    )
    assert done.returncode != 0
    assert (upgradable.root / ".env").read_text().startswith("MODEL_VERSION=v1.0\n")


def test_where_there_was_no_env_a_failed_upgrade_leaves_none(installation: Installation):
    repository = Path(__file__).resolve().parents[2] / "pixelwise-model" / "releases.git"
    done = installation.pixelwise("upgrade", "v2.0", MODEL_REPO=str(repository), MODEL_VERSION="v1.0")
    assert done.returncode == 4
    assert not (installation.root / ".env").exists()
