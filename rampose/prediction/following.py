"""Boxes between a film's detections: each follows its person's keypoints."""

from typing import Tuple

import numpy as np

from ..core.pose_result import PoseResult
from .records import DECIMALS

FEWEST = 3  # keypoints that are sure, by which a person can be followed
EXPANSION = 1.25  # of the keypoints' extent: a head and feet go on beyond them


class BoxFollower:
    """Gives the boxes of a film's frames on which no detector runs: round the keypoints of the frame before.

    Who has fewer than three sure keypoints is lost until the next detection; who comes in is found then.

    Args:
        every: The detector runs on every so many frames.
        min_keypoint_score: From which on keypoints are sure.
    """

    def __init__(self, every: int, min_keypoint_score: float) -> None:
        self.every = every
        self._min_keypoint_score = min_keypoint_score
        self._bboxes, self._scores = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    def is_due(self, frame_id: int) -> bool:
        """Whether the detector is to run on a frame."""
        return frame_id % self.every == 0

    @property
    def boxes(self) -> Tuple[np.ndarray, np.ndarray]:
        """Of the frame after the last one: ``(N, 4)`` xyxy in image px, and ``(N,)`` the detector's scores."""
        return self._bboxes, self._scores

    def see(self, result: PoseResult) -> None:
        """Take the people of the next frame, by their unsmoothed keypoints."""
        keypoints = result.keypoints if result.keypoints_unsmoothed is None else result.keypoints_unsmoothed
        bboxes, scores = [], []
        for points, of_points, score in zip(keypoints, result.keypoint_scores, result.bbox_scores):
            sure = points[of_points >= self._min_keypoint_score]
            if len(sure) >= FEWEST:
                low, high = sure.min(axis=0), sure.max(axis=0)
                beyond = (EXPANSION - 1) / 2 * (high - low)
                bboxes.append(np.round([*(low - beyond), *(high + beyond)], DECIMALS))
                scores.append(score)
        self._bboxes, self._scores = np.array(bboxes, np.float32).reshape(-1, 4), np.array(scores, np.float32)
