"""Files that are well-formed and scale pixels into nonsense: scalers and PCA with numbers that nobody fitted, steps in
another order, steps that hide or grow something."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.attacks.assemble import MISSING, joblib_dump
from tests.attacks.honest import (
    FEATURES,
    binarizer,
    logistic_regression,
    min_max_scaler,
    mlp,
    pca,
    pipeline,
    scaled,
    standard_scaler,
    weights,
)
from tests.attacks.hostile import Hostile, hostile

NAN = np.where(np.arange(FEATURES) == 3, np.nan, 0.5)
WIDE = 8192


def files() -> Iterator[Hostile]:
    for name, (data, codes) in {**_numbers(), **_large()}.items():
        yield hostile(f"scaled: {name}", data, codes, "what scikit-learn does not fit", scale="unit")
    for name, data in _orders().items():
        yield hostile(f"steps: {name}", data, "pipeline estimator", "another computation", scale="unit")


def _numbers() -> dict[str, tuple[bytes, str]]:
    return {
        "mean of NaN": (scaled(standard_scaler(mean_=NAN)), "weights"),
        "mean of None": (scaled(standard_scaler(mean_=None)), "weights"),
        "mean of another width": (scaled(standard_scaler(mean_=weights(FEATURES + 1))), "weights"),
        "mean a row": (scaled(standard_scaler(mean_=weights(1, FEATURES))), "weights"),
        "scale of NaN": (scaled(standard_scaler(scale_=NAN)), "weights"),
        "scale of None": (scaled(standard_scaler(scale_=None)), "weights"),
        "scale of 0": (scaled(standard_scaler(scale_=np.zeros(FEATURES))), "weights"),
        "scale negative": (scaled(standard_scaler(scale_=np.full(FEATURES, -1.0))), "weights"),
        "scale infinite": (scaled(standard_scaler(scale_=np.full(FEATURES, np.inf))), "weights"),
        "scale tiny": (scaled(standard_scaler(scale_=np.full(FEATURES, 1e-7))), "weights"),
        "scale of integers": (scaled(standard_scaler(scale_=np.ones(FEATURES, "i8"))), "attribute"),
        "scale of one": (scaled(standard_scaler(scale_=np.ones(1))), "weights"),
        "range of 0": (scaled(min_max_scaler(scale_=np.zeros(FEATURES))), "weights"),
        "min of NaN": (scaled(min_max_scaler(min_=NAN)), "weights"),
        "min huge": (scaled(min_max_scaler(min_=np.full(FEATURES, 1e9))), "weights"),
        "axes of NaN": (scaled(pca(components_=np.full((5, FEATURES), np.nan)), axes=5), "weights"),
        "axes flat": (scaled(pca(components_=weights(5)), axes=5), "weights"),
        "axes transposed": (scaled(pca(components_=weights(FEATURES, 5)), axes=5), "weights"),
        "more axes than inputs": (scaled(pca(axes=FEATURES + 1), axes=FEATURES + 1), "weights"),
        "axes miscounted": (scaled(pca(n_components_=4), axes=5), "weights"),
        "variance of 0": (scaled(pca(whiten=True, explained_variance_=np.zeros(5)), axes=5), "weights"),
        "variance negative": (scaled(pca(whiten=True, explained_variance_=np.full(5, -1.0)), axes=5), "weights"),
        "variance of another width": (scaled(pca(whiten=True, explained_variance_=weights(4) + 2), axes=5), "weights"),
        "axes of float32": (scaled(pca(components_=weights(5, FEATURES, dtype="f4")), axes=5), "step"),
        "inputs miscounted": (scaled(standard_scaler(n_features_in_=13)), "features"),
        "inputs True": (scaled(standard_scaler(n_features_in_=True)), "features"),
        "steps that do not chain": (scaled(pca(axes=5), axes=6), "weights"),
        "scaler of another width": (scaled(standard_scaler(features=13), axes=12), "weights"),
        "binarizer of another width": (scaled(binarizer(features=13), standard_scaler()), "features"),
        "names of another width": (scaled(standard_scaler(feature_names_in_=np.array(["a", "b"]))), "features"),
        "version of another release": (scaled(standard_scaler(sklearn="1.8.0")), "version"),
        "samples seen missing": (scaled(standard_scaler(n_samples_seen_=MISSING)), "attribute"),
        "a method": (scaled(standard_scaler(transform=None)), "attribute"),
        "an output config": (scaled(pca(_sklearn_output_config={"transform": "pandas"}), axes=5), "attribute"),
        "a flag of 1": (scaled(pca(whiten=1), axes=5), "attribute"),
    }


def _orders() -> dict[str, bytes]:
    five = [standard_scaler() for _ in range(5)]
    return {
        "a Binarizer later": scaled(standard_scaler(), binarizer()),
        "two Binarizers": scaled(binarizer(), binarizer()),
        "five scalers": scaled(*five),
        "five scalers behind a Binarizer": scaled(binarizer(), *five),
        "a bare scaler": joblib_dump(standard_scaler()),
        "no classifier": joblib_dump(pipeline(("a", binarizer()), ("b", standard_scaler()))),
        "a classifier first": joblib_dump(pipeline(("a", logistic_regression()), ("b", standard_scaler()))),
    }


def _large() -> dict[str, tuple[bytes, str]]:
    """Little in the file, much in memory; or numbers that grow from step to step."""
    parts = {"coefs_": [1e-3 * weights(1, WIDE), 1e-3 * weights(WIDE, 9)], "intercepts_": [weights(WIDE), weights(9)]}
    unused = dict.fromkeys(("_optimizer", "_best_coefs", "_best_intercepts"), MISSING)
    network = mlp(features=1, hidden=(WIDE,), **parts, **unused)
    steep = [min_max_scaler(scale_=np.full(FEATURES, 1e6)) for _ in range(4)]
    blind = mlp(coefs_=[weights(FEATURES, 5), 0 * weights(5, 4), weights(4, 9)])
    return {
        "512 MiB from 700 KB": (scaled(pca(features=WIDE, axes=1), classifier=network), "weights"),
        "times 1e24": (scaled(*steep), "weights"),
        "times 1e24, before weights of 0": (scaled(*steep, classifier=blind), "weights"),
    }
