from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from app.release import manifest as module
from app.release.manifest import manifest_digest, manifest_files
from app.release.record import CARD, SUMS, ReleaseFile, describe
from app.release.refusals import BadRelease
from tests.installation import ROOT
from tests.release.remote import FILES, PKL, sums

WHOLE = {**FILES, SUMS: sums(FILES), "more.txt": b"x"}


def described(files: dict[str, bytes]) -> dict[str, ReleaseFile]:
    return {name: describe(name, data) for name, data in files.items()}


def digest(files: dict[str, bytes]) -> str:
    return manifest_digest(manifest_files(described(files), files.get(SUMS), artefact=PKL))


def test_the_digest_is_that_of_these_very_bytes() -> None:
    a, b = describe("b.txt", b"a"), describe("a.txt", b"b")
    lines = f"{b.sha256}  a.txt\n{a.sha256}  b.txt\n"
    assert b.sha256 < a.sha256
    assert manifest_digest([a, b]) == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_the_order_of_the_files_is_no_matter() -> None:
    files = list(described(WHOLE).values())
    assert manifest_digest(files) == manifest_digest(files[::-1])


def test_it_covers_the_sums_and_what_they_list() -> None:
    covered = manifest_files(described(WHOLE), WHOLE[SUMS], artefact=PKL)
    assert {file.name for file in covered} == {*FILES, SUMS}


def test_without_sums_it_covers_the_artefact_and_the_card() -> None:
    assert {file.name for file in manifest_files(described(FILES), None, artefact=PKL)} == {PKL, CARD}


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_changed_byte_of_a_covered_file_changes_it(name: str) -> None:
    comment = WHOLE[SUMS].replace(b"  ", b" *") if name == SUMS else WHOLE[name] + b"x"
    assert digest({**WHOLE, name: comment}) != digest(WHOLE)
    assert digest({**WHOLE, "more.txt": b"y"}) == digest(WHOLE)


def test_a_renamed_file_changes_it() -> None:
    a, b = described({"a": b"x", "b": b"y"}), described({"b": b"x", "a": b"y"})
    assert manifest_digest(a.values()) != manifest_digest(b.values())


def test_sums_that_cannot_be_read_have_no_manifest() -> None:
    with pytest.raises(BadRelease):
        manifest_files(described(WHOLE), b"nonsense\n", artefact=PKL)


ODD_SUMS = {
    "usual": WHOLE[SUMS],
    "each twice": WHOLE[SUMS] * 2,
    "with ./": WHOLE[SUMS].replace(b"  ", b"  ./"),
    "with and without ./": WHOLE[SUMS].replace(b"  ", b"  ./") + WHOLE[SUMS],
    "carriage returns": WHOLE[SUMS].replace(b"\n", b"\r\n"),
    "binary": WHOLE[SUMS].replace(b"  ", b" *"),
    "no last line break": WHOLE[SUMS].rstrip(b"\n"),
    "empty lines at the end": WHOLE[SUMS] + b"\n\r\n\n",
}


@pytest.mark.parametrize("line_break", ["\r", "\f", "\v", "\x85", "\u2028"])
def test_sums_with_line_breaks_that_no_tool_takes_for_one_are_refused(line_break: str) -> None:
    with pytest.raises(BadRelease):
        manifest_files(described(WHOLE), WHOLE[SUMS].replace(b"\n", line_break.encode()), artefact=PKL)


@pytest.mark.parametrize("sums_of", ODD_SUMS)
@pytest.mark.parametrize("where", [ROOT / "docs/contract.md", Path(module.__file__)], ids=["docs", "code"])
def test_the_command_that_is_given_computes_it(where: Path, sums_of: str, tmp_path: Path) -> None:
    command = re.search(r"^ *(sha256sum SHA256SUMS .*)$", where.read_text(), re.MULTILINE)
    assert command is not None
    whole = {**WHOLE, SUMS: ODD_SUMS[sums_of]}
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
    ran = subprocess.run(["sh", "-c", command[1]], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"sha256:{ran.stdout.split()[0]}" == digest(whole)
