"""People as `frames.jsonl` has them.

A record is ``{"input", "name", "frame_id", "width", "height", "image_id", "instances"}``; `frame_id` is null for an
image, `image_id` null where none is known; that of a video's frame has its ``time`` in seconds, too. An instance is a
person: ``{"bbox": [x1, y1, x2, y2], "bbox_score", "keypoints": [[x, y], ...], "keypoint_scores", "score"}`` in image
px; with tracking, ``track_id``, -1 for nobody known; with smoothing, ``keypoints_unsmoothed``; with uncertainty,
``keypoint_covariances`` [[xx, xy, yy], ...] in px squared and, of a calibrated model, ``keypoint_confidences``.
"""

import dataclasses
from typing import List

import numpy as np

from ..core.pose_result import PoseResult

DECIMALS = 3  # of px and of keypoints' scores
SCORE_DECIMALS = 5


def rounded(result: PoseResult) -> PoseResult:
    """A result with the numbers that its record holds, so that a resumed run goes on from what the first one had."""
    return dataclasses.replace(
        result, keypoints=_round(result.keypoints), keypoint_scores=_round(result.keypoint_scores),
        bboxes=_round(result.bboxes), bbox_scores=np.round(result.bbox_scores.astype(np.float64), SCORE_DECIMALS))


def as_instances(result: PoseResult) -> List[dict]:
    """The people of a result, as a record has them."""
    instances = []
    for number, score in enumerate(result.scores):
        instance = dict(
            bbox=_round(result.bboxes[number]).tolist(),
            bbox_score=round(float(result.bbox_scores[number]), SCORE_DECIMALS),
            keypoints=_round(result.keypoints[number]).tolist(),
            keypoint_scores=_round(result.keypoint_scores[number]).tolist(),
            score=round(float(score), SCORE_DECIMALS))
        if result.track_ids is not None:
            instance['track_id'] = int(result.track_ids[number])
        if result.keypoints_unsmoothed is not None:
            instance['keypoints_unsmoothed'] = _round(result.keypoints_unsmoothed[number]).tolist()
        if result.confidences is not None:
            instance['keypoint_confidences'] = _round(result.confidences[number]).tolist()
        if result.covariances is not None:
            instance['keypoint_covariances'] = _round(
                result.covariances[number].reshape(-1, 4)[:, [0, 1, 3]]).tolist()
        instances.append(instance)
    return instances


def as_result(instances: List[dict], num_keypoints: int) -> PoseResult:
    """The people of a record, as a result."""

    def values(name: str, *shape: int) -> np.ndarray:
        return np.array([instance[name] for instance in instances], np.float64).reshape(len(instances), *shape)

    tracked = bool(instances) and 'track_id' in instances[0]
    smoothed = bool(instances) and 'keypoints_unsmoothed' in instances[0]
    confident = bool(instances) and 'keypoint_confidences' in instances[0]
    spread = bool(instances) and 'keypoint_covariances' in instances[0]
    covariances = values('keypoint_covariances', num_keypoints, 3)[..., [0, 1, 1, 2]] if spread else None
    return PoseResult(
        values('keypoints', num_keypoints, 2), values('keypoint_scores', num_keypoints), values('bbox', 4),
        values('bbox_score'), track_ids=values('track_id').astype(int) if tracked else None,
        keypoints_unsmoothed=values('keypoints_unsmoothed', num_keypoints, 2) if smoothed else None,
        confidences=values('keypoint_confidences', num_keypoints) if confident else None,
        covariances=None if covariances is None else covariances.reshape(-1, num_keypoints, 2, 2))


def _round(values: np.ndarray) -> np.ndarray:
    return np.round(values.astype(np.float64), DECIMALS)
