"""ONNX Runtime."""

import re
from pathlib import Path
from typing import Any, List, Optional

import numpy as np

from ...core.model_info import METADATA_KEY, first_line


class OnnxRuntimeEngine:
    """ONNX Runtime.

    Args:
        path: ``.onnx``.

    Attributes:
        metadata: What the file says of itself, or None.
        input_shape: Of its first input, None for what the file leaves open.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime
        self._runtime = onnxruntime
        self.version = f'onnxruntime {onnxruntime.__version__}'
        self._path = path
        self._session = self._open(None, ['CPUExecutionProvider'])
        self.input_shape = tuple(side if isinstance(side, int) else None
                                 for side in self._session.get_inputs()[0].shape)
        self.metadata: Optional[str] = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)

    def _open(self, num_threads: Optional[int], providers: List[Any]) -> Any:
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = num_threads or 0  # 0: all cores
        options.log_severity_level = 3  # errors
        try:
            return self._runtime.InferenceSession(str(self._path), options, providers=providers)
        except Exception as error:  # its errors have no base of their own
            raise ValueError(f'{self._path} is no model that ONNX Runtime can read: {first_line(error)}') from None

    def start(self, precision: str, device: Optional[str], dtype: Optional[str], num_threads: Optional[int]) -> None:
        """Get ready to run.

        Raises:
            ValueError: Something that it cannot do.
        """
        if dtype not in (None, 'float32'):
            raise ValueError(f'got dtype {dtype!r}; ONNX Runtime computes as the model was exported, here in '
                             f'{precision}')
        gpu = 'CUDAExecutionProvider' in self._runtime.get_available_providers()
        if device not in (None, 'cpu') and not re.fullmatch(r'cuda(:\d+)?', device):
            raise ValueError(f'got device {device!r}; ONNX Runtime is used on cpu or cuda')
        if device is not None and device.startswith('cuda') and not gpu:
            raise ValueError(f'got device {device!r}; this ONNX Runtime has no CUDA: pip install onnxruntime-gpu')
        if (device is None and gpu) or (device or '').startswith('cuda'):
            number = int(device.split(':')[1]) if device and ':' in device else 0
            self._session = self._open(num_threads, [('CUDAExecutionProvider', {'device_id': number})])
            if 'CUDAExecutionProvider' not in self._session.get_providers():  # it falls back without a word
                raise ValueError(f'got device {device!r}; ONNX Runtime cannot use it: are its CUDA libraries there?')
        elif num_threads:
            self._session = self._open(num_threads, ['CPUExecutionProvider'])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, inputs: np.ndarray) -> List[np.ndarray]:
        return self._session.run(None, {self._input: np.ascontiguousarray(inputs)})
