"""onnxruntime on a graph that computes what the engine computes: uint8 pixels in, class scores out, in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

from app.model.contract import INK_ABOVE
from app.model.sklearn_pickle.artefact import Artefact

OPERATORS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def onnx_scores(artefact: Artefact, *, threads: int | None) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """A function from (N, 28, 28) uint8 images to (N, classes) float32 scores.

    Args:
        threads: of one call; None leaves onnxruntime its default, one for each core.
    """
    options = onnxruntime.SessionOptions()  # all graph optimisations are on by default
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    graph = equivalent_graph(artefact).SerializeToString()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def scores(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return session.run(None, {"pixels": images.reshape(len(images), -1)})[0]

    return scores


def equivalent_graph(artefact: Artefact) -> ModelProto:
    """(N, features) uint8 -> threshold -> layers -> softmax, with the weights as our reader read them."""
    nodes = [
        helper.make_node("Greater", ["pixels", "threshold"], ["ink"]),
        helper.make_node("Cast", ["ink"], ["values_0"], to=TensorProto.FLOAT),
    ]
    constants = [numpy_helper.from_array(np.array(INK_ABOVE, np.uint8), "threshold")]
    for place, layer in enumerate(artefact.layers):
        weights, bias, sums, values = (f"{name}_{place + 1}" for name in ("weights", "bias", "sums", "values"))
        constants.append(numpy_helper.from_array(np.ascontiguousarray(layer.weights, np.float32), weights))
        constants.append(numpy_helper.from_array(np.ascontiguousarray(layer.bias, np.float32), bias))
        nodes.append(helper.make_node("Gemm", [f"values_{place}", weights, bias], [sums]))
        if place == len(artefact.layers) - 1:
            nodes.append(helper.make_node("Softmax", [sums], ["scores"], axis=1))
        else:
            nodes.append(helper.make_node(OPERATORS.get(artefact.activation, "Identity"), [sums], [values]))
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", artefact.features])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", len(artefact.classes)])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    return model
