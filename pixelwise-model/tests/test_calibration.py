"""Drawn digits: what is refused, and the figures against values computed by hand and by another way."""

import io
import zipfile

import numpy as np
import pytest
from conftest import drawn_arrays
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

import calibration
from calibration import (
    COLDEST,
    HOTTEST,
    LEAST,
    calibrate,
    calibration_error,
    certainties,
    find_temperature,
    read_drawn,
)
from errors import DrawnRefused

CLASSES = tuple("123456789")


def write(path, arrays):
    np.savez_compressed(path, **arrays)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "drawn.npz"


def drawn_of(path, **changes):
    return read_drawn(write(path, {**drawn_arrays(), **changes}))


def score_of_first(images):
    """A model that says what stands in the first pixel's place: the digit, less sure of later rows."""
    scores = np.full((len(images), 9), 0.01)
    scores[np.arange(len(images)), images[:, 0, 0] % 9] = 0.92
    return scores


# -- the file ------------------------------------------------------------------------------------------


def test_the_file_that_pixelwise_writes_is_read(path):
    arrays = drawn_arrays()
    drawn = drawn_of(path)
    for name in ("images", "labels", "conditions", "hands"):
        np.testing.assert_array_equal(getattr(drawn, name), arrays[name])
    assert (drawn.recipe, len(drawn.sha256)) == (2, 64)


@pytest.mark.parametrize(
    ("name", "changed", "found"),
    [
        ("images", np.zeros((1_400, 28, 28)), "no array images of dtype |u1"),
        ("images", np.zeros((1_400, 784), np.uint8), "images of the shape (1400, 784)"),
        ("images", np.asfortranarray(drawn_arrays()["images"]), "no array images of dtype |u1, rows first"),
        ("images", np.zeros((7, 28, 28), np.uint8), "images of the shape (7, 28, 28)"),
        ("labels", np.full(1_400, "x"), "labels of other values"),
        ("labels", np.full(1_400, "12"), "no array labels of dtype <U1"),
        ("labels", np.array("1"), "images of the shape"),
        ("labels", np.array(["1", None], object), "no array labels"),
        ("conditions", np.full((1_400, 1), "strokes", "<U20"), "conditions of the shape (1400, 1)"),
        ("hands", np.full(1_400, "mine", "<U11"), "hands of other values"),
        ("recipe", np.int64(0), "recipe of other values"),
        ("recipe", np.array([2]), "recipe of the shape (1,)"),
        ("recipe", np.float64(2), "no array recipe"),
    ],
)
def test_another_form_of_an_array_is_refused_by_name(path, name, changed, found):
    with pytest.raises(DrawnRefused) as refusal:
        drawn_of(path, **{name: changed})
    assert found in str(refusal.value) and "python -m drawn" in str(refusal.value)


def test_an_array_that_is_missing_is_refused(path):
    arrays = drawn_arrays()
    del arrays["hands"]
    with pytest.raises(DrawnRefused, match="hands"):
        read_drawn(write(path, arrays))


def test_what_is_no_file_or_no_archive_is_refused(path):
    with pytest.raises(DrawnRefused, match="no such file"):
        read_drawn(path)
    for content in (b"", b"rubbish", b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        with pytest.raises(DrawnRefused, match=r"expected an \.npz file of the arrays images, labels"):
            read_drawn(path)


@pytest.mark.parametrize("place", range(0, 2_000, 50))
def test_damage_is_refused_or_read_and_nothing_else(path, place):
    data = bytearray(write(path, drawn_arrays(200)).read_bytes())
    at = place * len(data) // 2_000
    data[at] ^= 0xFF
    path.write_bytes(data)
    try:
        read_drawn(path)
    except DrawnRefused:
        return


def test_no_memory_is_taken_on_the_word_of_the_file(path, monkeypatch):
    monkeypatch.setattr(calibration, "MOST_INFLATED", 1_000)
    write(path, drawn_arrays(200))
    with pytest.raises(DrawnRefused, match="inflates beyond"):
        read_drawn(path)
    monkeypatch.undo()
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 28, 28), np.uint8)) | {
        "shape": (10**12, 28, 28)
    }
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, header)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", content.getvalue())
    with pytest.raises(DrawnRefused, match=r"images of shape \(1000000000000, 28, 28\) in 0 bytes"):
        read_drawn(path)
    monkeypatch.setattr(calibration, "MOST_BYTES", 10)
    with pytest.raises(DrawnRefused, match="at most 10 bytes"):
        read_drawn(path)


# -- what is measured ----------------------------------------------------------------------------------


def test_strokes_and_pictures_are_counted_apart_and_only_digits_of_the_classes(path):
    drawn = drawn_of(path)
    found = calibrate(drawn, CLASSES, score_of_first)
    known = np.isin(drawn.labels, CLASSES)
    right = np.array(CLASSES)[drawn.images[known][:, 0, 0] % 9] == drawn.labels[known]
    strokes = drawn.conditions[known] == "strokes"
    assert (found.strokes.correct, found.strokes.n) == (right[strokes].sum(), strokes.sum())
    assert (found.pictures.correct, found.pictures.n) == (right[~strokes].sum(), (~strokes).sum())
    assert found.strokes.n + found.pictures.n == known.sum() < len(known)
    assert found.n == (drawn.hands[known] == "test").sum()
    assert found.recipe == 2


