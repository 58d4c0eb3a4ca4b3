"""OpenVINO on a CPU."""

import threading
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar

import numpy as np

from ...core.model_info import METADATA_KEY, first_line

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


class OpenVINOEngine:
    """OpenVINO on a CPU.

    Args:
        path: ``.xml`` with its ``.bin`` beside it, or ``.onnx``.

    Attributes:
        metadata: What the file says of itself, or None.
        input_shape: Of its first input, None for what the file leaves open.
        output_shapes: Likewise, of its outputs.
    """

    def __init__(self, path: Path) -> None:
        import openvino
        if path.suffix == '.xml' and not path.with_suffix('.bin').is_file():
            raise FileNotFoundError(f'{path.with_suffix(".bin")} is missing: the weights of {path.name}, which belong '
                                    'beside it')
        self._openvino, self._core = openvino, openvino.Core()
        self.version = f'openvino {openvino.__version__}'
        # Now, and not when it is first used in another thread.
        capabilities = in_own_thread(lambda: self._core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES'))
        self._has_bf16 = 'BF16' in capabilities
        try:
            self._model = self._core.read_model(str(path))
        except RuntimeError as error:
            raise ValueError(f'{path} is no model that OpenVINO can read: {first_line(error)}') from None
        self.input_shape = _sides(self._model.inputs[0])
        self.output_shapes = [_sides(output) for output in self._model.outputs]
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
        precision = 'bf16' if wants_bf16 and self._has_bf16 else 'f32'
        self._settings: Dict[str, Any] = dict(INFERENCE_PRECISION_HINT=precision)
        if num_threads:
            self._settings['INFERENCE_NUM_THREADS'] = num_threads
        # A crop at a time: known shapes take 8 % less, and a CPU gains nothing from a batch that streams do not give.
        shape = list(self._model.inputs[0].partial_shape)[1:]
        self._model.reshape([1, *(dimension.get_length() for dimension in shape)])
        self._lock = threading.Lock()
        self._single: Any = None
        self._many: Any = None

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

        def keep(request: Any, number: int) -> None:
            found[number] = _outputs(request)

        self._many.set_callback(keep)
        try:
            for number in range(len(inputs)):
                self._many.start_async([np.ascontiguousarray(inputs[number:number + 1])], number)
        finally:
            self._many.wait_all()
        return found


def _sides(port: Any) -> Tuple[Optional[int], ...]:
    shape = port.partial_shape
    return tuple(side.get_length() if side.is_static else None for side in shape) if shape.rank.is_static else ()


def _outputs(request: Any) -> List[np.ndarray]:
    return [tensor.data.copy() for tensor in request.output_tensors]
