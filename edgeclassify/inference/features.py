"""What a model knows of a picture just before it names it: its last features.

A classifier ends with a pooling, which leaves one number for each feature, and a layer that weighs them. The file is
made to end at the pooling by changing two numbers in it: which tensor its graph gives out, and how many operations it
has. The weights behind stay in the file unused, and inference is what it was, less the last layer.

A model that is compiled for the Edge TPU is one operation, which cannot be cut: there only a model that ends with its
features already, an embedding extractor, can give them.
"""

from __future__ import annotations

import struct
from pathlib import Path

from edgeclassify.errors import ModelError
from edgeclassify.inference import runtime
from edgeclassify.inference.flatbuffer import FlatbufferError, Table

# Model, SubGraph
_SUBGRAPHS, _OUTPUTS, _OPERATORS = 2, 2, 3
_POOLING = ("AVERAGE_POOL_2D", "MEAN", "MAX_POOL_2D", "L2_NORMALIZATION")
# What may stand between the features and the scores.
_HEAD = ("FULLY_CONNECTED", "CONV_2D", "RESHAPE", "SQUEEZE", "SOFTMAX", "LOGISTIC", "QUANTIZE", "DEQUANTIZE")


def ending_at_features(content: bytes, path: Path) -> bytes:
    """Return the model so that it gives its last features; unchanged when it does already.

    Raises:
        ModelError: its graph has no such place.
    """
    graph = runtime.read_graph(content, path)
    with runtime.native_errors(path.name):
        operations = runtime.operations(graph)
        tensor = int(graph.get_output_details()[0]["index"])
    last = _pooling(operations, tensor)
    if last is None:
        raise ModelError(
            f"{path.name}: has no features to learn with: before its scores there must be a pooling and one layer with "
            "weights; use another model, such as mobilenet_v1_1.0_224_quant_embedding_extractor"
        )
    if last == len(operations) - 1:
        return content
    try:
        return _cut(content, last, operations[last].outputs[0], len(operations))
    except FlatbufferError as error:
        raise runtime.unusable(path.name, error) from error


def _pooling(operations: list[runtime.Operation], tensor: int) -> int | None:
    """Return the number of the pooling that a tensor was made from, with at most one layer of weights between."""
    producer = {output: number for number, operation in enumerate(operations) for output in operation.outputs}
    weighted = 0
    while (number := producer.get(tensor)) is not None and weighted <= 1:
        operation = operations[number]
        if operation.name in _POOLING:
            return number
        if operation.name not in _HEAD or not operation.inputs:
            return None
        weighted += operation.name in ("FULLY_CONNECTED", "CONV_2D")
        tensor = operation.inputs[0]
    return None


def _cut(content: bytes, last: int, tensor: int, operations: int) -> bytes:
    graphs = list(Table.root(content).tables(_SUBGRAPHS))
    if len(graphs) != 1:
        raise FlatbufferError(f"there are {len(graphs)} graphs in it")
    outputs, count = graphs[0].vector(_OUTPUTS, 4)
    operators, length = graphs[0].vector(_OPERATORS, 4)
    if count != 1 or length != operations:
        raise FlatbufferError(f"{count} outputs and {length} operations in its graph are not what the runtime found")
    changed = bytearray(content)
    struct.pack_into("<i", changed, outputs, tensor)
    struct.pack_into("<I", changed, operators - 4, last + 1)
    return bytes(changed)
