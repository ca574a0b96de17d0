"""Small pipelines of every kind this scikit-learn can write, with its scores of 500 test digits.

    python parity_artefacts.py DIGITS FOLDER

Runs in an environment of one old or new scikit-learn (see parity.py), so: numpy, joblib and scikit-learn only, and
nothing newer than Python 3.9. Writes the artefacts, their scores and labels as .npy, and `cases.json`.
"""

import inspect
import itertools
import json
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

TRAINING, TESTED = 1500, 500
PROTOCOLS = (3, 4, 5)
MULTI_CLASS = "multi_class" in inspect.signature(LogisticRegression).parameters  # gone in 1.8
EARLY_STOPPING = not sklearn.__version__.startswith(("1.6.", "1.7.", "1.8."))  # fails there on labels that are text
PENALTY = inspect.signature(LogisticRegression).parameters["penalty"].default == "l2"  # deprecated in 1.8


def logistic_regressions():
    """(what it is, estimator): one softmax over all classes."""
    for solver, seed in itertools.product(("lbfgs", "newton-cg", "sag", "saga"), (None, 0)):
        yield f"{solver}, random_state {seed}", LogisticRegression(solver=solver, max_iter=8, random_state=seed)
        if MULTI_CLASS:
            for mode in ("auto", "multinomial"):
                model = LogisticRegression(solver=solver, max_iter=8, random_state=seed, multi_class=mode)
                yield f"{solver}, random_state {seed}, multi_class {mode}", model
    yield "no intercept", LogisticRegression(fit_intercept=False, max_iter=8)
    yield "C 0.01, class_weight balanced", LogisticRegression(C=0.01, class_weight="balanced", max_iter=8)
    yield "warm_start, n_jobs 1, verbose 0", LogisticRegression(warm_start=True, n_jobs=1, verbose=0, max_iter=8)
    if PENALTY:
        yield "saga, penalty l1", LogisticRegression(solver="saga", penalty="l1", max_iter=8)
        yield "no penalty", LogisticRegression(penalty=None, max_iter=8)
    else:
        yield "saga, l1_ratio 1", LogisticRegression(solver="saga", l1_ratio=1, max_iter=8)
        yield "no penalty (C infinite)", LogisticRegression(C=np.inf, max_iter=8)


def newton_cholesky():
    """One-versus-rest in old versions, a softmax in new ones: right or refused, never a wrong score."""
    yield "newton-cholesky", LogisticRegression(solver="newton-cholesky", max_iter=3)


def networks():
    """(what it is, estimator)"""
    for activation, solver, seed in itertools.product(
        ("relu", "tanh", "logistic", "identity"), ("adam", "sgd", "lbfgs"), (None, 0)
    ):
        what = f"{activation}, {solver}, random_state {seed}"
        yield what, MLPClassifier((24, 12), activation, solver=solver, max_iter=8, random_state=seed)
    for solver in ("adam", "sgd") if EARLY_STOPPING else ():
        model = MLPClassifier((24,), solver=solver, early_stopping=True, max_iter=12, n_iter_no_change=2)
        yield f"{solver}, early_stopping, one hidden layer", model
    yield (
        "sgd, adaptive, no momentum",
        MLPClassifier((8, 8, 8), solver="sgd", learning_rate="adaptive", nesterovs_momentum=False, max_iter=8),
    )
    yield (
        "no shuffle, batch_size 100, alpha 0",
        MLPClassifier((16,), shuffle=False, batch_size=100, alpha=0, max_iter=8),
    )


def scaled():
    """(what it is, estimator): models that take what a card states, without a Binarizer."""
    before = {
        "bare": [],
        "StandardScaler": [StandardScaler()],
        "StandardScaler without mean": [StandardScaler(with_mean=False)],
        "MinMaxScaler": [MinMaxScaler((-1, 1))],
        "PCA": [PCA(20)],
        "PCA, whitened": [PCA(0.7, whiten=True)],
        "StandardScaler, PCA, MinMaxScaler": [StandardScaler(), PCA(30, whiten=True), MinMaxScaler()],
    }
    for name, steps in before.items():
        for kind in (LogisticRegression(max_iter=20), MLPClassifier((16,), max_iter=8, random_state=0)):
            named = [(f"s{place}", step) for place, step in enumerate([*map(clone, steps), kind])]
            yield f"{name}, {type(kind).__name__}", Pipeline(named) if steps else kind


