"""Steps between the pixels and the classifier: read, checked, and folded in float64 into the classifier's first layer.

Each is affine, `(inputs - subtracted) @ axes * gain + added`, so a layer behind it is affine in the pixels too.

Source: `transform` of StandardScaler and MinMaxScaler in sklearn/preprocessing/_data.py, of PCA in
sklearn/decomposition/_base.py, in scikit-learn 1.3 to 1.9. PCA subtracts its mean before the product with its axes
until 1.4, and after it from 1.5 on; the bound on rounding (rounding.py) holds for both orders, and for the folded one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.model.contract import Scale
from app.model.engine import Layer
from app.model.sklearn_pickle.checked import MAX_WEIGHT, is_width, numbers, refuse
from app.model.sklearn_pickle.names import MIN_MAX_SCALER, PCA, STANDARD_SCALER, Global
from app.model.sklearn_pickle.rounding import carry

MIN_SCALE = 1 / MAX_WEIGHT
"""The least standard deviation to divide by. Of a pixel that is 1/255 in one of 60,000 images and else 0, it is 16
times that."""
MAX_FOLDED = 16 << 20
"""Bytes that a folded layer may always take; beyond, no more than twice the file. 784 x 2,600 numbers."""
MAX_FOLDED_WEIGHT = 1e9
"""A weight of 1,000 behind a least deviation. Sums of such weights are well within float32."""
STEP_ROUNDINGS = 8
"""No term of a sum is rounded more often in a step, the sum itself left out: a square root, a reciprocal, two products,
two additions, each in the weights or in the bias."""

DEVIATION = (
    "Leave out what never varies, fit it again, and release that; or fit PCA without whiten, or with fewer axes."
)
COPY = "Fit it with copy=True, and release that: with copy=False a second call gives other answers."
CLIP = "Fit MinMaxScaler(clip=False), the default, and release that: pixels of 0 to 255 need no clipping."
FLOAT64 = "Fit the pipeline on float64 (`X.astype(float)`), and release that."
PIXEL_MAXIMUM: dict[Scale, float] = {"ink": 1.0, "unit": 255.0, "byte": 255.0}
"""The largest input of a network whose first layer has the scale folded into it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """One affine step of `n` inputs and `k` outputs; all arrays are float64.

    Attributes:
        subtracted: (n,)
        axes: (n, k); None for a step that takes each input by itself.
        gain: (k,)
        added: (k,)
    """

    subtracted: Floats
    axes: Floats | None
    gain: Floats
    added: Floats


def read_step(of: Global, state: dict[str, Any], width: int, *, what: str) -> Step:
    """The step of a fitted scaler or PCA whose attributes are of the types that scikit-learn gives them.

    Args:
        width: its outputs, as the step behind it wants them.
        what: its name in refusals.
    """
    if state["copy"] is not True and of != PCA:  # PCA's concerns only its training
        refuse("step", f"{what} is {of.name}(copy=False), which changes the numbers it is given", remedy=COPY)
    step = {STANDARD_SCALER: _standard_scaler, MIN_MAX_SCALER: _min_max_scaler, PCA: _pca}[of](state, width, what)
    features = state["n_features_in_"]
    if not is_width(features) or features != len(step.subtracted):
        refuse("features", f"{what} takes {len(step.subtracted)} inputs, and its n_features_in_ says otherwise")
    names = state.get("feature_names_in_")
    if names is not None and names.shape != (features,):
        refuse("features", f"{len(names)} names of features for {features}")
    return step


def _standard_scaler(state: dict[str, Any], width: int, what: str) -> Step:
    mean = _numbers(state["mean_"], width, f"mean_ of {what}") if state["with_mean"] else np.zeros(width)
    scale = _divisors(state["scale_"], width, f"scale_ of {what}") if state["with_std"] else np.ones(width)
    return Step(mean, None, 1 / scale, np.zeros(width))


def _min_max_scaler(state: dict[str, Any], width: int, what: str) -> Step:
    if state["clip"]:
        refuse("step", f"{what} is MinMaxScaler(clip=True), which is no affine step", remedy=CLIP)
    gain = _divisors(state["scale_"], width, f"scale_ of {what}")  # scikit-learn multiplies by it
    return Step(np.zeros(width), None, gain, _numbers(state["min_"], width, f"min_ of {what}"))


