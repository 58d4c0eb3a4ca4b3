"""Weights stored small in an ONNX model that computes in fp32: half or a quarter of the file, the same speed."""

from pathlib import Path
from typing import Callable, List, Tuple

import numpy as np

MIN_SIZE = 256  # numbers; smaller tensors, biases among them, are not worth it
# Of a weight and its name: what is stored in its place, and the nodes that turn it back.
Stored = Callable[[np.ndarray, str], Tuple[List, List]]


def halve_weights(path: Path) -> None:
    """Store an ONNX model's weights as fp16; engines turn them back when they open the file.

    Args:
        path: The model; it is written anew.

    Raises:
        ValueError: A weight beyond what fp16 can hold.
    """
    from onnx import TensorProto, helper, numpy_helper

    def as_fp16(values: np.ndarray, name: str) -> Tuple[List, List]:
        if not np.isfinite(values.astype(np.float16)).all():
            raise ValueError(f'the weight {name} reaches {np.abs(values).max():.3g}; fp16 ends at 65504')
        half = numpy_helper.from_array(values.astype(np.float16), f'{name}_half')
        return [half], [helper.make_node('Cast', [half.name], [name], f'{name}_cast', to=TensorProto.FLOAT)]

    _store(path, as_fp16)


def quantize_weights(path: Path) -> None:
    """Store an ONNX model's weights as int8 with a scale for each channel; engines turn them back when they open it.

    Args:
        path: The model; it is written anew.
    """
    from onnx import TensorProto, helper, numpy_helper

    def as_int8(values: np.ndarray, name: str) -> Tuple[List, List]:
        scales = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True) / 127
        scales = np.where(scales > 0, scales, 1).astype(np.float32)
        stored = [numpy_helper.from_array(np.round(values / scales).astype(np.int8), f'{name}_int8'),
                  numpy_helper.from_array(scales, f'{name}_scale')]
        # Not DequantizeLinear, which ONNX Runtime keeps and computes at every call.
        return stored, [helper.make_node('Cast', [stored[0].name], [f'{name}_cast'], to=TensorProto.FLOAT),
                        helper.make_node('Mul', [f'{name}_cast', stored[1].name], [name])]

    _store(path, as_int8)


def _store(path: Path, stored: Stored) -> None:
    import onnx
    from onnx import numpy_helper
    model = onnx.load(path)
    graph, nodes = model.graph, []
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < MIN_SIZE:
            continue
        tensors, turning_back = stored(values, tensor.name)
        nodes += turning_back
        graph.initializer.remove(tensor)
        graph.initializer.extend(tensors)
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, path)
