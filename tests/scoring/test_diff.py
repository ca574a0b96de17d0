"""Two folders of answers side by side, held against counts made row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.report.scored_page import render_diff
from app.report.statistics import mcnemar
from app.scoring.diff import diff
from app.scoring.executors import in_this_process
from app.scoring.handed_model import HandedModel
from app.scoring.inputs.table import open_inputs
from app.scoring.plan import plan
from app.scoring.refusals import OtherResults
from app.scoring.run import run
from tests.conftest import Mnist
from tests.installation import Published
from tests.scoring.conftest import columns, handed, score


@pytest.fixture(scope="module")
def two(
    tmp_path_factory: pytest.TempPathFactory, mnist: Mnist, published: Callable[[str], Published], model: HandedModel
) -> Path:
    """1,000 labelled digits, read by v1.0 (Parquet) and by v2.0 (CSV)."""
    folder = tmp_path_factory.mktemp("two")
    np.save(folder / "digits.npy", mnist.test_images[:1000])
    np.save(folder / "labels.npy", mnist.test_labels[:1000])
    for name, one, format in (("a", model, "parquet"), ("b", handed(published("v2.0")), "csv")):
        sources = open_inputs(folder / "digits.npy", labels=folder / "labels.npy")
        planned = plan(sources, one, format=format, named=str(folder / "digits.npy"))
        run(planned, folder / name, one, in_this_process)
    return folder


def opened(named: str) -> list:  # type: ignore[type-arg]
    return open_inputs(Path(named))


def test_counts_are_those_of_the_rows(two: Path, mnist: Mnist):
    found = diff(two / "a", two / "b", opened)
    first, second = columns(two / "a")["prediction"], columns(two / "b", format="csv")["prediction"]
    assert found.agreement.part == sum(a == b for a, b in zip(first, second, strict=True))
    apart = Counter(pair for pair in zip(first, second, strict=True) if pair[0] != pair[1])
    assert {(one.first, one.second): one.n for one in found.disagreements} == apart
    known = [
        (a == str(label), b == str(label))
        for a, b, label in zip(first, second, mnist.test_labels, strict=False)
        if label  # v1.0 was never taught 0
    ]
    counts = Counter(known)
    assert found.labelled == len(known)
    assert (found.both_right, found.neither) == (counts[True, True], counts[False, False])
    assert (found.only_first, found.only_second) == (counts[True, False], counts[False, True])
    assert found.p == mcnemar(found.only_second, found.only_first)
    assert found.sentence.startswith("v2.0 reads better than v1.0")


def test_the_page_shows_the_digits_of_disagreements(two: Path, mnist: Mnist):
    found = diff(two / "a", two / "b", opened)
    assert found.shown is not None and len(found.shown) == 24
    for one in found.shown:
        assert one.pixels == mnist.test_images[int(one.id)].tobytes()
        assert one.label == str(mnist.test_labels[int(one.id)])
        assert one.predictions[0] != one.predictions[1]
    page = render_diff(found)
    assert page.count("<img") == 24
    assert "McNemar" in page and "<script" not in page


def test_without_the_input_there_are_figures_and_no_digits(two: Path):
    found = diff(two / "a", two / "b", lambda named: open_inputs(two / "gone.npy"))
    assert found.shown is None
    assert "not where it was" in render_diff(found)


def test_answers_to_another_input_are_not_compared(two: Path, tmp_path: Path, mnist: Mnist, model: HandedModel):
    np.save(tmp_path / "digits.npy", mnist.test_images[:999])
    score(tmp_path / "digits.npy", tmp_path / "c", model)
    with pytest.raises(OtherResults, match="Score the same input"):
        diff(two / "a", tmp_path / "c", opened)


def test_unlabelled_answers_say_how_often_both_agree(tmp_path: Path, mnist: Mnist, model: HandedModel):
    np.save(tmp_path / "digits.npy", mnist.test_images[:50])
    for name in ("a", "b"):
        score(tmp_path / "digits.npy", tmp_path / name, model)
    found = diff(tmp_path / "a", tmp_path / "b", opened)
    assert (found.agreement.part, found.labelled, found.p) == (50, 0, None)
    assert "Nowhere." in render_diff(found)
