"""A file is accepted only if scikit-learn, opening the very same bytes with `joblib.load`, gets the same model.

`make test` tries every odd file and 100 accepted mutations; PIXELWISE_DIFFERENTIAL=3000 tries more of the latter, and
PIXELWISE_FUZZ_SEED=2 others. Files are opened in the cage (tests/attacks/cage.py) and nowhere else.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.contract import Scale
from app.model.engine import Layer
from app.model.sklearn_pickle.artefact import Artefact, read_artefact
from tests.attacks.accepted import accepted
from tests.attacks.assemble import Global
from tests.attacks.differential import MODEL_PYTHON, ONE_THREAD, Cage, cage, compare, difference
from tests.attacks.honest import label_binarizer, logistic_regression, scaled, standard_scaler
from tests.attacks.hostile import catalogue as hostile_catalogue
from tests.attacks.odd import PIXELS, Odd, catalogue, linear, network
from tests.conftest import MNIST_FOLDER, Mnist
from tests.installation import Published

pytestmark = pytest.mark.long

LEAST_ODD, LEAST_MUTATIONS = 200, 100
MUTATIONS = int(os.environ.get("PIXELWISE_DIFFERENTIAL", LEAST_MUTATIONS))
SEED = int(os.environ.get("PIXELWISE_FUZZ_SEED", "1"))
TRAIN_ODD = Path(__file__).with_name("train_odd.py")

Digits = NDArray[np.uint8]


@pytest.fixture(scope="module")
def caged() -> Iterator[Cage]:
    """One cage for all files: it is the same for each."""
    with cage() as one:
        yield one


@pytest.fixture(scope="module")
def digits(published: Callable[[str], Published]) -> Digits:
    """100 golden digits, and 40 with a tenth of their pixels turned over."""
    images = published("v2.0").golden.images[:140].reshape(-1, PIXELS)
    turned = np.random.default_rng(0).random((40, PIXELS)) < 0.1
    return np.concatenate([images[:100], np.where(turned, 255 - images[100:], images[100:])])


@pytest.fixture(scope="module")
def odd() -> list[Odd]:
    return list(catalogue())


@pytest.fixture(scope="module")
def trained(mnist: Mnist, tmp_path_factory: pytest.TempPathFactory) -> list[Odd]:
    """Files that scikit-learn wrote: honest models that are rare."""
    folder = tmp_path_factory.mktemp("trained")
    command = [MODEL_PYTHON, "-I", TRAIN_ODD, MNIST_FOLDER, folder]
    subprocess.run(command, check=True, env=ONE_THREAD)  # threads would wait for each other when others work too
    return [Odd(f"trained: {path.stem}", path.read_bytes(), scale_of(path)) for path in sorted(folder.iterdir())]


def scale_of(path: Path) -> Scale | None:
    """The scale that a file which train_odd.py wrote was trained on, by its name, such as "unit, PCA, linear.pkl"."""
    return next((scale for scale in get_args(Scale) if path.name.startswith(f"{scale}, ")), None)


def differences(files: list[Odd], caged: Cage, digits: Digits) -> str:
    """One line for each file that is read otherwise: its name, and what differs."""
    found = {file.name: difference(file.data, caged, digits, scale=file.scale) for file in files}
    return "\n".join(f"{name}: {what}" for name, what in found.items() if what is not None)


def refuse_differences(found: str) -> None:
    if found:
        pytest.fail(f"{found.count(chr(10)) + 1} files are read otherwise by scikit-learn:\n{found}", pytrace=False)


def test_the_releases_are_read_alike(caged: Cage, digits: Digits, published: Callable[[str], Published]):
    files = [Odd(version, published(version).artefact) for version in ("v1.0", "v1.1", "v2.0")]
    assert all(read_artefact(file.data) for file in files)
    refuse_differences(differences(files, caged, digits))


def test_every_odd_file_is_refused_or_read_as_scikit_learn_reads_it(caged: Cage, digits: Digits, odd: list[Odd]):
    before = caged.opened
    found = differences(odd, caged, digits)
    assert caged.opened - before >= 100, "too few are accepted to be compared"
    refuse_differences(found)


def test_every_model_that_scikit_learn_trained_is_refused_or_read_alike(
    caged: Cage, digits: Digits, trained: list[Odd]
):
    assert len(trained) >= 50
    assert sum(file.scale is not None for file in trained) >= 40
    refuse_differences(differences(trained, caged, digits))


def test_every_hostile_file_is_refused_or_read_alike(caged: Cage, digits: Digits):
    files = [Odd(file.name, file.data, file.scale) for file in hostile_catalogue(Path("canary"))]
    refuse_differences(differences(files, caged, digits))


def test_every_accepted_mutation_is_read_alike(caged: Cage, digits: Digits):
    read = lambda data: read_artefact(data, lambda: "unit")  # noqa: E731  # asked by those without a Binarizer only
    mutations = [Odd(name, data, "unit") for name, data in islice(accepted(SEED, read), MUTATIONS)]
    assert len(mutations) == MUTATIONS >= LEAST_MUTATIONS
    found = differences(mutations, caged, digits)
    for number, file in enumerate(mutations):
        if f"{file.name}: " in found:
            path = Path(tempfile.gettempdir()) / f"pixelwise-differential-{SEED}-{number}.pkl"
            path.write_bytes(file.data)
            found = found.replace(f"{file.name}: ", f"{file.name}, its bytes are in {path}: ")
    refuse_differences(found)


def test_there_are_at_least_200_odd_files_and_no_two_are_the_same(odd: list[Odd]):
    assert len(odd) >= LEAST_ODD
    assert len({file.name for file in odd}) == len({file.data for file in odd}) == len(odd)


# -- the suite can fail ------------------------------------------------------------------------------------------------


def lenient(changes: dict[str, object]) -> Callable[[bytes], Artefact]:
    """A reader that gives another model than the file's."""
    return lambda data: dataclasses.replace(read_artefact(linear()), **changes)  # type: ignore[arg-type]  # by name


