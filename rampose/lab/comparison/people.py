"""What became of each labelled person, and in which groups people are."""

from dataclasses import dataclass
from typing import Dict, List, Sequence, Tuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from .coco_metric import AREAS, Found, Labels, similarities
from .data import LabelledImages

PCK_SHARE = 0.2  # of the longer side of the box


@dataclass(frozen=True)
class People:
    """The P labelled people who count, and what a model found of them.

    Attributes:
        image: ``(P,)``: number of the image.
        person: ``(P,)``: number of the person in its image's labels.
        found: ``(P,)``: number among those found there; -1 for nobody.
        oks: ``(P,)``; 0 where nobody is found.
        errors: ``(P, K)``: distance in px; NaN where not labelled, infinite where nobody is found.
        correct: ``(P, K)``: 1 where the distance is at most `PCK_SHARE` of the box's longer side, else 0; NaN where not
            labelled.
    """
    image: np.ndarray
    person: np.ndarray
    found: np.ndarray
    oks: np.ndarray
    errors: np.ndarray
    correct: np.ndarray

    @property
    def pck(self) -> np.ndarray:
        """Of each keypoint, ``(K,)``; NaN where none is labelled."""
        labelled = ~np.isnan(self.correct)
        return np.where(labelled.any(axis=0), np.nansum(self.correct, axis=0) / np.maximum(labelled.sum(axis=0), 1),
                        np.nan)


def pair(found: Sequence[Found], data: LabelledImages) -> People:
    """Pair everybody labelled with whom a model found, so that the sum of similarities is the largest."""
    rows: List[Tuple[int, int, int, float, np.ndarray, np.ndarray]] = []
    for number, (people, known) in enumerate(zip(found, data.labels)):
        people, counted = people.best(), np.flatnonzero(~known.ignored)
        table = similarities(people.keypoints, known, data.sigmas)[:, counted]
        partner = {counted[g]: n for n, g in zip(*linear_sum_assignment(-table))}
        for g in counted:
            n = partner.get(g, -1)
            labelled = known.keypoints[g, :, 2] > 0
            distances = (np.linalg.norm(people.keypoints[n] - known.keypoints[g, :, :2], axis=1) if n >= 0 else
                         np.full(len(labelled), np.inf))
            allowed = PCK_SHARE * max(known.bboxes[g, 2:])
            rows.append((number, g, n, table[n, list(counted).index(g)] if n >= 0 else 0.,
                         np.where(labelled, distances, np.nan), np.where(labelled, distances <= allowed, np.nan)))
    num_keypoints = len(data.keypoints)
    columns = list(zip(*rows)) if rows else [()] * 6
    return People(*(np.array(column, int) for column in columns[:3]), np.array(columns[3], float),
                  *(np.array(column, float).reshape(-1, num_keypoints) for column in columns[4:]))


def groups_of(data: LabelledImages) -> Dict[str, np.ndarray]:
    """Sort the labelled people who count.

    Args:
        data: The images. Where their sizes are not known, nobody is sorted by whether the box is cut off.

    Returns:
        By the group's name, ``(P,)`` bool in the order of :class:`People`. Groups without anybody are left out.
    """
    rows: List[Dict[str, bool]] = []
    for number, known in enumerate(data.labels):
        overlaps = _overlaps(known)
        for g in np.flatnonzero(~known.ignored):
            visibility = known.keypoints[g, :, 2]
            count, hidden = int((visibility > 0).sum()), (visibility == 1).sum() / max((visibility > 0).sum(), 1)
            row = {f'size {name}': low <= known.areas[g] < high for name, (low, high) in dict(
                small=(0, AREAS['medium'][0]), medium=AREAS['medium'], large=AREAS['large']).items()}
            thirds = len(visibility) / 3
            row.update({
                'few keypoints labelled': count <= thirds,
                'some keypoints labelled': thirds < count <= 2 * thirds,
                'most keypoints labelled': count > 2 * thirds,
                'nothing hidden': hidden == 0,
                'less than half hidden': 0 < hidden < 0.5,
                'half or more hidden': hidden >= 0.5,
                'alone': overlaps[g] < 0.1,
                'overlapped': 0.1 <= overlaps[g] < 0.3,
                'crowded': overlaps[g] >= 0.3})
            if data.sizes:
                x, y, w, h = known.bboxes[g]
                width, height = data.sizes[number]
                cut = min(x, y) <= 1 or x + w >= width - 1 or y + h >= height - 1
                row.update({'whole in the image': not cut, 'cut off by its border': cut})
            rows.append(row)
    table = {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    return {name: members for name, members in table.items() if members.any()}


def _overlaps(known: Labels) -> np.ndarray:
    """The largest IoU of each box with another of its image, ``(G,)``."""
    low, high = known.bboxes[:, :2], known.bboxes[:, :2] + known.bboxes[:, 2:]
    inner = np.clip(np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None]), 0, None).prod(axis=2)
    sides = known.bboxes[:, 2:].prod(axis=1)
    iou = inner / np.maximum(sides[:, None] + sides[None] - inner, 1e-9)
    np.fill_diagonal(iou, 0)
    return iou.max(axis=1) if len(iou) else np.zeros(0)
