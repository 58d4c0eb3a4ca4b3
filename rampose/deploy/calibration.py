"""People to calibrate int8 on."""

from pathlib import Path
from typing import Union

import numpy as np

from ..apis.bboxes import BoxFile, what_is_wrong
from ..apis.images import IMAGE_SUFFIXES, UnreadableError, read_image
from .crops import cut_out
from .metadata import ModelInfo


def read_crops(info: ModelInfo, images: Union[str, Path], boxes: Union[str, Path], limit: int = 300) -> np.ndarray:
    """Cut people out of pictures.

    Args:
        info: How the model takes them.
        images: A folder of pictures.
        boxes: A JSON file of boxes, in any form that :class:`rampose.apis.bboxes.BoxFile` knows.
        limit: Take so many people, at most, spread over the pictures.

    Returns:
        ``(N, h, w, 3)`` uint8 BGR.

    Raises:
        ValueError: Nobody was found.
    """
    box_file = BoxFile(boxes)
    paths = sorted(path for path in Path(images).rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES)
    paths = [path for path in paths if box_file.knows(path)]
    if len(paths) > limit:
        paths = [paths[index] for index in np.linspace(0, len(paths) - 1, limit).astype(int)]
    crops = []
    for path in paths:
        if len(crops) >= limit:
            break
        try:
            image = read_image(path)
        except UnreadableError:
            continue  # calibration needs some of them, not all
        for bbox in box_file.boxes(path)[0]:
            if len(crops) < limit and what_is_wrong(bbox, image.shape[:2]) is None:
                crops.append(cut_out(image, bbox, info.input_size, info.padding, info.use_udp).pixels)
    if not crops:
        raise ValueError(f'found nobody to calibrate on: {images} has no readable picture that {boxes} names')
    return np.stack(crops)
