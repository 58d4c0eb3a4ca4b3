"""Letterbox, grid and NMS against what ten slow lines give."""

import numpy as np
import pytest

from rampose.core.coco_names import NAMES, category_number
from rampose.core.detection import grid_boxes, grid_cells, letterbox, nms


def slow_nms(boxes, scores, iou_thr):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        for j in kept:
            (a1, b1, a2, b2), (c1, d1, c2, d2) = boxes[i], boxes[j]
            inner = max(0, min(a2, c2) - max(a1, c1)) * max(0, min(b2, d2) - max(b1, d1))
            if inner > iou_thr * ((a2 - a1) * (b2 - b1) + (c2 - c1) * (d2 - d1) - inner):
                break
        else:
            kept.append(i)
    return kept


@pytest.mark.parametrize('seed', range(5))
def test_nms(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 100, (200, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 40, (200, 2))], axis=1)
    scores = rng.permutation(200) / 200
    kept = nms(boxes, scores, 0.4)
    assert kept.tolist() == slow_nms(boxes.tolist(), scores.tolist(), 0.4) and 20 < len(kept) < 200
    assert nms(np.zeros((0, 4)), np.zeros(0), 0.5).tolist() == []


def test_the_grid():
    values = np.random.default_rng(0).normal(size=(4 * 6 + 2 * 3 + 1, 4))  # of 48x32 px; the last has 1 column and row
    boxes = grid_boxes(values, grid_cells((48, 32), (8, 16, 32)))
    row = 0
    for stride in (8, 16, 32):
        for y in range(32 // stride):
            for x in range(48 // stride):
                a, b, w, h = values[row]
                center = np.array([(a + x) * stride, (b + y) * stride])
                half = np.exp([w, h]) * stride / 2
                np.testing.assert_allclose(boxes[row], [*(center - half), *(center + half)])
                row += 1
    assert row == len(values)


def test_a_letterboxed_image():
    canvas, scale = letterbox(np.full((100, 50, 3), 7, np.uint8), (64, 64))
    assert scale == 0.64 and canvas.shape == (64, 64, 3)
    assert (canvas[:, :32] == 7).all() and (canvas[:, 32:] == 114).all()


def test_categories():
    assert len(NAMES) == len(set(NAMES)) == 80
    assert (category_number('Dog'), category_number('7'), category_number(3)) == (16, 7, 3)
    with pytest.raises(ValueError, match="got category 'people'; needed is a number, or one of COCO's: person"):
        category_number('people')
