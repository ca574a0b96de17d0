"""A format of its own, in one file: a linear model in JSON, {"toy": digits, "weights": rows, "bias": numbers}."""

from __future__ import annotations

import json

import msgspec
import numpy as np

from app.errors import only_refusals
from app.model.contract import Label
from app.model.engine import Engine, Layer
from app.model.refusals import ArtefactRefused
from app.model.scorer import Format, Scorer, StatedScale

NAME, SUPPORTED = "toy-json", "a linear model in JSON"


LARGEST = 1e30
"""Weights beyond it have no place in float32."""


class Linear(msgspec.Struct, forbid_unknown_fields=True):
    toy: list[Label]
    weights: list[list[float]]
    bias: list[float]

    activation, is_grey = "identity", False

    @property
    def classes(self) -> list[str]:
        return self.toy

    @property
    def features(self) -> int:
        return len(self.weights)

    @property
    def layers(self) -> list[Layer]:
        return [Layer(np.array(self.weights), np.array(self.bias))]


def fits(data: bytes) -> bool:
    return data.startswith(b'{"toy":')


def read(data: bytes, scale: StatedScale) -> Scorer:
    with only_refusals(lambda said: refused("json", said)):
        linear = msgspec.json.decode(data, type=Linear)
    check(linear)
    (layer,), engine = linear.layers, Engine(linear)
    return Scorer(
        format=NAME,
        kind="Linear",
        architecture="linear",
        labels=tuple(linear.toy),
        features=linear.features,
        scores=engine.scores,
        logits=engine.logits,
        provenance="a toy",
        parameters=layer.weights.size + layer.bias.size,
        stated={},
        weights=layer.weights,
    )


def check(linear: Linear) -> None:
    """Refuses what decodes but is no model, before numpy sees it: each rule with its own code."""
    classes = len(linear.bias)
    if not linear.weights or any(len(row) != classes for row in linear.weights):
        raise refused("shape", "rows of weights that are not as long as the bias, or none")
    if len(linear.toy) != classes or len(set(linear.toy)) != classes or classes < 2:
        raise refused("labels", f"{len(linear.toy)} labels for {classes} columns, or one of them twice")
    if not all(abs(value) <= LARGEST for row in (*linear.weights, linear.bias) for value in row):
        raise refused("weights", f"weights beyond {LARGEST:g}")


def refused(code: str, why: str) -> ArtefactRefused:
    return ArtefactRefused(code, why, expected=SUPPORTED, remedy="Write it anew, with one column for each digit.")


TOY = Format(NAME, ".json", fits, read, 1 << 20, SUPPORTED)


def toy_bytes(layer: Layer, digits: str = "123456789") -> bytes:
    content = {"toy": list(digits), "weights": layer.weights.tolist(), "bias": layer.bias.tolist()}
    return json.dumps(content).encode()
