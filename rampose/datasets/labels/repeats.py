"""Objects that were labelled more than once: what is trained on, and how far annotators disagree."""

from typing import Dict, List, Tuple

import numpy as np

from ..checks.annotations import AREA_OF_BOX
from .labelled import LabelledImage, LabelledObject, Labels, Repeats, box_of

SAME_OBJECT = 0.5  # intersection over union of the boxes
FEWEST = 10  # pairs of labels of a keypoint, to say how far they are from each other


def merge_repeats(labels: Labels) -> None:
    """Put images that are there several times together: each object once, its keypoints and box the mean of its labels.
    `labels.repeats` says how far these are from each other.

    Args:
        labels: A data set; changed.
    """
    by_path: Dict[object, List[LabelledImage]] = {}
    for image in labels.images:
        by_path.setdefault(image.path.resolve(), []).append(image)
    if len(by_path) == len(labels.images):
        return
    distances: List[np.ndarray] = []  # between two labels, (K,), px; NaN where one of them lacks the keypoint
    areas: List[float] = []
    for first, *others in by_path.values():
        known = [[one.keypoints.copy()] for one in first.objects]  # all labels of each object
        for other in others:
            first.split = first.split or other.split
            partners = _partners(first, other)
            for i, same in partners:
                distances += [_distances(label, same.keypoints) for label in known[i]]
                areas += [_area(first.objects[i], first)] * len(known[i])
                known[i].append(same.keypoints)
            new = [one for one in other.objects if not any(one is same for _, same in partners)]
            first.objects += new
            known += [[one.keypoints.copy()] for one in new]
        for one, of_object in zip(first.objects, known):
            one.keypoints = _mean(of_object)
    labels.images = [images[0] for images in by_path.values()]
    if distances:
        labels.repeats = _disagreement(labels.keypoints, np.array(distances), np.array(areas))


def _disagreement(names: List[str], distances: np.ndarray, areas: np.ndarray) -> Repeats:
    sigmas = {}
    for name, of_keypoint in zip(names, distances.T):
        paired = ~np.isnan(of_keypoint)
        if paired.sum() >= FEWEST:
            # Two labels are off by sigma each, and not by the same: the square of their distance is twice its square.
            sigma = float(np.sqrt(np.mean(of_keypoint[paired]**2 / areas[paired]) / 2))
            if sigma > 0:
                sigmas[name] = round(sigma, 4)
    paired = ~np.isnan(distances)
    return Repeats(len(distances), round(float(np.median(distances[paired])), 2) if paired.any() else 0., sigmas)


def _partners(image: LabelledImage, other: LabelledImage) -> List[Tuple[int, LabelledObject]]:
    """Numbers of objects, and the same objects as the other has them; the most overlapping first."""
    table = np.array([[_overlap(_box(one, image), _box(same, other)) for same in other.objects]
                      for one in image.objects]).reshape(len(image.objects), len(other.objects))
    found = []
    while table.size and table.max() >= SAME_OBJECT:
        i, j = np.unravel_index(int(table.argmax()), table.shape)
        found.append((int(i), other.objects[int(j)]))
        table[i], table[:, j] = -1, -1
    return found


def _overlap(a: Tuple[float, ...], b: Tuple[float, ...]) -> float:
    w, h = (min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i]) for i in (0, 1))
    inner = max(w, 0) * max(h, 0)
    return inner / max(a[2] * a[3] + b[2] * b[3] - inner, 1e-9)


def _box(one: LabelledObject, image: LabelledImage) -> Tuple[float, float, float, float]:
    return one.bbox or (box_of(one.keypoints, image.width, image.height) if one.keypoints[:, 2].any() else
                        (0., 0., 0., 0.))


def _area(one: LabelledObject, image: LabelledImage) -> float:
    _, _, w, h = _box(one, image)
    return max(float(one.area or AREA_OF_BOX * w * h), 1.)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    between = np.linalg.norm(a[:, :2] - b[:, :2], axis=1)
    between[(a[:, 2] <= 0) | (b[:, 2] <= 0)] = np.nan
    return between


def _mean(labels: List[np.ndarray]) -> np.ndarray:
    """Of those that have the keypoint; it is seen where most say so."""
    stacked = np.stack(labels)
    has = stacked[..., 2] > 0
    number = np.maximum(has.sum(axis=0), 1)
    points = (stacked[..., :2] * has[..., None]).sum(axis=0) / number[:, None]
    visible = np.round((stacked[..., 2] * has).sum(axis=0) / number)
    return np.column_stack([points, np.where(has.any(axis=0), visible, 0)])
