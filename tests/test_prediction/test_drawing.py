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
