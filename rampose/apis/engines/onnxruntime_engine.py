"""ONNX Runtime."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, List, Optional, Tuple

import numpy as np

from ...core.machine import usable_cores
from ...core.model_info import METADATA_KEY, first_line


class OnnxRuntimeEngine:
    """ONNX Runtime.

    Args:
        path: ``.onnx``.

    Attributes:
        metadata: What the file says of itself, or None.
        input_shape: Of its first input, None for what the file leaves open.
        output_shapes: Likewise, of its outputs.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime
        self._runtime = onnxruntime
        self.version = f'onnxruntime {onnxruntime.__version__}'
        self._path, self._as_opened = path, _version(path)
        session = self._open(['CPUExecutionProvider'], 1, optimized=False)  # to be asked, not to be run
        first_input = session.get_inputs()[0]
        self.input_shape = tuple(side if isinstance(side, int) else None for side in first_input.shape)
        self.metadata: Optional[str] = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        self.output_shapes = [tuple(side if isinstance(side, int) else None for side in output.shape)
                              for output in session.get_outputs()]
        self._input = first_input.name

    def _open(self, providers: List[Any], num_threads: Optional[int], optimized: bool = True) -> Any:
        if _version(self._path) != self._as_opened:  # sessions are opened when they are needed, all of the same file
            raise ValueError(f'{self._path} was changed or removed after it was opened; open it again')
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = num_threads or 0  # 0: all cores
        options.log_severity_level = 3  # errors
        if not optimized:
            options.graph_optimization_level = self._runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
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
        self._num_threads = num_threads
        self._lock = threading.Lock()
        self._whole: Any = None
        self._single: Any = None
        self._on_gpu = (device is None and gpu) or (device or '').startswith('cuda')
        if self._on_gpu:
            number = int(device.split(':')[1]) if device and ':' in device else 0
            self._whole = self._open([('CUDAExecutionProvider', {'device_id': number})], num_threads)
            if 'CUDAExecutionProvider' not in self._whole.get_providers():  # it falls back without a word
                raise ValueError(f'got device {device!r}; ONNX Runtime cannot use it: are its CUDA libraries there?')

    def __call__(self, inputs: np.ndarray) -> List[np.ndarray]:
        if len(inputs) == 1 or (self._on_gpu and self.input_shape[0] != 1):
            return self._run_whole(inputs)
        return self._run_many(inputs)

    def _run_whole(self, inputs: np.ndarray) -> List[np.ndarray]:
        """All cores, or the GPU, on all inputs at once."""
        with self._lock:  # a session takes memory; one that is not needed is not made
            if self._whole is None:
                self._whole = self._open(['CPUExecutionProvider'], self._num_threads)
        return self._run(self._whole, inputs)

    def _run_many(self, inputs: np.ndarray) -> List[np.ndarray]:
        """A core for each input: they need not wait for each other after each layer, as threads of one run do."""
        parts = np.split(inputs, len(inputs))
        if self._on_gpu:
            found = [self._run(self._whole, part) for part in parts]
        else:
            with self._lock:
                if self._single is None:
                    self._single = self._open(['CPUExecutionProvider'], 1)
                    self._threads = ThreadPoolExecutor(self._num_threads or usable_cores(), 'ONNX Runtime')
            found = list(self._threads.map(partial(self._run, self._single), parts))
        return [np.concatenate(output) for output in zip(*found)]

    def _run(self, session: Any, inputs: np.ndarray) -> List[np.ndarray]:
        return session.run(None, {self._input: np.ascontiguousarray(inputs)})


def _version(path: Path) -> Optional[Tuple[int, int]]:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
