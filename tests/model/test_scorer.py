"""A scorer: what of its file a pipeline of scikit-learn's is known by."""

from __future__ import annotations

import numpy as np
import pytest

from app.model.engine import Engine
from app.model.formats import read_model
from app.model.scorer import are_scores
from app.model.sklearn_pickle.artefact import TEXT_LABELS, read_artefact
from tests.attacks.assemble import Array
from tests.attacks.honest import FEATURES, NINE, honest_pipeline, weights


def test_a_linear_model_is_known_by_what_its_file_says():
    scorer = read_model(honest_pipeline())
    assert (scorer.format, scorer.kind) == ("sklearn-pickle", "LogisticRegression")
    assert (scorer.labels, scorer.classes, scorer.relabel) == (tuple(NINE), tuple(NINE), None)
    assert (scorer.features, scorer.threshold, scorer.parameters) == (FEATURES, 0.5, 9 * FEATURES + 9)
    assert scorer.stated == {"sklearn": "1.9.1", "steps": {"binarize": "Binarizer", "clf": "LogisticRegression"}}
    assert scorer.provenance == "scikit-learn 1.9.1"
    np.testing.assert_array_equal(scorer.weights, weights(9, FEATURES).T)


def test_a_network_has_no_weights_to_show():
    scorer = read_model(honest_pipeline("MLPClassifier", hidden=(7, 5)))
    assert scorer.weights is None
    assert scorer.parameters == 7 * FEATURES + 7 + 5 * 7 + 5 + 9 * 5 + 9


def test_integer_labels_stay_integers_and_say_how_they_become_text():
    scorer = read_model(honest_pipeline(classes_=Array(np.arange(1, 10))))
    assert (scorer.labels, scorer.classes) == (tuple(range(1, 10)), tuple(NINE))
    assert scorer.relabel == TEXT_LABELS


@pytest.mark.parametrize("kind", ["LogisticRegression", "MLPClassifier"])
def test_its_scores_are_the_engine_s(kind: str):
    data = honest_pipeline(kind)
    images = np.random.default_rng(1).integers(0, 256, (5, FEATURES), np.uint8)
    scores = read_model(data).scores(images)
    assert are_scores(scores)
    np.testing.assert_array_equal(scores, Engine(read_artefact(data)).scores(images))
