"""What was found in an image."""

from dataclasses import dataclass, fields
from typing import Any, Dict, Iterator, Optional

import numpy as np

NO_TRACK = -1  # the track id of somebody who is not tracked


@dataclass
class PoseResult:
    """The people of one image, N of them, with K keypoints each.

    It unpacks as a pair: ``keypoints, scores = result``.

    Attributes:
        keypoints: ``(N, K, 2)`` float32, x and y in px of the image as it is displayed.
        keypoint_scores: ``(N, K)`` float32: the heatmaps' peaks, which are no probabilities and may exceed 1.
        bboxes: ``(N, 4)`` float32, xyxy in image px: where each person was looked for.
        bbox_scores: ``(N,)`` float32: the detector's; 1 for boxes that the caller gave.
        track_ids: ``(N,)`` int: the person's number over a video, `NO_TRACK` for nobody known; None without tracking.
        keypoints_unsmoothed: ``(N, K, 2)``: as they were before they were smoothed over time; None without smoothing.
        attention: For each exchange unit its weights of Eq. 2, ``(N, N outputs, M inputs)``; None if not asked for.
        confidences: ``(N, K)`` float32, from 0 to 1: the chance that each keypoint is right; None if not asked for, or
            if the model was not calibrated.
        covariances: ``(N, K, 2, 2)`` float32, px squared, x before y: of each keypoint's error; None if not asked for.
    """
    keypoints: np.ndarray
    keypoint_scores: np.ndarray
    bboxes: np.ndarray
    bbox_scores: np.ndarray = None  # type: ignore[assignment]  # set when it is made
    track_ids: Optional[np.ndarray] = None
    keypoints_unsmoothed: Optional[np.ndarray] = None
    attention: Optional[Dict[str, np.ndarray]] = None
    confidences: Optional[np.ndarray] = None
    covariances: Optional[np.ndarray] = None

    def __post_init__(self) -> None:
        if self.bbox_scores is None:
            self.bbox_scores = np.ones(len(self.bboxes), np.float32)
        number = len(self.keypoints)
        for name in ('keypoint_scores', 'bboxes', 'bbox_scores', 'track_ids', 'keypoints_unsmoothed', 'confidences',
                     'covariances'):
            values = getattr(self, name)
            if values is not None and len(values) != number:
                raise ValueError(f'got {number} people and {len(values)} {name}; needed is one for each')

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.keypoints, self.keypoint_scores))

    def __getitem__(self, index: int) -> np.ndarray:
        return (self.keypoints, self.keypoint_scores)[index]

    def choose(self, people: np.ndarray) -> 'PoseResult':
        """Some of the people, by numbers or ``(N,)`` bool."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        chosen['attention'] = self.attention and {unit: of_unit[people] for unit, of_unit in self.attention.items()}
        return PoseResult(**{name: value[people] if isinstance(value, np.ndarray) else value
                             for name, value in chosen.items()})

    @property
    def num_people(self) -> int:
        """N."""
        return len(self.keypoints)

    def to_supervision(self) -> Any:
        """The people as Roboflow's `supervision` has them, whose annotators draw them.

        Returns:
            `supervision.KeyPoints`; its `data` has the boxes as ``xyxy`` and, where known, ``track_id`` and
            ``covariance``, which its ellipse annotators draw.

        Raises:
            ImportError: supervision is not installed.
        """
        try:
            from supervision import KeyPoints
        except ImportError:
            raise ImportError('to_supervision needs supervision: pip install supervision') from None
        fields_there = KeyPoints.__dataclass_fields__  # an older one has one confidence alone
        named: Dict[str, Any] = ({'keypoint_confidence': self.keypoint_scores.astype(np.float32),
                                  'detection_confidence': self.bbox_scores.astype(np.float32)}
                                 if 'keypoint_confidence' in fields_there else
                                 {'confidence': self.keypoint_scores.astype(np.float32)})
        data: Dict[str, Any] = {'xyxy': self.bboxes}
        for name in ('track_ids', 'covariances'):
            if getattr(self, name) is not None:
                data[name[:-1]] = getattr(self, name)
        return KeyPoints(xy=self.keypoints.astype(np.float32), class_id=np.zeros(self.num_people, int), data=data,
                         **named)

    @property
    def scores(self) -> np.ndarray:
        """Each person's score ``(N,)``: the box's times :func:`person_score`, as in MMPose's `CocoMetric`."""
        return np.array([float(box_score) * person_score(keypoint_scores)
                         for box_score, keypoint_scores in zip(self.bbox_scores, self.keypoint_scores)])


MIN_KEYPOINT_SCORE_COUNTED = 0.2  # CocoMetric's keypoint_score_thr


def person_score(keypoint_scores: np.ndarray) -> float:
    """The mean of the scores ``(K,)`` above 0.2, as in MMPose's `CocoMetric`; 0 if there is none."""
    counted = keypoint_scores[keypoint_scores > MIN_KEYPOINT_SCORE_COUNTED]
    return float(counted.mean()) if len(counted) else 0.0
