"""What another reader would obey is checked or refused: fields of numpy's objects, attributes of estimators."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest

from app.model.refusals import ArtefactRefused
from app.model.sklearn_pickle.artefact import read_artefact
from app.model.sklearn_pickle.attributes import ATTRIBUTES
from app.model.sklearn_pickle.pickle_machine import read_pickle
from tests.attacks.assemble import MISSING, Array, Call, Global, Instance, joblib_dump
from tests.attacks.honest import (
    FEATURES,
    binarizer,
    honest_pipeline,
    label_binarizer,
    labels,
    logistic_regression,
    pipeline,
    random_state,
    weights,
)

RANDOM = "numpy.random._pickle"
GENERATOR = "numpy.random.bit_generator"


def code_of(data: bytes) -> str:
    with pytest.raises(ArtefactRefused) as caught:
        read_artefact(data)
    return caught.value.code


def with_dtype(values: np.ndarray, *state: Any) -> Array:
    kind = f"{values.dtype.kind}{values.dtype.itemsize // (4 if values.dtype.kind == 'U' else 1)}"
    return Array(values, header={"dtype": Call(Global("numpy", "dtype"), (kind, False, True), state)})


HONEST_NUMBER = (3, "<", None, None, None, -1, -1, 0)
HONEST_TEXT = (3, "<", None, None, None, 4, 4, 8)
OTHERS = {0: 4, 1: "|", 2: (), 3: (), 4: {}, 5: 8, 6: 8, 7: 63}
"""Another value for each field of a dtype's state."""


def test_an_honest_dtype_is_read():
    assert read_artefact(honest_pipeline(coef_=with_dtype(weights(9, FEATURES), *HONEST_NUMBER)))
    assert read_artefact(honest_pipeline(classes_=with_dtype(labels(), *HONEST_TEXT)))


@pytest.mark.parametrize("field", OTHERS)
def test_a_dtype_of_which_one_field_differs_is_refused(field: int):
    """By the flags of an object array `joblib.load` unpickles what follows; by another size it reads other labels."""
    for honest, values, key in ((HONEST_NUMBER, weights(9, FEATURES), "coef_"), (HONEST_TEXT, labels(), "classes_")):
        state = list(honest)
        state[field] = OTHERS[field]
        assert code_of(honest_pipeline(**{key: with_dtype(values, *state)})) == "dtype"
        state[field] = True  # equal to 1, and to no field's type
        assert code_of(honest_pipeline(**{key: with_dtype(values, *state)})) == "dtype"
    assert code_of(honest_pipeline(coef_=with_dtype(weights(9, FEATURES), *HONEST_NUMBER, None))) == "dtype"
    assert code_of(honest_pipeline(coef_=with_dtype(weights(9, FEATURES), *HONEST_NUMBER[:7]))) == "dtype"


def twister(**changes: Any) -> dict[str, Any]:
    return {"bit_generator": "MT19937", "state": {"key": np.arange(624, dtype="u4"), "pos": 3} | changes}


POOL = np.arange(4, dtype="u4")


def seed_sequence(*args: Any, state: Any = (5, 0, POOL, 4, ())) -> Call:
    honest = (Global(GENERATOR, "SeedSequence"), 65708578, None)
    return Call(Global(GENERATOR, "__pyx_unpickle_SeedSequence"), args or honest, state)


def generator(*args: Any, state: Any = None) -> Call:
    of = args or (Global("numpy.random._mt19937", "MT19937"),)
    return Call(Global(RANDOM, "__bit_generator_ctor"), of, state or (twister(), None))


def state_of(*args: Any, **changes: Any) -> Call:
    state = {**twister(), "has_gauss": 0, "gauss": 0.0} | changes
    return Call(Global(RANDOM, "__randomstate_ctor"), args, {k: v for k, v in state.items() if v is not MISSING})


CTOR = Global(RANDOM, "__bit_generator_ctor")


def test_honest_random_states_are_read():
    for one in (random_state(), random_state(numpy=1), random_state(seed_sequence=True), state_of(generator())):
        assert read_artefact(honest_pipeline("MLPClassifier", _random_state=one))
        assert read_artefact(honest_pipeline(random_state=one))


