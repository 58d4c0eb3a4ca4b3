"""From what a caller names to a pose model and a detector; each kind is imported when it is asked for."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Tuple, Union, cast

from ..checkpoints.detector_zoo import is_name
from ..checkpoints.zoo import config_of, fetch, find_weights
from ..core.protocols import Detector, Engine, PoseModel, check_protocol
from .detectors import of_library, open_named_detector
from .engines import BACKENDS as ENGINES
from .exported_model import EXPORTED_SUFFIXES, ExportedPoseModel

if TYPE_CHECKING:
    from mmengine import Config

BACKENDS = ('torch', *ENGINES)
_NEEDS_MMPOSE = ('{what} needs PyTorch and OpenMMLab\'s packages ({error}): rampose check-env says how to install '
                 'them; or run what rampose export makes of a model')


def open_pose_model(config: Union[str, Path, 'Config', PoseModel],
                    checkpoint: Union[str, Path, None] = None,
                    backend: Union[str, Engine, None] = None,
                    device: Optional[str] = None,
                    dtype: Optional[str] = None,
                    flip_test: Optional[bool] = None,
                    compile: bool = False,
                    num_threads: Optional[int] = None) -> PoseModel:
    """Open a model; arguments and errors as of :class:`rampose.apis.TopdownPredictor`."""
    if num_threads is not None and (not isinstance(num_threads, int) or num_threads < 1):
        raise ValueError(f'got num_threads {num_threads!r}; needed is a whole number, at least 1')
    if isinstance(backend, str) and backend not in BACKENDS:
        raise ValueError(f'got backend {backend!r}; needed is one of {", ".join(BACKENDS)}')
    if not isinstance(config, (str, Path)) and hasattr(config, 'crop'):
        check_protocol(config, PoseModel, 'a model')
        return cast(PoseModel, config)
    if isinstance(config, str) and checkpoint is None and not Path(config).suffix and not Path(config).exists():
        config, checkpoint = _named_model(config, backend)
    if isinstance(config, (str, Path)) and (Path(config).suffix in EXPORTED_SUFFIXES
                                            or not isinstance(backend, (str, type(None)))):
        if checkpoint is not None or compile or backend == 'torch':
            raise ValueError(f'{config} is an exported model: it takes no checkpoint, no compile, and no '
                             "backend='torch'")
        return ExportedPoseModel(config, backend, device, dtype, flip_test, num_threads)
    if num_threads is not None:
        raise ValueError('num_threads is for exported models; for PyTorch, call torch.set_num_threads')
    name = backend if isinstance(backend, str) else None
    return _torch_model(cast('Config', config), checkpoint, name, device, dtype, flip_test is not False, compile)


def _named_model(name: str, backend: Union[str, Engine, None]) -> Tuple[Path, Optional[Path]]:
    """The files of a model that `rampose weights` lists: exported where an engine is there, else config and checkpoint.
    """
    weights = find_weights(name)
    installed = [engine for engine in ENGINES if find_spec(engine)]
    if 'onnx' in weights.files and backend != 'torch' and (backend is not None or installed or not find_spec('torch')):
        return fetch(weights, 'onnx'), None
    return config_of(weights), fetch(weights, 'torch')


def _torch_model(config: Union[str, Path, 'Config'], checkpoint: Union[str, Path, None], backend: Optional[str],
                 device: Optional[str], dtype: Optional[str], flip_test: bool, compile: bool) -> PoseModel:
    if checkpoint is None:
        raise ValueError(f'got {str(config)!r:.200} without a checkpoint; needed are a config and its checkpoint, or '
                         f'an exported model ({" or ".join(EXPORTED_SUFFIXES)}) alone')
    if backend not in (None, 'torch'):
        raise ValueError(f'got a config for backend {backend!r}, which runs what rampose export makes of it')
    try:
        from .torch_model import TorchPoseModel
    except ModuleNotFoundError as error:
        raise ImportError(_NEEDS_MMPOSE.format(what=config, error=error)) from error
    return TorchPoseModel(config, checkpoint, device, dtype, flip_test, compile)


def open_detector(detector: Union[str, Path, Detector, None], checkpoint: Union[str, Path, None],
                  device: Optional[str]) -> Optional[Detector]:
    """Make the detector that a caller asked for; arguments and errors as of :class:`TopdownPredictor`."""
    if detector is None or callable(detector):
        if checkpoint is not None:
            raise ValueError('got detector_checkpoint without the detector that it belongs to: '
                             "give detector='faster-rcnn' or the config of another one")
        return detector
    if of_library(detector) or Path(detector).suffix in EXPORTED_SUFFIXES or (
            detector != 'faster-rcnn' and is_name(detector)):
        if checkpoint is not None:
            raise ValueError(f'{detector} brings its own weights: it takes no detector_checkpoint')
        return open_named_detector(detector, device=device)
    if detector != 'faster-rcnn' and not Path(detector).is_file():
        raise ValueError(f"got detector={str(detector)!r}; needed is a name such as 'yolox-nano' or 'torchvision', an "
                         "exported detector (.onnx, .xml), 'faster-rcnn', the file of a config, or a function")
    if checkpoint is None:
        raise ValueError(f'got detector={str(detector)!r} without detector_checkpoint, its weights')
    try:
        from .mmdet_detector import MMDetDetector  # MMDetection's models are needed only here
    except ModuleNotFoundError as error:
        raise ImportError(_NEEDS_MMPOSE.format(what=detector, error=error)) from error
    return MMDetDetector(checkpoint, None if detector == 'faster-rcnn' else detector, device)