def test_another_order_of_classes_is_a_difference(caged: Cage, digits: Digits):
    read = lenient({"classes": tuple("987654321")})
    assert "classes ['1', '2'" in str(difference(linear(), caged, digits, read))


def test_scores_a_little_more_than_the_tolerance_apart_are_a_difference(caged: Cage, digits: Digits):
    honest = read_artefact(linear(coef_=np.zeros((9, PIXELS)), intercept_=np.zeros(9)))

    def shifted(by: float) -> Callable[[bytes], Artefact]:
        layer = Layer(honest.layers[0].weights, np.append(np.zeros(8), by))
        return lambda data: dataclasses.replace(honest, layers=(layer,))

    data = linear(coef_=np.zeros((9, PIXELS)), intercept_=np.zeros(9))
    assert difference(data, caged, digits, shifted(1e-5)) is None  # 1e-6 in the scores
    assert "scores 2" in str(difference(data, caged, digits, shifted(2e-4)))


@pytest.mark.parametrize("side", ["ours", "theirs", "both"])
def test_scores_that_are_no_numbers_are_a_difference(side: str):
    good, bad = [[0.5, 0.5]], [[float("nan"), 0.5]]
    theirs = {"classes": ["1", "2"], "labels": ["1"], "scores": good if side == "ours" else bad}
    ours = np.array(good if side == "theirs" else bad)
    assert compare(["1", "2"], ours, theirs) == "scores nan apart"


def test_text_labels_for_integers_are_a_difference(caged: Cage, digits: Digits):
    integers = linear(classes_=np.arange(1, 10))
    assert "classes [1, 2" in str(difference(integers, caged, digits, lenient({})))


def test_another_label_under_the_same_scores_is_a_difference(caged: Cage, digits: Digits):
    """predict() of a network takes its labels from the label binarizer: here those of another model."""
    data = network(_label_binarizer=label_binarizer(classes="012345678"))
    found = difference(data, caged, digits, lambda _: read_artefact(network()))
    assert "predict says" in str(found)


def test_a_file_that_scikit_learn_cannot_open_is_a_difference(caged: Cage, digits: Digits):
    found = difference(b"\x80\x04N.", caged, digits, lenient({}))
    assert "scikit-learn raises AttributeError" in str(found)


def test_a_file_that_names_what_honest_files_do_not_is_a_difference(caged: Cage, digits: Digits):
    found = difference(linear(penalty=Global("builtins", "float")), caged, digits, lenient({}))
    assert found == "event pickle.find_class ('builtins', 'float')"


def test_another_scale_than_the_stated_one_is_a_difference(caged: Cage, digits: Digits):
    data = scaled(standard_scaler(features=PIXELS), classifier=logistic_regression(features=PIXELS))
    assert difference(data, caged, digits, scale="unit") is None
    found = difference(data, caged, digits, lambda data: read_artefact(data, lambda: "byte"), scale="unit")
    assert "scores" in str(found)