@pytest.mark.parametrize(
    "one",
    [
        state_of("lbfgs"),
        state_of("MT19937"),
        state_of("PCG64", CTOR),
        state_of("MT19937", Global("numpy", "dtype")),
        state_of(weights(2), CTOR),
        state_of(),
        state_of(generator(Global("numpy.random.bit_generator", "SeedSequence"))),
        state_of(generator("MT19937")),
        state_of(generator(state=twister())),
        state_of(generator(state=(twister(pos=625), None))),
        state_of(generator(state=(twister(key=np.arange(623, dtype="u4")), None))),
        state_of(generator(state=(twister(key=np.arange(624, dtype="i4")), None))),
        state_of(generator(state=(twister(), 0))),
        state_of(generator(state=(twister(), seed_sequence(Global(GENERATOR, "SeedSequence"), 1, None)))),
        state_of(generator(state=(twister(), seed_sequence(Global(GENERATOR, "SeedSequence"), 65708578, ())))),
        state_of(generator(state=(twister(), seed_sequence(weights(2), 65708578, None)))),
        state_of(generator(state=(twister(), seed_sequence(state=())))),
        state_of(generator(state=(twister(), seed_sequence(state=(-1, 0, POOL, 4, ()))))),
        state_of(generator(state=(twister(), seed_sequence(state=(5, 0, POOL, 5, ()))))),
        state_of(generator(state=(twister(), seed_sequence(state=(5, 0, POOL, 4, (1,)))))),
        state_of(generator(), has_gauss=2),
        state_of(generator(), gauss=0),
        state_of(generator(), gauss=MISSING),
        state_of(generator(), bit_generator="PCG64"),
        state_of(generator(), extra=1),
        state_of(Call(CTOR, (Global("numpy.random._mt19937", "MT19937"),))),
    ],
)
def test_a_random_state_that_numpy_would_not_write_is_refused(one: Call):
    assert code_of(honest_pipeline("MLPClassifier", _random_state=one)) == "random"


def test_a_random_state_without_a_state_is_refused():
    bare = Call(Global(RANDOM, "__randomstate_ctor"), (generator(),))
    assert code_of(honest_pipeline(random_state=bare)) == "attribute"


@pytest.mark.parametrize("field, value", [("allow_mmap", 1), ("allow_mmap", None), ("numpy_array_alignment_bytes", 8)])
def test_an_array_header_that_joblib_would_not_write_is_refused(field: str, value: Any):
    assert code_of(honest_pipeline(coef_=Array(weights(9, FEATURES), header={field: value}))) == "array"


# -- attributes -------------------------------------------------------------------------------------------------------


def steps(**of_the_binarizer: Any) -> bytes:
    return joblib_dump(pipeline(("b", binarizer(**of_the_binarizer)), ("c", logistic_regression())))


@pytest.mark.parametrize(
    "data",
    [
        *(honest_pipeline(**{name: None}) for name in ("predict_proba", "predict", "decision_function", "__class__")),
        honest_pipeline("MLPClassifier", _forward_pass_fast=None),
        honest_pipeline("MLPClassifier", _label_binarizer=label_binarizer(inverse_transform=None)),
        honest_pipeline("MLPClassifier", _label_binarizer=label_binarizer(y_type_="binary")),
        honest_pipeline("MLPClassifier", _label_binarizer=label_binarizer(y_type_="multilabel-indicator")),
        honest_pipeline("MLPClassifier", _label_binarizer=label_binarizer(sparse_input_=True)),
        honest_pipeline("MLPClassifier", _label_binarizer=label_binarizer(pos_label=2)),
        honest_pipeline("MLPClassifier", _optimizer=Instance(Global("sklearn.preprocessing._data", "Binarizer"), {})),
        steps(copy=MISSING),
        steps(copy=None),
        steps(transform=None),
        steps(_sklearn_output_config={"transform": "pandas"}),
        steps(feature_names_in_=None),
        joblib_dump(pipeline(predict_proba=None)),
        joblib_dump(pipeline(_sklearn_output_config={"transform": "pandas"})),
    ],
)
def test_an_attribute_that_scikit_learn_would_not_write_is_refused(data: bytes):
    assert code_of(data) == "attribute"


@pytest.mark.parametrize("version", ["1.9.0", np.ones(3), None, ["1.9.1"]], ids=["other", "array", "none", "list"])
def test_a_label_binarizer_of_another_version_is_refused(version: Any):
    """scikit-learn compares it, and prints it in a warning."""
    other = label_binarizer(_sklearn_version=version)
    assert code_of(honest_pipeline("MLPClassifier", _label_binarizer=other)) == "version"


