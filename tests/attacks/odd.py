"""The catalogue of odd files: each differs from an honest one in one way that another reader might obey.

Not all are bad: an odd file may be refused, or read as scikit-learn reads it (test_differential.py). They are
models of 28x28 pixels, so that real digits can be read with them. train_odd.py writes more, with scikit-learn itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.model.contract import Scale
from tests.attacks.assemble import Instance, joblib_dump
from tests.attacks.honest import binarizer, logistic_regression, mlp, pipeline, tree

PIXELS = 784


@dataclass(frozen=True)
class Odd:
    """One odd file, or an honest one that is rare; `scale` is what a card beside it states."""

    name: str
    data: bytes
    scale: Scale | None = None


def linear(**changes: Any) -> bytes:
    """A logistic regression with some attributes changed."""
    return joblib_dump(tree(features=PIXELS, **changes))


def network(**changes: Any) -> bytes:
    """A perceptron with some attributes changed."""
    return joblib_dump(tree("MLPClassifier", features=PIXELS, **changes))


def parts(kind: str = "LogisticRegression", **changes: Any) -> tuple[Instance, Instance]:
    """A Binarizer and a classifier, to put into a pipeline of one's own."""
    make = {"LogisticRegression": logistic_regression, "MLPClassifier": mlp}[kind]
    return binarizer(features=PIXELS), make(features=PIXELS, **changes)


def of_parts(before: Instance, classifier: Instance, **changes: Any) -> bytes:
    return joblib_dump(pipeline(("binarize", before), ("clf", classifier), **changes))


def catalogue() -> Iterator[Odd]:
    """Every odd file that is assembled."""
    from tests.attacks import (
        odd_arrays,
        odd_attributes,
        odd_dtypes,
        odd_memo,
        odd_models,
        odd_random,
        odd_scaled,
        odd_streams,
    )

    seen = set()
    for part in (odd_dtypes, odd_arrays, odd_random, odd_memo, odd_attributes, odd_models, odd_scaled, odd_streams):
        for file in part.files():
            if file.data not in seen:  # an odd value of one list is the honest one of another
                yield file
            seen.add(file.data)
