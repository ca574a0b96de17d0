"""The messages of an ONNX file: the fields that are read, and those that no accepted file has.

Source: onnx.proto of ONNX 1.17 to 1.20 (IR versions 7 to 12).
"""

from __future__ import annotations

from app.model.onnx.wire import Field, Kind, Message


def _no(name: str, code: str) -> Field:
    return Field(name, "refused", message=code)


def _all(name: str, of: Message) -> Field:
    return Field(name, "message", repeated=True, message=of)


def _one(name: str, of: Message) -> Field:
    return Field(name, "message", message=of)


def _plain(kind: Kind, **numbers: int) -> dict[int, Field]:
    return {number: Field(name, kind) for name, number in numbers.items()}


_ENTRY = Message("StringStringEntryProto", _plain("text", key=1, value=2))

_OPSET = Message("OperatorSetIdProto", _plain("text", domain=1) | _plain("int", version=2))

_DIMENSION = Message("Dimension", _plain("int", dim_value=1) | _plain("text", dim_param=2, denotation=3))
_SHAPE = Message("TensorShapeProto", {1: _all("dim", _DIMENSION)})
_TENSOR_TYPE = Message("TypeProto.Tensor", _plain("int", elem_type=1) | {2: _one("shape", _SHAPE)})
_TYPE = Message(
    "TypeProto",
    _plain("text", denotation=6)
    | {1: _one("tensor_type", _TENSOR_TYPE)}
    | {number: _no(name, "dtype") for name, number in (("sequence_type", 4), ("map_type", 5))}
    | {number: _no(name, "dtype") for name, number in (("sparse_tensor_type", 8), ("optional_type", 9))},
)
_VALUE = Message(
    "ValueInfoProto",
    _plain("text", name=1, doc_string=3) | {2: _one("type", _TYPE), 4: _all("metadata_props", _ENTRY)},
)

_TENSOR = Message(
    "TensorProto",
    _plain("int", data_type=2, data_location=14)
    | _plain("text", name=8, doc_string=12)
    | _plain("bytes", float_data=4, raw_data=9)
    | {
        1: Field("dims", "int", repeated=True),
        3: _no("segment", "dtype"),
        5: Field("int32_data", "int", repeated=True),
        6: _no("string_data", "dtype"),
        7: Field("int64_data", "int", repeated=True),
        10: _no("double_data", "dtype"),
        11: _no("uint64_data", "dtype"),
        13: _no("external_data", "external"),
        16: _all("metadata_props", _ENTRY),
    },
)

_ATTRIBUTE = Message(
    "AttributeProto",
    _plain("text", name=1, doc_string=13)
    | _plain("float", f=2)
    | _plain("int", i=3, type=20)
    | _plain("bytes", s=4)
    | {
        5: _one("t", _TENSOR),
        6: _no("a graph", "subgraph"),
        7: _no("floats", "attribute"),
        8: Field("ints", "int", repeated=True),
        9: _no("strings", "attribute"),
        10: _no("tensors", "attribute"),
        11: _no("graphs", "subgraph"),
        14: _no("a type", "attribute"),
        15: _no("types", "attribute"),
        21: _no("ref_attr_name", "function"),
        22: _no("sparse_tensor", "sparse"),
        23: _no("sparse_tensors", "sparse"),
    },
)
_NODE = Message(
    "NodeProto",
    _plain("text", name=3, op_type=4, doc_string=6, domain=7, overload=8)
    | {
        1: Field("input", "text", repeated=True),
        2: Field("output", "text", repeated=True),
        5: _all("attribute", _ATTRIBUTE),
        9: _all("metadata_props", _ENTRY),
        10: _no("device_configurations", "field"),
    },
)
_GRAPH = Message(
    "GraphProto",
    _plain("text", name=2, doc_string=10)
    | {
        1: _all("node", _NODE),
        5: _all("initializer", _TENSOR),
        11: _all("input", _VALUE),
        12: _all("output", _VALUE),
        13: _all("value_info", _VALUE),
        14: _no("quantization_annotation", "quantization"),
        15: _no("sparse_initializer", "sparse"),
        16: _all("metadata_props", _ENTRY),
    },
)

MODEL = Message(
    "ModelProto",
    _plain("int", ir_version=1, model_version=5)
    | _plain("text", producer_name=2, producer_version=3, domain=4, doc_string=6)
    | {
        7: _one("graph", _GRAPH),
        8: _all("opset_import", _OPSET),
        14: _all("metadata_props", _ENTRY),
        20: _no("training_info", "training"),
        25: _no("functions", "function"),
        26: _no("configuration", "field"),
    },
)
