"""By property: of whatever bytes, only a network or a refusal ever comes out of the reader of ONNX files.

`make test` tries 15,000 mutations; PIXELWISE_FUZZ=1000000 tries more, and PIXELWISE_FUZZ_SEED=2 others.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest

from app.model.onnx.network import Dense, ImageNetwork
from app.model.onnx.reader import read_image_network, read_onnx
from app.model.refusals import ArtefactRefused
from app.model.scorer import are_scores
from tests.attacks.mutations_onnx import HONEST, exhaustive, mutation

pytestmark = pytest.mark.long

LEAST = 15_000
COUNT = int(os.environ.get("PIXELWISE_FUZZ", LEAST))
SEED = int(os.environ.get("PIXELWISE_FUZZ_SEED", "1"))
SCORED = 20
"""One of so many networks is also computed with."""


def test_the_unchanged_files_are_networks():
    for honest in HONEST:
        check(read_image_network(honest, lambda: None)[1])


def test_only_a_network_or_a_refusal_ever_comes_out():
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    by_number = (mutation(SEED, number) for number in range(COUNT))
    for number, data in enumerate(islice(chain(exhaustive(), by_number), COUNT)):
        before = time.process_time()
        outcomes[outcome(data, number, scored=outcomes["network"] % SCORED == 0)] += 1
        slowest = max(slowest, time.process_time() - before)

    assert outcomes.total() == COUNT >= LEAST, outcomes
    assert slowest < 1
    assert outcomes["network"] > COUNT / 100, outcomes
    assert len(outcomes) > 20, f"refusals of few kinds: the mutations do not reach deep enough ({outcomes})"


def test_a_mutation_is_the_same_whenever_it_is_made():
    assert [mutation(1, number) for number in range(50)] == [mutation(1, number) for number in range(50)]
    assert mutation(1, 7) != mutation(2, 7)


def outcome(data: bytes, number: int, *, scored: bool) -> str:
    """ "network", or the code of the refusal; anything else fails the test and leaves the bytes in a file."""
    try:
        check(read_image_network(data, lambda: "unit")[1])
        if scored:
            assert are_scores(read_onnx(data, lambda: "unit").scores(np.zeros((3, 28, 28), np.uint8)))
    except ArtefactRefused as refusal:
        return refusal.code
    except BaseException as error:  # MemoryError and RecursionError too: only a refusal may come out
        path = Path(tempfile.gettempdir()) / f"pixelwise-fuzz-{SEED}-{number}.onnx"
        path.write_bytes(data)
        pytest.fail(f"mutation {number} of seed {SEED} gave {type(error).__name__}: {error}; its bytes are in {path}")
    return "network"


def check(network: ImageNetwork) -> None:
    """What comes out as a network is one that can be computed with."""
    assert network.features == 784
    assert 3 <= len(network.classes) <= 10
    assert list(network.classes) == sorted(set(network.classes))
    assert set(network.classes) <= set("0123456789")
    assert network.stages[-1].linear.output == (len(network.classes),)
    assert isinstance(network.stages[-1].linear, Dense)
    for stage in network.stages:
        for values in (stage.linear.weights, stage.linear.bias):
            assert values.dtype == np.float32
            assert np.isfinite(values).all()
        assert stage.activation in ("identity", "relu", "tanh", "logistic")
    assert np.isfinite([network.pixels.factor, network.pixels.offset]).all()
