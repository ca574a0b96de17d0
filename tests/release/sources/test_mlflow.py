"""An MLflow registry as a source, against a stand-in; `tests/clients/test_mlflow.py` has the real server."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.errors import ConfigurationError, PixelWiseError, Unreachable
from app.release.manifest import manifest_digest
from app.release.model_lock import add_to_lock
from app.release.pin import Pin
from app.release.record import CARD, SUMS, describe
from app.release.refusals import BadRelease, ChangedFile, MissingFile, MovedTag
from app.release.sources import http
from app.release.sources.address import parse_address
from app.release.sources.mlflow import PASSWORD, TOKEN, USER, MlflowSource
from tests.installation import Installation
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, Remote, sums
from tests.release.sources.registry import ARTIFACTS, PLACE, SEARCH, Handler, Registry, serving

WHOLE = {**FILES, SUMS: sums(FILES)}
MANIFEST = manifest_digest(describe(name, data) for name, data in WHOLE.items())
OTHER = {**FILES, PKL: b"Artefact"}
ANOTHER = {**OTHER, SUMS: sums(OTHER)}
SECRET = "s3cr3t-t0ken"

Own = Callable[[Handler], None]


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving(Registry()) as running:
        yield running


@pytest.fixture
def folder(registry: Registry) -> str:
    """The folder of the registry's v1.0."""
    return registry.register("v1.0", WHOLE)


def refused(house: House, registry: Registry, kind: type[PixelWiseError], *, exit_code: int, address: str = "") -> str:
    """The message of a refused pull, which is asked for with a token. Nothing has changed, and nothing shows it."""
    before = house.contents()
    with pytest.raises(kind) as refusal:
        house.pull(address or registry.address(), environ={TOKEN: SECRET})
    assert refusal.value.exit_code == exit_code
    assert house.contents() == before
    message = str(refusal.value)
    assert SECRET not in message + "".join(house.said) + json.dumps(refusal.value.parts) and message.isprintable()
    return message


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


# -- bytes that change -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("was_pulled", [False, True])
def test_a_changed_byte_is_refused(house: House, registry: Registry, folder: str, was_pulled: bool) -> None:
    if was_pulled:
        house.pull(registry.address())
        (house.models / "v1.0" / PKL).write_bytes(b"damaged!")
    registry.put(folder, {PKL: OTHER[PKL]})
    message = refused(house, registry, ChangedFile, exit_code=4)
    assert PKL in message and "by SHA256SUMS" in message


@pytest.mark.parametrize("is_locked", [False, True])
def test_a_version_that_was_overwritten_whole_is_refused(
    house: House, registry: Registry, folder: str, is_locked: bool
) -> None:
    house.pull(registry.address())
    if is_locked:
        add_to_lock(models=house.models, version="v1.0", lock_file=house.lock_file, root=house.root)
    registry.put(folder, ANOTHER)
    message = refused(house, registry, MovedTag, exit_code=4)
    assert f"manifest {MANIFEST} by {'model.lock' if is_locked else 'the record'}" in message


@pytest.mark.usefixtures("folder")
def test_a_tag_that_was_moved_to_another_version_is_refused(house: House, registry: Registry) -> None:
    house.pull(registry.address())
    registry.register("v1.0", ANOTHER)
    registry.versions[0]["tags"] = []
    assert MANIFEST in refused(house, registry, MovedTag, exit_code=4)


@pytest.mark.usefixtures("folder")
def test_digests_that_change_between_two_reads_are_refused(house: House, registry: Registry) -> None:
    lines = [WHOLE[SUMS], ANOTHER[SUMS]]
    registry.instead[f"/{SUMS}"] = lambda handler: handler.send(lines.pop(0))
    registry.instead[f"/{PKL}"] = lambda handler: handler.send(OTHER[PKL])
    message = refused(house, registry, BadRelease, exit_code=4)
    assert f"manifest {MANIFEST}, by which its source pinned it" in message


def test_a_listed_file_that_is_missing_is_refused(house: House, registry: Registry, folder: str) -> None:
    del registry.files[f"{folder}/train.py"]
    assert "train.py" in refused(house, registry, MissingFile, exit_code=4)


# -- hostile answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("claimed", [3, 0])
def test_a_file_longer_than_it_says_is_refused(house: House, registry: Registry, folder: str, claimed: int) -> None:
    registry.sizes[f"{folder}/{PKL}"] = claimed
    assert f"more than {claimed} bytes" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize("claimed", [1 << 40, str(1 << 40)])
def test_a_file_that_claims_too_much_is_not_read(
    house: House, registry: Registry, folder: str, claimed: object
) -> None:
    registry.sizes[f"{folder}/{PKL}"] = claimed
    assert f"file {PKL}: 1,099,511,627,776 bytes" in refused(house, registry, BadRelease, exit_code=4)
    assert not any(path.endswith(PKL) for path, _ in registry.asked)


@pytest.mark.parametrize("claimed", [-1, "many", "9" * 40])
def test_a_size_that_is_none_is_refused(house: House, registry: Registry, folder: str, claimed: object) -> None:
    registry.sizes[f"{folder}/{PKL}"] = claimed
    assert f"{claimed} bytes; expected a size" in refused(house, registry, BadRelease, exit_code=4)


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while True:
        handler.wfile.write(b"10000\r\n" + b"0" * 0x10000 + b"\r\n")


