"""Made detectors with known boxes."""

from pathlib import Path
from typing import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def _write(path, outputs: dict, size=(64, 96)) -> Path:
    """A network that gives the same whatever it is shown, though it looks: an input without use may be removed."""
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, [1, 3, *size])
    nodes = [helper.make_node('ReduceMin', ['image'], ['least'], keepdims=0),
             helper.make_node('Mul', ['least', 'zero'], ['nothing'])]
    values, infos = [numpy_helper.from_array(np.float32(0), 'zero')], []
    for name, value in outputs.items():
        values.append(numpy_helper.from_array(value, f'{name}_value'))
        kind = TensorProto.INT64 if value.dtype == np.int64 else TensorProto.FLOAT
        nodes += [helper.make_node('Cast', ['nothing'], [f'{name}_nothing'], to=kind),
                  helper.make_node('Add', [f'{name}_value', f'{name}_nothing'], [name])]
        infos.append(helper.make_tensor_value_info(name, kind, value.shape))
    model = helper.make_model(helper.make_graph(nodes, 'detector', [image], infos, values),
                              opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def grid(tmp_path) -> Path:
    """YOLOX's grid of 96x64 px with a person and, over the person, one that scores less, and a dog."""
    values = np.full((12 * 8 + 6 * 4 + 3 * 2, 85), -9, np.float32)
    values[:, 4:] = 0
    for row, category, score in ((12 * 3 + 5, 0, 0.9), (12 * 3 + 6, 0, 0.5), (12 * 8 + 6 * 2 + 1, 16, 0.8)):
        values[row, :4] = [0.5, 0.5, np.log(4), np.log(3)]
        values[row, 4], values[row, 5 + category] = 1, score
    return _write(tmp_path / 'grid.onnx', dict(output=values[None]))


@pytest.fixture(scope='session')
def write() -> Callable:
    return _write
