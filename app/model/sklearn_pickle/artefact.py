"""From the bytes of an artefact to a checked model: every shape, type, range and label is verified before use."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from app.model.engine import Layer
from app.model.plain_file import NotPlain, OverLimit, read_plain_file
from app.model.sklearn_pickle.attributes import wrong_attribute
from app.model.sklearn_pickle.names import (
    BINARIZER,
    LABEL_BINARIZER,
    LOGISTIC_REGRESSION,
    MLP,
    PIPELINE,
    Global,
    Instance,
)
from app.model.sklearn_pickle.pickle_machine import read_pickle
from app.model.sklearn_pickle.refusals import WRITE_ANEW, refused

MAX_BYTES = 64 << 20
MAX_WEIGHT = 1e6
MAX_LAYERS = 16
MAX_LAYER_WIDTH = 8192
MAX_ERROR = 1e-6
"""The most that float64 rounding may move a logit, for any image and any order of additions. Trained classifiers of
digits stay below 1e-7. A score is off by no more, so two readers of one file agree."""
ROUNDING = 2.0**-53
FEW_ROUNDINGS = 8 * ROUNDING
"""The largest error of tanh and exp in any mathematical library."""

# Solvers that fit one softmax over all classes; liblinear fits one-versus-rest, which is not a softmax.
SOFTMAX_SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga")
SOFTMAX_MULTI_CLASS = ("auto", "multinomial", "deprecated")
NEWTON_CHOLESKY_SOFTMAX = (1, 6)
"""scikit-learn version from which newton-cholesky fits a softmax; before, the same name meant one-versus-rest."""
ACTIVATIONS = ("relu", "tanh", "logistic", "identity")

TEXT_LABELS = "Train on the digits as text: `y.astype(str)`."
SINGLE_DIGITS = 'Train on single digits as text, "0" to "9": `y.astype(int).astype(str)`.'
THE_FILE = "the file"
ALONE = "Write the pipeline by itself: `joblib.dump(pipeline, path)`."
PLAIN_STEPS = "Name both steps by letters, digits and _, as in [('binarize', Binarizer(threshold=0.5)), ('clf', ...)]."
DIVERGED = "The training diverged: train again, with a smaller learning rate or more regularisation."
UNCOMPRESSED = "Write it with `joblib.dump(model, path, compress=0)`, to a path that ends in .pkl."

_OTHER_FORMATS = (
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the file itself",
        "Fetch the file with `git lfs pull`.",
    ),
    (b"PK\x03\x04", "a zip archive", "Write the model with `joblib.dump(model, path)`."),
    (b"<", "an HTML or XML page", "Download the file itself, not the page that shows it."),
    *(
        (magic, f"a file compressed with {name}", UNCOMPRESSED)
        for magic, name in (
            (b"\x1f\x8b", "gzip"),
            (b"\x78", "zlib"),
            (b"BZh", "bzip2"),
            (b"\xfd7zXZ", "xz"),
            (b"\x5d\x00\x00", "lzma"),
            (b"\x04\x22\x4d\x18", "lz4"),
            (b"ZF", "an old version of joblib"),
        )
    ),
)


@dataclass(frozen=True)
class Artefact:
    """A digit classifier, as stated in its file.

    Attributes:
        kind: "LogisticRegression" or "MLPClassifier".
        classes: labels in the order of the scores, as text.
        integer_labels: the model was trained on numbers, so its own labels are integers, which no roster has.
        steps: (name, class name) of each pipeline step, in order.
        threshold: of the Binarizer; an input above it becomes 1, others 0. In [0, 1).
        features: inputs of the first layer.
        is_grey: these are the pixels' values, 0 to 255; otherwise 1 for ink and 0 for paper.
        activation: after each layer but the last ("relu", "tanh", "logistic", "identity"); the last is a softmax.
        layers: one for a logistic regression.
        sklearn: the scikit-learn version that wrote it.
        sha256: of the file's bytes, hexadecimal.
    """

    kind: str
    classes: tuple[str, ...]
    integer_labels: bool
    steps: tuple[tuple[str, str], ...]
    threshold: float
    features: int
    is_grey: bool
    activation: str
    layers: tuple[Layer, ...]
    sklearn: str
    sha256: str

    @property
    def labels(self) -> tuple[str | int, ...]:
        """The classes in the model's own form: those in scikit-learn's `classes_`."""
        return tuple(map(int, self.classes)) if self.integer_labels else self.classes


def read_artefact(source: bytes | Path | str) -> Artefact:
    """The model in an artefact, read as data: no code of the file runs.

    Args:
        source: the bytes, or the path of a plain file (not a link), at most 64 MiB.

    Raises:
        ArtefactRefused: and nothing else, whatever the bytes; `code` names the broken rule.
    """
    if isinstance(source, bytes):
        data = source
    else:
        try:
            data = read_plain_file(source, limit=MAX_BYTES)
        except NotPlain as error:
            code = "size" if isinstance(error, OverLimit) else "file"
            raise refused(code, error.why).anew(file=str(source)) from None
    check_format(data)
    return _model(read_pickle(data), hashlib.sha256(data).hexdigest(), size=len(data))


def is_pickle(data: bytes) -> bool:
    """True if the bytes begin as a pickle does."""
    return data.startswith(b"\x80")


def check_format(data: bytes) -> None:
    """Refuses, by size and first bytes, all but uncompressed joblib files; names the kind of file and the remedy."""
    if len(data) > MAX_BYTES:
        raise refused("size", f"{len(data):,} bytes, the limit is {MAX_BYTES:,}")
    if not data:
        raise refused("format", "an empty file", offset=0)
    for magic, what, remedy in _OTHER_FORMATS:
        if data.startswith(magic):
            raise refused("format", what, offset=0, remedy=remedy)
    if not is_pickle(data):
        why = "no pickle of protocol 3, 4 or 5 (what joblib.dump writes)"
        raise refused("format", why, offset=0, remedy=WRITE_ANEW)


def _model(root: object, sha256: str, *, size: int) -> Artefact:
    pipeline = _state(root, PIPELINE, what=THE_FILE)
    (first, binarizer), (last, classifier) = _steps(pipeline.get("steps"))
    before = _state(binarizer, BINARIZER, what=f"step {first}")
    model = _state(classifier, LOGISTIC_REGRESSION, MLP, what=f"step {last}")
    kind: str = classifier.of.name

    sklearn = _sklearn_version(pipeline, before, model)
    if classifier.of == MLP:
        _sklearn_version(pipeline, _label_binarizer(model))
    features = _features(before, model)
    classes, integers = _classes(model["classes_"], what="classes_")
    read_layers = _logistic_layers if classifier.of == LOGISTIC_REGRESSION else _mlp_layers
    activation, layers = read_layers(model, features, classes)
    # The memo allows one array to be used for many layers; an honest file writes each separately.
    if sum(layer.weights.nbytes for layer in layers) > size:
        _refuse("weights", "layers that share their weights")
    _check_bounded(activation, layers)
    return Artefact(
        kind=kind,
        classes=classes,
        integer_labels=integers,
        steps=((first, BINARIZER.name), (last, kind)),
        threshold=_threshold(before.get("threshold")),
        features=features,
        is_grey=False,
        activation=activation,
        layers=layers,
        sklearn=sklearn,
        sha256=sha256,
    )


def _refuse(code: str, why: str, *, remedy: str | None = None) -> NoReturn:
    raise refused(code, why, remedy=remedy)


def _state(value: object, *expected: Global, what: str) -> dict[str, Any]:
    """The attributes of an instance of one of the expected classes."""
    names = " or ".join(one.name for one in expected)
    if type(value) is not Instance or value.of not in expected:
        found = value.of.name if type(value) is Instance else type(value).__name__
        alone = ALONE if type(value) in (tuple, list, dict) and what == THE_FILE else None
        _refuse("estimator", f"{what} is {found} where {names} belongs", remedy=alone)
    state = value.state
    if type(state) is not dict:
        _refuse("estimator", f"{what} is {names} without attributes")
    if wrong := wrong_attribute(value.of, state):
        _refuse("attribute", wrong)
    return state


def _steps(steps: object) -> tuple[tuple[str, Any], tuple[str, Any]]:
    if type(steps) is not list or len(steps) != 2:
        count = len(steps) if type(steps) is list else "no"
        _refuse("pipeline", f"a pipeline of {count} steps")
    for step in steps:
        if type(step) is not tuple or len(step) != 2 or type(step[0]) is not str:
            _refuse("pipeline", "a pipeline step that is no tuple of name and estimator", remedy=PLAIN_STEPS)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", step[0]):
            _refuse("pipeline", f"a pipeline step whose name is no identifier: {step[0][:80]!a}", remedy=PLAIN_STEPS)
    if steps[0][0] == steps[1][0]:
        _refuse("pipeline", "two pipeline steps of one name", remedy=PLAIN_STEPS)
    return steps[0], steps[1]


def _sklearn_version(*states: dict[str, Any]) -> str:
    versions = [state.get("_sklearn_version") for state in states]
    first = versions[0]
    if type(first) is not str or not re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?", first):
        _refuse("version", "no scikit-learn version")
    if any(type(version) is not str or version != first for version in versions):
        _refuse("version", "steps written by different scikit-learn versions")
    return first


def _version(state: dict[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, state["_sklearn_version"].split(".")))


def _is_one_of(value: object, allowed: tuple[str, ...]) -> TypeGuard[str]:
    return type(value) is str and value in allowed  # subtle: comparing an array with a text gives no truth value


def _threshold(threshold: object) -> float:
    # Thresholded pixels are 0 and 1, so a threshold outside [0, 1) would make every image the same.
    if type(threshold) not in (int, float):
        _refuse("threshold", "a Binarizer whose threshold is no number")
    if not 0 <= threshold < 1:  # type: ignore[operator]  # the type is checked
        _refuse(
            "threshold",
            f"a Binarizer({threshold}), where pixels are 0 and 1",
            remedy="Train on pixels in [0, 1]: divide by 255, and use Binarizer(threshold=0.5).",
        )
    return float(threshold)  # type: ignore[arg-type]  # as above


def _features(binarizer: dict[str, Any], model: dict[str, Any]) -> int:
    features = model["n_features_in_"]
    if type(features) is not int or not 1 <= features <= MAX_LAYER_WIDTH:
        _refuse("features", "no usable n_features_in_")
    in_binarizer = binarizer.get("n_features_in_", features)
    if type(in_binarizer) is not int or in_binarizer != features:
        _refuse("features", "steps that disagree on n_features_in_")
    names = binarizer.get("feature_names_in_")
    if names is not None and names.shape != (features,):
        _refuse("features", f"{len(names)} names of features for {features}")
    return features


def _classes(labels: object, *, what: str) -> tuple[tuple[str, ...], bool]:
    """The labels as text, and whether the model has them as integers."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "Uiu" or labels.ndim != 1:
        _refuse("classes", f"{what} is no list of texts", remedy=SINGLE_DIGITS)
    if not 3 <= len(labels) <= 10:
        remedy = "Train on three to ten of the digits 0 to 9."
        _refuse("classes", f"{len(labels)} classes; 3 to 10 digits are supported", remedy=remedy)
    classes: tuple[str, ...] = tuple(map(str, labels.tolist()))
    if any(label not in tuple("0123456789") for label in classes):
        _refuse("classes", f"{what} holds labels that are no single digits", remedy=SINGLE_DIGITS)
    if list(classes) != sorted(set(classes)):
        _refuse("classes", f"{what} is not sorted and distinct")
    return classes, labels.dtype.kind != "U"


