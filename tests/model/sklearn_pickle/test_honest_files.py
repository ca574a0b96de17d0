"""Files that people bring in good faith: labels and columns as their tools give them, and what other tools write."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import read_artefact
from app.model.sklearn_pickle.text_lists import MAX_OBJECT_TEXTS
from tests.attacks.assemble import MISSING, Array, Call, Global, Instance, Raw, dtype, joblib_dump
from tests.attacks.honest import (
    FEATURES,
    NINE,
    binarizer,
    honest_pipeline,
    label_binarizer,
    labels,
    logistic_regression,
    pipeline,
    tree,
)

KINDS = ["LogisticRegression", "MLPClassifier"]
OBJECT = dtype("O8", byteorder="|", align=(-1, -1, 63))
both_kinds = pytest.mark.parametrize("kind", KINDS)
protocols = pytest.mark.parametrize("protocol", [3, 4, 5])


def objects(texts: Any, *, data: bytes | None = None, **header: Any) -> Array:
    """An object array of texts as joblib writes it: a pickle of its own behind the header, without padding."""
    texts = list(texts)
    written = pickle.dumps(np.array(texts, dtype=object), protocol=5) if data is None else data
    changed = {"dtype": OBJECT, "allow_mmap": False, "shape": (len(texts),)} | header
    return Array(labels(texts), header=changed, data=written, padding=b"")


def refusal(data: bytes) -> ArtefactRefused:
    with pytest.raises(ArtefactRefused) as caught:
        read_artefact(data)
    return caught.value


# -- labels and names of columns --------------------------------------------------------------------------------------


@both_kinds
@protocols
def test_labels_of_dtype_object_are_read(kind: str, protocol: int):
    """What `fetch_openml(as_frame=False)` gives, and what `np.unique` makes of it."""
    both = {"_label_binarizer": label_binarizer(classes_=objects(NINE))} if kind == "MLPClassifier" else {}
    model = read_artefact(honest_pipeline(kind, protocol=protocol, classes_=objects(NINE), **both))
    assert (model.classes, model.integer_labels) == (tuple(NINE), False)


def test_labels_of_numpy_1_are_read_too():
    written = pickle.dumps(np.array(list(NINE), dtype=object), protocol=5)
    old = written.replace(b"\x8c\x16numpy._core", b"\x8c\x15numpy.core")
    old = old[:3] + (len(old) - 11).to_bytes(8, "little") + old[11:]
    assert read_artefact(honest_pipeline(classes_=objects(NINE, data=old))).classes == tuple(NINE)


@pytest.mark.parametrize("count", [FEATURES, 255, 256, 784, MAX_OBJECT_TEXTS])
def test_the_column_names_of_a_dataframe_are_read(count: int):
    names = objects(f"pixel{number + 1}" for number in range(count))
    steps = (
        ("b", binarizer(features=count, feature_names_in_=names)),
        ("c", logistic_regression(features=count)),
    )
    assert read_artefact(joblib_dump(pipeline(*steps))).features == count


def test_column_names_that_are_not_one_for_each_feature_are_refused():
    steps = (("b", binarizer(feature_names_in_=objects(["a", "b"]))), ("c", logistic_regression()))
    assert refusal(joblib_dump(pipeline(*steps))).code == "features"


HONEST = pickle.dumps(np.array(list(NINE), dtype=object), protocol=5)
ODD_OBJECTS = {
    "written with protocol 2": pickle.dumps(np.array(list(NINE), dtype=object), protocol=2),
    "written with protocol 4": pickle.dumps(np.array(list(NINE), dtype=object), protocol=4),
    "numbers": pickle.dumps(np.array(list(range(1, 10)), dtype=object), protocol=5),
    "one text twice": pickle.dumps(np.array(["1", *NINE[:8]], dtype=object), protocol=5),
    "a column": pickle.dumps(np.array(list(NINE), dtype=object).reshape(9, 1), protocol=5),
    "texts that are no ASCII": pickle.dumps(np.array([*NINE[:8], "\uff19"], dtype=object), protocol=5),
    "a longer text than 32": pickle.dumps(np.array([*NINE[:8], "9" * 33], dtype=object), protocol=5),
    "another frame": HONEST[:3] + (len(HONEST) - 10).to_bytes(8, "little") + HONEST[11:],
    "another dtype flag": HONEST.replace(b"K\x3ft", b"K\x3et"),
    "Fortran order": HONEST.replace(b"b\x89]", b"b\x88]"),
    "a count that lies": HONEST.replace(b"(K\x01K\x09", b"(K\x01K\x08"),
    "a call in place of a text": HONEST.replace(b"\x8c\x019\x94e", b"h\x04)Re"),
    "another function": HONEST.replace(b"_reconstruct", b"_reconstruch"),
    "cut short": HONEST[:-3],
}


@pytest.mark.parametrize("name", ODD_OBJECTS)
def test_an_object_array_in_any_other_form_is_refused(name: str):
    error = refusal(honest_pipeline(classes_=objects(NINE, data=ODD_OBJECTS[name])))
    assert error.code == "array"
    assert "astype(str)" in error.remedy
    assert "to_numpy()" in error.remedy


@pytest.mark.parametrize("cut", range(len(HONEST)))
def test_no_byte_of_an_object_array_is_free_but_those_of_its_texts(cut: int):
    changed = HONEST[:cut] + bytes([HONEST[cut] ^ 1]) + HONEST[cut + 1 :]
    data = honest_pipeline(classes_=objects(NINE, data=changed))
    place, inside = divmod(cut - HONEST.index(b"]\x94(") - 3, 4)
    if not (0 <= place < 9 and inside == 2):
        assert refusal(data).code == "array"
    elif place == 0:
        assert read_artefact(data).classes == ("0", *NINE[1:])
    else:
        assert refusal(data).code == "classes"  # another digit: twice the same, or not sorted


def test_an_object_array_that_is_no_list_is_refused():
    assert refusal(honest_pipeline(classes_=objects(NINE, shape=(9, 1)))).code == "array"
    many = objects(f"{number:04}" for number in range(MAX_OBJECT_TEXTS + 1))
    assert refusal(honest_pipeline(classes_=many)).code == "array"


@both_kinds
@pytest.mark.parametrize("written", ["i8", "u1", "i4"])
def test_integer_labels_are_read_as_such(kind: str, written: str):
    """They are for `verify` and `diff`; no roster has them."""
    numbers = np.arange(1, 10, dtype=written)
    both = {"_label_binarizer": label_binarizer(classes_=numbers)} if kind == "MLPClassifier" else {}
    model = read_artefact(honest_pipeline(kind, classes_=numbers, **both))
    assert (model.classes, model.integer_labels) == (tuple(NINE), True)


def test_a_network_with_labels_of_two_kinds_is_refused():
    data = honest_pipeline("MLPClassifier", classes_=np.arange(1, 10))
    assert refusal(data).code == "classes"


@pytest.mark.parametrize("values", [np.arange(1, 10) / 1, np.arange(9) > 4], ids=["floats", "booleans"])
def test_labels_of_another_kind_are_refused_with_the_line_that_helps(values: np.ndarray):
    error = refusal(honest_pipeline(classes_=values))
    assert error.code == "classes"
    assert "y.astype(int).astype(str)" in error.remedy


# -- other writers and other pixels -----------------------------------------------------------------------------------


@pytest.mark.parametrize("core", ["core", "_core"])
@pytest.mark.parametrize("name", ["multiarray._reconstruct", "numeric._frombuffer"])
def test_a_file_that_pickle_dump_wrote_is_named_with_the_line_that_helps(core: str, name: str):
    module, _, function = name.partition(".")
    plain = Call(Global(f"numpy.{core}.{module}", function), (Global("numpy", "ndarray"), (0,), b"b"))
    error = refusal(joblib_dump(tree(coef_=plain)))
    assert "pickle.dump" in error.found
    assert "joblib.dump(model, path)" in error.remedy


@pytest.mark.parametrize("threshold", [127, 127.5, 1, -1.0])
def test_a_threshold_on_grey_values_is_shown_with_what_to_divide_by(threshold: float):
    error = refusal(honest_pipeline(threshold=threshold))
    assert str(threshold) in error.found
    assert "divide by 255" in error.remedy


BINARIZE, CLASSIFY = ("binarize", binarizer()), ("clf", logistic_regression())
HELPED = {
    "in a tuple": (joblib_dump((pipeline(),)), "joblib.dump(pipeline, path)"),
    "in a dictionary": (joblib_dump({"model": pipeline()}), "joblib.dump(pipeline, path)"),
    "a whole search": (
        joblib_dump(Instance(Global("sklearn.model_selection._search", "GridSearchCV"), {})),
        "best_estimator_",
    ),
    "metadata requests": (
        joblib_dump(
            tree(_metadata_request=Instance(Global("sklearn.utils._metadata_requests", "MetadataRequest"), {}))
        ),
        "set_fit_request",
    ),
    "sparse weights": (joblib_dump(tree(coef_=Instance(Global("scipy.sparse._csr", "csr_matrix"), {}))), "densify()"),
    "a memory object": (
        joblib_dump(pipeline(memory=Instance(Global("joblib.memory", "Memory"), {}))),
        "without memory",
    ),
    "a memory path": (joblib_dump(pipeline(memory="cache")), "no memory"),
    "a name with a hyphen": (joblib_dump(pipeline(("my-binarizer", binarizer()), CLASSIFY)), "letters, digits and _"),
    "steps as lists": (joblib_dump(pipeline(["b", binarizer()], CLASSIFY)), "[('binarize'"),
    "NaN weights": (honest_pipeline(coef_=np.full((9, FEATURES), np.nan)), "learning rate"),
    "twenty layers": (honest_pipeline("MLPClassifier", hidden=(4,) * 20), "at most 15 hidden layers"),
    "float16": (honest_pipeline(coef_=np.zeros((9, FEATURES), "f2")), "float64 or float32"),
    "labels with spaces": (honest_pipeline(classes_=labels([f" {digit}" for digit in NINE])), "single digits"),
    "gzip": (b"\x1f\x8b" + bytes(20), "ends in .pkl"),
    "protocol 2": (b"\x80\x02}.", "without protocol="),
    "a zip": (b"PK\x03\x04", "joblib.dump(model, path)"),
}


@pytest.mark.parametrize("name", HELPED)
def test_a_remedy_helps_in_the_very_case(name: str):
    data, remedy = HELPED[name]
    assert remedy in refusal(data).remedy


def test_an_unfitted_classifier_is_asked_about():
    bare = dict.fromkeys(("n_features_in_", "classes_", "n_iter_", "coef_", "intercept_"), MISSING)
    assert "was it fitted?" in refusal(joblib_dump(tree(**bare))).found


def test_numbers_as_keys_of_class_weight_are_refused_with_the_labels_that_go_with_them():
    numbered = Raw(b"}K\x01G?\xf0\x00\x00\x00\x00\x00\x00s")
    error = refusal(honest_pipeline(class_weight=numbered))
    assert "class_weight" in error.remedy


@both_kinds
def test_column_names_that_reached_the_classifier_are_read(kind: str):
    """`sklearn.set_config(transform_output="pandas")` while it was fitted."""
    assert read_artefact(honest_pipeline(kind, feature_names_in_=objects(f"p{number}" for number in range(FEATURES))))


def test_no_refusal_of_a_file_says_to_fetch_it_again():
    """Its bytes are what they were; only another digest is a reason to fetch (ChangedFile)."""
    samples = [b"", b"\x80\x02}.", b"\x80\x04}.", honest_pipeline()[:-9], honest_pipeline(solver="liblinear")]
    samples += [honest_pipeline(threshold=127), honest_pipeline(predict_proba=None), honest_pipeline(coef_=None)]
    assert [str(refusal(data)) for data in samples if "etch the release" in str(refusal(data))] == []
