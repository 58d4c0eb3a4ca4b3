"""The same person over the frames of a video: MMDetection's ByteTrack, and the One Euro filter.

Both come from libraries: `pip install lap OneEuroFilter` brings what they need.
"""

import importlib.util
from typing import Dict, List

import numpy as np

from ..core.pose_result import NO_TRACK, PoseResult
from .records import DECIMALS

# A track that is lost for longer begins anew, frames. ByteTrack's own value, at 30 frames a second one second.
FRAMES_RETAINED = 30


class PersonTracker:
    """Number the people of a video.

    "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", as MMDetection has it. Boxes that score
    0.3 or more, MMPose's limit for people, begin tracks; lower ones only go on with one.

    Raises:
        ImportError: What tracking needs is not installed.
    """

    def __init__(self) -> None:
        check_installed()
        import mmdet.models  # noqa: F401  registers the tracker
        from mmdet.registry import MODELS
        from mmengine.registry import DefaultScope
        with DefaultScope.overwrite_default_scope('mmdet'):
            self._tracker = MODELS.build(
                dict(
                    type='ByteTracker',
                    motion=dict(type='KalmanFilter'),
                    obj_score_thrs=dict(high=0.3, low=0.1),
                    init_track_thr=0.3,
                    num_frames_retain=FRAMES_RETAINED))
        self._next_frame = 0

    def __call__(self, bboxes: np.ndarray, bbox_scores: np.ndarray) -> List[int]:
        """Take the boxes of the next frame.

        Args:
            bboxes: ``(N, 4)``, xyxy in image px.
            bbox_scores: ``(N,)``.

        Returns:
            The N numbers of their people, from 0, or `NO_TRACK`.
        """
        import torch
        from mmdet.structures import DetDataSample
        from mmengine.structures import InstanceData

        # MMDetection compares with a threshold; a box that reaches it shall count.
        instances = InstanceData(
            bboxes=torch.from_numpy(bboxes.astype(np.float32)),
            scores=torch.from_numpy(np.nextafter(bbox_scores.astype(np.float32), np.float32(np.inf))),
            labels=torch.zeros(len(bboxes), dtype=torch.long))
        sample = DetDataSample(pred_instances=instances, metainfo=dict(frame_id=self._next_frame))
        self._next_frame += 1
        tracked = self._tracker.track(sample)
        for track in self._tracker.tracks.values():  # it keeps all that it ever saw of a person
            for item in self._tracker.memo_items:
                del track[item][:-self._tracker.num_tentatives]
        # It gives the boxes in an order of its own, some of them not at all.
        ids = [NO_TRACK] * len(bboxes)
        for bbox, track_id in zip(tracked.bboxes, tracked.instances_id.tolist()):
            rows = (instances.bboxes == bbox).all(dim=1).nonzero().ravel().tolist()
            ids[next(row for row in rows if ids[row] == NO_TRACK)] = track_id
        return ids


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
        check_installed()
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
        self._tracker = PersonTracker()
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


def check_installed() -> None:
    """See whether what tracking needs is installed.

    Raises:
        ImportError: Something is not.
    """
    for package in ('lap', 'OneEuroFilter'):
        if importlib.util.find_spec(package) is None:
            raise ImportError(f'{package} is not installed, which tracking needs: pip install lap OneEuroFilter')
