from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import msgspec
import pytest

from app.release.record import (
    RECORD,
    Release,
    changed_file,
    describe,
    hold_against_sums,
    own_artefact,
    read_record,
    read_sums,
    record_bytes,
)
from app.release.refusals import BadRelease, ChangedFile

FILE = describe("digit_classifier_v1.pkl", b"artefact")
RELEASE = Release(
    repository="pixelwise-model/releases.git", version="v1.0", commit="1" * 40, artefact=FILE.name, files=(FILE,)
)


@pytest.mark.parametrize(
    ("version", "names", "own"),
    [
        ("v1.0", ("digit_classifier_v1.pkl", "digit_classifier_v1_0.pkl"), "digit_classifier_v1.pkl"),
        ("v1.1", ("digit_classifier_v1.pkl", "digit_classifier_v1_1.pkl"), "digit_classifier_v1_1.pkl"),
        ("v1.2", ("digit_classifier_v1.pkl", "digit_classifier_v1_1.pkl"), "digit_classifier_v1.pkl"),
        ("v2.0", ("digit_classifier_v1.pkl", "digit_classifier_v2.pkl"), "digit_classifier_v2.pkl"),
    ],
)
def test_the_own_artefact_is_the_most_exactly_named_one(version: str, names: Collection[str], own: str) -> None:
    assert own_artefact(version, names) == own


def test_an_artefact_that_the_card_names_and_the_release_does_not_hold_is_refused() -> None:
    with pytest.raises(BadRelease, match=r": artefacts a.pkl; expected b.pkl, as its card names it"):
        own_artefact("v1.0", ["a.pkl", "c.txt"], named="b.pkl")


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / RECORD).write_bytes(record_bytes(RELEASE))
    assert read_record(tmp_path) == RELEASE
    assert read_record(tmp_path / "elsewhere") is None


def test_a_record_of_the_last_version_is_read_and_is_written_as_it_was(tmp_path: Path) -> None:
    files = [{"name": FILE.name, "size": FILE.size, "sha256": FILE.sha256}]
    old = {
        "repository": RELEASE.repository,
        "version": "v1.0",
        "commit": "1" * 40,
        "artefact": FILE.name,
        "files": files,
    }
    text = f"{json.dumps(old, indent=2)}\n".encode()
    (tmp_path / RECORD).write_bytes(text)
    assert read_record(tmp_path) == RELEASE
    assert record_bytes(RELEASE) == text


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("version", "../v1.0", "version"),
        ("commit", "1" * 39, "commit"),
        ("commit", None, "neither a commit nor a manifest"),
        ("manifest", "1" * 64, "manifest"),
        ("artefact", "other.pkl", "other.pkl is not among the files"),
        ("files", [msgspec.to_builtins(FILE)] * 2, "two files have one name"),
        ("files", [{"name": "../x", "size": 1, "sha256": "0" * 64}], "files"),
        ("more", 1, "more"),
    ],
)
def test_a_record_that_is_not_valid_is_refused_by_naming_what(
    tmp_path: Path, key: str, value: object, why: str
) -> None:
    (tmp_path / RECORD).write_bytes(msgspec.json.encode({**msgspec.to_builtins(RELEASE), key: value}))
    with pytest.raises(BadRelease, match=why):
        read_record(tmp_path)


def test_a_record_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(record_bytes(RELEASE))
    (tmp_path / RECORD).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadRelease):
        read_record(tmp_path)


def test_a_file_that_is_another_one_missing_or_a_link_has_changed(tmp_path: Path) -> None:
    path = tmp_path / FILE.name
    assert changed_file(tmp_path, RELEASE) == FILE.name
    path.write_bytes(b"artefact")
    assert changed_file(tmp_path, RELEASE) is None
    for other in (b"Artefact", b"artefac", b"artefact!"):
        path.write_bytes(other)
        assert changed_file(tmp_path, RELEASE) == FILE.name
    path.rename(tmp_path / "elsewhere").write_bytes(b"artefact")
    path.symlink_to(tmp_path / "elsewhere")
    assert changed_file(tmp_path, RELEASE) == FILE.name


@pytest.mark.parametrize("line", ["{}  {}\n", "{} *{}\n", "{}  ./{}\n", "{}  {}\r\n", "{}  {}\n\n"])
def test_sums_are_read_in_every_form_that_sha256sum_writes(line: str) -> None:
    hold_against_sums({FILE.name: FILE}, line.format(FILE.sha256, FILE.name).encode())
    with pytest.raises(ChangedFile):
        hold_against_sums({FILE.name: FILE}, line.format("0" * 64, FILE.name).encode())


@pytest.mark.parametrize("sums", ["\n{0}  {1}\n", "{0}  {1}\n\n{0}  {1}\n", "{0}  {1}\n \n", "{0}  {1}\n\t\n"])
def test_an_empty_line_elsewhere_than_at_the_end_is_refused(sums: str) -> None:
    with pytest.raises(BadRelease, match="a line that is no digest and name"):
        hold_against_sums({FILE.name: FILE}, sums.format(FILE.sha256, FILE.name).encode())


def test_sums_of_empty_lines_list_nothing() -> None:
    assert read_sums(b"") == read_sums(b"\n") == read_sums(b"\r\n\n") == []
