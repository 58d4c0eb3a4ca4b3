"""Which keypoints are drawn."""

import numpy as np

from rampose.core.pose_result import PoseResult
from rampose.prediction.drawing import PosePainter


def test_keypoints_below_the_score_are_left_out(predictor):
    keypoints = np.random.default_rng(0).uniform(20, 80, (1, 17, 2))
    image = np.zeros((100, 100, 3), np.uint8)
    bboxes = np.array([[-9., -9., -8., -8.]])  # out of sight

    def drawn(score: float, **kwargs) -> bool:
        people = PoseResult(keypoints, np.full((1, 17), score), bboxes)
        return bool(PosePainter(predictor.dataset_meta, **kwargs).draw(image, people)[20:].any())

    assert drawn(0.31) and not drawn(0.29)
    assert drawn(0.29, min_keypoint_score=0.1) and not drawn(0.05, min_keypoint_score=0.1)


def test_every_keypoint_and_link_has_its_color_where_it_lies(predictor):
    """COCO's: a keypoint's RGB at its center, a link's between its two ends."""
    meta = predictor.dataset_meta
    columns, rows = np.meshgrid(np.arange(5), np.arange(4))
    keypoints = np.stack([columns.ravel(), rows.ravel()], axis=1)[:17] * 300. + 200
    keypoints += np.random.default_rng(1).integers(-60, 61, keypoints.shape)
    people = PoseResult(keypoints[None], np.ones((1, 17)), np.array([[12., 23., 1650., 1300.]]))
    image = np.full((1350, 1700, 3), 77, np.uint8)
    drawn = PosePainter(meta).draw(image, people)
    assert (image == 77).all()
    for (x, y), color in zip(keypoints.astype(int), meta['keypoint_colors']):
        assert drawn[y, x].tolist() == list(color)[::-1]
    shown = 0
    for (a, b), color in zip(meta['skeleton_links'], meta['skeleton_link_colors']):
        along = (keypoints[a] + np.linspace(0.1, 0.9, 40)[:, None] * (keypoints[b] - keypoints[a])).round().astype(int)
        shown += (drawn[along[:, 1], along[:, 0]] == list(color)[::-1]).all(axis=1).sum() > 10
    assert shown == len(meta['skeleton_links']) == 19
    changed = np.argwhere((drawn != 77).any(axis=2))
    assert np.abs([*changed.min(axis=0) - (23, 12), *changed.max(axis=0) - (1300, 1650)]).max() <= 3  # the box
