"""A small convolutional network: its layers, and its ONNX file as PyTorch exports it.

uint8 (N, 28, 28) -> / 255 -> 4 x (convolution, batch norm, ReLU) -> a score for each class -> softmax
"""

from __future__ import annotations

import copy
import io
import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

CHANNELS = (24, 32, 64, 64)
SIDE = 28
FLAT = 3 * 3 * CHANNELS[-1]
OPSET, IR_VERSION = 13, 8
"""The oldest that are enough: more programs read them."""


class Network(nn.Module):
    """(N, 28, 28) uint8, 0 paper to 255 ink -> (N, 10) shares of 1; about 69,000 numbers are learnt."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        one, two, three, four = CHANNELS
        self.features = nn.Sequential(
            *_convolution(1, one, 5, stride=2, padding=0),
            *_convolution(one, two, 3),
            nn.MaxPool2d(2),
            *_convolution(two, three, 3),
            nn.MaxPool2d(2),
            *_convolution(three, four, 3),
            nn.Flatten(),
        )
        self.last = nn.Linear(FLAT, classes)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 10): before the softmax."""
        grey = images.to(torch.float32) * (1 / 255)
        return self.last(self.features(grey.reshape(-1, 1, SIDE, SIDE)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.logits(images), dim=1)


def _convolution(taken: int, given: int, side: int, *, stride: int = 1, padding: int = 1) -> list[nn.Module]:
    # The batch norm adds the bias.
    convolution = nn.Conv2d(taken, given, side, stride=stride, padding=padding, bias=False)
    return [convolution, nn.BatchNorm2d(given), nn.ReLU()]


def count_of_parameters(network: nn.Module) -> int:
    """The numbers that are learnt."""
    return sum(part.numel() for part in network.parameters())


def ready(network: Network, temperature: float) -> Network:
    """The network for a release: batch norms within the convolutions, logits over the temperature."""
    done = copy.deepcopy(network).eval()
    layers: list[nn.Module] = []
    for layer in done.features:
        if isinstance(layer, nn.BatchNorm2d):
            layers[-1] = _folded(layers[-1], layer)
        else:
            layers.append(layer)
    done.features = nn.Sequential(*layers)
    with torch.no_grad():
        done.last.weight /= temperature
        done.last.bias /= temperature
    return done.requires_grad_(False)


def _folded(convolution: nn.Module, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """One convolution that gives what these two give; computed in 64 bits.

    gamma (w x - mean) / sqrt(variance + eps) + beta
    """
    assert isinstance(convolution, nn.Conv2d)
    folded = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        convolution.kernel_size,
        stride=convolution.stride,
        padding=convolution.padding,
    )
    with torch.no_grad():
        scale = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        folded.weight.copy_(convolution.weight.double() * scale[:, None, None, None])
        folded.bias.copy_(norm.bias.double() - norm.running_mean.double() * scale)
    return folded.eval()


def to_onnx(network: Network, classes: tuple[str, ...]) -> bytes:
    """The ONNX file of a network that is `ready`: one straight line of nodes, each initializer used once."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # PyTorch's newer exporter needs onnxscript, and writes other nodes with each release of it.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (torch.zeros(1, SIDE, SIDE, dtype=torch.uint8),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["scores"],
            dynamic_axes={"images": {0: "N"}, "scores": {0: "N"}},
        )
    model = onnx.load_from_string(file.getvalue())
    constants_to_initializers(model.graph)
    model.ir_version = IR_VERSION
    for key, value in (("classes", " ".join(classes)), ("torch", torch.__version__)):
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Nodes that state a constant become initializers, in raw bytes: what is left computes."""
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        value = numpy_helper.to_array(node.attribute[0].t)
        graph.initializer.append(numpy_helper.from_array(np.array(value), node.output[0]))
        graph.node.remove(node)
