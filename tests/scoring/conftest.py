"""What tests of scoring share: a release as workers are handed it, and few digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.model.contract import no_digit_below
from app.scoring.executors import in_this_process
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.table import open_inputs
from app.scoring.outputs.formats import format_named
from app.scoring.plan import plan
from app.scoring.run import Outcome, run
from app.verify.card import read_card
from tests.conftest import Mnist
from tests.installation import Published


def handed(release: Published) -> HandedModel:
    """A release, as workers are handed it."""
    contract = read_card(release.card.encode()).contract
    assert contract is not None
    version, profile = release.record.version, contract.profile
    return HandedModel(release.artefact, contract.sha256, version, None, profile, no_digit_below(contract))


@pytest.fixture(scope="session")
def model(published: Callable[[str], Published]) -> HandedModel:
    """v1.0."""
    return handed(published("v1.0"))


@pytest.fixture(scope="session")
def digits(mnist: Mnist) -> NDArray[np.uint8]:
    """600 held-out digits."""
    return mnist.test_images[:600]


def score(source: Path, out: Path, model: HandedModel, *, rows: int = 100, **options: Any) -> Outcome:
    """Scores what is at a path in this process, in shards of some rows."""
    labels = options.pop("labels", None)
    return run(plan(open_inputs(source, labels=labels), model, rows=rows, **options), out, model, in_this_process)


def columns(out: Path, *names: str, format: str = "parquet") -> dict[str, list[Any]]:
    """Columns of all shards, one after the other; without names: all that are always there."""
    wanted = list(names or ("id", "prediction", "confidence", "findings", "reason"))
    read = format_named(format)
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    for shard in sorted(out.glob(f"part-*.{format}")):
        for name, column in read.read_columns(shard.with_suffix(""), wanted).items():
            found[name] += column if isinstance(column, list) else column.to_pylist()
    return found


def assert_same(one: Path, other: Path) -> None:
    """The same answers: digits in other batches have other last bits in their confidence."""
    found, also = columns(one), columns(other)
    for name, values in found.items():
        if name == "confidence":
            both = [np.array(column, np.float32) for column in (values, also[name])]
            np.testing.assert_allclose(*both, rtol=0, atol=1e-6)
        else:
            assert values == also[name], name
