"""An image of two generated people, for trying things out before one has a photograph at hand."""

from typing import Tuple

import cv2
import numpy as np

from .figure import Canvas, draw_figure, pose_figure

SIZE = (640, 480)  # px
SEED = 11  # of two whose limbs are all seen
TOP, BOTTOM = (225, 215, 200), (185, 165, 140)  # RGB, of what stands behind them
MARGIN = 10  # px, of the boxes


def example_image() -> Tuple[np.ndarray, np.ndarray]:
    """Draw it.

    Returns:
        The image ``(480, 640, 3)`` uint8 BGR, and the boxes ``(2, 4)`` xyxy in px.
    """
    w, h = SIZE
    share = np.linspace(0, 1, h)[:, None, None]
    background = np.array(TOP[::-1]) * (1 - share) + np.array(BOTTOM[::-1]) * share
    canvas = Canvas(np.ascontiguousarray(np.broadcast_to(background, (h, w, 3)).astype(np.uint8)))
    rng = np.random.default_rng(SEED)
    boxes = []
    for number, center in enumerate((0.3, 0.7)):
        draw_figure(canvas, pose_figure(rng), (w * center, 0.55 * h), rng.uniform(330, 360), number, rng)
        x, y, box_w, box_h = cv2.boundingRect((canvas.owner // 32 == number).astype(np.uint8))
        boxes.append([x - MARGIN, y - MARGIN, x + box_w + MARGIN, y + box_h + MARGIN])
    return canvas.image, np.array(boxes, np.float32)