def _logistic_layers(model: dict[str, Any], features: int, classes: tuple[str, ...]) -> tuple[str, tuple[Layer, ...]]:
    multi_class = model.get("multi_class", "auto")  # removed in scikit-learn 1.8
    is_softmax = _is_one_of(model.get("solver"), SOFTMAX_SOLVERS) and _is_one_of(multi_class, SOFTMAX_MULTI_CLASS)
    if not is_softmax or (model["solver"] == "newton-cholesky" and _version(model) < NEWTON_CHOLESKY_SOFTMAX):
        _refuse("solver", "a logistic regression that is no softmax over all classes (one-versus-rest)")
    weights = _weights(model.get("coef_"), (len(classes), features), what="coef_")
    bias = _weights(model.get("intercept_"), (len(classes),), what="intercept_")
    return "identity", (Layer(weights.T, bias),)


def _mlp_layers(model: dict[str, Any], features: int, classes: tuple[str, ...]) -> tuple[str, tuple[Layer, ...]]:
    activation = model.get("activation")
    if not _is_one_of(activation, ACTIVATIONS) or not _is_one_of(model.get("out_activation_"), ("softmax",)):
        _refuse("activation", f"activations other than {', '.join(ACTIVATIONS)} and a softmax at the end")
    # scikit-learn's predict() takes the labels from the label binarizer, its scores from classes_.
    binarizer = _label_binarizer(model)
    own = _classes(model["classes_"], what="classes_")
    if _classes(binarizer["classes_"], what="_label_binarizer.classes_") != own:
        _refuse("classes", "two different lists of classes in one classifier")
    if type(model["n_outputs_"]) is not int or model["n_outputs_"] != len(classes):
        _refuse("classes", f"n_outputs_ does not count its {len(classes)} classes")

    weights, biases = model.get("coefs_"), model.get("intercepts_")
    if type(weights) is not list or type(biases) is not list or not 1 <= len(weights) == len(biases) <= MAX_LAYERS:
        why = f"coefs_ and intercepts_ that are no two lists of 1 to {MAX_LAYERS} arrays"
        _refuse("weights", why, remedy=f"Train a network of at most {MAX_LAYERS - 1} hidden layers.")
    if type(model.get("n_layers_")) is not int or model["n_layers_"] != len(weights) + 1:
        _refuse("weights", f"n_layers_ does not count its {len(weights)} coefs_")
    layers = []
    width = features
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        is_last = index == len(weights) - 1
        next_width = len(classes) if is_last else _width(weight, what=f"coefs_[{index}]")
        layers.append(
            Layer(
                _weights(weight, (width, next_width), what=f"coefs_[{index}]"),
                _weights(bias, (next_width,), what=f"intercepts_[{index}]"),
            )
        )
        width = next_width
    return activation, tuple(layers)


