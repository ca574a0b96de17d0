"""The model in an ONNX file, as the other rooms see it."""

from __future__ import annotations

from dataclasses import replace

from app.model.contract import ONNX, Scale, ink_rule
from app.model.first_layer import FirstLayer, first_layer
from app.model.onnx.bounds import check_bounded, check_buffers
from app.model.onnx.contents import Contents, read_contents
from app.model.onnx.engine import ImageEngine
from app.model.onnx.network import Convolution, Dense, ImageNetwork, Pixels
from app.model.onnx.operators import read_network
from app.model.onnx.refusals import MAX_BYTES, refused, shown
from app.model.scorer import Architecture, Scorer, StatedScale

LABELS = "classes"
"""The key of metadata_props that names the digits, in the order of the scores."""


def read_onnx(data: bytes, scale: StatedScale) -> Scorer:
    """The model in an ONNX file, read as data.

    Raises:
        ArtefactRefused: and nothing else, whatever the bytes; beside what `scale` raises.
    """
    contents, network = read_image_network(data, scale)
    engine = ImageEngine(network)
    architecture = _architecture(network)
    return Scorer(
        format=ONNX,
        kind=_KINDS[architecture],
        architecture=architecture,
        labels=network.classes,
        features=network.features,
        scores=engine.scores,
        logits=engine.logits,
        provenance=contents.producer,
        parameters=network.parameters,
        stated={"opset": contents.opset},
        ink=ink_rule("ink" if network.pixels.is_ink else "byte"),
        weights=network.stages[0].linear.weights if len(network.stages) == 1 else None,
        first_layer=_first_layer(network),
    )


def read_image_network(data: bytes, scale: StatedScale) -> tuple[Contents, ImageNetwork]:
    """The parts of an ONNX file, and its network with the scale of its pixels; its weights are views of the file.

    Raises:
        ArtefactRefused: and nothing else, whatever the bytes; beside what `scale` raises.
    """
    if len(data) > MAX_BYTES:
        raise refused("size", f"{len(data):,} bytes, the limit is {MAX_BYTES:,}")
    contents = read_contents(data)
    network, is_scaled = read_network(contents, lambda count: _labels(contents.metadata.get(LABELS), count))
    if not is_scaled:
        stated = scale()
        if stated is None:
            raise refused("scale", "float32 pixels as input, of a scale that neither the file nor a card states")
        network = replace(network, pixels=_in_scale(network.pixels, stated))
    check_buffers(network)
    check_bounded(network)
    return contents, network


def _in_scale(pixels: Pixels, scale: Scale) -> Pixels:
    by = 255 if scale == "unit" else 1
    return replace(pixels, factor=pixels.factor / by, moved=pixels.moved * by, is_ink=scale == "ink")


def _labels(stated: str | None, count: int) -> tuple[str, ...]:
    """The labels that the file states, or the ten digits."""
    if stated is None and count != 10:
        raise refused("classes", f"{count} scores, and no metadata_props that names their digits")
    labels = tuple("0123456789" if stated is None else stated.split(" ")) if stated is None or stated else ()
    if len(labels) != count:
        raise refused("classes", f"{len(labels)} classes for {count} scores")
    if not 3 <= count <= 10 or not set(labels) <= set("0123456789") or list(labels) != sorted(set(labels)):
        raise refused("classes", f"classes that are no three to ten digits in rising order: {shown(stated or '')}")
    return labels


_KINDS: dict[Architecture, str] = {"linear": "Linear", "network": "Perceptron", "convolutional": "Convolutional"}
"""Names for people."""


def _architecture(network: ImageNetwork) -> Architecture:
    if len(network.stages) == 1:
        return "linear"
    return "network" if all(isinstance(stage.linear, Dense) for stage in network.stages) else "convolutional"


def _first_layer(network: ImageNetwork) -> FirstLayer | None:
    """None for a linear model, and for a convolution over several maps, into which a file has cut the image."""
    if len(network.stages) == 1:
        return None
    first, second = (stage.linear for stage in network.stages[:2])
    units = len(first.bias)
    if isinstance(second, Convolution):
        following = second.weights.swapaxes(0, 1).reshape(units, -1)
    else:  # a unit's map lies together
        following = second.weights.reshape(units, -1)
    if isinstance(first, Dense):
        return first_layer(first.weights.T, following)
    return first_layer(first.weights[:, 0], following) if first.weights.shape[1] == 1 else None
