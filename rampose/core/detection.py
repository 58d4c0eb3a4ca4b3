"""What a detector's network needs around it: a letterboxed image before it, boxes out of its numbers after it."""

from functools import lru_cache
from typing import Tuple

import cv2
import numpy as np

GREY = 114  # of what the image leaves free, as YOLOX and RTMDet were trained


def letterbox(image: np.ndarray, size: Tuple[int, int]) -> Tuple[np.ndarray, float]:
    """Scale an image into the top left of a canvas.

    Args:
        image: ``(h, w, 3)`` uint8.
        size: (w, h) of the canvas, px.

    Returns:
        The canvas, uint8, and the scale: canvas px per image px.
    """
    h, w = image.shape[:2]
    scale = min(size[0] / w, size[1] / h)
    inner = max(1, int(w * scale)), max(1, int(h * scale))
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    canvas[:inner[1], :inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    return canvas, scale


@lru_cache(maxsize=8)
def grid_cells(size: Tuple[int, int], strides: Tuple[int, ...] = (8, 16, 32)) -> np.ndarray:
    """The cells of YOLOX's raw grid: those of each stride row by row, one stride after the other.

    Args:
        size: (w, h) of the network's input, px.
        strides: Px of a cell's side.

    Returns:
        ``(A, 3)``: column, row and stride of each.
    """
    cells = []
    for stride in strides:
        columns, rows = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride))
        cells.append(np.stack([columns, rows, np.full_like(rows, stride)], axis=-1).reshape(-1, 3))
    return np.concatenate(cells)


def grid_boxes(values: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Boxes of YOLOX's raw grid.

    Args:
        values: ``(N, 4)``: center from the cell's corner, in cells, and the logarithms of width and height in cells.
        cells: ``(N, 3)``: of :func:`grid_cells`.

    Returns:
        ``(N, 4)`` xyxy, px of the input.
    """
    center = (values[:, :2] + cells[:, :2]) * cells[:, 2:]
    half = np.exp(values[:, 2:4]) * cells[:, 2:] / 2
    return np.concatenate([center - half, center + half], axis=1)


def nms(boxes: np.ndarray, scores: np.ndarray, iou_thr: float) -> np.ndarray:
    """Of boxes that overlap, keep the best.

    Args:
        boxes: ``(N, 4)`` xyxy.
        scores: ``(N,)``.
        iou_thr: Boxes overlap if their IoU exceeds it.

    Returns:
        Indices of those that stay, the best first.
    """
    order = np.argsort(-scores, kind='stable')
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(0).prod(axis=1)
    kept = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[order, :2]), np.minimum(boxes[best, 2:], boxes[order, 2:])
        inner = (high - low).clip(0).prod(axis=1)
        order = order[inner <= iou_thr * np.maximum(areas[best] + areas[order] - inner, 1e-9)]
    return np.array(kept, int)
