"""Checks that every part of an artefact needs: the attributes of an estimator, a width, an array of numbers."""

from __future__ import annotations

from typing import Any, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from app.model.sklearn_pickle.attributes import wrong_attribute
from app.model.sklearn_pickle.names import Global, Instance
from app.model.sklearn_pickle.refusals import refused

MAX_WEIGHT = 1e6
MAX_LAYER_WIDTH = 8192

THE_FILE = "the file"
ALONE = "Write the pipeline by itself: `joblib.dump(pipeline, path)`."
DIVERGED = "The training diverged: train again, with a smaller learning rate or more regularisation."


def refuse(code: str, why: str, *, remedy: str | None = None) -> NoReturn:
    raise refused(code, why, remedy=remedy)


def state_of(value: object, *expected: Global, what: str) -> dict[str, Any]:
    """The attributes of an instance of one of the expected classes."""
    names = " or ".join(one.name for one in expected)
    if type(value) is not Instance or value.of not in expected:
        found = value.of.name if type(value) is Instance else type(value).__name__
        alone = ALONE if type(value) in (tuple, list, dict) and what == THE_FILE else None
        refuse("estimator", f"{what} is {found} where {names} belongs", remedy=alone)
    state = value.state
    if type(state) is not dict:
        refuse("estimator", f"{what} is {value.of.name} without attributes")
    if wrong := wrong_attribute(value.of, state):
        refuse("attribute", wrong)
    return state


def is_width(value: object) -> TypeGuard[int]:
    """True for a number of inputs or outputs that a layer may have."""
    return type(value) is int and 1 <= value <= MAX_LAYER_WIDTH


def numbers(value: object, shape: tuple[int, ...], *, what: str) -> NDArray[np.floating]:
    """An array of float32 or float64 in this shape, all of whose numbers are finite and not huge."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        refuse("weights", f"{what} is no array of float32 or float64")
    if value.shape != shape:
        refuse("weights", f"{what} has shape {value.shape}, {shape} belongs there")
    if not -MAX_WEIGHT <= value.min() <= value.max() <= MAX_WEIGHT:  # also false for NaN
        refuse("weights", f"{what} holds NaN, infinity or a value beyond {MAX_WEIGHT:g}", remedy=DIVERGED)
    return value
