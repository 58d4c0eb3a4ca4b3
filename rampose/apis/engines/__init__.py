"""Engines that run exported models, each in a file that is imported when it is asked for."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Optional, Union

from ...core.package import how_to_install
from ...core.protocols import Engine, check_protocol

BACKENDS = ('onnxruntime', 'openvino')


def open_engine(path: Union[str, Path], backend: Union[str, Engine, None]) -> Engine:
    """Open an exported model.

    Args:
        path: ``.onnx``, or ``.xml`` with its ``.bin`` beside it.
        backend: 'onnxruntime', or 'openvino', which reads both; or an engine of the caller's own, which has opened
            the file. Default: None, OpenVINO for ``.xml``; for ``.onnx`` ONNX Runtime, or OpenVINO where that alone is
            installed.

    Raises:
        FileNotFoundError: No such file.
        ImportError: The engine is not installed.
        ValueError: An unknown backend, one that does not take this kind of file, or a file that is no model.
    """
    path = Path(path)
    if backend is not None and not isinstance(backend, str):
        check_protocol(backend, Engine, 'backend')
        return backend
    if backend not in (None, *BACKENDS):
        raise ValueError(f'got backend {backend!r}; exported models run in {" or ".join(BACKENDS)}')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; rampose export writes one')
    if os.path.getsize(path) == 0:
        raise ValueError(f'{path} is no model: it is empty (0 bytes)')
    if path.suffix == '.xml' and backend == 'onnxruntime':
        raise ValueError(f'{path} is a model for openvino; onnxruntime takes an .onnx')
    if backend is None:
        only_openvino = find_spec('onnxruntime') is None and find_spec('openvino') is not None
        backend = 'openvino' if path.suffix == '.xml' or only_openvino else 'onnxruntime'
    try:
        if backend == 'openvino':
            from .openvino_engine import OpenVINOEngine
            return OpenVINOEngine(path)
        from .onnxruntime_engine import OnnxRuntimeEngine
        return OnnxRuntimeEngine(path)
    except ImportError:
        extra = 'onnx' if backend == 'onnxruntime' else backend
        raise ImportError(f'{backend} is not installed: {how_to_install(extra)}') from None
