"""A model that was trained on numbers: shown by `verify` and `diff`, refused by the roster, as the course teaches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.attacks.assemble import joblib_dump
from tests.attacks.honest import tree
from tests.installation import Installation, Published

NINE = "1 2 3 4 5 6 7 8 9"
NUMBERS = joblib_dump(tree(features=784, classes_=np.arange(1, 10)))


@pytest.fixture
def numbered(installation: Installation) -> Installation:
    """The artefact under a path of its own, and in models/ as a release of its own."""
    (installation.root / "mine.pkl").write_bytes(NUMBERS)
    return installation


def words_of(table: str, name: str) -> list[str]:
    """Of the row of this name, and of the line below it, into which a long cell goes on."""
    lines = table.splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.split()[:1] == [name]]
    return [*lines[first].split(), *lines[first + 1].split()[:1]]


def test_verify_shows_its_labels_and_leaves_with_the_line_that_helps(numbered: Installation):
    done = numbered.pixelwise("verify", MODEL_PATH="mine.pkl", COLUMNS="200")
    assert done.returncode == 4
    assert " ".join(words_of(done.stdout, "classes")) == f"classes {NINE} (integers) {NINE} differs"
    assert "y.astype(str)" in done.stderr


def test_a_start_ends_in_an_assertion_error(numbered: Installation):
    done = numbered.run(
        "-O", "-c", "try:\n import app.classifier\nexcept AssertionError as e: print(e)", MODEL_PATH="mine.pkl"
    )
    assert (
        "classes 1 2 3 4 5 6 7 8 9 (integers); promised classes 1 2 3 4 5 6 7 8 9 in app/classifier.py" in done.stdout
    )
    assert "y.astype(str)" in done.stdout


def test_diff_compares_it_with_another(numbered: Installation, published: Callable[[str], Published]):
    numbered.place("v1.1", {"digit_classifier_v1_1.pkl": NUMBERS}, artefact="digit_classifier_v1_1.pkl")
    numbered.place_published(published("v1.0"))
    done = numbered.pixelwise("diff", "v1.0", "v1.1", COLUMNS="200")
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("│ classes ")]
    assert [cell.strip() for cell in row.split("│")[2:5]] == [NINE, f"{NINE} (integers)", "differs"]
