"""The same person over the frames of a video: numbers, and keypoints smoothed by the One Euro filter."""

from importlib.util import find_spec
from typing import Dict, List

import numpy as np

from ..core.pose_result import NO_TRACK, PoseResult
from .person_trackers import FRAMES_RETAINED, tracker_class
from .records import DECIMALS


class KeypointSmoother:
    """Smooth the keypoints of tracked people over time.

    "1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems", for each coordinate.

    Args:
        fps: Frames a second.
        min_cutoff: Frequencies above it are damped in what stands still, Hz. Default: 1, the filter's own.
        beta: How much faster it follows what moves, s/px. Default: 0.05: at 300 px a second and 30 frames a second,
            it lags by less than half a frame.

    Raises:
        ImportError: What tracking needs is not installed.
    """

    def __init__(self, fps: float, min_cutoff: float = 1.0, beta: float = 0.05) -> None:
        from OneEuroFilter import OneEuroFilter
        self._new_filter = lambda: OneEuroFilter(freq=fps, mincutoff=min_cutoff, beta=beta)
        self._fps = fps
        self._filters: Dict[int, list] = {}
        self._last_frame: Dict[int, int] = {}

    def __call__(self, frame_id: int, track_ids: List[int], keypoints: np.ndarray) -> np.ndarray:
        """Take the keypoints of the next frame.

        Args:
            frame_id: Its number.
            track_ids: N numbers of people; those without one stay as they are.
            keypoints: ``(N, K, 2)`` in image px.

        Returns:
            The same, smoothed.
        """
        smoothed = keypoints.copy()
        for person, track_id in enumerate(track_ids):
            if track_id == NO_TRACK:
                continue
            if track_id not in self._filters:
                self._filters[track_id] = [self._new_filter() for _ in range(keypoints[person].size)]
            self._last_frame[track_id] = frame_id
            time = (frame_id + 1) / self._fps  # the filter takes 0 for no time
            values = [one(float(value), time) for one, value in zip(self._filters[track_id], keypoints[person].flat)]
            smoothed[person] = np.reshape(values, keypoints[person].shape)
        for track_id in [track_id for track_id, last in self._last_frame.items() if frame_id - last > FRAMES_RETAINED]:
            del self._filters[track_id], self._last_frame[track_id]
        return smoothed


class VideoTracks:
    """The people of one video: who is who, and their keypoints smoothed.

    Args:
        fps: Frames a second.
        smooth: Smooth the keypoints.

    Raises:
        ImportError: What tracking needs is not installed.
    """

    def __init__(self, fps: float, smooth: bool) -> None:
        check_installed(smooth)
        self._tracker = tracker_class()()
        self._smoother = KeypointSmoother(fps) if smooth else None

    def __call__(self, frame_id: int, result: PoseResult) -> None:
        """Add what tracking knows to the people of the next frame.

        Args:
            frame_id: Its number.
            result: The people. Those of an earlier run, who have that already, are taken by their unsmoothed keypoints.
        """
        result.track_ids = np.array(self._tracker(result.bboxes.astype(np.float32),
                                                  result.bbox_scores.astype(np.float32)), int)
        if self._smoother is None or not result.num_people:
            return
        if result.keypoints_unsmoothed is None:
            result.keypoints_unsmoothed = result.keypoints
        result.keypoints = np.round(
            self._smoother(frame_id, result.track_ids.tolist(), result.keypoints_unsmoothed), DECIMALS)


def check_installed(smooth: bool) -> None:
    """See whether what tracking, and smoothing, needs is installed.

    Raises:
        ImportError: Something is not.
    """
    tracker_class()
    if smooth and find_spec('OneEuroFilter') is None:
        raise ImportError('smoothing needs OneEuroFilter: pip install OneEuroFilter')
