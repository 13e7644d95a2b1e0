"""int8 and float32 models with real weights, made from one that takes and gives uint8."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


def inner_int8(content: bytes) -> bytes:
    """Cut off the QUANTIZE at both ends of a model whose inner tensors are int8: int8 in, int8 out."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    first, last = graph.operators[0], graph.operators[-1]
    for operator in (first, last):
        assert _name(model, operator) == "QUANTIZE"
    graph.inputs, graph.outputs = first.outputs, last.inputs
    graph.operators = graph.operators[1:-1]
    assert {graph.tensors[int(n)].type for n in (*graph.inputs, *graph.outputs)} == {schema.TensorType.INT8}
    return _packed(model)


def with_float_ends(content: bytes) -> bytes:
    """Put a QUANTIZE in front and a DEQUANTIZE behind: float32 in, float32 out."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    source, target = int(graph.inputs[0]), int(graph.outputs[0])
    float_source, float_target = _float_twin(graph, source), _float_twin(graph, target)
    graph.operators.insert(0, _operator(model, "QUANTIZE", float_source, source))
    graph.operators.append(_operator(model, "DEQUANTIZE", target, float_target))
    graph.inputs, graph.outputs = [float_source], [float_target]
    return _packed(model)


def _float_twin(graph: "schema.SubGraphT", number: int) -> int:
    twin = schema.TensorT()
    twin.shape = graph.tensors[number].shape
    twin.type = schema.TensorType.FLOAT32
    twin.name = b"float"
    twin.buffer = 0
    twin.hasRank = True
    graph.tensors.append(twin)
    return len(graph.tensors) - 1


def _operator(model: "schema.ModelT", name: str, source: int, target: int) -> "schema.OperatorT":
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
    code.version = 1
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [source], [target]
    return operator


def _name(model: "schema.ModelT", operator: "schema.OperatorT") -> str:
    code = model.operatorCodes[operator.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return next(name for name, value in vars(schema.BuiltinOperator).items() if value == number)


def _packed(model: "schema.ModelT") -> bytes:
    model.signatureDefs = None  # they name the old ends
    builder = flatbuffers.Builder(8_000_000)
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data = np.asarray(buffer.data, np.uint8)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
