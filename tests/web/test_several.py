"""Several versions in the real service: how it starts, what answers, and that versions come and go without a loss."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import tritonclient.http as triton

from app.server.running_service import Running, served_by
from tests.installation import ROOT, Installation, Published
from tests.service import KEY, Service, StartService, as_json
from tests.web.load import Load, bodies_of, until
from tests.web.test_lifecycle import stored_versions
from tests.web.test_upgrade import pixelwise

pytestmark = pytest.mark.long

NINE, TEN = "123456789", "0123456789"
REPO = {"MODEL_REPO": str(ROOT / "pixelwise-model" / "releases.git")}


@pytest.fixture
def service_of(start_service_of_three: StartService) -> Callable[..., Service]:
    """A running service of these versions, by its .env; `spoiled` ones have a changed byte in their artefact."""

    def start(versions: str, *spoiled: str) -> Service:
        service = start_service_of_three(**REPO)
        service.stop()
        (service.root / ".env").write_text(f"MODEL_VERSIONS={versions}\n")
        for version in spoiled:
            spoil(service, version)
        service.start()
        return service

    return start


def spoil(service: Service, version: str) -> None:
    (artefact,) = (service.root / "models" / version).glob("*.pkl")
    data = bytearray(artefact.read_bytes())
    data[1000] ^= 1
    artefact.write_bytes(data)


def health(service: Service) -> dict[str, Any]:
    with service.client(key=None) as client:
        return client.get("/health").json()  # type: ignore[no-any-return]  # JSON


def events(service: Service) -> list[dict[str, Any]]:
    lines = [line for line in service.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in map(json.loads, lines) if line["source"] == "pixelwise"]


# -- the start ---------------------------------------------------------------------------------------------------------


def test_a_version_with_a_changed_byte_is_left_out_loudly_and_the_others_serve(service_of, published):
    service = service_of("v1.0,v1.1,v2.0", "v1.1")
    (event,) = events(service)
    assert event["level"] == "error"
    assert event["message"].startswith(
        "model v1.1 is left out: digit_classifier_v1_1.pkl: changed since it was released (sha256 "
    )

    said = health(service)
    assert (said["model_version"], said["versions"], list(said["left_out"])) == ("v1.0", ["v1.0", "v2.0"], ["v1.1"])
    assert "digit_classifier_v1_1.pkl: changed" in said["left_out"]["v1.1"]
    assert str(service.root) not in json.dumps(said), "no path of this machine for strangers"

    release: Published = published("v2.0")
    image = release.golden.images[0]
    with service.client() as client:
        ready = client.get("/ready")
        assert (ready.status_code, ready.json()["checks"]["model v2.0"]) == (200, "ok")
        assert ready.json()["checks"]["model v1.1"].startswith("left out: ")
        metrics = client.get("/metrics").text
        assert 'pixelwise_version_served{version="v1.1"} 0.0' in metrics
        assert 'pixelwise_version_served{version="v2.0"} 1.0' in metrics
        assert "v1.1 is not available here" in client.get("/model?version=v2.0").text

        asked = client.post("/classify", params={"model": "v2.0"}, json=as_json(image)).json()
        assert asked["model_version"] == "v2.0"
        assert "".join(asked["scores"]) == TEN
        assert list(asked["scores"].values()) == pytest.approx(release.golden.scores[0].tolist(), abs=1e-5)
        default = client.post("/classify", json=as_json(image)).json()
        assert (default["model_version"], "".join(default["scores"])) == ("v1.0", NINE)
        assert client.post("/classify?model=v1.1", json=as_json(image)).status_code == 404

    with triton.InferenceServerClient(service.url.removeprefix("http://")) as client:
        tensor = triton.InferInput("images", [4, 28, 28], "UINT8")
        tensor.set_data_from_numpy(np.ascontiguousarray(release.golden.images[:4]))
        answered = client.infer("digits", [tensor], model_version="v2.0", headers={"x-api-key": KEY})
        assert answered.as_numpy("scores") == pytest.approx(release.golden.scores[:4], abs=1e-5)
        assert client.get_model_metadata("digits")["versions"] == ["v1.0", "v2.0"]

    listed = json.loads(pixelwise(service, "models", "list", "--json").stdout)
    assert listed["service"] == service.url
    states = {row["version"]: (row["service"], row["verified"]) for row in listed["versions"]}
    assert states == {"v1.0": ("default", True), "v1.1": ("left out", False), "v2.0": ("served", True)}

    # The remedy, while it runs.
    diagnosis = {check["name"]: check for check in json.loads(pixelwise(service, "doctor", "--json").stdout)["checks"]}
    assert diagnosis["served v1.1"]["mend"] == "pixelwise models add v1.1"
    assert diagnosis["release v1.1"]["mend"] == "pixelwise pull v1.1"
    done = pixelwise(service, "models", "add", "v1.1")
    assert done.returncode == 0, done.stderr
    assert (health(service)["versions"], health(service)["left_out"]) == (["v1.0", "v1.1", "v2.0"], {})
    diagnosis = {check["name"]: check for check in json.loads(pixelwise(service, "doctor", "--json").stdout)["checks"]}
    assert (diagnosis["served"]["found"], diagnosis["start v1.1"]["healthy"]) == ("v1.0 v1.1 v2.0", True)


def test_a_default_that_is_refused_stops_the_start_whatever_else_is_there(service_of):
    service = service_of("v2.0,v1.0")
    service.stop()
    spoil(service, "v2.0")
    with pytest.raises(RuntimeError, match=r"digit_classifier_v2\.pkl: changed"):
        service.start()
    assert service.process.returncode == 4


def test_versions_that_are_not_there_or_without_a_roster_or_with_other_classes_are_left_out(service_of, published):
    service = service_of("v1.0,v2.0")
    service.stop()
    for version in ("v1.3", "v4.0"):
        Installation(service.root).place(version, {"m.pkl": published("v2.0").artefact}, artefact="m.pkl")
    (service.root / ".env").write_text("MODEL_VERSIONS=v1.0,v1.3,v1.7,v2.0,v4.0\n")
    service.start()
    said = health(service)
    assert said["versions"] == ["v1.0", "v2.0"]
    assert ": classes 0 1 2 3 4 5 6 7 8 9; promised classes 1 2 3" in said["left_out"]["v1.3"]
    assert "nothing pulled" in said["left_out"]["v1.7"]
    assert "no roster of classes" in said["left_out"]["v4.0"]


def test_where_the_lock_is_required_a_version_that_it_does_not_list_is_left_out(service_of):
    service = service_of("v1.0,v2.0")
    assert pixelwise(service, "lock", "v1.0").returncode == 0
    (service.root / ".env").write_text("MODEL_VERSIONS=v1.0,v2.0\nREQUIRE_LOCK=true\n")
    service.process.send_signal(signal.SIGHUP)
    why = "in no entry of model.lock for v2.0"  # the old worker may answer once more after the new one did
    until(lambda: why in health(service)["left_out"].get("v2.0", ""), "v2.0 left out")


# -- while it runs -----------------------------------------------------------------------------------------------------


def test_versions_come_and_go_and_take_turns_while_requests_run_and_none_is_lost(service_of, published):
    """Their classes tell them apart: an answer with a score for 0 was computed by v2.0."""
    service = service_of("v1.0")
    bodies = bodies_of(published("v2.0").golden.images[:50])

    def changed(*command: str) -> None:
        done = pixelwise(service, *command)
        assert done.returncode == 0, done.stderr

    everything = []
    with Load(service.url, bodies, clients=8) as load:
        load.wait_for(50)
        changed("models", "add", "v2.0")
        with Load(service.url, bodies, clients=4, path="/classify?model=v2.0") as asked:
            asked.wait_for(50)
            for version in ("v2.0", "v1.0"):
                changed("models", "default", version)
                asked.wait_for(20)
                load.wait_for(20)
                assert load.answers[-1]["model_version"] == version
        changed("models", "remove", "v2.0", "--files")
        load.wait_for(20)
    for one in (load, asked):
        assert one.broken == []
        assert one.statuses() == {200}
        everything += one.answers
    assert {answer["model_version"] for answer in asked.answers} == {"v2.0"}
    assert {answer["model_version"] for answer in load.answers} == {"v1.0", "v2.0"}
    for answer in everything:
        assert "".join(answer["scores"]) == (TEN if answer["model_version"] == "v2.0" else NINE)
    assert {UUID(answer["id"]): answer["model_version"] for answer in everything} == stored_versions(service)
    with service.client() as client:
        assert client.post("/classify?model=v2.0", content=bodies[0]).status_code == 404
    assert not (service.root / "models/v2.0").exists()


def test_a_version_that_the_new_worker_leaves_out_is_not_added_and_the_service_is_told_again(service_of):
    """REQUIRE_LOCK is set for the service alone, so that the command does not see it."""
    service = service_of("v1.0")
    assert pixelwise(service, "lock", "v1.0").returncode == 0
    service.stop()
    service.environ["REQUIRE_LOCK"] = "true"
    service.start()
    before = (service.root / ".env").read_text()
    done = pixelwise(service, "models", "add", "v2.0", REQUIRE_LOCK="false")
    assert done.returncode == 4
    assert ": the service leaves it out (model digit_classifier_v2.pkl: " in done.stderr
    assert (service.root / ".env").read_text() == before
    until(lambda: (health(service)["versions"], health(service)["left_out"]) == (["v1.0"], {}), "the old state")


def test_a_service_whose_own_environment_names_versions_is_told_apart(service_of):
    service = service_of("v1.0,v2.0")
    service.stop()
    service.environ["MODEL_VERSIONS"] = "v1.0,v2.0"
    service.start()
    before = (service.root / ".env").read_text()
    done = subprocess.run(
        [sys.executable, "-c", "import app.cli; app.cli.main()", "models", "remove", "v2.0"],
        cwd=service.root,
        env={key: value for key, value in service.environ.items() if key != "MODEL_VERSIONS"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 4
    assert "answers with v1.0, v2.0: its environment beats .env" in done.stderr
    assert (service.root / ".env").read_text() == before


def test_what_does_not_answer_serves_nothing():
    assert served_by(Running(0, "http://127.0.0.1:9")) is None