def refused():
    """(name that the refusal must contain, pipeline): honest files that PixelWise does not read."""
    binarize = ("binarize", Binarizer(threshold=0.5))
    for model in (
        RandomForestClassifier(3),
        DecisionTreeClassifier(max_depth=3),
        KNeighborsClassifier(),
        BernoulliNB(),
        LinearSVC(max_iter=20),
        SGDClassifier(loss="log_loss", max_iter=3),
        OneVsRestClassifier(LogisticRegression(max_iter=4)),
    ):
        yield type(model).__name__, Pipeline([binarize, ("clf", model)])
    yield "MaxAbsScaler", Pipeline([("scale", MaxAbsScaler()), ("clf", LogisticRegression(max_iter=4))])
    # Nothing states their scale here.
    yield "MinMaxScaler", Pipeline([("scale", MinMaxScaler()), ("clf", LogisticRegression(max_iter=4))])
    yield "LogisticRegression", LogisticRegression(max_iter=4)
    if MULTI_CLASS:
        yield "one-versus-rest", Pipeline([binarize, ("clf", LogisticRegression(multi_class="ovr", max_iter=4))])
        yield "one-versus-rest", Pipeline([binarize, ("clf", LogisticRegression(solver="liblinear", max_iter=4))])


def main(digits, folder):
    train_images, train_labels = read(digits, "train")
    test_images, _ = read(digits, "t10k")
    cases = []

    def write(kind, what, pipeline, *, dtype, step=1, names=None, scale="ink"):
        """Fits on every `step`-th row and column of the images; writes one artefact for each protocol."""
        inputs = [in_scale(images, step, dtype, scale) for images in (train_images[:TRAINING], test_images[:TESTED])]
        fitted = pipeline.fit(inputs[0], train_labels[:TRAINING])
        number = len(cases)
        case = {"kind": kind, "what": what, "dtype": dtype, "step": step, "names": names, "scale": scale, "files": []}
        for protocol in PROTOCOLS:
            name = f"{number:03}-{protocol}.pkl"
            joblib.dump(fitted, folder / name, protocol=protocol)
            case["files"].append(name)
        if names is None:
            np.save(folder / f"{number:03}-scores.npy", fitted.predict_proba(inputs[1]))
            np.save(folder / f"{number:03}-labels.npy", fitted.predict(inputs[1]))
        cases.append(case)

    supported = {"LogisticRegression": logistic_regressions, "MLPClassifier": networks}
    for kind, models in supported.items():
        for dtype in ("float64", "float32"):
            for what, model in models():
                write(kind, what, Pipeline([("binarize", Binarizer(threshold=0.5)), ("clf", model)]), dtype=dtype)
    for what, model in newton_cholesky():
        pipeline = Pipeline([("binarize", Binarizer(threshold=0.5)), ("clf", model)])
        write("newton-cholesky", what, pipeline, dtype="float64", step=2)
    for scale in ("ink", "unit", "byte"):
        for what, model in scaled():
            write("scaled", f"{scale}, {what}", model, dtype="float64", scale=scale)
    for names, pipeline in refused():
        write("refused", names, pipeline, dtype="float64", names=names)
    (folder / "cases.json").write_text(json.dumps(cases))


def read(digits, part):
    """(N, 28, 28) uint8 and (N,) text of an MNIST part, from its IDX files."""
    images = np.fromfile(digits / f"{part}-images-idx3-ubyte", np.uint8, offset=16).reshape(-1, 28, 28)
    return images, np.fromfile(digits / f"{part}-labels-idx1-ubyte", np.uint8, offset=8).astype("U1")


def in_scale(images, step, dtype, scale):
    pixels = images[:, ::step, ::step].reshape(len(images), -1)
    return {"ink": pixels > 128, "unit": pixels / 255, "byte": pixels}[scale].astype(dtype)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # so few iterations do not converge, and need not
    main(Path(sys.argv[1]), Path(sys.argv[2]))
