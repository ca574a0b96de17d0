"""The format of scikit-learn's artefacts, and the model in one as the other rooms see it."""

from __future__ import annotations

from app.model.contract import GREY, THE_INPUT, USUAL_FORMAT
from app.model.engine import Engine
from app.model.first_layer import first_layer
from app.model.scorer import Format, Scorer, StatedScale
from app.model.sklearn_pickle.artefact import MAX_BYTES, TEXT_LABELS, Artefact, is_pickle, read_artefact
from app.model.sklearn_pickle.refusals import EXPECTED


def as_scorer(artefact: Artefact) -> Scorer:
    """The model in an artefact, ready to score.

    Raises:
        ArtefactRefused: it gives no scores.
    """
    layers, engine = artefact.layers, Engine(artefact)
    return Scorer(
        format=USUAL_FORMAT,
        kind=artefact.kind,
        architecture="linear" if len(layers) == 1 else "network",
        labels=artefact.labels,
        features=artefact.features,
        scores=engine.scores,
        logits=engine.logits,
        provenance=f"scikit-learn {artefact.sklearn}",
        parameters=sum(layer.weights.size + layer.bias.size for layer in layers),
        stated={"sklearn": artefact.sklearn, "steps": dict(artefact.steps)},
        ink=GREY if artefact.is_grey else THE_INPUT.ink,
        threshold=artefact.threshold,
        weights=layers[0].weights if len(layers) == 1 else None,
        first_layer=first_layer(layers[0].weights.T, layers[1].weights) if len(layers) > 1 else None,
        relabel=TEXT_LABELS if artefact.integer_labels else None,
    )


def _read(data: bytes, scale: StatedScale) -> Scorer:
    return as_scorer(read_artefact(data, scale))


SKLEARN_PICKLE = Format(USUAL_FORMAT, ".pkl", is_pickle, _read, MAX_BYTES, EXPECTED)