def test_what_the_recipe_read_nothing_of_is_read_wrongly_and_says_nothing_of_certainty(path):
    images = drawn_arrays()["images"].copy()
    unread = np.flatnonzero((drawn_arrays()["conditions"] != "strokes") & (drawn_arrays()["labels"] != "0"))[
        :50
    ]
    images[unread] = 0
    whole = calibrate(drawn_of(path), CLASSES, score_of_first)
    found = calibrate(drawn_of(path, images=images), CLASSES, score_of_first)
    assert found.pictures.n == whole.pictures.n
    assert found.pictures.correct < whole.pictures.correct
    assert found.strokes == whole.strokes
    assert whole.n - found.n == (drawn_arrays()["hands"][unread] == "test").sum() > 0


def test_the_error_is_of_the_hand_that_did_not_choose(path):
    """Those who chose are seldom right and those who measure always: the temperature is wrong for them."""
    hands = drawn_arrays()["hands"]

    def score(images):
        scores = np.full((len(images), 9), 0.03)
        scores[:, 3] = 0.76
        return scores

    drawn = drawn_of(path, labels=np.where(hands == "test", "4", drawn_arrays()["labels"]))
    found = calibrate(drawn, CLASSES, score)
    assert found.before == pytest.approx(1 - 0.76, abs=1e-4)
    assert found.temperature > 1, "few fours are among those of the choosing hand"
    assert found.after > found.before


@pytest.mark.parametrize(
    ("name", "changed", "found"),
    [
        ("conditions", np.full(1_400, "strokes", "<U20"), "0 pictures of the classes"),
        ("conditions", np.full(1_400, "pencil", "<U20"), "0 strokes"),
        ("hands", np.full(1_400, "test", "<U11"), "0 digits of the hand calibration"),
        ("labels", np.full(1_400, "0"), "0 strokes of the classes"),
        ("images", np.zeros((1_400, 28, 28), np.uint8), "0 digits of the hand calibration"),
    ],
)
def test_too_few_of_a_kind_are_refused(path, name, changed, found):
    with pytest.raises(DrawnRefused, match=f"{found}.*expected at least {LEAST}"):
        calibrate(drawn_of(path, **{name: changed}), CLASSES, score_of_first)


# -- temperature and error -----------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.5])
def test_the_temperature_that_spoilt_the_scores_is_found(temperature):
    draw = np.random.default_rng(3)
    logits = draw.normal(0, 2, (20_000, 9))
    truth = (softmax(logits, axis=1).cumsum(axis=1) > draw.random((20_000, 1))).argmax(axis=1)
    scores = softmax(logits * temperature, axis=1)
    found = find_temperature(scores, truth)
    assert found == pytest.approx(temperature, rel=0.05)
    assert found == round(found, 3)
    best = -np.log(softmax(np.log(scores) / found, axis=1)[np.arange(20_000), truth]).mean()
    for other in (found * 0.98, found * 1.02):
        assert -np.log(softmax(np.log(scores) / other, axis=1)[np.arange(20_000), truth]).mean() > best


def test_it_is_scikit_learn_s_slope_of_a_regression_without_intercept():
    """With two classes the likeliest 1 / T is the weight of the one logit."""
    draw = np.random.default_rng(4)
    logit = draw.normal(0, 3, 5_000)
    truth = (draw.random(5_000) < 1 / (1 + np.exp(-logit / 2.2))).astype(int)
    fitted = LogisticRegression(C=1e12, fit_intercept=False, tol=1e-8).fit(logit[:, np.newaxis], truth)
    scores = softmax(np.stack([np.zeros(5_000), logit], axis=1), axis=1)
    assert find_temperature(scores, truth) == pytest.approx(1 / fitted.coef_[0, 0], abs=0.002)


def test_temperatures_stay_within_their_bounds():
    scores = np.array([[0.9, 0.1], [0.2, 0.8]] * 100)
    assert find_temperature(scores, np.array([0, 1] * 100)) == COLDEST
    assert find_temperature(scores, np.array([1, 0] * 100)) == HOTTEST
    certain = np.array([[1.0, 0.0], [0.0, 1.0]] * 100)
    assert COLDEST <= find_temperature(certain, np.array([0, 1, 1, 1] * 50)) <= HOTTEST


def test_a_certainty_is_the_largest_share_at_that_temperature():
    scores = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    assert certainties(scores, 1) == pytest.approx([0.7, 1])
    expected = 0.7**0.5 / (0.7**0.5 + 0.2**0.5 + 0.1**0.5)
    assert certainties(scores[:1], 2) == pytest.approx([expected])


def test_the_error_by_hand():
    """15 bins of two answers: each bin has certainty 0.8 and one right answer of two."""
    assert calibration_error(np.full(30, 0.8), np.array([True, False] * 15)) == pytest.approx(0.3)
    assert calibration_error(np.full(30, 0.5), np.array([True, False] * 15)) == pytest.approx(0)
    certainty = np.repeat([0.1, 0.9], [16, 14])
    right = np.repeat([False, True], [16, 14])
    assert calibration_error(certainty, right) == pytest.approx(0.1)
    draw = np.random.default_rng(5)
    mixed = draw.permutation(30)
    assert calibration_error(certainty[mixed], right[mixed]) == pytest.approx(0.1)
