"""An ONNX file is accepted only if onnxruntime, opening the very same bytes, gives the same scores within 1e-5.

`make test` tries every odd file and 100 accepted mutations; PIXELWISE_DIFFERENTIAL=3000 tries more of the latter, and
PIXELWISE_FUZZ_SEED=2 others. Files are opened in the cage (tests/attacks/cage_onnx.py) and nowhere else.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.contract import SCORE_TOLERANCE
from app.model.onnx.reader import read_onnx
from app.model.precision_probes import probes
from app.model.refusals import ArtefactRefused
from app.model.scorer import Scorer, StatedScale
from tests.attacks.differential import ROOT, Cage, cage
from tests.attacks.hostile_onnx import catalogue as hostile_catalogue
from tests.attacks.odd import Odd
from tests.attacks.odd_onnx import catalogue, mutations
from tests.attacks.onnx_files import INITIALIZER, changed, encode, part, perceptron, small
from tests.installation import Published

pytestmark = pytest.mark.long

LEAST_ODD, LEAST_MUTATIONS = 250, 100
MUTATIONS = int(os.environ.get("PIXELWISE_DIFFERENTIAL", LEAST_MUTATIONS))
SEED = int(os.environ.get("PIXELWISE_FUZZ_SEED", "1"))

Digits = NDArray[np.uint8]


@pytest.fixture(scope="module")
def caged() -> Iterator[Cage]:
    """One cage for all files: it is the same for each."""
    with cage(python=Path(sys.executable), script=ROOT / "tests" / "attacks" / "cage_onnx.py") as one:
        yield one


@pytest.fixture(scope="module")
def digits(published: Callable[[str], Published]) -> Digits:
    """60 golden digits, 20 with a tenth of their pixels turned over, and the drawings that decide on precision."""
    images = published("v2.0").golden.images[:80].reshape(-1, 784)
    turned = np.random.default_rng(0).random((20, 784)) < 0.1
    noisy = np.where(turned, 255 - images[60:], images[60:])
    return np.concatenate([images[:60], noisy, *probes(784, is_grey=True)])


def difference(
    data: bytes, caged: Cage, digits: Digits, read: Callable[[bytes, StatedScale], Scorer] = read_onnx
) -> str | None:
    """How onnxruntime computes these bytes otherwise; None if alike, or if our reader refuses them."""
    try:
        scores = read(data, lambda: "unit").scores(digits)
    except ArtefactRefused:
        return None
    theirs = caged.open(data, digits)
    if theirs.get("faults"):
        return "; ".join(theirs["faults"])
    if "raised" in theirs:
        return f"onnxruntime raises {theirs['raised']}"
    promised = np.array(theirs["scores"])
    if promised.shape != scores.shape:
        return f"scores of shape {promised.shape} there, {scores.shape} here"
    apart = float(np.abs(promised - scores).max())
    return None if apart <= SCORE_TOLERANCE else f"scores {apart:.2g} apart"  # also for NaN


def differences(files: list[Odd], caged: Cage, digits: Digits) -> dict[str, str]:
    """What differs, by the name of the file."""
    found = {file.name: difference(file.data, caged, digits) for file in files}
    return {name: what for name, what in found.items() if what is not None}


def test_every_odd_file_is_refused_or_computed_as_onnxruntime_computes_it(caged: Cage, digits: Digits):
    files = list(catalogue())
    assert len({file.name for file in files}) == len({file.data for file in files}) == len(files) >= LEAST_ODD
    before = caged.opened
    assert differences(files, caged, digits) == {}
    assert caged.opened - before >= LEAST_ODD - 20, "too few are accepted to be compared"


def test_every_hostile_file_is_refused_or_computed_alike(caged: Cage, digits: Digits):
    files = [Odd(file.name, file.data) for file in hostile_catalogue()]
    assert differences(files, caged, digits) == {}


def test_every_accepted_mutation_is_computed_alike(caged: Cage, digits: Digits):
    files = mutations(SEED, MUTATIONS)
    assert len(files) == MUTATIONS >= LEAST_MUTATIONS
    found = differences(files, caged, digits)
    for file in files:
        if file.name in found:
            path = Path(tempfile.gettempdir()) / f"pixelwise-differential-{file.name.replace(' ', '-')}.onnx"
            path.write_bytes(file.data)
            found[file.name] += f", its bytes are in {path}"
    assert found == {}


# -- the suite can fail ------------------------------------------------------------------------------------------------


def test_other_weights_are_a_difference(caged: Cage, digits: Digits):
    found = difference(encode(small()), caged, digits, lambda _, scale: read_onnx(encode(small(seed=1)), scale))
    assert str(found).startswith("scores ")


def test_another_number_of_classes_is_a_difference(caged: Cage, digits: Digits):
    found = difference(encode(small()), caged, digits, lambda _, scale: read_onnx(encode(perceptron()), scale))
    assert "shape" in str(found)


def test_a_file_that_onnxruntime_cannot_open_is_a_difference(caged: Cage, digits: Digits):
    found = difference(b"\x08\x08", caged, digits, lambda _, scale: read_onnx(encode(small()), scale))
    assert "onnxruntime raises" in str(found)


def test_a_file_beside_the_model_is_out_of_reach(caged: Cage, digits: Digits):
    """onnxruntime would read weights from any file that an initializer names."""
    there = [(13, [(1, "location"), (2, Path(__file__).name)]), (14, 1)]
    outside = changed(lambda graph: part(graph, INITIALIZER, 2).extend(there))
    found = difference(outside, caged, digits, lambda _, scale: read_onnx(encode(small()), scale))
    assert "onnxruntime raises" in str(found)
