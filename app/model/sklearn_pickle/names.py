"""The names that an artefact may hold, and the two inert records that stand for names and objects."""

from __future__ import annotations

from typing import Any, NamedTuple


class Global(NamedTuple):
    """A name on the allow-list. It is a pair of strings, and nothing is ever looked up by it."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Instance:
    """An object as the file states it: its class, the arguments it was built with, its state (None before BUILD)."""

    __slots__ = ("args", "of", "state")

    def __init__(self, of: Global, args: tuple[Any, ...]) -> None:
        self.of, self.args = of, args
        self.state: Any = None


PIPELINE = Global("sklearn.pipeline", "Pipeline")
BINARIZER = Global("sklearn.preprocessing._data", "Binarizer")
STANDARD_SCALER = Global("sklearn.preprocessing._data", "StandardScaler")
MIN_MAX_SCALER = Global("sklearn.preprocessing._data", "MinMaxScaler")
PCA = Global("sklearn.decomposition._pca", "PCA")
LABEL_BINARIZER = Global("sklearn.preprocessing._label", "LabelBinarizer")
LOGISTIC_REGRESSION = Global("sklearn.linear_model._logistic", "LogisticRegression")
MLP = Global("sklearn.neural_network._multilayer_perceptron", "MLPClassifier")
ADAM = Global("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer")
SGD = Global("sklearn.neural_network._stochastic_optimizers", "SGDOptimizer")

ARRAY_WRAPPER = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
NDARRAY = Global("numpy", "ndarray")
DTYPE = Global("numpy", "dtype")
SCALARS = {Global("numpy._core.multiarray", "scalar"), Global("numpy.core.multiarray", "scalar")}
RANDOM_STATE = Global("numpy.random._pickle", "__randomstate_ctor")
BIT_GENERATOR = Global("numpy.random._pickle", "__bit_generator_ctor")
MERSENNE_TWISTER = Global("numpy.random._mt19937", "MT19937")
SEED_SEQUENCE = Global("numpy.random.bit_generator", "SeedSequence")
UNPICKLE_SEED_SEQUENCE = Global("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")

# How each name may be used: as a class built without arguments, as a function with arguments, or only as a value.
SCALERS = (STANDARD_SCALER, MIN_MAX_SCALER, PCA)
CLASSIFIERS = (LOGISTIC_REGRESSION, MLP)
ESTIMATORS = {PIPELINE, BINARIZER, *SCALERS, LABEL_BINARIZER, *CLASSIFIERS, ADAM, SGD}
BUILT = ESTIMATORS | {ARRAY_WRAPPER}
CALLED = SCALARS | {DTYPE, RANDOM_STATE, BIT_GENERATOR, UNPICKLE_SEED_SEQUENCE}
NAMED = {NDARRAY, MERSENNE_TWISTER, SEED_SEQUENCE}
ALLOWED = BUILT | CALLED | NAMED

WRITTEN_BY_PICKLE = {
    Global(f"numpy.{core}.{module}", name)
    for core in ("core", "_core")
    for module, name in (("multiarray", "_reconstruct"), ("numeric", "_frombuffer"))
}
"""Names that only `pickle.dump` writes for an array; `joblib.dump` has a wrapper of its own."""

HELP: tuple[tuple[str, str | None], ...] = (
    ("sklearn.model_selection._search", "Write what it found, by itself: `joblib.dump(search.best_estimator_, path)`."),
    ("sklearn.utils._metadata_requests", "Fit the pipeline without set_fit_request and its like."),
    ("sklearn.", None),
    ("joblib.memory", "Fit the pipeline without memory."),
    ("scipy.sparse", "Call `.densify()` of the classifier before you write it."),
)
"""Remedies by the beginning of an unknown name, for files brought in good faith; None is the usual remedy."""

PIPELINES = (
    "a Pipeline of Binarizer and LogisticRegression or MLPClassifier; or, if its card states the scale of the pixels, "
    "one of these two alone or behind StandardScaler, MinMaxScaler or PCA"
)
"""Description of all supported files, for refusals."""
