"""The bound on rounding: no two ways of computing a model's scores in float64 may give visibly different ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.model.engine import Layer
from app.model.sklearn_pickle.checked import refuse

MAX_ERROR = 1e-6
"""The most that float64 rounding may move a logit, for any image, any order of additions, and steps before the
classifier folded into it or not. Trained classifiers of digits stay below 1e-7. A score is off by no more between two
ways of computing, so two readers of one file agree."""
ROUNDING = 2.0**-53
FEW_ROUNDINGS = 8 * ROUNDING
"""The largest error of tanh and exp in any mathematical library."""

SMALLER = (
    "Train again on smaller numbers (pixels divided by 255, a StandardScaler behind a PCA), or with a smaller learning "
    "rate or more regularisation."
)

Floats = NDArray[np.float64]


def check_bounded(activation: str, layers: tuple[Layer, ...], sizes: Floats, roundings: int) -> None:
    """Refuses weights with which rounding could, for some image, show in the scores or leave them not numbers.

    For each output it propagates the largest value and the largest error that float64 can have there, in any order of
    additions.

    Args:
        layers: the classifier's own.
        sizes: for each input of the first layer the sum of the absolute values of all terms that make it, at most.
        roundings: what a term has gone through, at most, when it arrives in an output of the first layer.

    Source: Higham, "Accuracy and Stability of Numerical Algorithms", 3.1: a sum of products in which no term is rounded
    more than n times is off by at most n roundings of the sum of the terms' absolute values. Factoring out, as folding
    does, keeps the terms; so one bound holds for every order of the steps.
    """
    value, error = sizes, np.zeros(len(sizes))
    for place, layer in enumerate(layers):
        through, carried = carry(layer.weights, np.stack([value, error], axis=1)).T
        value = through + np.abs(layer.bias)
        error = carried + (len(layer.weights) + 1 if place else roundings) * ROUNDING * value
        if place < len(layers) - 1 and activation == "tanh":  # nowhere steeper than 1
            value, error = np.minimum(value, 1), error + FEW_ROUNDINGS
        elif place < len(layers) - 1 and activation == "logistic":  # nowhere steeper than 1/4
            value, error = np.ones(len(value)), error / 4 + FEW_ROUNDINGS
    if not error.max() <= MAX_ERROR:
        why = f"weights with which rounding may change a logit by {error.max():.0e}; the limit is {MAX_ERROR:.0e}"
        refuse("weights", why, remedy=SMALLER)


def carry(weights: NDArray[np.floating], inputs: Floats) -> Floats:
    """The absolute values of `weights`, transposed, times `inputs`; a few rows at a time, to keep copies small."""
    total = np.zeros((weights.shape[1], inputs.shape[1]))
    for start in range(0, len(weights), 32):
        total += np.abs(weights[start : start + 32].astype(np.float64)).T @ inputs[start : start + 32]
    return total
