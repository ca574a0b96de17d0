"""Odd uses of the memo: one object in two places, and objects that change after they were used.

scikit-learn copies a state when an object is built; lists and dictionaries inside of it stay shared.
"""

from __future__ import annotations

import pickle as op
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.attacks.assemble import MISSING, Array, Assembler, Call, Global, Instance, dtype, replaced
from tests.attacks.honest import BINARIZER, LOGISTIC_REGRESSION, labels, pipeline, weights
from tests.attacks.odd import PIXELS, Odd, parts


@dataclass(eq=False)
class Later:
    """A value that was written before, to which more is added where it stands now: SETITEM or APPEND."""

    target: Any
    more: Mapping[str, Any] | list[Any]


@dataclass(eq=False)
class Rebuilt:
    """An object that was written before, given another state where it stands now: BUILD."""

    target: Any
    state: Any


class Rewriter(Assembler):
    def save_later(self, value: Later, key: Any) -> None:
        assert self.recalled(id(value.target)), "not written before"
        items = value.more.items() if isinstance(value.more, Mapping) else ([item] for item in value.more)
        for item in items:
            for part in item:
                self.save(part)
            self.emit(op.SETITEM if isinstance(value.more, Mapping) else op.APPEND)

    def save_rebuilt(self, value: Rebuilt, key: Any) -> None:
        assert self.recalled(id(value.target)), "not written before"
        self.save(value.state)
        self.emit(op.BUILD)


def written(tree: Any) -> bytes:
    assembler = Rewriter(4, {})
    assembler.save(tree)
    assembler.emit(op.STOP)
    return assembler.finish()


def files() -> Iterator[Odd]:
    yield from _keys_added()
    yield from _lists_grown()
    yield from _built_again()
    yield from _one_for_two()


def _keys_added() -> Iterator[Odd]:
    """An attribute left out when the object is built, and added to its state afterwards."""
    for kind, keys in {
        "LogisticRegression": ("coef_", "intercept_", "classes_", "solver", "n_features_in_", "_sklearn_version"),
        "MLPClassifier": ("coefs_", "intercepts_", "activation", "out_activation_", "n_layers_", "_label_binarizer",
                          "classes_", "n_outputs_"),
    }.items():  # fmt: skip
        for key in keys:
            for where in ("verbose", "note"):
                before, classifier = parts(kind)
                value = classifier.state.pop(key)
                changes = {where: Later(classifier.state, {key: value})}
                yield Odd(
                    f"memo: {kind}'s {key} after BUILD, as the pipeline's {where}", _of(before, classifier, changes)
                )
    for key in ("threshold", "copy", "n_features_in_"):
        before, classifier = parts()
        value = before.state.pop(key)
        yield Odd(
            f"memo: Binarizer's {key} after BUILD",
            _of(before, classifier, {"verbose": Later(before.state, {key: value})}),
        )
        before, classifier = parts()
        value = before.state.pop(key)
        classifier.state["random_state"] = Later(before.state, {key: value})
        yield Odd(f"memo: Binarizer's {key} after BUILD, inside the classifier", of_written(before, classifier))
    for key, value in (("coef_", weights(9, PIXELS) / 2), ("classes_", labels("012345678")), ("note", 1)):
        before, classifier = parts()
        yield Odd(f"memo: {key} a second time after BUILD",
                  _of(before, classifier, {"verbose": Later(classifier.state, {key: value})}))  # fmt: skip
    before, classifier = parts("MLPClassifier")
    state = classifier.state["_label_binarizer"].state
    value = state.pop("classes_")
    classifier.state["loss_"] = Later(state, {"classes_": value})
    yield Odd("memo: the label binarizer's classes_ after BUILD", of_written(before, classifier))
    before, classifier = parts()
    steps = [("binarize", before), ("clf", classifier)]
    root = pipeline(steps=MISSING)
    root.state["memory"] = None
    yield Odd("memo: steps added to the pipeline's own state by itself",
              written(Instance(root.of, {**root.state, "verbose": False, "steps": steps})))  # fmt: skip
    header = {
        "subclass": Global("numpy", "ndarray"),
        "shape": (1,),
        "order": "C",
        "dtype": dtype("f8"),
        "allow_mmap": True,
    }
    before, classifier = parts(n_iter_=Instance(Global("joblib.numpy_pickle", "NumpyArrayWrapper"), header))
    yield Odd("memo: an array's header changed after its bytes",
              _of(before, classifier, {"verbose": Later(header, {"numpy_array_alignment_bytes": 16})}))  # fmt: skip


