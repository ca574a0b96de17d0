"""A format of its own, in one file: a linear model in JSON, {"toy": digits, "weights": rows, "bias": numbers}."""

from __future__ import annotations

import json

import msgspec
import numpy as np

from app.model.contract import Label
from app.model.engine import Engine, Layer
from app.model.refusals import ArtefactRefused
from app.model.scorer import Format, Scorer, StatedScale

NAME, SUPPORTED = "toy-json", "a linear model in JSON"


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
    try:
        linear = msgspec.json.decode(data, type=Linear)
    except msgspec.MsgspecError as error:
        raise ArtefactRefused("json", str(error), expected=SUPPORTED, remedy="Write it anew.") from None
    (layer,) = linear.layers
    return Scorer(
        format=NAME,
        kind="Linear",
        labels=tuple(linear.toy),
        features=linear.features,
        scores=Engine(linear).scores,
        provenance="a toy",
        parameters=layer.weights.size + layer.bias.size,
        stated={},
        weights=layer.weights,
    )


TOY = Format(NAME, ".json", fits, read, 1 << 20, SUPPORTED)


def toy_bytes(layer: Layer, digits: str = "123456789") -> bytes:
    content = {"toy": list(digits), "weights": layer.weights.tolist(), "bias": layer.bias.tolist()}
    return json.dumps(content).encode()
