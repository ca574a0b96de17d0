"""An MLflow registry whose bytes change, and one whose answers are wrong."""

from __future__ import annotations

import shutil
import time

import pytest

from app.errors import ConfigurationError, PixelWiseError, Unreachable
from app.release.model_lock import add_to_lock
from app.release.record import SUMS
from app.release.refusals import BadRelease, ChangedFile, MissingFile, MovedTag
from app.release.sources import http
from app.release.sources.mlflow import PASSWORD, TOKEN, USER
from tests.release.conftest import House
from tests.release.remote import FILES, PKL, sums
from tests.release.sources.registry import (
    ANOTHER,
    ARTIFACTS,
    MANIFEST,
    OTHER,
    PLACE,
    SEARCH,
    WHOLE,
    Handler,
    Registry,
    refused,
    serving,
)

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


@pytest.mark.parametrize(
    "name", ["record.json", "Seen.json", "v1.0", "releases", "record.json/x", "v1.0/x", "releases/x"]
)
def test_names_of_our_own_that_no_release_needs_are_left_out_and_said(
    house: House, registry: Registry, folder: str, name: str
) -> None:
    house.pull(registry.address())
    expected = {path: data for path, data in house.contents().items() if path != "seen.json"}
    shutil.rmtree(house.models)
    registry.put(folder, {name: b"{}", **{f"other{count}": b"" for count in range(20)}})
    house.pull(registry.address())
    assert {path: data for path, data in house.contents().items() if path != "seen.json"} == expected
    entry = name.replace("/x", "/")
    assert f"Left out of v1.0 (names that PixelWise keeps for itself): {entry}." in house.said


@pytest.mark.parametrize("name", ["record.json", "Record.json", "seen.json", "releases", "v1.0", "v12.3"])
def test_names_of_our_own_that_the_digests_list_are_refused(house: House, registry: Registry, name: str) -> None:
    files = {**FILES, name: b"{}"}
    registry.register("v1.0", {**files, SUMS: sums(files)})
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


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("end", [ARTIFACTS, f"/{SUMS}", f"/{PKL}"])
def test_files_that_are_gone_are_their_owner_s_to_log_again(house: House, registry: Registry, end: str) -> None:
    registry.instead[end] = lambda handler: handler.send(b"", status=404)
    said = refused(house, registry, BadRelease, exit_code=4)
    assert "404 Not Found" in said and "Its owner must mend that" in said and "MODEL_REPO" not in said