def _label_binarizer(model: dict[str, Any]) -> dict[str, Any]:
    return _state(model["_label_binarizer"], LABEL_BINARIZER, what="_label_binarizer")


def _width(weights: object, *, what: str) -> int:
    if not isinstance(weights, np.ndarray) or weights.ndim != 2 or not 1 <= weights.shape[1] <= MAX_LAYER_WIDTH:
        _refuse("weights", f"{what} is no matrix with 1 to {MAX_LAYER_WIDTH} columns")
    return int(weights.shape[1])


def _weights(value: object, shape: tuple[int, ...], *, what: str) -> NDArray[np.floating]:
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        _refuse("weights", f"{what} is no array of float32 or float64")
    if value.shape != shape:
        _refuse("weights", f"{what} has shape {value.shape}, {shape} belongs there")
    if not -MAX_WEIGHT <= value.min() <= value.max() <= MAX_WEIGHT:  # also false for NaN
        _refuse("weights", f"{what} holds NaN, infinity or a value beyond {MAX_WEIGHT:g}", remedy=DIVERGED)
    return value


def _check_bounded(activation: str, layers: tuple[Layer, ...]) -> None:
    """Refuses weights with which rounding could, for some image, show in the scores or leave them not numbers.

    For each output it propagates the largest value and the largest error that float64 can have there, in any order of
    additions, starting from exact inputs of 0 and 1.
    Source: Higham, "Accuracy and Stability of Numerical Algorithms", 3.1: a sum of n products is off by at most n
    roundings of the sum of their absolute values.
    """
    value, error = np.ones(len(layers[0].weights)), np.zeros(len(layers[0].weights))
    for place, layer in enumerate(layers):
        sizes, carried = _carry(layer.weights, np.stack([value, error], axis=1)).T
        value = sizes + np.abs(layer.bias)
        error = carried + (len(layer.weights) + 1) * ROUNDING * value
        if place < len(layers) - 1 and activation == "tanh":  # nowhere steeper than 1
            value, error = np.minimum(value, 1), error + FEW_ROUNDINGS
        elif place < len(layers) - 1 and activation == "logistic":  # nowhere steeper than 1/4
            value, error = np.ones(len(value)), error / 4 + FEW_ROUNDINGS
    if not error.max() <= MAX_ERROR:
        why = f"weights with which rounding may change a logit by {error.max():.0e}; the limit is {MAX_ERROR:.0e}"
        _refuse("weights", why, remedy=DIVERGED)


def _carry(weights: NDArray[np.floating], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The absolute values of `weights`, transposed, times `inputs`; a few rows at a time, to keep copies small."""
    total = np.zeros((weights.shape[1], inputs.shape[1]))
    for start in range(0, len(weights), 32):
        total += np.abs(weights[start : start + 32].astype(np.float64)).T @ inputs[start : start + 32]
    return total