@pytest.mark.parametrize("end", [SEARCH, PLACE, ARTIFACTS, SUMS, PKL])
@pytest.mark.usefixtures("folder")
def test_an_endless_answer_is_refused(house: House, registry: Registry, end: str) -> None:
    registry.instead[end] = endless
    assert "more than" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize("end", [SEARCH, SUMS, PKL])
@pytest.mark.usefixtures("folder")
def test_a_silent_server_cannot_be_reached(
    house: House, registry: Registry, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SILENCE", 0.2)
    registry.instead[end] = lambda handler: time.sleep(1)
    assert "timed out" in refused(house, registry, Unreachable, exit_code=6)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "..", "a/b", ""])
def test_a_listed_path_is_refused(house: House, registry: Registry, name: str) -> None:
    registry.register("v1.0", WHOLE)
    listed = {"files": [{"path": SUMS, "file_size": len(WHOLE[SUMS])}, {"path": name, "file_size": 1}]}
    registry.instead[ARTIFACTS] = lambda handler: handler.send_json(listed)
    message = refused(house, registry, BadRelease, exit_code=4)
    assert f"a file {name}, which leads elsewhere; expected plain file names" in message


def test_a_path_in_the_digests_is_refused(house: House, registry: Registry) -> None:
    registry.register("v1.0", {**FILES, SUMS: sums({**FILES, "../x": b""})})
    assert "a path that leads elsewhere" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.usefixtures("folder")
def test_one_name_twice_is_refused(house: House, registry: Registry) -> None:
    files = [{"path": name, "file_size": len(data)} for name, data in WHOLE.items()]
    registry.instead[ARTIFACTS] = lambda handler: handler.send_json({"files": [*files, files[0]]})
    assert "one of two files" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize("name", ["record.json", "v1.0"])
def test_names_of_our_own_are_refused(house: House, registry: Registry, folder: str, name: str) -> None:
    registry.put(folder, {name: b"{}"})
    assert "a name that PixelWise keeps for itself" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize(("number", "found"), [(1_500, "1,503 files"), (100_000, "more than 1,048,576 bytes")])
def test_a_listing_of_very_many_files_is_refused(
    house: House, registry: Registry, folder: str, number: int, found: str
) -> None:
    registry.put(folder, {f"file{count}": b"" for count in range(number - 1)})
    assert found in refused(house, registry, BadRelease, exit_code=4)


def test_more_files_than_a_release_may_have_are_refused(house: House, registry: Registry) -> None:
    many = {**FILES, **{f"file{count}": b"" for count in range(100)}}
    registry.register("v1.0", {**many, SUMS: sums(many)})
    assert "104 files; expected at most 100" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize(
    "answer",
    [
        b"[" * 100_000,
        b'{"model_versions":' + b'{"a":' * 100_000,
        b'{"unknown":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"model_versions": 7}',
        b'{"model_versions": [{"name": "digits", "version": {}}]}',
        b'{"files": [{"path": 7}], "artifact_uri": null, "model_versions": [7]}',
        b"7" * 10_000,
        b"\xff\xfe",
        b"",
        b"{",
    ],
)
@pytest.mark.parametrize("end", [SEARCH, PLACE, ARTIFACTS])
@pytest.mark.usefixtures("folder")
def test_json_of_another_form_is_refused(house: House, registry: Registry, end: str, answer: bytes) -> None:
    registry.instead[end] = lambda handler: handler.send(answer, kind="application/json")
    refused(house, registry, BadRelease, exit_code=4)


def page(handler: Handler) -> None:
    handler.send(b"<!doctype html><title>Log in</title>", kind="text/html; charset=utf-8")


@pytest.mark.parametrize("end", [SEARCH, PLACE, ARTIFACTS, SUMS])
@pytest.mark.usefixtures("folder")
def test_a_page_to_log_in_is_refused_as_one(house: House, registry: Registry, end: str) -> None:
    registry.instead[end] = page
    assert "an HTML page" in refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.usefixtures("folder")
def test_a_page_to_log_in_is_no_artefact(house: House, registry: Registry) -> None:
    registry.instead[PKL] = page
    refused(house, registry, BadRelease, exit_code=4)


@pytest.mark.parametrize("end", [SEARCH, SUMS, PKL])
@pytest.mark.parametrize(
    ("status", "kind", "exit_code", "said"),
    [
        (401, ConfigurationError, 3, "credentials given were refused"),
        (403, ConfigurationError, 3, f"Set {TOKEN}, or {USER} and {PASSWORD}, in the environment"),
        (404, BadRelease, 4, "404 Not Found"),
        (429, Unreachable, 6, "to be asked again after 7 s"),
        (500, Unreachable, 6, "500 Internal Server Error"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_refusing_server_has_its_own_exit_code(
    house: House, registry: Registry, end: str, status: int, kind: type[PixelWiseError], exit_code: int, said: str
) -> None:
    registry.instead[end] = lambda handler: handler.send(b"{}", status=status, Retry_After="7")
    assert said in refused(house, registry, kind, exit_code=exit_code)


def test_a_server_that_is_down_cannot_be_reached(house: House) -> None:
    with serving(Registry()) as registry:
        pass
    refused(house, registry, Unreachable, exit_code=6)


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
