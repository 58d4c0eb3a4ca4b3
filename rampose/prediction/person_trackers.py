"""Who is who in a video: ByteTrack, as two libraries have it.

"ByteTrack: Multi-Object Tracking by Associating Every Detection Box". Roboflow's `trackers` needs no MMDetection, but
numpy 2; MMDetection's needs `lap`.
"""

from importlib.util import find_spec
from typing import List, Protocol, Type

import numpy as np

from ..core.pose_result import NO_TRACK

# A track that is lost for longer begins anew, frames. ByteTrack's own value, at 30 frames a second one second.
FRAMES_RETAINED = 30
# Boxes that score as much, MMPose's limit for people, begin tracks; lower ones only go on with one.
BEGINS, GOES_ON = 0.3, 0.1


class PersonTracker(Protocol):
    """Numbers the people of a video."""

    def __call__(self, bboxes: np.ndarray, bbox_scores: np.ndarray) -> List[int]:
        """Take the boxes of the next frame.

        Args:
            bboxes: ``(N, 4)``, xyxy in image px.
            bbox_scores: ``(N,)``.

        Returns:
            The N numbers of their people, from 0, or `NO_TRACK`.
        """


class RoboflowTracker:
    """`trackers.ByteTrackTracker`; somebody new has no number in the first frame, and those who are seen again do."""

    def __init__(self) -> None:
        import supervision
        from trackers import ByteTrackTracker
        self._detections = supervision.Detections
        self._tracker = ByteTrackTracker(lost_track_buffer=FRAMES_RETAINED, track_activation_threshold=BEGINS,
                                         minimum_consecutive_frames=1, high_conf_det_threshold=BEGINS)

    def __call__(self, bboxes: np.ndarray, bbox_scores: np.ndarray) -> List[int]:
        tracked = self._tracker.update(self._detections(
            xyxy=bboxes.astype(np.float32).reshape(-1, 4), confidence=bbox_scores.astype(np.float32),
            data=dict(row=np.arange(len(bboxes)))))
        ids = [NO_TRACK] * len(bboxes)
        if len(tracked):
            for row, number in zip(tracked.data['row'], tracked.tracker_id):
                ids[int(row)] = int(number)
        return ids


class MMDetTracker:
    """MMDetection's `ByteTracker`."""

    def __init__(self) -> None:
        import mmdet.models  # noqa: F401  registers the tracker
        from mmdet.registry import MODELS
        from mmengine.registry import DefaultScope
        with DefaultScope.overwrite_default_scope('mmdet'):
            self._tracker = MODELS.build(
                dict(
                    type='ByteTracker',
                    motion=dict(type='KalmanFilter'),
                    obj_score_thrs=dict(high=BEGINS, low=GOES_ON),
                    init_track_thr=BEGINS,
                    num_frames_retain=FRAMES_RETAINED))
        self._next_frame = 0

    def __call__(self, bboxes: np.ndarray, bbox_scores: np.ndarray) -> List[int]:
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


def tracker_class() -> Type[PersonTracker]:
    """The tracker that is installed.

    Raises:
        ImportError: None is.
    """
    if find_spec('trackers'):
        return RoboflowTracker
    if find_spec('lap') and find_spec('mmdet') and find_spec('mmdet.models.trackers.byte_tracker'):
        return MMDetTracker
    raise ImportError('tracking needs trackers, with numpy 2 (pip install trackers), or MMDetection 3.1 and lap (pip '
                      'install lap)')
