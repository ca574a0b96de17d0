"""From the bytes of an artefact to a checked model: every shape, type, range and label is verified before use."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from app.model.contract import Scale
from app.model.engine import Layer
from app.model.plain_file import NotPlain, OverLimit, read_plain_file
from app.model.scorer import StatedScale, no_card
from app.model.sklearn_pickle.checked import MAX_LAYER_WIDTH, THE_FILE, is_width, numbers, refuse, state_of
from app.model.sklearn_pickle.names import (
    BINARIZER,
    CLASSIFIERS,
    LABEL_BINARIZER,
    LOGISTIC_REGRESSION,
    MLP,
    PIPELINE,
    SCALERS,
    Instance,
)
from app.model.sklearn_pickle.pickle_machine import read_pickle
from app.model.sklearn_pickle.preprocessing import Step, fold, largest_seen, read_step, scale_step, terms
from app.model.sklearn_pickle.refusals import WRITE_ANEW, no_scale, refused, wrong_scale
from app.model.sklearn_pickle.rounding import check_bounded

MAX_BYTES = 64 << 20
MAX_LAYERS = 16
MAX_SCALERS = 4
"""Steps between a Binarizer, if there is one, and the classifier."""

# Solvers that fit one softmax over all classes; liblinear fits one-versus-rest, which is not a softmax.
SOFTMAX_SOLVERS = ("lbfgs", "newton-cg", "newton-cholesky", "sag", "saga")
SOFTMAX_MULTI_CLASS = ("auto", "multinomial", "deprecated")
NEWTON_CHOLESKY_SOFTMAX = (1, 6)
"""scikit-learn version from which newton-cholesky fits a softmax; before, the same name meant one-versus-rest."""
SEEN_ROUNDING = 1e-6
"""What rounding adds to a mean or maximum of numbers up to 1, at most; of float32 too."""
ACTIVATIONS = ("relu", "tanh", "logistic", "identity")

TEXT_LABELS = "Train on the digits as text: `y.astype(str)`."
SINGLE_DIGITS = 'Train on single digits as text, "0" to "9": `y.astype(int).astype(str)`.'
PLAIN_STEPS = "Name the steps by letters, digits and _, as in [('binarize', Binarizer(threshold=0.5)), ('clf', ...)]."
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
        steps: (name, class name) of each pipeline step, in order; none for a bare classifier.
        threshold: of the Binarizer; an input above it becomes 1, others 0. In [0, 1). None without one.
        features: inputs of the first layer.
        is_grey: these are the pixels' values, 0 to 255; otherwise 1 for ink and 0 for paper.
        activation: after each layer but the last ("relu", "tanh", "logistic", "identity"); the last is a softmax.
        layers: one for a logistic regression. Steps between pixels and classifier are folded into the first.
        sklearn: the scikit-learn version that wrote it.
        sha256: of the file's bytes, hexadecimal.
    """

    kind: str
    classes: tuple[str, ...]
    integer_labels: bool
    steps: tuple[tuple[str, str], ...]
    threshold: float | None
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


