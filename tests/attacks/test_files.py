"""Around the read: only one plain file of bounded size, read once."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import read_artefact
from tests.attacks.honest import honest_pipeline

MIB = 1 << 20
HONEST = honest_pipeline()
OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    path = tmp_path / "artefact.pkl"
    path.write_bytes(HONEST)
    return path


def refused(path: Path | str) -> ArtefactRefused:
    """The refusal of this path, which must cost nothing: a read that waits is ended by the limit of each test."""
    before = time.process_time()
    with pytest.raises(ArtefactRefused) as caught:
        read_artefact(path)
    assert time.process_time() - before < 1
    assert caught.value.exit_code == 4
    return caught.value


def test_a_plain_file_is_read_by_path_and_by_text(artefact: Path):
    by_path, by_text, by_bytes = read_artefact(artefact), read_artefact(str(artefact)), read_artefact(HONEST)
    assert by_path.sha256 == by_text.sha256 == by_bytes.sha256


def test_a_fifo_without_a_writer_is_refused_instead_of_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe").code == "file"


def test_a_fifo_with_a_writer_is_refused_too(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    both_ends = os.open(tmp_path / "pipe", os.O_RDWR)
    try:
        os.write(both_ends, HONEST[:1000])
        assert refused(tmp_path / "pipe").code == "file"
    finally:
        os.close(both_ends)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/stdin", "/dev/tty"])
def test_a_device_is_refused(device: str):
    assert refused(device).code == "file"


def test_a_link_is_refused_even_to_an_honest_file(tmp_path: Path, artefact: Path):
    (tmp_path / "link").symlink_to(artefact)
    assert refused(tmp_path / "link").code == "file"


def test_a_link_to_nowhere_and_a_link_to_itself_are_refused(tmp_path: Path):
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(tmp_path / "nowhere").code == "file"
    assert refused(tmp_path / "loop").code == "file"


def test_a_folder_is_refused(tmp_path: Path):
    assert refused(tmp_path).code == "file"


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path):
    error = refused(tmp_path / "missing.pkl")
    assert error.code == "file"
    assert "missing.pkl" in str(error)


@pytest.mark.parametrize("path", ["", "artefact\0.pkl", "a" * 5000])
def test_a_path_that_cannot_be_is_refused(path: str):
    assert refused(path).code == "file"


def test_a_file_below_a_file_is_refused(artefact: Path):
    assert refused(artefact / "inner.pkl").code == "file"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused(artefact: Path):
    artefact.chmod(0)
    assert refused(artefact).code == "file"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # a socket's own path may have only about 100 characters
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert refused(tmp_path / "s").code == "file"


def test_a_sparse_file_of_one_tib_is_refused_by_its_size(artefact: Path):
    os.truncate(artefact, 1 << 40)
    assert refused(artefact).code == "size"


def test_a_file_one_byte_above_64_mib_is_refused_by_its_size(artefact: Path):
    os.truncate(artefact, 64 * MIB + 1)
    assert refused(artefact).code == "size"
    assert refused(artefact).offset is None


def test_bytes_above_64_mib_are_refused_by_their_size():
    with pytest.raises(ArtefactRefused) as caught:
        read_artefact(bytes(64 * MIB + 1))
    assert caught.value.code == "size"


def test_a_file_of_exactly_64_mib_is_read_and_refused_for_what_it_holds(artefact: Path):
    os.truncate(artefact, 64 * MIB)
    assert refused(artefact).code == "trailing"


def test_an_empty_file_is_refused_as_such(tmp_path: Path):
    (tmp_path / "empty").touch()
    assert refused(tmp_path / "empty").code == "format"


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="no /proc to count open files in")
def test_no_file_stays_open(artefact: Path, tmp_path: Path):
    before = len(list(OPEN_FILES.iterdir()))
    for path in (artefact, tmp_path, tmp_path / "missing"):
        try:
            read_artefact(path)
        except ArtefactRefused:
            assert path != artefact
    assert len(list(OPEN_FILES.iterdir())) == before


@pytest.mark.parametrize("change", [+1, +100, -1, -len(HONEST)])
def test_a_file_that_grows_or_shrinks_while_it_is_read_is_refused(
    artefact: Path, monkeypatch: pytest.MonkeyPatch, change: int
):
    """The size is changed between the look at it and the read, which no timing of threads would do reliably."""
    look = os.fstat

    def look_then_change(descriptor: int) -> os.stat_result:
        status = look(descriptor)
        os.truncate(artefact, len(HONEST) + change)
        return status

    monkeypatch.setattr(os, "fstat", look_then_change)
    assert refused(artefact).code == "file"


def test_a_file_swapped_again_and_again_is_read_as_one_or_the_other(artefact: Path, tmp_path: Path):
    """What is hashed is what is parsed, whoever renames files meanwhile."""
    other = honest_pipeline(classes="0123456789")
    digests = {hashlib.sha256(HONEST).hexdigest(): "123456789", hashlib.sha256(other).hexdigest(): "0123456789"}
    stop = threading.Event()

    def swap() -> None:
        for turn in range(1_000_000):
            if stop.is_set():
                return
            (tmp_path / "next").write_bytes((HONEST, other)[turn % 2])
            (tmp_path / "next").replace(artefact)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(300):
            model = read_artefact(artefact)
            assert "".join(model.classes) == digests[model.sha256]
    finally:
        stop.set()
        swapping.join()
