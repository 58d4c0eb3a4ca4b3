"""Boxes of a detector for all images, found once and kept."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterable

from ...core.files import written_whole
from ...core.images import read_image
from ...core.protocols import Detector
from .data import LabelledImages


def detect_all(detector: Detector, data: LabelledImages, images: Path, settings: Dict[str, Any], kept: Path,
               progress: Callable[[Iterable], Iterable] = iter) -> Path:
    """Find the boxes of every image.

    Args:
        detector: Finds them.
        data: The images.
        images: The folder of their files.
        settings: What the boxes depend on; others that are kept are not used.
        kept: Where they are kept.
        progress: Wraps the images, to show how far it is.

    Returns:
        A file that :class:`rampose.core.box_file.BoxFile` reads.
    """
    noted = kept.with_suffix('.settings.json')
    try:
        if kept.is_file() and json.loads(noted.read_text()) == settings:
            return kept
    except (OSError, ValueError):
        pass
    found: Dict[str, list] = {}
    for name in progress(data.names):
        boxes, scores = detector(read_image(images / name))
        found[name] = [[*box, score] for box, score in zip(boxes.round(2).tolist(), scores.round(5).tolist())]
    for path, content in ((kept, found), (noted, settings)):
        with written_whole(path) as file:
            file.write(json.dumps(content).encode())
    return kept
