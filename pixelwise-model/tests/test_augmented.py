"""Digits to learn from: what is kept aside is never seen in training. None of this needs PyTorch."""

import itertools

import numpy as np
import pytest

import train_v3
from augmented import Augmented, read_augmented
from batches import Plan, batches, shift, shuffled, stretch
from errors import AugmentedRefused
from mnist import Mnist


def augmented_of(small: Mnist) -> Augmented:
    """PixelWise's augmented.npz in arrays, of the small digits: each moved by a pixel; and noise."""
    rows = np.arange(len(small.train_labels), dtype=np.int32)
    learnt, kept = rows[rows % 10 != 0], rows[rows % 10 == 0]
    draw = np.random.default_rng(4)
    moved = np.stack([np.roll(small.train_images[learnt], step, axis=2) for step in (-1, 1)])
    noise = [draw.integers(0, 256, (60, 28, 28)).astype(np.uint8) for _ in range(2)]
    kinds = [np.full(60, kind, "<U20") for kind in ("noise", "other noise")]
    kept_copies = np.roll(small.train_images[kept], 1, axis=1)
    return Augmented(moved, learnt, kept, kept_copies, noise[0], kinds[0], noise[1], kinds[1], recipe=2)


@pytest.fixture
def arrays(small: Mnist) -> dict[str, np.ndarray]:
    return dict(vars(augmented_of(small)))


def test_a_file_gives_the_arrays_that_were_written(arrays, tmp_path):
    np.savez(tmp_path / "a.npz", **arrays)
    read = read_augmented(tmp_path / "a.npz")
    for name, part in arrays.items():
        np.testing.assert_array_equal(getattr(read, name), part)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda a: {"kept": a["kept"] + 1}, "digits that are learnt from, and kept too"),
        (lambda a: {"held_out_kinds": a["outlier_kinds"]}, "kinds that are learnt from, and held out too"),
        (lambda a: {"copies": a["copies"][:, 1:]}, "copies of another shape or dtype"),
        (lambda a: {"outliers": a["outliers"].astype(float)}, "outliers of another shape or dtype"),
        (
            lambda a: {"kept": a["kept"][:0], "kept_copies": a["kept_copies"][:0]},
            "no digits kept for choices",
        ),
        (lambda a: {"copies": a["copies"][:0]}, "no digits to learn from"),
    ],
)
def test_a_file_of_others_is_refused(arrays, tmp_path, change, found):
    np.savez(tmp_path / "a.npz", **arrays | change(arrays))
    with pytest.raises(AugmentedRefused, match=found):
        read_augmented(tmp_path / "a.npz")


def test_no_file_or_another_one_is_refused_with_the_command_that_makes_it(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no zip")
    for name in ("a.npz", "missing.npz"):
        with pytest.raises(AugmentedRefused, match=r"python -m drawn\.augment"):
            read_augmented(tmp_path / name)
    np.savez(tmp_path / "b.npz", images=np.zeros(3))
    with pytest.raises(AugmentedRefused, match="copies"):
        read_augmented(tmp_path / "b.npz")


def test_a_refusal_is_the_commands_answer(tmp_path, capsys):
    assert train_v3.main(["--augmented", str(tmp_path / "missing.npz")]) == 4
    assert "no such file" in capsys.readouterr().err


def test_kept_digits_and_held_out_drawings_are_in_no_batch_and_all_others_are(small):
    """Each image says which one it is, by its first pixels."""
    augmented = augmented_of(small)
    images = np.zeros((900, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(900), 256)
    augmented.copies[:] = images[augmented.learnt]
    augmented.copies[:, :, 0, 2] = 1  # a copy
    augmented.outliers[:, 0, 2], augmented.held_out[:, 0, 2] = 2, 3
    plan = Plan(batch=64, outliers=12, stretched=0, shifted=0)
    raw, copied, others = [], [], []
    for batch, truth in batches(images, small.train_labels, augmented, 0, plan, 60):
        assert batch.shape == (76, 28, 28)
        rows = batch[:64, 0, 0].astype(int) * 256 + batch[:64, 0, 1]
        np.testing.assert_array_equal(truth, small.train_labels[rows])
        raw += rows[:32].tolist()
        copied += rows[32:].tolist()
        assert batch[:32, 0, 2].tolist() == [0] * 32
        assert batch[32:64, 0, 2].tolist() == [1] * 32
        others += batch[64:, 0, 2].tolist()
    assert set(raw) == set(copied) == set(augmented.learnt.tolist())
    assert set(others) == {2}


def test_batches_are_those_of_their_seed(small):
    def first(seed: int) -> np.ndarray:
        return next(batches(small.train_images, small.train_labels, augmented_of(small), seed, Plan(), 1))[0]

    np.testing.assert_array_equal(first(0), first(0))
    assert (first(0) != first(1)).any()


def test_a_shuffle_gives_every_place_before_it_gives_one_again():
    taken = list(itertools.islice(shuffled(10, 4, np.random.default_rng(0)), 5))
    places = np.concatenate(taken)
    assert sorted(places[:10]) == sorted(places[10:]) == list(range(10))


def test_contrast_and_place_change_for_a_share_only():
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 10:18, 10:18] = 150
    for change in (stretch, shift):
        changed = images.copy()
        change(changed, np.random.default_rng(0), 0.5)
        differ = (changed != images).any(axis=(1, 2)).mean()
        assert 0.3 < differ < 0.6
        assert (changed > 0).sum() >= 0.9 * (images > 0).sum()
