"""An MLflow registry as a source, against a stand-in; `tests/clients/test_mlflow.py` has the real server."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.release.manifest import manifest_digest
from app.release.model_lock import add_to_lock
from app.release.pin import Pin
from app.release.record import CARD, SUMS, describe
from app.release.refusals import BadRelease
from app.release.sources.address import parse_address
from app.release.sources.mlflow import PASSWORD, TOKEN, USER, MlflowSource
from tests.installation import Installation
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote
from tests.release.sources.registry import (
    ARTIFACTS,
    MANIFEST,
    SEARCH,
    SECRET,
    WHOLE,
    Registry,
    refused,
    serving,
)


def source_of(registry: Registry, **environ: str) -> MlflowSource:
    return MlflowSource(parse_address(registry.address(), root=Path("/")), environ)


# -- what is there -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_a_release_is_placed_with_its_manifest_digest_for_a_pin(house: House, registry: Registry) -> None:
    pulled = house.pull(registry.address())
    assert (pulled.release.commit, pulled.release.manifest) == (None, MANIFEST)
    assert pulled.release.repository == registry.address()
    contents = house.contents()
    assert {name: contents[f"v1.0/{name}"] for name in WHOLE} == WHOLE
    assert house.pull(registry.address()).outcome == "in place"


@pytest.mark.usefixtures("folder")
def test_only_the_list_of_digests_is_read_before_a_release_is_pinned(registry: Registry) -> None:
    assert source_of(registry).resolve("v1.0") == Pin("v1.0", MANIFEST)
    files = [path for path, _ in registry.asked if path.startswith(f"{ARTIFACTS}/")]
    assert [path.rpartition("/")[2] for path in files] == [SUMS]


@pytest.mark.usefixtures("folder")
def test_an_entry_that_git_wrote_covers_it_too(house: House, registry: Registry, remote: Remote) -> None:
    remote.release("v1.0", WHOLE)
    house.pull(str(remote.folder))
    add_to_lock(models=house.models, version="v1.0", lock_file=house.lock_file, root=house.root)
    (house.models / "v1.0").unlink()
    pulled = house.pull(registry.address(), frozen=True)
    assert pulled.covered_by is not None and pulled.release.manifest == MANIFEST


def test_what_mlflow_adds_to_a_model_is_left_out_and_listed(house: House, registry: Registry, folder: str) -> None:
    registry.put(folder, {"MLmodel": b"flavors:\n", "conda.yaml": b"x", "a b.txt": b"x", "metadata/x": b"x"})
    house.pull(registry.address())
    assert "MLmodel, conda.yaml, a b.txt, metadata/" in house.said[1]
    assert {name.partition("/")[2] for name in house.contents() if name.startswith("v1.0/")} == {*WHOLE, "record.json"}
    assert not any("MLmodel" in path for path, _ in registry.asked)


def test_a_logged_model_of_mlflow_3_is_read_where_the_server_says_it_lies(house: House, registry: Registry) -> None:
    folder = registry.register("v1.0", WHOLE, source="models:/m-0123")
    registry.places["models:/m-0123"] = f"mlflow-artifacts:/{folder}"
    assert house.pull(registry.address()).release.manifest == MANIFEST


def test_a_release_without_digests_is_pinned_by_its_card_and_artefact(house: House, registry: Registry) -> None:
    registry.register("v1.0", {**FILES, "MLmodel": b"x"})
    pulled = house.pull(registry.address())
    covered = {name: FILES[name] for name in (PKL, CARD)}
    assert pulled.release.manifest == manifest_digest(describe(name, data) for name, data in covered.items())
    assert {file.name for file in pulled.release.files} == {PKL, CARD}


def test_a_server_may_have_a_prefix_and_a_name_odd_characters(house: House) -> None:
    with serving(Registry(prefix="/ml/flow")) as registry:
        registry.register("v1.0", WHOLE, name="my digits")
        assert house.pull(registry.address("my%20digits")).release.manifest == MANIFEST


def test_the_server_is_asked_for_one_tag_among_any_number_of_versions(house: House, registry: Registry) -> None:
    for number in range(2000):
        registry.register(f"v9.{number}", {})
    registry.register("v1.0", WHOLE)
    assert house.pull(registry.address()).release.manifest == MANIFEST


# -- which version -----------------------------------------------------------------------------------------------------


def test_a_model_that_is_not_there_is_named(house: House, registry: Registry) -> None:
    assert "no registered model digits there" in refused(house, registry, BadRelease, exit_code=4)


def test_a_version_that_is_not_there_is_refused_with_those_that_are(house: House, registry: Registry) -> None:
    registry.register("v1.1", WHOLE)
    registry.register("champion", WHOLE)
    message = refused(house, registry, BadRelease, exit_code=4)
    assert "versions tagged v1.1; expected one tagged release=v1.0" in message and "champion" not in message


def test_a_model_whose_versions_are_no_releases_says_how_to_tag_one(house: House, registry: Registry) -> None:
    registry.register("champion", WHOLE)
    message = refused(house, registry, BadRelease, exit_code=4)
    assert "no version with a tag like release=v1.0" in message and "set_model_version_tag" in message


@pytest.mark.usefixtures("folder")
def test_two_versions_of_one_tag_are_refused(house: House, registry: Registry) -> None:
    registry.register("v1.0", WHOLE)
    assert "2 versions tagged release=v1.0: 1, 2" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize(("name", "release"), [("other", "v1.0"), ("digits", "v1.1")])
def test_a_server_that_answers_with_another_version_is_refused(
    house: House, registry: Registry, name: str, release: str
) -> None:
    registry.register(release, WHOLE, name=name)
    registry.instead[SEARCH] = lambda handler: handler.send_json({"model_versions": registry.versions})
    message = refused(house, registry, BadRelease, exit_code=4)
    assert f"version 1 of {name}, tagged {release}; expected versions of digits tagged release=v1.0" in message


@pytest.mark.parametrize(
    "source",
    [
        "s3://bucket/model",
        "dbfs:/databricks/model",
        "runs:/0123/model",
        "file:///etc",
        "/etc",
        "https://user:pass@host/model?sig=abc",
        "mlflow-artifacts",
        "",
    ],
)
def test_a_source_that_the_server_does_not_serve_is_refused_by_name(
    house: House, registry: Registry, source: str
) -> None:
    registry.register("v1.0", WHOLE)
    registry.versions[0]["source"] = source
    message = refused(house, registry, BadRelease, exit_code=4)
    shown = source.replace("user:pass@", "").partition("?")[0]
    assert f"version 1 with the source {shown}; expected mlflow-artifacts: or models:/" in message
    assert not any(path.startswith(ARTIFACTS) for path, _ in registry.asked)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("s3://bucket/model", "with its files at s3://bucket/model"),
        ("mlflow-artifacts://other.example/1/x", "with its files on other.example"),
        ("mlflow-artifacts:/1/../../x", "with its files at mlflow-artifacts:/1/../../x"),
        ("mlflow-artifacts:/1/%2e%2e/x", "with its files at mlflow-artifacts:/1/%2e%2e/x"),
        ("mlflow-artifacts:/", "with its files at mlflow-artifacts:/"),
        ("mlflow-artifacts:/1/\nx", "with its files at mlflow-artifacts:/1/\\nx"),
    ],
)
def test_files_that_lie_elsewhere_are_refused(house: House, registry: Registry, place: str, found: str) -> None:
    registry.register("v1.0", WHOLE, source="models:/m-0123")
    registry.places["models:/m-0123"] = place
    assert found in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.usefixtures("folder")
def test_the_server_may_name_itself_in_the_address_of_the_files(house: House, registry: Registry) -> None:
    source = registry.versions[0]["source"]
    registry.places[source] = source.replace(":/", f"://{registry.url.removeprefix('http://')}/")
    assert house.pull(registry.address()).release.manifest == MANIFEST


# -- credentials -------------------------------------------------------------------------------------------------------

BASIC = "Basic " + base64.b64encode(b"me:pass word").decode()


@pytest.mark.parametrize(
    ("environ", "sent"),
    [
        ({}, None),
        ({TOKEN: SECRET}, f"Bearer {SECRET}"),
        ({USER: "me", PASSWORD: "pass word"}, BASIC),
        ({USER: "me", PASSWORD: "pass word", TOKEN: SECRET}, BASIC),
    ],
)
@pytest.mark.usefixtures("folder")
def test_credentials_of_the_environment_are_sent_with_every_request(
    house: House, registry: Registry, environ: dict[str, str], sent: str | None
) -> None:
    house.pull(registry.address(), environ=environ)
    assert {header for _, header in registry.asked} == {sent}
    written = b"".join(path.read_bytes() for path in house.root.rglob("*") if path.is_file())
    assert SECRET.encode() not in written and b"pass word" not in written


@pytest.mark.usefixtures("folder")
def test_no_redirect_takes_the_credentials_to_another_server(house: House, registry: Registry, folder: str) -> None:
    with serving(Registry()) as other:
        other.put("kept", WHOLE)
        registry.instead[PKL] = lambda handler: handler.send(
            b"", status=307, Location=f"{other.url}{ARTIFACTS}/kept/{PKL}"
        )
        assert house.pull(registry.address(), environ={TOKEN: SECRET}).release.manifest == MANIFEST
        assert [header for _, header in other.asked] == [None]


@pytest.mark.parametrize("target", ["http://198.51.100.1/x", "ftp://127.0.0.1/x", "file:///etc/passwd"])
@pytest.mark.usefixtures("folder")
def test_a_redirect_without_https_is_refused(house: House, registry: Registry, target: str) -> None:
    registry.instead[PKL] = lambda handler: handler.send(b"", status=302, Location=target)
    assert f"the address {target}" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({USER: "me"}, f"no {PASSWORD} beside it"),
        ({PASSWORD: SECRET}, f"no {USER} beside it"),
        ({TOKEN: f"{SECRET}\r\nHost: x"}, "spaces or characters that no header can have"),
        ({TOKEN: f"{SECRET} "}, "spaces or characters that no header can have"),
        ({TOKEN: f"{SECRET}ü"}, "spaces or characters that no header can have"),
    ],
)
def test_credentials_that_cannot_be_used_are_not_shown(registry: Registry, environ: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        source_of(registry, **environ)
    assert said in str(refusal.value) and SECRET not in str(refusal.value) and refusal.value.exit_code == 3
    assert registry.asked == []


@pytest.mark.usefixtures("folder")
def test_a_token_in_env_is_not_read(installation: Installation, registry: Registry) -> None:
    (installation.root / ".env").write_text(
        f"MODEL_REPO={registry.address()}\nMODEL_VERSION=v1.0\n{TOKEN}={SECRET}\n", encoding="utf-8"
    )
    ran = installation.pixelwise("pull", "v1.0")
    assert registry.asked and {header for _, header in registry.asked} == {None}
    assert SECRET not in ran.stdout + ran.stderr


def test_plain_http_is_spoken_with_this_machine_only(house: House, registry: Registry) -> None:
    address = "mlflow+http://mlflow.example/digits"
    message = refused(house, registry, BadRelease, exit_code=4, address=address)
    assert "http, which anyone on the way can change" in message
