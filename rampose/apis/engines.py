"""ONNX Runtime and OpenVINO behind one call: arrays in, arrays out."""

import os
import re
import threading
import warnings
from pathlib import Path
from typing import Callable, List, Optional, TypeVar, Union

import numpy as np

from ..core.model_info import METADATA_KEY

BACKENDS = ('onnxruntime', 'openvino')
T = TypeVar('T')


def in_own_thread(call: Callable[[], T]) -> T:
    """Call something that loads OpenVINO's CPU plugin, in a thread that ends with it; its result or its error.

    The plugin gives the thread that loads it a stack of its own for signals, and unmaps that when it goes. Where
    several came and went, the thread is left with a stack that is gone, and the next signal that Python handles, Ctrl-C
    or the end of a data loader's worker, ends the process (seen with openvino 2026.4).
    """
    results: List[T] = []
    errors: List[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)  # Ctrl-C need not wait for it
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


class OnnxRuntimeEngine:
    """ONNX Runtime.

    Args:
        path: ``.onnx``.

    Attributes:
        metadata: What the file says of itself, or None.
    """

    def __init__(self, path: Path) -> None:
        import onnxruntime
        self._runtime = onnxruntime
        self._path = path
        self._session = self._open(None, ['CPUExecutionProvider'])
        self.metadata: Optional[str] = self._session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)

    def _open(self, num_threads: Optional[int], providers: List[str]):
        options = self._runtime.SessionOptions()
        options.intra_op_num_threads = num_threads or 0  # 0: all cores
        options.log_severity_level = 3  # errors
        try:
            return self._runtime.InferenceSession(str(self._path), options, providers=providers)
        except Exception as error:  # its errors have no base of their own
            raise ValueError(f'{self._path} is no model that ONNX Runtime can read: {_first_line(error)}') from None

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


class OpenVINOEngine:
    """OpenVINO on a CPU.

    Args:
        path: ``.xml`` with its ``.bin`` beside it, or ``.onnx``.

    Attributes:
        metadata: What the file says of itself, or None.
    """

    def __init__(self, path: Path) -> None:
        import openvino
        if path.suffix == '.xml' and not path.with_suffix('.bin').is_file():
            raise FileNotFoundError(f'{path.with_suffix(".bin")} is missing: the weights of {path.name}, which belong '
                                    'beside it')
        self._openvino, self._core = openvino, openvino.Core()
        # Now, and not when it is first used in another thread.
        capabilities = in_own_thread(lambda: self._core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'))
        self._has_bf16 = 'BF16' in capabilities
        try:
            self._model = self._core.read_model(str(path))
        except RuntimeError as error:
            raise ValueError(f'{path} is no model that OpenVINO can read: {_first_line(error)}') from None
        where = ['framework', METADATA_KEY] if path.suffix == '.onnx' else [METADATA_KEY, 'metadata']
        self.metadata: Optional[str] = None
        if self._model.has_rt_info(where):
            self.metadata = str(self._model.get_rt_info(where).value)

    def start(self, precision: str, device: Optional[str], dtype: Optional[str], num_threads: Optional[int]) -> None:
        """Get ready to run.

        Raises:
            ValueError: Something that it cannot do.
        """
        if device not in (None, 'cpu'):
            raise ValueError(f'got device {device!r}; OpenVINO is used on cpu')
        if dtype not in (None, 'float32', 'bfloat16'):
            raise ValueError(f'got dtype {dtype!r}; OpenVINO computes in float32 or bfloat16')
        wants_bf16 = dtype == 'bfloat16' or (dtype is None and precision in ('bf16', 'int8'))
        if not self._has_bf16 and (dtype == 'bfloat16' or (wants_bf16 and precision == 'bf16')):
            warnings.warn('this CPU has no bfloat16: the model runs in float32, more exactly and more slowly',
                          stacklevel=4)
        self._settings = dict(INFERENCE_PRECISION_HINT='bf16' if wants_bf16 and self._has_bf16 else 'f32')
        if num_threads:
            self._settings['INFERENCE_NUM_THREADS'] = num_threads
        # A crop at a time: known shapes take 8 % less, and a CPU gains nothing from a batch that streams do not give.
        shape = list(self._model.inputs[0].partial_shape)[1:]
        self._model.reshape([1, *(dimension.get_length() for dimension in shape)])
        self._lock = threading.Lock()
        self._single = self._many = None

    def _compile(self, hint: str):
        return self._core.compile_model(self._model, 'CPU', dict(self._settings, PERFORMANCE_HINT=hint))

    def __call__(self, inputs: np.ndarray) -> List[np.ndarray]:
        with self._lock:  # a request is one's who made it
            found = self._run_one(inputs) if len(inputs) == 1 else self._run_many(inputs)
        return [np.concatenate(output) for output in zip(*found)]

    def _run_one(self, inputs: np.ndarray) -> List[List[np.ndarray]]:
        """All cores on one crop."""
        if self._single is None:
            self._single = self._compile('LATENCY').create_infer_request()
        self._single.infer([np.ascontiguousarray(inputs)])
        return [_outputs(self._single)]

    def _run_many(self, inputs: np.ndarray) -> List[List[np.ndarray]]:
        """As many crops at once as there are streams, a core or a few on each."""
        if self._many is None:
            self._many = self._openvino.AsyncInferQueue(self._compile('THROUGHPUT'))
        found: List[List[np.ndarray]] = [[]] * len(inputs)

        def keep(request: object, number: int) -> None:
            found[number] = _outputs(request)

        self._many.set_callback(keep)
        try:
            for number in range(len(inputs)):
                self._many.start_async([np.ascontiguousarray(inputs[number:number + 1])], number)
        finally:
            self._many.wait_all()
        return found


def _outputs(request: object) -> List[np.ndarray]:
    return [tensor.data.copy() for tensor in request.output_tensors]


def open_engine(path: Union[str, Path], backend: Optional[str]) -> Union[OnnxRuntimeEngine, OpenVINOEngine]:
    """Open an exported model.

    Args:
        path: ``.onnx``, or ``.xml`` with its ``.bin`` beside it.
        backend: 'onnxruntime' or 'openvino', which reads both. Default: None, by the file.

    Raises:
        FileNotFoundError: No such file.
        ImportError: The engine is not installed.
        ValueError: An unknown backend, one that does not take this kind of file, or a file that is no model.
    """
    path = Path(path)
    if backend not in (None, *BACKENDS):
        raise ValueError(f'got backend {backend!r}; exported models run in {" or ".join(BACKENDS)}')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; python tools/export.py writes one')
    if os.path.getsize(path) == 0:
        raise ValueError(f'{path} is no model: it is empty (0 bytes)')
    if path.suffix == '.xml' and backend == 'onnxruntime':
        raise ValueError(f'{path} is a model for openvino; onnxruntime takes an .onnx')
    backend = backend or ('openvino' if path.suffix == '.xml' else 'onnxruntime')
    try:
        return OpenVINOEngine(path) if backend == 'openvino' else OnnxRuntimeEngine(path)
    except ImportError:
        extra = 'onnx' if backend == 'onnxruntime' else backend
        raise ImportError(f'{backend} is not installed: pip install "rampose[{extra}]", or pip install '
                          f'{backend}') from None


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and 'Exception from' not in line]
    return lines[0] if lines else type(error).__name__
