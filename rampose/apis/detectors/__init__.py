"""Detectors that need no MMDetection, each kind in a file that is imported when it is asked for."""

from pathlib import Path
from typing import Any, Dict, Optional, Union

from ...checkpoints.detector_zoo import detector_file
from ...core.protocols import Detector

LIBRARIES = ('torchvision', 'transformers')


def of_library(source: Union[str, Path]) -> bool:
    """Whether a detector of another library is meant: 'torchvision', or 'transformers:NAME'."""
    return str(source).partition(':')[0] in LIBRARIES


def open_named_detector(source: Union[str, Path], category: Union[int, str] = 'person', min_score: float = 0.3,
                        device: Optional[str] = None) -> Detector:
    """Open a detector.

    Args:
        source: A name of `rampose weights`, such as 'yolox-nano'; an exported file, ``.onnx`` or ``.xml``;
            'torchvision' or 'torchvision:NAME'; 'transformers' or 'transformers:NAME'.
        category: Number or COCO's name of what to find. Default: 'person'.
        min_score: Boxes of lower scores are left out. Default: 0.3.
        device: 'cpu' or 'cuda'. Default: None, the library's or engine's choice.

    Raises:
        ImportError: The library or an engine is not installed.
        OSError: It is not there and cannot be downloaded.
        ValueError: No detector is called so, or it does not find the category.
    """
    library, _, name = str(source).partition(':')
    options: Dict[str, Any] = dict(category=category, min_score=min_score, device=device)
    try:
        if library == 'torchvision':
            from . import torchvision_detector
            return torchvision_detector.TorchvisionDetector(name or torchvision_detector.DEFAULT, **options)
        if library == 'transformers':
            from . import transformers_detector
            return transformers_detector.TransformersDetector(name or transformers_detector.DEFAULT, **options)
    except ModuleNotFoundError as error:
        raise ImportError(f'{source} needs {error.name}: pip install torch {library}') from None
    from .exported import ExportedDetector
    return ExportedDetector(detector_file(source), **options)