def read_artefact(source: bytes | Path | str, scale: StatedScale = no_card) -> Artefact:
    """The model in an artefact, read as data: no code of the file runs.

    Args:
        source: the bytes, or the path of a plain file (not a link), at most 64 MiB.
        scale: looks up the scale that its card states; called only for a model that does not begin with a Binarizer.

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
    return _model(read_pickle(data), hashlib.sha256(data).hexdigest(), len(data), scale)


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


def _model(root: Any, sha256: str, size: int, stated: StatedScale) -> Artefact:
    whole = state_of(root, PIPELINE, *CLASSIFIERS, what=THE_FILE)
    steps = _steps(whole["steps"]) if root.of == PIPELINE else [("", root)]
    *before, (last, classifier) = steps
    states = [state_of(step, BINARIZER, *SCALERS, what=f"step {name}") for name, step in before]
    model = state_of(classifier, *CLASSIFIERS, what=f"step {last}")
    has_binarizer = _begins_with_binarizer([step for _, step in before])

    sklearn = _sklearn_version(whole, *states, model)
    if classifier.of == MLP:
        _sklearn_version(whole, _label_binarizer(model))
    width = _width_of_inputs(model)
    scalers = _scalers(before[has_binarizer:], states[has_binarizer:], width)
    features = len(scalers[0].subtracted) if scalers else width
    threshold = _threshold(states[0], features) if has_binarizer else None
    classes, integers = _classes(model["classes_"], what="classes_")
    read_layers = _logistic_layers if classifier.of == LOGISTIC_REGRESSION else _mlp_layers
    activation, layers = read_layers(model, width, classes)
    # The memo allows one array to be used for many layers; an honest file writes each separately.
    if sum(layer.weights.nbytes for layer in layers) > size:
        refuse("weights", "layers that share their weights")
    scale = "ink" if has_binarizer else _scale(steps[0][1], is_bare=root is classifier, stated=stated())
    scalers = (*scale_step(scale, features), *scalers)
    check_bounded(activation, layers, *terms(scale, scalers, features, width))
    return Artefact(
        kind=classifier.of.name,
        classes=classes,
        integer_labels=integers,
        steps=tuple((name, step.of.name) for name, step in steps if step is not root),
        threshold=threshold,
        features=features,
        is_grey=scale != "ink",
        activation=activation,
        layers=(fold(scalers, layers[0], size=size), *layers[1:]),
        sklearn=sklearn,
        sha256=sha256,
    )


def _steps(steps: object) -> list[tuple[str, Any]]:
    if type(steps) is not list or not 1 <= len(steps) <= MAX_SCALERS + 2:
        count = len(steps) if type(steps) is list else "no"
        refuse("pipeline", f"a pipeline of {count} steps")
    for step in steps:
        if type(step) is not tuple or len(step) != 2 or type(step[0]) is not str:
            refuse("pipeline", "a pipeline step that is no tuple of name and estimator", remedy=PLAIN_STEPS)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", step[0]):
            refuse("pipeline", f"a pipeline step whose name is no identifier: {step[0][:80]!a}", remedy=PLAIN_STEPS)
    if len({name for name, _ in steps}) < len(steps):
        refuse("pipeline", "two pipeline steps of one name", remedy=PLAIN_STEPS)
    return steps


def _begins_with_binarizer(before: list[Instance]) -> bool:
    """True if the first step before the classifier is a Binarizer; refuses one elsewhere, and too many scalers."""
    if any(step.of == BINARIZER for step in before[1:]):
        refuse("pipeline", "a Binarizer that is not the first step")
    has_binarizer = bool(before) and before[0].of == BINARIZER
    if len(before) - has_binarizer > MAX_SCALERS:
        refuse("pipeline", f"{len(before) - has_binarizer} scalers and PCAs, where {MAX_SCALERS} are read")
    return has_binarizer


def _scalers(before: list[tuple[str, Any]], states: list[dict[str, Any]], width: int) -> tuple[Step, ...]:
    """The steps between Binarizer and classifier, in order; `width` is of the classifier's inputs."""
    read: list[Step] = []
    for (name, step), state in zip(reversed(before), reversed(states), strict=True):
        read.insert(0, read_step(step.of, state, width, what=f"step {name}"))
        width = len(read[0].subtracted)
    return tuple(read)


def _scale(first: Instance, *, is_bare: bool, stated: Scale | None) -> Scale:
    """The scale of the pixels for a model that does not begin with a Binarizer: what its card states."""
    model = f"a bare {first.of.name}" if is_bare else f"a model whose first step is {first.of.name}"
    seen = largest_seen(first.of, first.state) if first.of in SCALERS else 0
    if stated is None:
        raise no_scale(model, is_byte=seen > 1)
    if stated != "byte" and seen > 1 + SEEN_ROUNDING:
        raise wrong_scale(model, seen, stated)
    return stated


def _sklearn_version(*states: dict[str, Any]) -> str:
    versions = [state.get("_sklearn_version") for state in states]
    first = versions[0]
    if type(first) is not str or not re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]{1,4})?", first):
        refuse("version", "no scikit-learn version")
    if any(type(version) is not str or version != first for version in versions):
        refuse("version", "steps written by different scikit-learn versions")
    return first


def _version(state: dict[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, state["_sklearn_version"].split(".")))


def _is_one_of(value: object, allowed: tuple[str, ...]) -> TypeGuard[str]:
    return type(value) is str and value in allowed  # subtle: comparing an array with a text gives no truth value


def _threshold(binarizer: dict[str, Any], features: int) -> float:
    in_binarizer = binarizer.get("n_features_in_", features)
    if type(in_binarizer) is not int or in_binarizer != features:
        refuse("features", "steps that disagree on n_features_in_")
    names = binarizer.get("feature_names_in_")
    if names is not None and names.shape != (features,):
        refuse("features", f"{len(names)} names of features for {features}")
    threshold = binarizer.get("threshold")
    # Thresholded pixels are 0 and 1, so a threshold outside [0, 1) would make every image the same.
    if type(threshold) not in (int, float):
        refuse("threshold", "a Binarizer whose threshold is no number")
    if not 0 <= threshold < 1:  # type: ignore[operator]  # the type is checked
        refuse(
            "threshold",
            f"a Binarizer({threshold}), where pixels are 0 and 1",
            remedy="Train on pixels in [0, 1]: divide by 255, and use Binarizer(threshold=0.5).",
        )
    return float(threshold)  # type: ignore[arg-type]  # as above


