"""What reading an artefact by path does not show (tests/attacks/test_files.py): the limits, and what a message says."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.model.plain_file import NotPlain, read_plain_file


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_a_file_up_to_the_limit_is_read_whole(tmp_path: Path, size: int):
    (tmp_path / "file").write_bytes(bytes(range(size)))
    assert read_plain_file(tmp_path / "file", limit=100) == bytes(range(size))


def test_a_file_one_byte_over_the_limit_is_refused_with_both_numbers(tmp_path: Path):
    (tmp_path / "file").write_bytes(bytes(1101))
    with pytest.raises(NotPlain, match="has 1,101 bytes, the limit is 1,100"):
        read_plain_file(tmp_path / "file", limit=1100)


def test_a_link_in_the_last_place_is_refused_and_one_before_is_followed(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"content")
    (tmp_path / "folder" / "link").symlink_to("file")
    (tmp_path / "linked").symlink_to("folder")
    assert read_plain_file(tmp_path / "linked" / "file", limit=100) == b"content"
    with pytest.raises(NotPlain, match="is a link"):
        read_plain_file(tmp_path / "folder" / "link", limit=100)


@pytest.mark.parametrize(
    ("path", "saying"),
    [("missing", "No such file"), ("nul\0byte", "null byte"), ("x" * 300, "name too long"), ("", "is a folder")],
)
def test_a_path_that_names_no_file_is_refused_with_the_reason(tmp_path: Path, path: str, saying: str):
    with pytest.raises(NotPlain, match=saying):
        read_plain_file(tmp_path / path, limit=100)
