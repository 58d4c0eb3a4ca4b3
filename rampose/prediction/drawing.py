"""Drawing people, with OpenCV alone."""

from typing import Sequence, Tuple, Union

import cv2
import numpy as np

from ..core.pose_result import NO_TRACK, PoseResult

MIN_KEYPOINT_SCORE = 0.3  # MMPose's kpt_thr
BOX_COLOR, TRACK_COLOR = (0, 200, 0), (0, 255, 255)  # BGR
DEFAULT_COLOR = (255, 128, 0)  # RGB, as MMPose's metadata has it
CHI_SQUARED_80 = -2 * float(np.log(0.2))  # of two degrees of freedom: the square of an ellipse's radius in deviations
_SHIFT = 4  # fractional bits of coordinates, so that lines do not jump from frame to frame


class PosePainter:
    """Draws skeletons and boxes in the colors of a data set.

    Args:
        dataset_meta: MMPose's description of the keypoints.
        min_keypoint_score: Keypoints below are left out. Default: 0.3, as in MMPose.
        line_width: Factor on the width of lines and the radius of points. Default: 1.
        boxes: Whether to draw them. Default: True.
        ellipses: Whether to draw, where covariances are known, what holds a keypoint with a chance of 80 %. Default:
            False.
    """

    def __init__(self, dataset_meta: dict, min_keypoint_score: float = MIN_KEYPOINT_SCORE, line_width: float = 1,
                 boxes: bool = True, ellipses: bool = False) -> None:
        self._min_keypoint_score = min_keypoint_score
        self._line_width, self._boxes, self._ellipses = line_width, boxes, ellipses
        self._links = [tuple(map(int, link)) for link in dataset_meta.get('skeleton_links') or ()]
        self._keypoint_colors = _colors(dataset_meta.get('keypoint_colors'), int(dataset_meta['num_keypoints']))
        self._link_colors = _colors(dataset_meta.get('skeleton_link_colors'), len(self._links))

    def draw(self, image: np.ndarray, result: PoseResult) -> np.ndarray:
        """Draw people, and their numbers if they are tracked; keypoints of low scores are left out.

        Args:
            image: ``(h, w, 3)`` uint8, BGR; stays as it is.
            result: The people.

        Returns:
            An image of the same size, BGR.
        """
        drawn = image.copy()
        # As thick as it looks right on a screen, whatever the image's size.
        side = max(image.shape[:2])
        radius = max(2, round(side * self._line_width / 250))
        width = max(1, round(side * self._line_width / 400))
        for number in range(result.num_people):
            x1, y1, x2, y2 = _to_ints(result.bboxes[number])
            if self._boxes:
                cv2.rectangle(drawn, (x1, y1), (x2, y2), BOX_COLOR, width, cv2.LINE_AA, _SHIFT)
            points, shown = result.keypoints[number], result.keypoint_scores[number] >= self._min_keypoint_score
            for (a, b), color in zip(self._links, self._link_colors.tolist()):
                if shown[a] and shown[b]:
                    cv2.line(drawn, _to_ints(points[a]), _to_ints(points[b]), color, width, cv2.LINE_AA, _SHIFT)
            for point, color in zip(points[shown], self._keypoint_colors[shown].tolist()):
                cv2.circle(drawn, _to_ints(point), radius << _SHIFT, color, -1, cv2.LINE_AA, _SHIFT)
            if self._ellipses and result.covariances is not None:
                for point, covariance, color in zip(points[shown], result.covariances[number][shown],
                                                    self._keypoint_colors[shown].tolist()):
                    _draw_ellipse(drawn, point, covariance, color, width)
            if result.track_ids is not None and result.track_ids[number] != NO_TRACK:
                left, top = (int(value) for value in np.clip(result.bboxes[number][:2], 0, side))
                cv2.putText(drawn, str(result.track_ids[number]), (left + 2, max(top - 4, side // 40)),
                            cv2.FONT_HERSHEY_SIMPLEX, side / 1000, TRACK_COLOR, max(1, side // 500), cv2.LINE_AA)
        return drawn


def _draw_ellipse(drawn: np.ndarray, point: np.ndarray, covariance: np.ndarray, color: Sequence[float],
                  width: int) -> None:
    if not np.isfinite(covariance).all():
        return
    variances, axes = np.linalg.eigh(covariance.astype(float))
    radii = np.sqrt(CHI_SQUARED_80 * np.maximum(variances, 0))
    angle = float(np.degrees(np.arctan2(axes[1, 0], axes[0, 0])))
    limit = 2 * max(drawn.shape[:2])  # what is larger holds the whole image
    cv2.ellipse(drawn, _to_ints(point), _to_ints(np.minimum(radii, limit)), angle, 0, 360, color, max(1, width // 2),
                cv2.LINE_AA, _SHIFT)


def _colors(colors: object, number: int) -> np.ndarray:
    """``(number, 3)`` BGR from MMPose's RGB; a color of ours where there is none for each."""
    array = np.array(colors if colors is not None else (), float).reshape(-1, 3)
    array = array if len(array) == number else np.tile(np.array(DEFAULT_COLOR, float), (number, 1))
    return array[:, ::-1]


def _to_ints(values: Union[np.ndarray, Sequence[float]]) -> Tuple[int, ...]:
    """Coordinates as OpenCV takes them with fractional bits; what lies far outside of an image stays outside."""
    return tuple(int(value) for value in np.round(np.clip(values, -1e6, 1e6) * (1 << _SHIFT)))