def _width_of_inputs(model: dict[str, Any]) -> int:
    features = model["n_features_in_"]
    if not is_width(features):
        refuse("features", "no usable n_features_in_")
    return features


def _classes(labels: object, *, what: str) -> tuple[tuple[str, ...], bool]:
    """The labels as text, and whether the model has them as integers."""
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "Uiu" or labels.ndim != 1:
        refuse("classes", f"{what} is no list of texts", remedy=SINGLE_DIGITS)
    if not 3 <= len(labels) <= 10:
        remedy = "Train on three to ten of the digits 0 to 9."
        refuse("classes", f"{len(labels)} classes; 3 to 10 digits are supported", remedy=remedy)
    classes: tuple[str, ...] = tuple(map(str, labels.tolist()))
    if any(label not in tuple("0123456789") for label in classes):
        refuse("classes", f"{what} holds labels that are no single digits", remedy=SINGLE_DIGITS)
    if list(classes) != sorted(set(classes)):
        refuse("classes", f"{what} is not sorted and distinct")
    return classes, labels.dtype.kind != "U"


def _logistic_layers(model: dict[str, Any], features: int, classes: tuple[str, ...]) -> tuple[str, tuple[Layer, ...]]:
    multi_class = model.get("multi_class", "auto")  # removed in scikit-learn 1.8
    is_softmax = _is_one_of(model.get("solver"), SOFTMAX_SOLVERS) and _is_one_of(multi_class, SOFTMAX_MULTI_CLASS)
    if not is_softmax or (model["solver"] == "newton-cholesky" and _version(model) < NEWTON_CHOLESKY_SOFTMAX):
        refuse("solver", "a logistic regression that is no softmax over all classes (one-versus-rest)")
    weights = numbers(model.get("coef_"), (len(classes), features), what="coef_")
    bias = numbers(model.get("intercept_"), (len(classes),), what="intercept_")
    return "identity", (Layer(weights.T, bias),)


def _mlp_layers(model: dict[str, Any], features: int, classes: tuple[str, ...]) -> tuple[str, tuple[Layer, ...]]:
    activation = model.get("activation")
    if not _is_one_of(activation, ACTIVATIONS) or not _is_one_of(model.get("out_activation_"), ("softmax",)):
        refuse("activation", f"activations other than {', '.join(ACTIVATIONS)} and a softmax at the end")
    # scikit-learn's predict() takes the labels from the label binarizer, its scores from classes_.
    binarizer = _label_binarizer(model)
    own = _classes(model["classes_"], what="classes_")
    if _classes(binarizer["classes_"], what="_label_binarizer.classes_") != own:
        refuse("classes", "two different lists of classes in one classifier")
    if type(model["n_outputs_"]) is not int or model["n_outputs_"] != len(classes):
        refuse("classes", f"n_outputs_ does not count its {len(classes)} classes")

    weights, biases = model.get("coefs_"), model.get("intercepts_")
    if type(weights) is not list or type(biases) is not list or not 1 <= len(weights) == len(biases) <= MAX_LAYERS:
        why = f"coefs_ and intercepts_ that are no two lists of 1 to {MAX_LAYERS} arrays"
        refuse("weights", why, remedy=f"Train a network of at most {MAX_LAYERS - 1} hidden layers.")
    if type(model.get("n_layers_")) is not int or model["n_layers_"] != len(weights) + 1:
        refuse("weights", f"n_layers_ does not count its {len(weights)} coefs_")
    layers = []
    width = features
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        is_last = index == len(weights) - 1
        next_width = len(classes) if is_last else _width(weight, what=f"coefs_[{index}]")
        layers.append(
            Layer(
                numbers(weight, (width, next_width), what=f"coefs_[{index}]"),
                numbers(bias, (next_width,), what=f"intercepts_[{index}]"),
            )
        )
        width = next_width
    return activation, tuple(layers)


def _label_binarizer(model: dict[str, Any]) -> dict[str, Any]:
    return state_of(model["_label_binarizer"], LABEL_BINARIZER, what="_label_binarizer")


def _width(weights: object, *, what: str) -> int:
    if not isinstance(weights, np.ndarray) or weights.ndim != 2 or not 1 <= weights.shape[1] <= MAX_LAYER_WIDTH:
        refuse("weights", f"{what} is no matrix with 1 to {MAX_LAYER_WIDTH} columns")
    return int(weights.shape[1])
