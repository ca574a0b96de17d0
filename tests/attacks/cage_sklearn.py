"""The cage (tests/attacks/cage.py) with scikit-learn in it: hostile pickles are opened here, and nowhere else.

Runs under the Python of pixelwise-model/.
"""

from __future__ import annotations

import io
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # -I leaves it out

from cage import Library, main

# What honest files name; scikit-learn 1.3 to 1.9, numpy 1 and 2, object labels and feature names included.
HONEST_NAMES = {
    ("sklearn.pipeline", "Pipeline"),
    *(("sklearn.preprocessing._data", name) for name in ("Binarizer", "StandardScaler", "MinMaxScaler")),
    ("sklearn.decomposition._pca", "PCA"),
    ("sklearn.preprocessing._label", "LabelBinarizer"),
    ("sklearn.linear_model._logistic", "LogisticRegression"),
    ("sklearn.neural_network._multilayer_perceptron", "MLPClassifier"),
    ("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer"),
    ("sklearn.neural_network._stochastic_optimizers", "SGDOptimizer"),
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    ("numpy.random._pickle", "__randomstate_ctor"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random.bit_generator", "SeedSequence"),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"),
}
# scikit-learn asks for the signatures of its own functions, to check parameters.
PARTS_OF_SIGNATURES = ("__code__", "__defaults__", "__kwdefaults__")


def opened(data: bytes, inputs: bytes, shape: tuple[int, int], witness: Callable[[str], None]) -> dict[str, Any]:
    """{"classes", "labels", "scores"} that scikit-learn gives for these inputs, or {"raised"}.

    Every audit event that honest files do not raise goes to the witness before it happens.
    """
    import joblib
    import numpy as np

    rows = np.frombuffer(inputs, float).reshape(shape)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not is_honest(event, arguments):
            witness(f"event {event} {arguments!r}"[:300].replace("\n", " "))

    sys.addaudithook(hook)
    try:
        model = joblib.load(io.BytesIO(data))
        classes, labels = list(model.classes_), list(model.predict(rows))
        scores = np.asarray(model.predict_proba(rows))
        return {"classes": plain(classes), "labels": plain(labels), "scores": scores.astype(float).tolist()}
    except Exception as error:
        return {"raised": " ".join(f"{type(error).__name__}: {error}"[:300].split())}


def is_honest(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "pickle.find_class":
        return arguments in HONEST_NAMES
    if event == "object.__getattr__":
        of, name = arguments
        return type(of) is FunctionType and of.__module__.startswith("sklearn.") and name in PARTS_OF_SIGNATURES
    return event == "builtins.id"


def plain(labels: list[Any]) -> list[Any]:
    """Labels as JSON can hold them: np.str_("1") -> "1", np.int64(1) -> 1, another -> {"type": "bytes"}."""
    import numpy as np

    values = [label.item() if isinstance(label, np.generic) else label for label in labels]
    return [value if type(value) in (str, int, float, bool) else {"type": type(value).__name__} for value in values]


def warm_up() -> dict[str, tuple[bytes, Any]]:
    """Imports all that honest files need, by training, writing, reading and using some; gives them back.

    What is imported only now would not be found inside, and would be an event.
    """
    import joblib
    import numpy as np
    import numpy.core.multiarray  # the name under which numpy 1 wrote
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Binarizer, MinMaxScaler, StandardScaler

    rows, files = (np.random.default_rng(0).random((60, 12)) > 0.5).astype(float), {}
    labels = np.array(list("123"))[np.arange(60) % 3]
    for steps in (
        *((Binarizer(), LogisticRegression(solver=solver, max_iter=5)) for solver in ("lbfgs", "newton-cg", "saga")),
        *((Binarizer(), MLPClassifier((4,), solver=solver, max_iter=2)) for solver in ("adam", "sgd", "lbfgs")),
        *((Binarizer(), MLPClassifier((4,), name, max_iter=2, random_state=0)) for name in ("tanh", "logistic")),
        (StandardScaler(), MinMaxScaler(), PCA(4), PCA(3, whiten=True), LogisticRegression(max_iter=5)),
    ):
        for kind in (str, object):
            model = make_pipeline(*steps).fit(rows, labels.astype(kind))
            joblib.dump(model, written := io.BytesIO())
            joblib.load(io.BytesIO(written.getvalue())).predict_proba(rows)
            files[f"{steps} {kind.__name__}"] = (written.getvalue(), rows)
    with suppress(ValueError):
        model.predict(np.full((1, 12), np.nan))  # errors import too
    traceback.format_exc()
    return files


LIBRARY = Library(warm_up, opened)

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # to show a warning, Python opens the source file
    main(LIBRARY)
