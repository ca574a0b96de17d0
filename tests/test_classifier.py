"""The public face, with the local v1.0 behind it."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import BadImages
from app.model.sklearn_pickle.artefact import read_artefact
from app.verify.refusals import UnknownVersion
from tests.conftest import Mnist
from tests.installation import Installation, Published

NAME = "digit_classifier_v1.pkl"


@pytest.fixture(scope="module")
def classifier(published: Callable[[str], Published], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """`app.classifier`, imported as anew, with v1.0 pinned whatever this machine pins."""
    there = Installation(tmp_path_factory.mktemp("classifier"))
    there.place_published(published("v1.0"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_VERSION", "v1.0")
        patch.setenv("MODEL_PATH", str(there.models / NAME))
        patch.setenv("REQUIRE_LOCK", "false")
        patch.delitem(sys.modules, "app.classifier", raising=False)
        yield importlib.import_module("app.classifier")


@pytest.fixture(scope="module")
def digits(mnist: Mnist) -> NDArray[np.uint8]:
    """500 held-out digits, read-only."""
    return mnist.test_images[:500]


def drawing(grey: int) -> NDArray[np.uint8]:
    """A 1 of one grey value."""
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 13:16] = grey
    return image


# -- the answers -------------------------------------------------------------------------------------------------------


def test_the_classes_are_those_of_the_pinned_version(classifier: ModuleType):
    assert list("123456789") == classifier.CLASSES
    ten = tuple("0123456789")
    assert {"v1": tuple("123456789"), "v2": ten, "v3": ten} == classifier.ROSTERS


def test_an_answer_has_exactly_three_keys_of_plain_python_types(classifier: ModuleType, digits: NDArray[np.uint8]):
    for answer in classifier.classify_batch(digits):
        assert list(answer) == ["prediction", "confidence", "scores"]
        assert type(answer) is dict
        assert type(answer["prediction"]) is str
        assert type(answer["confidence"]) is float
        assert type(answer["scores"]) is dict
        assert list(answer["scores"]) == list("123456789")
        assert all(type(label) is str and type(score) is float for label, score in answer["scores"].items())
    json.dumps(classifier.classify_batch(digits))


def test_scores_sum_to_1_and_the_prediction_has_the_highest(classifier: ModuleType, digits: NDArray[np.uint8]):
    for answer in classifier.classify_batch(digits):
        assert sum(answer["scores"].values()) == pytest.approx(1, abs=1e-6)
        assert all(0 <= score <= 1 for score in answer["scores"].values())
        assert answer["confidence"] == max(answer["scores"].values()) == answer["scores"][answer["prediction"]]


def test_most_digits_are_read_rightly(classifier: ModuleType, mnist: Mnist):
    known = mnist.test_labels[:2000] > 0
    answers = classifier.classify_batch(mnist.test_images[:2000][known])
    right = [
        answer["prediction"] == str(label)
        for answer, label in zip(answers, mnist.test_labels[:2000][known], strict=True)
    ]
    assert np.mean(right) > 0.88


def test_answers_come_in_the_order_of_the_images(classifier: ModuleType, digits: NDArray[np.uint8]):
    predictions = [answer["prediction"] for answer in classifier.classify_batch(digits)]
    order = np.random.default_rng(0).permutation(len(digits))
    shuffled = [answer["prediction"] for answer in classifier.classify_batch(digits[order])]
    assert shuffled == [predictions[index] for index in order]
    assert shuffled != predictions


def test_a_batch_gives_what_its_images_give_one_by_one(classifier: ModuleType, digits: NDArray[np.uint8]):
    for answer, image in zip(classifier.classify_batch(digits), digits, strict=True):
        alone = classifier.classify(image)
        assert alone["prediction"] == answer["prediction"]
        assert list(alone["scores"].values()) == pytest.approx(list(answer["scores"].values()), abs=1e-5)


@pytest.mark.parametrize("index", range(5))
def test_classify_is_a_batch_of_one(classifier: ModuleType, digits: NDArray[np.uint8], index: int):
    assert classifier.classify(digits[index]) == classifier.classify_batch(digits[index : index + 1])[0]


def test_no_images_give_no_answers(classifier: ModuleType):
    assert classifier.classify_batch(np.zeros((0, 28, 28), np.uint8)) == []


@pytest.mark.parametrize("count", [1, 79, 80, 81, 160, 161])
def test_the_edges_of_blocks_change_nothing(classifier: ModuleType, digits: NDArray[np.uint8], count: int):
    predictions = [answer["prediction"] for answer in classifier.classify_batch(digits)]
    assert [answer["prediction"] for answer in classifier.classify_batch(digits[:count])] == predictions[:count]


# -- the images --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "view",
    [
        lambda images: images[:, ::-1, ::-1][:, ::-1, ::-1],
        lambda images: np.asfortranarray(images),
        lambda images: np.repeat(images, 2, axis=0)[::2],
        lambda images: np.pad(images, ((0, 0), (3, 3), (5, 5)))[:, 3:-3, 5:-5],
        lambda images: np.ascontiguousarray(images.transpose(2, 1, 0)).transpose(2, 1, 0),
        lambda images: np.stack([images, images], axis=-1)[..., 0],
    ],
    ids=["reversed", "fortran", "every second", "window", "transposed", "channel"],
)
def test_non_contiguous_arrays_give_the_same(classifier: ModuleType, digits: NDArray[np.uint8], view: Callable):
    images = view(digits.copy())
    assert classifier.classify_batch(images) == classifier.classify_batch(digits)
    assert classifier.classify(images[3]) == classifier.classify(digits[3])


def test_an_array_of_another_kind_of_ndarray_gives_the_same(classifier: ModuleType, digits: NDArray[np.uint8]):
    class Mine(np.ndarray):
        pass

    assert classifier.classify_batch(digits.view(Mine)) == classifier.classify_batch(digits)


def test_read_only_images_work_and_writable_ones_are_not_changed(classifier: ModuleType, digits: NDArray[np.uint8]):
    assert not digits.flags.writeable
    images = digits.copy()
    assert classifier.classify_batch(images) == classifier.classify_batch(digits)
    assert np.array_equal(images, digits)
    assert images.flags.writeable


def test_above_128_is_ink_and_128_itself_is_paper(classifier: ModuleType):
    paper, edge, ink, full = (classifier.classify(drawing(grey)) for grey in (127, 128, 129, 255))
    blank = classifier.classify(np.zeros((28, 28), np.uint8))
    assert paper == edge == blank
    assert ink == full != blank


def test_grey_levels_on_one_side_of_the_rule_are_all_alike(classifier: ModuleType, digits: NDArray[np.uint8]):
    thresholded = np.where(digits > 128, np.uint8(255), np.uint8(0))
    assert classifier.classify_batch(digits) == classifier.classify_batch(thresholded)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 28, 28)),
        np.zeros((2, 28, 28), np.float32),
        np.zeros((2, 28, 28), bool),
        np.zeros((2, 28, 28), np.int8),
        np.zeros((2, 28, 28), np.int64),
        np.zeros((2, 28, 28), object),
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 784), np.uint8),
        np.zeros((2, 28, 28, 1), np.uint8),
        np.zeros((2, 27, 28), np.uint8),
        np.zeros((0,), np.uint8),
        np.uint8(3),
        [[[0] * 28] * 28],
        [],
        b"\0" * 784,
        None,
    ],
    ids=lambda images: f"{getattr(images, 'dtype', type(images).__name__)} {getattr(images, 'shape', '')}",
)
def test_what_is_no_batch_of_images_is_a_value_error_that_names_shape_and_dtype(classifier: ModuleType, images: object):
    with pytest.raises(ValueError, match=r"expected a numpy array, uint8 \(N, 28, 28\)") as caught:
        classifier.classify_batch(images)
    assert type(caught.value) is BadImages
    if isinstance(images, np.ndarray):
        assert f": {images.dtype} {images.shape}" in str(caught.value)


@pytest.mark.parametrize("shape", [(1, 28, 28), (784,), (28, 27), (28, 28, 1), (0, 28, 28)])
def test_what_is_no_single_image_is_a_value_error(classifier: ModuleType, shape: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"uint8 \(28, 28\)\."):
        classifier.classify(np.zeros(shape, np.uint8))


def test_a_single_float_image_is_a_value_error(classifier: ModuleType):
    with pytest.raises(ValueError, match=r": float64 \(28, 28\); expected a numpy array, uint8 \(28, 28\)"):
        classifier.classify(np.zeros((28, 28)))


# -- many callers, one import ------------------------------------------------------------------------------------------


def test_several_threads_at_once_get_their_own_answers(classifier: ModuleType, mnist: Mnist):
    sizes = [1, 50, 130] * 17
    batches = [mnist.test_images[60 * place : 60 * place + size] for place, size in enumerate(sizes)]
    alone = [classifier.classify_batch(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            assert list(pool.map(classifier.classify_batch, batches)) == alone


def test_neither_scikit_learn_nor_joblib_is_imported(installation: Installation):
    """Both can be imported here: what is asserted is that nobody asks for them."""
    for name in ("sklearn", "joblib"):
        (installation.root / f"{name}.py").write_text("")
    code = (
        "import sys, numpy as np\nfrom app.classifier import classify_batch\n"
        "classify_batch(np.zeros((3, 28, 28), np.uint8))\nprint('sklearn' in sys.modules, 'joblib' in sys.modules)"
    )
    assert installation.run("-c", code).stdout == "False False\n"


def test_the_import_says_nothing_when_all_is_well(installation: Installation):
    done = installation.start()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_import_reads_the_pinned_release_from_any_current_directory(installation: Installation):
    code = "import os; os.chdir('/'); from app.classifier import MODEL; print(MODEL.path)"
    assert installation.run("-c", code).stdout == f"{installation.models / 'v1.0' / NAME}\n"


@pytest.mark.parametrize(
    "version", ["1.0", "v1", "v1.0.0", "v1.x", "main", "", "v1.0 ", "v1.0\n", "v4.0", "v10.0", "V1.0", "v1.\u0660"]
)
def test_a_version_without_roster_is_refused_with_the_line_to_edit(classifier: ModuleType, version: str):
    with pytest.raises(UnknownVersion) as caught:
        classifier.roster(version)
    line = int(str(caught.value).partition("app/classifier.py line ")[2].rstrip("."))
    assert Path(classifier.__file__).read_text().splitlines()[line - 1] == "ROSTERS = {"


@pytest.mark.parametrize(
    ("version", "classes"), [("v1.0", "123456789"), ("v1.17", "123456789"), ("v2.0", "0123456789")]
)
def test_every_minor_version_has_the_roster_of_its_major(classifier: ModuleType, version: str, classes: str):
    assert classifier.roster(version) == tuple(classes)


def test_the_classifier_serves_what_the_artefact_says(classifier: ModuleType, published: Callable[[str], Published]):
    model = read_artefact(published("v1.0").artefact)
    assert classifier.MODEL.sha256 == model.sha256
    assert (classifier.MODEL.version, classifier.MODEL.notices) == ("v1.0", ())
    assert {check.outcome for check in classifier.MODEL.checks} == {"agrees"}
