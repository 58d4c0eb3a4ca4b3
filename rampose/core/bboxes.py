"""Boxes, and what makes one usable."""

from typing import Optional, Sequence, Tuple, Union

import numpy as np


def as_bboxes(bboxes: Union[np.ndarray, Sequence]) -> np.ndarray:
    """Turn what a caller gave into an array.

    Args:
        bboxes: Boxes xyxy, N of them; anything empty is none.

    Returns:
        ``(N, 4)`` float32.

    Raises:
        ValueError: Another shape, or something else than numbers.
    """
    try:
        array = np.asarray(bboxes, dtype=np.float32)
    except (OverflowError, TypeError, ValueError):
        raise ValueError(f'got boxes {bboxes!r:.100}; needed are numbers (N, 4): x1, y1, x2, y2 in px') from None
    if array.size == 0:
        return np.zeros((0, 4), np.float32)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f'got boxes of shape {array.shape}; needed is (N, 4): x1, y1, x2, y2 in px. '
                         'One box is [[x1, y1, x2, y2]]; scores go elsewhere')
    return array


def what_is_wrong(bbox: np.ndarray, img_shape: Tuple[int, ...]) -> Optional[str]:
    """Say why a box shows no person of the picture.

    Args:
        bbox: x1, y1, x2, y2, image px.
        img_shape: (h, w) of the picture, px.

    Returns:
        The reason, or None if nothing is wrong. A box may reach over the border.
    """
    x1, y1, x2, y2 = bbox.tolist()
    h, w = img_shape[:2]
    if not np.isfinite(bbox).all():
        return 'is not finite'
    if x2 < x1 or y2 < y1:
        return 'is reversed: needed are x1 < x2 and y1 < y2 (xyxy, not xywh)'
    if x2 == x1 or y2 == y1:
        return 'has no area'
    if x2 <= 0 or y2 <= 0 or x1 >= w or y1 >= h:
        return f'lies outside of the picture of {w}x{h} px'
    if max(x2 - x1, y2 - y1) > 100 * max(w, h):
        return f'is over 100 times larger than the picture of {w}x{h} px'  # nothing of it would be left in the crop
    return None


def check_bboxes(bboxes: Union[np.ndarray, Sequence], img_shape: Tuple[int, ...]) -> np.ndarray:
    """Check boxes that a caller gave.

    Returns:
        ``(N, 4)`` float32.

    Raises:
        ValueError: A box that shows no person, by number and reason.
    """
    array = as_bboxes(bboxes)
    for index, bbox in enumerate(array):
        reason = what_is_wrong(bbox, img_shape)
        if reason:
            raise ValueError(f'box {index} {bbox.tolist()} {reason}')
    return array