def test_lists_that_hold_themselves_many_times_are_refused_at_once():
    """300 x 300 x 300 numbers in 6 KB: what is walked through is bounded by what the file holds."""
    shared = [1] * 300
    nested = [[shared] * 300] * 300  # each list is written once, and then recalled
    for name in ("hidden_layer_sizes", "_coef_indptr", "_intercept_indptr"):
        assert code_of(honest_pipeline("MLPClassifier", **{name: nested})) == "attribute"


@pytest.mark.parametrize("sizes", [5, [5, 4], (5, 4), np.array([5, 4])], ids=["number", "list", "tuple", "array"])
def test_sizes_of_layers_are_read_in_each_form(sizes: Any):
    slices = {"_coef_indptr": [(0, 60, (12, 5)), (60, 80, (5, 4))], "_intercept_indptr": [(80, 85), (85, 89)]}
    assert read_artefact(honest_pipeline("MLPClassifier", hidden_layer_sizes=sizes, **slices))


@pytest.mark.parametrize("count", [1, 8, True, 9.0, None])
def test_outputs_that_are_not_counted_by_the_classes_are_refused(count: Any):
    assert code_of(honest_pipeline("MLPClassifier", n_outputs_=count)) == "classes"


def test_no_attribute_on_the_list_is_a_method():
    """None of them may be called in the place of one; scikit-learn's own names are fitted values and parameters."""
    names = set(itertools.chain.from_iterable({**required, **optional} for required, optional in ATTRIBUTES.values()))
    assert {name for name in names if name.startswith(("predict", "transform", "decision", "fit", "score", "__"))} == {
        "fit_intercept",
        "transform_input",
    }


def test_a_key_that_is_added_to_a_state_after_it_was_given_does_not_count():
    """scikit-learn copies the state; the dictionary itself lives on in the memo."""
    head = b"\x80\x03csklearn.preprocessing._data\nBinarizer\n)\x81}q\x00X\x01\x00\x00\x00aK\x01sb"
    later = b"h\x00X\x01\x00\x00\x00bK\x02s"
    instance, state = read_pickle(head + later + b"\x86.")  # type: ignore[misc]  # a tuple of two
    assert (instance.state, state) == ({"a": 1}, {"a": 1, "b": 2})


# -- weights that overflow --------------------------------------------------------------------------------------------


def identity_network(layers: int, weight: float) -> bytes:
    square = [np.eye(9) * weight] * layers
    return honest_pipeline(
        "MLPClassifier",
        features=9,
        activation="identity",
        n_layers_=layers + 1,
        coefs_=[array.copy() for array in square],
        intercepts_=[np.zeros(9) for _ in square],
        _best_coefs=[],
        _best_intercepts=[],
        _optimizer=MISSING,
    )


def test_weights_whose_product_overflows_float32_are_refused():
    """Nine layers of 1e6, each within the limit of one weight; and two, where float64 rounds away what differs."""
    for layers in (9, 2):
        assert code_of(identity_network(layers, 1e6)) == "weights"
    assert read_artefact(identity_network(1, 1e6)).layers


def test_wide_layers_whose_rounding_adds_up_are_refused():
    """8,192 parts of 1e5 each: the order of their additions is seen in the fifth digit of a score."""
    wide = {"features": 9, "hidden": (8192,), "_best_coefs": [], "_best_intercepts": [], "_optimizer": MISSING}
    coefs = [np.zeros((9, 8192)), np.full((8192, 9), 1e5)]
    data = honest_pipeline("MLPClassifier", coefs_=coefs, intercepts_=[np.ones(8192), np.zeros(9)], **wide)
    assert code_of(data) == "weights"


def test_the_bound_is_computed_without_a_copy_of_the_weights():
    shape = (2000, 1000)
    wide = {"features": 2000, "hidden": (1000,), "_best_coefs": [], "_best_intercepts": [], "_optimizer": MISSING}
    data = honest_pipeline("MLPClassifier", dtype="f4", coefs_=[weights(*shape, dtype="f4"),
                           weights(1000, 9, dtype="f4")], **wide)  # fmt: skip
    tracemalloc.start()
    assert read_artefact(data).layers
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 << 20, "the weights themselves are 8 MB"


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_layers_that_saturate_bound_the_values_and_not_the_rounding(activation: str):
    """Each of them may make much of little: 1e-16 becomes a score."""
    layers = [weights(12, 5), weights(5, 4), weights(4, 9)]
    honest = honest_pipeline("MLPClassifier", activation=activation, coefs_=[100 * layer for layer in layers])
    assert read_artefact(honest).layers
    steep = honest_pipeline("MLPClassifier", activation=activation, coefs_=[1e6 * layer for layer in layers])
    assert code_of(steep) == "weights"