def _pca(state: dict[str, Any], width: int, what: str) -> Step:
    axes, count = state["components_"], state["n_components_"]
    if axes.ndim != 2 or len(axes) != width or not width <= axes.shape[1] or not is_width(axes.shape[1]):
        refuse("weights", f"components_ of {what} has shape {axes.shape}, ({width}, {width} or more) belongs there")
    if type(count) is not int or count != width:
        refuse("weights", f"n_components_ of {what} does not count its {width} components_")
    if any(state[name].dtype != np.float64 for name in ("components_", "mean_", "explained_variance_")):
        # scikit-learn would multiply mean and axes in float32, whose rounding shows in scores.
        refuse("step", f"{what} is a PCA of float32", remedy=FLOAT64)
    features = axes.shape[1]
    axes = _numbers(axes, (width, features), f"components_ of {what}").T
    mean, variance = _numbers(state["mean_"], features, f"mean_ of {what}"), state["explained_variance_"]
    gain = np.ones(width)
    if state["whiten"]:
        least, most = MIN_SCALE**2, MAX_WEIGHT**2
        gain = 1 / np.sqrt(_within(variance, width, least, most, f"explained_variance_ of {what}"))
    return Step(mean, axes, gain, np.zeros(width))


def _numbers(value: object, shape: int | tuple[int, ...], what: str) -> Floats:
    return numbers(value, shape if isinstance(shape, tuple) else (shape,), what=what).astype(np.float64, copy=False)


def _divisors(value: object, width: int, what: str) -> Floats:
    return _within(value, width, MIN_SCALE, MAX_WEIGHT, what)


def _within(value: object, width: int, least: float, most: float, what: str) -> Floats:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f" or value.shape != (width,):
        refuse("weights", f"{what} is no list of {width} numbers of float32 or float64")
    if not least <= value.min() <= value.max() <= most:  # also false for NaN
        refuse("weights", f"{what} holds a value that is not within {least:g} and {most:g}", remedy=DEVIATION)
    return value.astype(np.float64, copy=False)


def largest_seen(of: Global, state: dict[str, Any]) -> float:
    """A number that was exceeded or reached by what a scaler or PCA was fitted on: more than 1 tells bytes."""
    seen: NDArray[np.floating] | None = state["data_max_" if of == MIN_MAX_SCALER else "mean_"]
    return 0.0 if seen is None else float(seen.max())


def scale_step(scale: Scale, features: int) -> tuple[Step, ...]:
    """The step from pixels, as the engine computes with them, to numbers in this scale: one for "unit", else none."""
    if scale != "unit":
        return ()
    nothing = np.zeros(features)
    return (Step(nothing, None, np.full(features, 1 / 255), nothing),)


def terms(scale: Scale, steps: Sequence[Step], features: int, width: int) -> tuple[Floats, int]:
    """For `check_bounded`: the largest sum of absolute values of the terms in each of the `width` inputs of the
    classifier, and how often a term is rounded, at most, on its way into an output of the first layer.

    `steps` begin with the scale's own. A term is one pixel, or one number that is added or subtracted, times all
    numbers that it meets on its way.
    """
    size = np.full(features, PIXEL_MAXIMUM[scale])
    roundings = width + 1
    for step in steps:
        size = size + np.abs(step.subtracted)
        if step.axes is not None:
            size = carry(step.axes, size[:, None])[:, 0]
            roundings += sum(step.axes.shape)
        size = size * step.gain + np.abs(step.added)
        roundings += STEP_ROUNDINGS
    # subtle: folded, a mean becomes a sum over all inputs of its step, of which no step has more than the first
    return size, roundings + (features if steps else 0)


def fold(steps: Sequence[Step], layer: Layer, *, size: int) -> Layer:
    """The layer that gives for pixels what `layer` gives behind the steps: float64, read-only; itself without steps.

    Args:
        size: bytes of the file.
    """
    if not steps:
        return layer
    folded = 8 * max(len(step.subtracted) for step in steps) * len(layer.bias)
    if folded > max(MAX_FOLDED, 2 * size):
        refuse("weights", f"steps that make a layer of {folded:,} bytes from a file of {size:,}")
    weights, bias = layer.weights.astype(np.float64), layer.bias.astype(np.float64)
    for step in reversed(steps):
        bias += step.added @ weights
        weights *= step.gain[:, None]
        if step.axes is not None:
            weights = step.axes @ weights
        bias -= step.subtracted @ weights
    if not max(np.abs(weights).max(), np.abs(bias).max()) <= MAX_FOLDED_WEIGHT:  # also false for NaN
        refuse("weights", f"steps that make a weight beyond {MAX_FOLDED_WEIGHT:g}", remedy=DEVIATION)
    weights.flags.writeable = bias.flags.writeable = False
    return Layer(weights, bias)
