"""`python -m drawn.augment DATA OUT`: digits to learn from, of MNIST's training file and of nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.drawing.normalise import RECIPE
from drawn.augment import LABELS, read_mnist, split
from drawn.outliers import HELD_OUT_KINDS, LEARNT_KINDS
from tests.drawn.test_rewrite import digits

ROOT = Path(__file__).resolve().parent.parent.parent
COUNT = 600
FEW = ("--copies", "2", "--outliers", "40", "--held-out", "20")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "drawn.augment", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two files in the form of MNIST's, of digits of a pen."""
    folder = tmp_path_factory.mktemp("data")
    images, labels = digits(COUNT)
    sizes = [part.to_bytes(4, "big") for part in (COUNT, 28, 28)]
    (folder / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03" + b"".join(sizes) + images.tobytes())
    (folder / LABELS).write_bytes(b"\x00\x00\x08\x01" + sizes[0] + labels.astype(np.uint8).tobytes())
    return folder


@pytest.fixture(scope="module")
def written(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("augmented") / "augmented.npz"
    done = run(data, out, *FEW)
    assert done.returncode == 0, done.stderr
    return out, done.stderr


@pytest.mark.long
def test_the_file_has_every_digit_so_many_times_and_drawings_that_are_none(written: tuple[Path, str]):
    with np.load(written[0], allow_pickle=False) as file:
        arrays = dict(file)
    assert {name: (part.shape, part.dtype.str) for name, part in arrays.items()} == {
        "copies": ((2, 540, 28, 28), "|u1"),
        "learnt": ((540,), "<i4"),
        "kept": ((60,), "<i4"),
        "kept_copies": ((60, 28, 28), "|u1"),
        "outliers": ((40, 28, 28), "|u1"),
        "outlier_kinds": ((40,), "<U20"),
        "held_out": ((20, 28, 28), "|u1"),
        "held_out_kinds": ((20,), "<U20"),
        "recipe": ((), "<i8"),
    }
    assert arrays["recipe"] == RECIPE
    assert set(arrays["outlier_kinds"]) <= set(LEARNT_KINDS)
    assert set(arrays["held_out_kinds"]) <= set(HELD_OUT_KINDS)
    assert sorted([*arrays["learnt"], *arrays["kept"]]) == list(range(COUNT))


def test_of_each_class_as_many_are_kept_by_a_seeded_draw(data: Path):
    _, labels = read_mnist(data)
    learnt, kept = split(labels, 0)
    assert not set(learnt.tolist()) & set(kept.tolist())
    assert np.unique(labels[kept], return_counts=True)[1].tolist() == [6] * 10
    assert split(labels, 1)[1].tolist() != kept.tolist()


@pytest.mark.long
def test_the_same_seed_is_the_same_bytes_whatever_the_number_of_processes(
    data: Path, written: tuple[Path, str], tmp_path: Path
):
    again, other = tmp_path / "again.npz", tmp_path / "other.npz"
    assert run(data, again, *FEW, "--processes", "1").returncode == 0
    assert run(data, other, *FEW, "--seed", "1").returncode == 0
    assert again.read_bytes() == written[0].read_bytes()
    assert other.read_bytes() != written[0].read_bytes()


def test_it_says_how_far_it_is(written: tuple[Path, str]):
    said = [line.partition(":")[0] for line in written[1].splitlines()]
    assert said[:-1] == ["copy 1 of 2", "copy 2 of 2", "digits that are kept", "no digits", "no digits, held out"]
    assert "learnt 540, kept 60, outliers 40, held_out 20" in written[1]


def test_without_mnist_it_names_what_is_missing_and_who_fetches_it(tmp_path: Path):
    done = run(tmp_path, tmp_path / "out.npz")
    assert done.returncode == 2
    assert "train-images-idx3-ubyte" in done.stderr
    assert "mnist.py" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: b"\x1f\x8b" + raw, lambda raw: raw[:4] + raw[8:]])
def test_a_damaged_file_is_named(data: Path, tmp_path: Path, change: Callable[[bytes], bytes]):
    for name in ("train-images-idx3-ubyte", LABELS):
        (tmp_path / name).write_bytes((data / name).read_bytes())
    (tmp_path / LABELS).write_bytes(change((data / LABELS).read_bytes()))
    done = run(tmp_path, tmp_path / "out.npz")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / LABELS} is not MNIST's IDX file")
    assert not (tmp_path / "out.npz").exists()
