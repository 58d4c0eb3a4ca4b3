"""People to calibrate int8 on."""

from pathlib import Path
from typing import Union

import numpy as np

from ..core.bboxes import what_is_wrong
from ..core.box_file import BoxFile
from ..core.crops import cut_out
from ..core.images import IMAGE_SUFFIXES, UnreadableError, read_image
from ..core.model_info import ModelInfo

MIN_SCORE = 0.3  # of a detected box, as in rampose predict


def read_crops(info: ModelInfo, images: Union[str, Path], boxes: Union[str, Path], limit: int = 300) -> np.ndarray:
    """Cut people out of pictures.

    Args:
        info: How the model takes them.
        images: A folder of pictures.
        boxes: A JSON file of boxes, in any form that :class:`rampose.core.box_file.BoxFile` knows.
        limit: Take so many people, at most, spread evenly.

    Returns:
        ``(N, h, w, 3)`` uint8 BGR.

    Raises:
        ValueError: Nobody was found.
    """
    box_file = BoxFile(boxes)
    paths = sorted(path for path in Path(images).rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES)
    people = [(path, bbox) for path in paths if box_file.knows(path)
              for bbox, score in zip(*box_file.boxes(path)) if score >= MIN_SCORE]
    if len(people) > limit:
        people = [people[index] for index in np.linspace(0, len(people) - 1, limit).astype(int)]
    crops, last, image = [], None, None
    for path, bbox in people:
        if path != last:
            last = path
            try:
                image = read_image(path)
            except UnreadableError:
                image = None  # calibration needs some of them, not all
        if image is not None and what_is_wrong(bbox, image.shape) is None:
            crops.append(cut_out(image, bbox, info.input_size, info.padding, info.use_udp).pixels)
    if not crops:
        raise ValueError(f'found nobody to calibrate on: {images} has no readable picture that {boxes} names')
    return np.stack(crops)
