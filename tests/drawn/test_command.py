"""`python -m drawn OUT`: a file that a release can be measured with, the same for the same seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.drawing.normalise import RECIPE
from drawn.__main__ import STROKES, Drawn, pictures_seen, said_of_unread, strokes_seen
from drawn.conditions import CONDITIONS
from drawn.digits import LABELS

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parent.parent.parent
FEW = ("--strokes", "20", "--pictures", "1")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "drawn", *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("drawn") / "drawn.npz"
    done = run(str(out), *FEW)
    assert done.returncode == 0, done.stderr
    return out, done.stderr


def test_the_file_has_digits_of_both_hands_with_label_and_condition(written: tuple[Path, str]):
    with np.load(written[0], allow_pickle=False) as file:
        assert set(file.files) == {"images", "labels", "conditions", "hands", "recipe"}
        images, labels, conditions, hands = (file[name] for name in ("images", "labels", "conditions", "hands"))
        assert file["recipe"] == RECIPE
        assert file["recipe"].dtype == np.int64
    count = len(images)
    assert images.shape == (count, 28, 28)
    assert (images.dtype, labels.dtype, conditions.dtype, hands.dtype) == (np.uint8, "<U1", "<U20", "<U11")
    assert labels.shape == conditions.shape == hands.shape == (count,)
    assert images[conditions == STROKES].any(axis=(1, 2)).all()
    assert set(labels) == set(LABELS)
    assert set(hands) == {"calibration", "test"}
    assert np.count_nonzero(conditions == STROKES) == 40
    assert set(conditions) <= {STROKES, *CONDITIONS}


def test_it_says_how_far_it_is_and_what_was_not_read(written: tuple[Path, str]):
    lines = written[1].splitlines()
    assert len(lines) == 1 + len(CONDITIONS) + 2
    for condition, line in zip(CONDITIONS, lines[1:], strict=False):
        assert line.startswith(f"pictures, {condition} ")
    assert lines[-2].startswith("not read at all: ")
    assert str(written[0]) in lines[-1]


def test_the_same_seed_is_the_same_bytes_and_another_is_not(written: tuple[Path, str], tmp_path: Path):
    again, other = tmp_path / "again.npz", tmp_path / "other.npz"
    assert run(str(again), *FEW).returncode == run(str(other), *FEW, "--seed", "2").returncode == 0
    assert again.read_bytes() == written[0].read_bytes()
    assert other.read_bytes() != written[0].read_bytes()


def test_more_digits_begin_with_the_fewer():
    """So a figure of many can be held against one of few."""
    few, many = list(strokes_seen(1, 3)), list(strokes_seen(1, 5))
    assert all(np.array_equal(one.image, other.image) for one, other in zip(few[:3], many, strict=False))
    one = next(pictures_seen(1, 1, "clean"))
    assert np.array_equal(one.image, next(pictures_seen(1, 2, "clean")).image)


def test_what_was_not_read_is_counted():
    ink, nothing = np.full((28, 28), 9, np.uint8), np.zeros((28, 28), np.uint8)
    read = Drawn(ink, "1", "clean", "test")
    unread = [Drawn(nothing, "1", condition, "test") for condition in ("pencil", "glare", "pencil")]
    assert said_of_unread([read, *unread]) == "not read at all: 3 of 4 (pencil 2, glare 1)"
    assert said_of_unread([read]) == "not read at all: 0 of 1 (none)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--strokes", "-1"), "0 or more"),
        (("--strokes", "0", "--pictures", "0"), "something to draw"),
        ((), "is no folder"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_drawn(arguments: tuple[str, ...], said: str, tmp_path: Path):
    out = tmp_path / "missing" / "drawn.npz" if not arguments else tmp_path / "drawn.npz"
    done = run(str(out), *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not out.exists()
