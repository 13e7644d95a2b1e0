"""Tiny .tflite models made byte by byte, for every kind that the real ones do not cover.

A model is a chain of operations without weights over a picture of 8 x 8 pixels: AVERAGE_POOL_2D, RESHAPE, SOFTMAX.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "string": schema.TensorType.STRING,
}
_ALIGNMENT = 16


@dataclass
class Tensor:
    """One tensor; `scale` 0 for none."""

    shape: Sequence[int]
    dtype: str = "uint8"
    scale: float = 0.0
    zero_point: int = 0
    signature: Sequence[int] | None = None
    data: bytes = b""


@dataclass
class Operation:
    """`inputs` and `outputs` are numbers of tensors."""

    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: object = None
    options_type: int = 0
    custom: str = ""


@dataclass
class Graph:
    """A whole model."""

    tensors: list[Tensor]
    operations: list[Operation]
    inputs: Sequence[int] = (0,)
    outputs: Sequence[int] = (-1,)
    metadata: dict[str, bytes] = field(default_factory=dict)

    def pack(self) -> bytes:
        model = schema.ModelT()
        model.version = 3
        model.description = b"tiny"
        model.buffers = [schema.BufferT()]
        model.operatorCodes = [_code(operation) for operation in self.operations]
        graph = schema.SubGraphT()
        graph.tensors = [self._tensor(model, number, tensor) for number, tensor in enumerate(self.tensors)]
        graph.operators = [_operator(number, operation) for number, operation in enumerate(self.operations)]
        graph.inputs = [n % len(self.tensors) for n in self.inputs]
        graph.outputs = [n % len(self.tensors) for n in self.outputs]
        model.subgraphs = [graph]
        model.metadata = [_metadata(model, name, content) for name, content in self.metadata.items()]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @staticmethod
    def _tensor(model: "schema.ModelT", number: int, tensor: Tensor) -> "schema.TensorT":
        packed = schema.TensorT()
        packed.shape = list(tensor.shape)
        packed.shapeSignature = list(tensor.signature) if tensor.signature else None
        packed.type = _TYPES[tensor.dtype]
        packed.name = f"tensor {number}".encode()
        packed.hasRank = True
        packed.buffer = _buffer(model, tensor.data) if tensor.data else 0
        if tensor.scale:
            packed.quantization = schema.QuantizationParametersT()
            packed.quantization.scale = [tensor.scale]
            packed.quantization.zeroPoint = [tensor.zero_point]
        return packed


def classifier(
    labels: int = 3,
    *,
    dtype: str = "float32",
    scale: float = 0.0,
    zero_point: int = 0,
    softmax: bool = True,
    metadata: dict[str, bytes] | None = None,
) -> bytes:
    """The scores are made of the picture's first pixels, in the order of the file: no pooling, no weights.

    `labels` values of a picture of 1 x labels/3 pixels, so that what goes in is what comes out (of the softmax).
    """
    assert labels % 3 == 0
    picture = Tensor((1, 1, labels // 3, 3), dtype, scale, zero_point)
    flat = Tensor((1, labels), dtype, scale, zero_point)
    operations = [Operation("RESHAPE", (0,), (1,), *reshape_to((1, labels)))]
    tensors = [picture, flat]
    if softmax:
        scores = (1 / 256, -128 if dtype == "int8" else 0) if dtype != "float32" else (0.0, 0)
        tensors.append(Tensor((1, labels), dtype, *scores))
        operations.append(Operation("SOFTMAX", (1,), (2,), *softmax_options()))
    return Graph(tensors, operations, metadata=metadata or {}).pack()


def reshape_to(shape: Sequence[int]) -> tuple[object, int]:
    options = schema.ReshapeOptionsT()
    options.newShape = list(shape)
    return options, schema.BuiltinOptions.ReshapeOptions


def softmax_options() -> tuple[object, int]:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    return options, schema.BuiltinOptions.SoftmaxOptions


def pool_options(size: int) -> tuple[object, int]:
    options = schema.Pool2DOptionsT()
    options.filterHeight = options.filterWidth = options.strideH = options.strideW = size
    options.padding = schema.Padding.VALID
    return options, schema.BuiltinOptions.Pool2DOptions


def with_zip(model: bytes, files: dict[str, bytes]) -> bytes:
    """Append files as TFLite metadata does."""
    target = io.BytesIO(model)
    with zipfile.ZipFile(target, "a") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def normalization(mean: Sequence[float], std: Sequence[float]) -> bytes:
    """ModelMetadata with NormalizationOptions for the one input."""
    builder = flatbuffers.Builder(256)
    vectors = [builder.CreateNumpyVector(np.array(values, np.float32)) for values in (mean, std)]
    options = _table(builder, {0: vectors[0], 1: vectors[1]})
    builder.StartObject(2)
    builder.PrependUint8Slot(0, 1, 0)
    builder.PrependUOffsetTRelativeSlot(1, options, 0)
    unit = builder.EndObject()
    tensor = _table(builder, {4: _vector(builder, unit)})
    subgraph = _table(builder, {2: _vector(builder, tensor)})
    model = _table(builder, {3: _vector(builder, subgraph)})
    builder.Finish(model, b"M001")
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, fields: dict[int, int]) -> int:
    builder.StartObject(max(fields) + 1)
    for number, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    return int(builder.EndObject())


def _vector(builder: flatbuffers.Builder, table: int) -> int:
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def _code(operation: Operation) -> "schema.OperatorCodeT":
    code = schema.OperatorCodeT()
    number = schema.BuiltinOperator.CUSTOM if operation.custom else getattr(schema.BuiltinOperator, operation.name)
    code.builtinCode = number
    code.deprecatedBuiltinCode = min(number, 127)
    code.customCode = operation.custom.encode() or None
    code.version = 1
    return code


def _operator(number: int, operation: Operation) -> "schema.OperatorT":
    packed = schema.OperatorT()
    packed.opcodeIndex = number
    packed.inputs = list(operation.inputs)
    packed.outputs = list(operation.outputs)
    packed.builtinOptions = operation.options
    packed.builtinOptionsType = operation.options_type
    return packed


def _metadata(model: "schema.ModelT", name: str, content: bytes) -> "schema.MetadataT":
    packed = schema.MetadataT()
    packed.name = name.encode()
    packed.buffer = _buffer(model, content)
    return packed


def _buffer(model: "schema.ModelT", content: bytes) -> int:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    model.buffers.append(buffer)
    return len(model.buffers) - 1
