"""Which unlabelled images to label next: those that a model is unsure of, and that are unlike each other."""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

import cv2
import numpy as np

from ..apis.exported_model import ExportedPoseModel
from ..core.bboxes import check_bboxes
from ..core.images import read_image
from ..core.pose_result import PoseResult
from ..core.uncertainty import doubt

BATCH_SIZE = 32  # crops
THUMBNAIL = 16  # px a side: what an image looks like, roughly


@dataclass(frozen=True)
class Candidate:
    """An image, and what a model makes of it.

    Attributes:
        path: Its file.
        width: px, as it is displayed.
        height: px.
        result: The objects, N of them.
        doubts: ``(N,)``: how unsure the model is of each, the mean of its keypoints' :func:`doubt`.
        thumbnail: ``(768,)``, from 0 to 1.
    """
    path: Path
    width: int
    height: int
    result: PoseResult
    doubts: np.ndarray
    thumbnail: np.ndarray

    @property
    def doubt(self) -> float:
        """Of the object that it is most unsure of."""
        return float(self.doubts.max())

    @property
    def shape(self) -> np.ndarray:
        """Of that object: where its keypoints are in its box, ``(2 K,)``."""
        worst = int(self.doubts.argmax())
        box = self.result.bboxes[worst]
        return ((self.result.keypoints[worst] - box[:2]) / np.maximum(box[2:] - box[:2], 1)).ravel()


def look_at(path: Path, model: ExportedPoseModel, find_boxes: Callable[[Path, np.ndarray], np.ndarray],
            before: Optional[ExportedPoseModel] = None) -> Optional[Candidate]:
    """Find the objects in an image, and how unsure the model is of them.

    Args:
        path: The image.
        model: That gives heatmaps; with flip test, it is asked for the mirrored image, too.
        find_boxes: The path and the image ``(h, w, 3)`` BGR to boxes ``(N, 4)`` xyxy in px.
        before: An earlier model of the same keypoints; where the two disagree, the new one is unsure, too.

    Returns:
        None where there is no object.

    Raises:
        UnreadableError: It cannot be read.
        ValueError: A box that cannot be used.
    """
    image = read_image(path)
    h, w = image.shape[:2]
    boxes = check_bboxes(find_boxes(path, image), (h, w))
    if not len(boxes):
        return None
    parts = [_estimate(image, boxes[i:i + BATCH_SIZE], model, before) for i in range(0, len(boxes), BATCH_SIZE)]
    keypoints, scores, doubts = (np.concatenate(values) for values in zip(*parts))
    thumbnail = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).ravel().astype(np.float32) / 255
    return Candidate(path, w, h, PoseResult(keypoints, scores, boxes), doubts, thumbnail)


def _estimate(image: np.ndarray, boxes: np.ndarray, model: ExportedPoseModel,
              before: Optional[ExportedPoseModel]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keypoints, scores and doubts of objects."""
    crops = [model.crop(image, box) for box in boxes]
    views = model.views(np.stack([crop.pixels for crop in crops]))
    keypoints, scores = model.decode(crops, np.mean(views, axis=0))
    variances = doubt(views)**2
    if before is not None:
        earlier, _ = before([before.crop(image, box) for box in boxes])
        sides = np.array([max(crop.scale) for crop in crops])
        # Two places that are as likely: their distance is twice the standard deviation.
        variances = variances + (((earlier - keypoints) / sides[:, None, None])**2).sum(axis=2) / 4
    return keypoints, scores, np.sqrt(variances).mean(axis=1)


def choose(candidates: Sequence[Candidate], labelled: Sequence[Candidate], count: int) -> List[int]:
    """Choose images one after another: each is the one of which doubt, times how far it is from all that are labelled
    or chosen, is greatest. How far: by what images look like and by the shapes of objects, as much by one as by the
    other.

    Args:
        candidates: To choose from.
        labelled: What need not be seen again.
        count: How many, at most.

    Returns:
        Numbers of candidates, the first chosen first.
    """
    everything = [*candidates, *labelled]
    features = np.concatenate([_scaled(np.stack([getattr(one, what) for one in everything]))
                               for what in ('thumbnail', 'shape')], axis=1).astype(np.float32)
    doubts = np.array([one.doubt for one in candidates])
    free, known = features[:len(candidates)], features[len(candidates):]
    nearest = np.full(len(candidates), np.inf)
    for row in known:
        nearest = np.minimum(nearest, np.linalg.norm(free - row, axis=1))
    chosen: List[int] = []
    for _ in range(min(count, len(candidates))):
        # Nothing is known at first: then doubt alone counts.
        gains = doubts * (nearest if np.isfinite(nearest).all() else 1)
        gains[chosen] = -1
        chosen.append(int(gains.argmax()))
        nearest = np.minimum(nearest, np.linalg.norm(free - free[chosen[-1]], axis=1))
    return chosen


def _scaled(features: np.ndarray) -> np.ndarray:
    """In shares of their spread."""
    centered = features - features.mean(axis=0)
    return centered / max(float(np.sqrt((centered**2).sum(axis=1).mean())), 1e-9)
