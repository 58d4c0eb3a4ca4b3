"""Drawing what was found, with MMPose's visualizer."""

from typing import Sequence

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from .tracking import NO_TRACK

MIN_KEYPOINT_SCORE = 0.3  # MMPose's kpt_thr


class PosePainter:
    """Draws skeletons and boxes in the colours of a data set.

    Args:
        dataset_meta: MMPose's description of the keypoints.
        min_keypoint_score: Keypoints below are left out. Default: 0.3, as in MMPose.
    """

    def __init__(self, dataset_meta: dict, min_keypoint_score: float = MIN_KEYPOINT_SCORE) -> None:
        self._min_keypoint_score = min_keypoint_score
        self._visualizer = PoseLocalVisualizer('rampose')
        self._visualizer.set_dataset_meta(dataset_meta)

    def draw(self, image: np.ndarray, instances: Sequence[dict]) -> np.ndarray:
        """Draw people, and their numbers if they are tracked; keypoints of low scores are left out.

        Args:
            image: ``(h, w, 3)`` uint8, BGR; stays as it is.
            instances: People as :mod:`rampose.prediction.results` describes them.

        Returns:
            A picture of the same size, BGR.
        """
        if not instances:
            return image.copy()
        # As thick as it looks right on a screen, whatever the picture's size.
        side = max(image.shape[:2])
        self._visualizer.radius = max(2, round(side / 250))
        self._visualizer.line_width = max(1, round(side / 400))
        scores = np.array([instance['keypoint_scores'] for instance in instances])
        people = PoseDataSample(pred_instances=InstanceData(
            keypoints=np.array([instance['keypoints'] for instance in instances]),
            keypoint_scores=scores,
            keypoints_visible=scores,
            bboxes=np.array([instance['bbox'] for instance in instances])))
        picture = self._visualizer.add_datasample(
            'people', cv2.cvtColor(image, cv2.COLOR_BGR2RGB), people, draw_gt=False, draw_bbox=True,
            kpt_thr=self._min_keypoint_score)
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        for instance in instances:
            if instance.get('track_id', NO_TRACK) != NO_TRACK:
                corner = tuple(int(value) for value in instance['bbox'][:2])
                cv2.putText(picture, str(instance['track_id']), (corner[0] + 2, max(corner[1] - 4, side // 40)),
                            cv2.FONT_HERSHEY_SIMPLEX, side / 1000, (0, 255, 255), max(1, side // 500), cv2.LINE_AA)
        return picture
