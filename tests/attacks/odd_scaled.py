"""Odd scalers, PCA and bare classifiers: attributes missing or of another kind, rare forms, numbers at the edges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from app.model.contract import Scale
from tests.attacks.assemble import MISSING, Instance, joblib_dump
from tests.attacks.honest import (
    binarizer,
    logistic_regression,
    min_max_scaler,
    mlp,
    pca,
    pipeline,
    standard_scaler,
    weights,
)
from tests.attacks.odd import PIXELS, Odd

AXES = 5
MAKE = {"StandardScaler": standard_scaler, "MinMaxScaler": min_max_scaler, "PCA": pca}
SCALES: tuple[Scale, ...] = ("ink", "unit", "byte")
SHADOWS = ("transform", "fit_transform", "_transform", "set_output", "_sklearn_output_config", "n_features_",
           "_n_features_out", "get_feature_names_out", "_validate_data", "__sklearn_tags__", "__class__", "x",
           "_sklearn_auto_wrap_output_keys", "_parameter_constraints", "inverse_transform", "partial_fit")  # fmt: skip


def files() -> Iterator[Odd]:
    for kind, make in MAKE.items():
        for key in make().state:
            for name, value in (("missing", MISSING), ("None", None), ("a text", "odd"), ("a list", [])):
                yield _changed(kind, f"{key} {name}", **{key: value})
        for key in SHADOWS:
            yield _changed(kind, f"{key} there", **{key: None})
        for key, values in _values(kind).items():
            for value in values:
                yield _changed(kind, f"{key} {_shown(value)}", **{key: value})
    yield from _pipelines()
    yield from _numbers()


def _one(kind: str, **changes: Any) -> Instance:
    made: Instance = MAKE[kind](features=PIXELS, **changes)
    return made


def _of(*steps: Instance, kind: str = "linear", names: str = "s") -> bytes:
    width = AXES if any(step.of.name == "PCA" for step in steps) else PIXELS
    last = (logistic_regression if kind == "linear" else mlp)(features=width)
    named = [(f"{names}{place}", step) for place, step in enumerate((*steps, last))]
    return joblib_dump(pipeline(*named))


def _changed(kind: str, name: str, **changes: Any) -> Odd:
    return Odd(f"{kind}: {name}", _of(_one(kind, **changes)), "unit")


def _values(kind: str) -> dict[str, tuple[Any, ...]]:
    """Values that are of the right kind, and not what an honest file of this shape says."""
    versions = {"_sklearn_version": ("1.8.0", "1.9", "2.0.0"), "copy": (False, 0, 1, np.bool_(True))}
    arrays = (weights(PIXELS - 1), weights(1), weights(1, PIXELS), weights(PIXELS, 1), weights(PIXELS, dtype="f4"),
              np.zeros(PIXELS), np.full(PIXELS, -1.0), np.full(PIXELS, 1e-6), np.full(PIXELS, 1e6),
              np.full(PIXELS, np.nan), np.full(PIXELS, np.inf), np.ones(PIXELS, "i8"),
              np.ones(PIXELS, "?"))  # fmt: skip
    widths = {"n_features_in_": (784.0, np.int64(784), 783, 785, True)}
    match kind:
        case "StandardScaler":
            seen = {"n_samples_seen_": (0, -1, 600.0, np.float64(600), np.full(PIXELS, 600)), "var_": arrays}
            flags = {name: (False, 0, 1, np.bool_(False)) for name in ("with_mean", "with_std")}
            return {"mean_": arrays, "scale_": arrays, **flags, **seen, **widths, **versions}
        case "MinMaxScaler":
            seen = dict.fromkeys(("data_min_", "data_max_", "data_range_"), arrays)
            ranges = {"feature_range": ((-1, 1), (1, 0), (0.0, np.float64(1)), (0,), [0, 1]), "clip": (True, 1, 0)}
            return {"scale_": arrays, "min_": arrays, **seen, **ranges, **widths, **versions}
    few = (weights(AXES), weights(AXES - 1), np.zeros(AXES), np.full(AXES, 1e-30), weights(AXES, dtype="f4") + 2)
    axes = (weights(AXES, PIXELS, dtype="f4"), weights(AXES, PIXELS, order="F"), weights(AXES - 1, PIXELS),
            weights(PIXELS, AXES), weights(AXES), 0 * weights(AXES, PIXELS), 1e6 * weights(AXES, PIXELS))  # fmt: skip
    counts = {"n_components_": (4, 5.0, np.int64(5), True), "n_components": ("mle", 0.5, -1, 99, np.int64(5))}
    solvers = {"svd_solver": ("full", "arpack", "randomized", "odd"), "random_state": (0, -1, 0.5)}
    whiten = {"whiten": (True, 1, np.bool_(True)), "explained_variance_": few, "singular_values_": few}
    return {"mean_": arrays, "components_": axes, **counts, **solvers, **whiten, **widths, **versions}


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        order = "F" if value.flags.f_contiguous and value.ndim > 1 else ""
        return f"{value.dtype} {value.shape}{order} around {value.flat[:3].tolist()}"
    return repr(value)


def _pipelines() -> Iterator[Odd]:
    forms: dict[str, tuple[Instance, ...]] = {
        "no step": (),
        "StandardScaler": (_one("StandardScaler"),),
        "MinMaxScaler": (_one("MinMaxScaler"),),
        "PCA": (_one("PCA"),),
        "PCA, whitened": (_one("PCA", whiten=True),),
        "two, PCA": (_one("MinMaxScaler"), _one("StandardScaler"), _one("PCA")),
        "PCA, StandardScaler": (_one("PCA"), standard_scaler(features=AXES)),
        "Binarizer, StandardScaler, PCA": (binarizer(features=PIXELS), _one("StandardScaler"), _one("PCA")),
        "StandardScaler, Binarizer": (_one("StandardScaler"), binarizer(features=PIXELS)),
        "one StandardScaler five times": (_one("StandardScaler"),) * 5,
        "one StandardScaler four times": (_one("StandardScaler"),) * 4,
    }
    for name, steps in forms.items():
        for kind in ("linear", "network"):
            for scale in SCALES:
                yield Odd(f"steps: {name}, {kind}, {scale}", _of(*steps, kind=kind, names=scale), scale)
    for scale in SCALES:
        for make in (logistic_regression, mlp):
            bare = make(features=PIXELS, max_iter=10 + SCALES.index(scale))  # no two files are the same
            yield Odd(f"bare {bare.of.name}, {scale}", joblib_dump(bare), scale)


def _numbers() -> Iterator[Odd]:
    """Where folding cancels, or makes much of little."""
    for mean in (1.0, 1e3, 1e6):
        for deviation in (1e-6, 1e-3, 1.0, 1e3, 1e6):
            step = _one("StandardScaler", mean_=np.full(PIXELS, mean), scale_=np.full(PIXELS, deviation))
            yield Odd(f"means of {mean:g}, deviations of {deviation:g}", _of(step), "byte")
    for low in (-1e6, 0.0, 1e6):
        for gain in (1e-6, 1.0, 255.0, 1e6):
            step = _one("MinMaxScaler", min_=np.full(PIXELS, low), scale_=np.full(PIXELS, gain))
            yield Odd(f"from {low:g} on, times {gain:g}", _of(step), "unit")
    far = _one("MinMaxScaler", min_=np.full(PIXELS, 1e5), scale_=np.ones(PIXELS))
    for deviation in (1.0, 1e-3, 1e-5):
        back = _one("StandardScaler", mean_=np.full(PIXELS, 1e5), scale_=np.full(PIXELS, deviation))
        yield Odd(f"far away and back, times {1 / deviation:g}", _of(far, back), "byte")
    for factor in (1e-6, 1e-3, 1.0, 1e3, 1e6):
        for whiten in (False, True):
            step = _one("PCA", components_=factor * weights(AXES, PIXELS), whiten=whiten)
            yield Odd(f"axes times {factor:g}, whitened {whiten}", _of(step), "unit")
        variance = _one("PCA", explained_variance_=factor**2 * (2 + weights(AXES)), whiten=True)
        yield Odd(f"variances times {factor**2:g}", _of(variance, kind="network"), "byte")
