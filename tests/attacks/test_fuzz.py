"""By property: of whatever bytes, only a model or a refusal ever comes out.

`make test` tries 15,000 mutations; PIXELWISE_FUZZ=1000000 tries more, and PIXELWISE_FUZZ_SEED=2 others.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections import Counter
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import Artefact, read_artefact
from tests.attacks.mutations import HONEST, exhaustive, mutation

pytestmark = pytest.mark.long

LEAST = 15_000
COUNT = int(os.environ.get("PIXELWISE_FUZZ", LEAST))
SEED = int(os.environ.get("PIXELWISE_FUZZ_SEED", "1"))


def read(data: bytes) -> Artefact:
    """Our reader, beside a card that states a scale; files with a Binarizer do not ask for it."""
    return read_artefact(data, lambda: "unit")


def test_the_unchanged_files_are_models():
    for honest in HONEST:
        check(read(honest))


def test_only_a_model_or_a_refusal_ever_comes_out():
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    by_number = (mutation(SEED, number) for number in range(COUNT))
    for number, data in enumerate(islice(chain(exhaustive(), by_number), COUNT)):
        before = time.process_time()
        outcomes[outcome(data, number)] += 1
        slowest = max(slowest, time.process_time() - before)

    assert outcomes.total() == COUNT >= LEAST, outcomes
    assert slowest < 1
    assert outcomes["model"] > COUNT / 1000, outcomes
    assert len(outcomes) > 20, f"refusals of few kinds: the mutations do not reach deep enough ({outcomes})"


def test_a_mutation_is_the_same_whenever_it_is_made():
    assert [mutation(1, number) for number in range(50)] == [mutation(1, number) for number in range(50)]
    assert mutation(1, 7) != mutation(2, 7)


def outcome(data: bytes, number: int) -> str:
    """ "model", or the code of the refusal; anything else fails the test and leaves the bytes in a file."""
    try:
        check(read(data))
    except ArtefactRefused as refusal:
        return refusal.code
    except BaseException as error:  # MemoryError and RecursionError too: only a refusal may come out
        path = Path(tempfile.gettempdir()) / f"pixelwise-fuzz-{SEED}-{number}.pkl"
        path.write_bytes(data)
        pytest.fail(f"mutation {number} of seed {SEED} gave {type(error).__name__}: {error}; its bytes are in {path}")
    return "model"


def check(model: Artefact) -> None:
    """What comes out as a model is one that can be computed with."""
    widths = [model.features, *(layer.weights.shape[1] for layer in model.layers)]
    assert [layer.weights.shape[0] for layer in model.layers] == widths[:-1]
    assert [layer.bias.shape for layer in model.layers] == [(width,) for width in widths[1:]]
    assert widths[-1] == len(model.classes) >= 3
    assert all(label in tuple("0123456789") for label in model.classes)
    assert list(model.classes) == sorted(set(model.classes))
    for layer in model.layers:
        for values in (layer.weights, layer.bias):
            assert values.dtype in (np.float32, np.float64)
            assert not values.flags.writeable
            assert np.isfinite(values).all()
            assert float(np.abs(values).max()) <= (1e9 if model.is_grey else 1e6)
    assert model.is_grey if model.threshold is None else 0 <= model.threshold < 1
    assert model.activation in ("relu", "tanh", "logistic", "identity")
    assert model.kind in ("LogisticRegression", "MLPClassifier")
    assert re.fullmatch(r"[0-9]+\.[0-9]+(\.[0-9]+)?", model.sklearn)
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