def _lists_grown() -> Iterator[Odd]:
    before, classifier = parts("MLPClassifier")
    last = classifier.state["coefs_"].pop()
    yield Odd("memo: a layer appended after BUILD",
              _of(before, classifier, {"verbose": Later(classifier.state["coefs_"], [last])}))  # fmt: skip
    before, classifier = parts("MLPClassifier")
    yield Odd("memo: a layer too many appended after BUILD",
              _of(before, classifier, {"verbose": Later(classifier.state["coefs_"], [weights(9, 9)])}))  # fmt: skip
    before, classifier = parts("MLPClassifier")
    classifier.state["_best_coefs"] = Later(classifier.state["coefs_"], [])
    yield Odd("memo: one list for coefs_ and _best_coefs", of_written(before, classifier))
    before, classifier = parts("MLPClassifier")
    classifier.state["loss_curve_"] = Later(classifier.state["coefs_"], [weights(9, 9)])
    yield Odd("memo: one list for coefs_ and loss_curve_, grown", of_written(before, classifier))
    before, classifier = parts()
    steps: list[Any] = [("binarize", before)]
    yield Odd("memo: the last step appended after its list was used",
              written(pipeline(steps=steps, verbose=Later(steps, [("clf", classifier)]))))  # fmt: skip
    steps = [("binarize", before), ("clf", classifier)]
    yield Odd("memo: a step too many appended",
              written(pipeline(steps=steps, verbose=Later(steps, [("more", classifier)]))))  # fmt: skip
    looped: list[Any] = []
    looped.append(looped)
    yield Odd("memo: a list that holds itself", of_written(*parts(class_weight=looped)))
    loop: dict[str, Any] = {}
    loop["self"] = loop
    yield Odd("memo: a dictionary that holds itself", of_written(*parts(class_weight=loop)))
    before, classifier = parts()
    classifier.state["note"] = classifier.state
    yield Odd("memo: a state that holds itself", of_written(before, classifier))


def _built_again() -> Iterator[Odd]:
    for kind, state in {
        "weights": {"coef_": weights(9, PIXELS) / 2},
        "classes": {"classes_": labels("012345678")},
        "nothing": {},
        "a method": {"predict_proba": None},
        "None": None,
        "a pair": (None, {"coef_": weights(9, PIXELS) / 2}),
        "slots": ({}, {"coef_": weights(9, PIXELS) / 2}),
    }.items():
        before, classifier = parts()
        yield Odd(f"memo: built a second time with {kind}",
                  _of(before, classifier, {"verbose": Rebuilt(classifier, state)}))  # fmt: skip
    before, classifier = parts()
    yield Odd("memo: the Binarizer built a second time",
              _of(before, classifier, {"verbose": Rebuilt(before, {"threshold": 0.25})}))  # fmt: skip
    kind = Call(Global("numpy", "dtype"), ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))
    before, classifier = parts(coef_=Array(weights(9, PIXELS), header={"dtype": kind}))
    yield Odd("memo: a dtype built a second time after use",
              _of(before, classifier, {"verbose": Rebuilt(kind, (3, ">", None, None, None, -1, -1, 0))}))  # fmt: skip
    before, classifier = parts("MLPClassifier")
    yield Odd("memo: the label binarizer built a second time",
              _of(before, classifier, {"verbose": Rebuilt(classifier.state["_label_binarizer"],
                                                          {"classes_": labels("012345678")})}))  # fmt: skip


def _one_for_two() -> Iterator[Odd]:
    both = {**parts()[0].state, **parts()[1].state}
    yield Odd(
        "memo: one state for both steps", of_written(Instance(BINARIZER, both), Instance(LOGISTIC_REGRESSION, both))
    )
    yield Odd("memo: one state, twice written", of_written(Instance(BINARIZER, dict(both)),
                                                           Instance(LOGISTIC_REGRESSION, dict(both))))  # fmt: skip
    before, _ = parts()
    yield Odd("memo: one object for both steps", of_written(before, before))
    before, classifier = parts("MLPClassifier")
    one = Array(labels())
    classifier.state["classes_"] = classifier.state["_label_binarizer"].state["classes_"] = one
    yield Odd("memo: one array wrapper for both classes_", of_written(before, classifier))
    before, classifier = parts("MLPClassifier", hidden=(9, 9))
    square = Array(weights(9, 9))
    classifier.state["coefs_"][1:] = [square, square]
    yield Odd("memo: one array wrapper for two layers", of_written(before, classifier))
    before, classifier = parts("MLPClassifier")
    classifier.state = replaced(classifier.state, {"_label_binarizer": before})
    yield Odd("memo: the Binarizer as label binarizer", of_written(before, classifier))
    before, classifier = parts(random_state=None)
    classifier.state["random_state"] = classifier
    yield Odd("memo: a classifier inside itself", of_written(before, classifier))
    before, classifier = parts()
    before.state["copy"] = np.array([True])
    yield Odd("memo: an array for copy", of_written(before, classifier))


def of_written(before: Instance, classifier: Instance) -> bytes:
    return _of(before, classifier, {})


def _of(before: Instance, classifier: Instance, changes: Mapping[str, Any]) -> bytes:
    return written(pipeline(("binarize", before), ("clf", classifier), **changes))
