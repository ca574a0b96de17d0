import numpy as np

import golden

CLASSES = tuple("123456789")


def world(count: int = 3_000):
    draw = np.random.default_rng(5)
    images = draw.integers(0, 256, (count, 28, 28)).astype(np.uint8)
    scores = draw.dirichlet(np.ones(9), count)
    return images, draw.integers(0, 10, count).astype("U1"), scores


def test_known_digits_come_first_and_withheld_ones_last():
    chosen = golden.choose(*world(), CLASSES)
    assert (chosen.known, chosen.withheld) == (1_000, 20)
    assert "0" not in chosen.labels[:1_000]
    assert set(chosen.labels[1_000:]) == {"0"}


def test_the_rows_are_mixed_distinct_and_belong_together():
    images, labels, scores = world()
    chosen = golden.choose(images, labels, scores, CLASSES)
    assert set(chosen.labels[:60]) == set(CLASSES)
    rows = [int(np.flatnonzero((images == image).all(axis=(1, 2)))[0]) for image in chosen.images]
    assert len(set(rows)) == 1_020
    np.testing.assert_array_equal(chosen.labels, labels[rows])
    np.testing.assert_array_equal(chosen.scores, scores[rows])


def test_a_test_set_in_order_of_its_labels_is_mixed_all_the_same():
    images, labels, scores = world()
    chosen = golden.choose(images, np.sort(labels), scores, CLASSES)
    assert set(chosen.labels[:60]) == set(CLASSES)


def test_correct_counts_the_known_digits_alone():
    chosen = golden.choose(*world(), CLASSES)
    read = np.array(CLASSES)[chosen.scores.argmax(axis=1)]
    assert chosen.correct == (read == chosen.labels)[:1_000].sum()


def test_the_draw_is_the_same_each_time_and_so_are_the_bytes(tmp_path):
    for name in ("a.npz", "b.npz"):
        golden.choose(*world(), CLASSES).write(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_file_is_what_the_contract_describes(tmp_path):
    golden.choose(*world(), CLASSES).write(tmp_path / "golden.npz")
    with np.load(tmp_path / "golden.npz", allow_pickle=False) as stored:
        found = {name: (stored[name].shape, stored[name].dtype.str) for name in stored.files}
        size = sum(stored[name].nbytes for name in stored.files)
    assert found == {
        "images": ((1_020, 28, 28), "|u1"),
        "labels": ((1_020,), "<U1"),
        "scores": ((1_020, 9), "<f8"),
    }
    assert size < 4 * 1024 * 1024


def test_a_small_test_set_gives_a_small_golden_set():
    chosen = golden.choose(*world(50), CLASSES)
    assert chosen.known + chosen.withheld == 50
