"""COCO's keypoint metric, kept image by image, so that it can be summed over any choice of images.

The numbers are pycocotools'. What it adds up once, here stays apart: a bootstrap over images then costs a sum.
"""

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

THRESHOLDS = np.linspace(.5, .95, 10)  # of OKS
RECALLS = np.linspace(0., 1., 101)
MAX_DETECTIONS = 20  # people of an image that count, the best first
AREAS: Dict[str, Tuple[float, float]] = {'all': (0, 1e10), 'medium': (32**2, 96**2), 'large': (96**2, 1e10)}  # px


@dataclass(frozen=True)
class Labels:
    """The labelled people of an image, G of them with K keypoints.

    Attributes:
        keypoints: ``(G, K, 3)``: x, y in image px and COCO's visibility; 0 is not labelled.
        bboxes: ``(G, 4)``: x, y, width, height in image px.
        areas: ``(G,)`` px.
        ignored: ``(G,)`` bool: crowds, and people without a labelled keypoint; finding them is neither right nor wrong.
        crowd: ``(G,)`` bool: several people, who may be found several times.
    """
    keypoints: np.ndarray
    bboxes: np.ndarray
    areas: np.ndarray
    ignored: np.ndarray
    crowd: np.ndarray


@dataclass(frozen=True)
class Found:
    """The people that a model finds in an image, N of them.

    Attributes:
        keypoints: ``(N, K, 2)``, image px.
        scores: ``(N,)``.
        keypoint_scores: ``(N, K)``.
        box_areas: ``(N,)`` px, where results say boxes: pycocotools takes a person's size from there. None for the
            extent of the keypoints.
    """
    keypoints: np.ndarray
    scores: np.ndarray
    keypoint_scores: np.ndarray
    box_areas: Optional[np.ndarray] = None

    @property
    def areas(self) -> np.ndarray:
        """``(N,)``: how large each person is, px."""
        if self.box_areas is not None:
            return self.box_areas
        return np.ptp(self.keypoints, axis=1).prod(axis=1) if len(self.keypoints) else np.zeros(0)

    def best(self) -> 'Found':
        """Those that count, the best first; people of equal scores stay in their order."""
        order = np.argsort(-self.scores, kind='mergesort')[:MAX_DETECTIONS]
        return Found(self.keypoints[order], self.scores[order], self.keypoint_scores[order],
                     None if self.box_areas is None else self.box_areas[order])


@dataclass(frozen=True)
class Matches:
    """All people found in I images and whom they are, for one range of areas; D of them, the best first.

    Attributes:
        image: ``(D,)``: the number of the image.
        right: ``(T, D)`` bool: a labelled person is found, with an OKS of at least each of T thresholds.
        wrong: ``(T, D)`` bool: nobody is. Neither right nor wrong is who is ignored.
        num_people: ``(T, I)``: labelled people who count; the same at each threshold, unless somebody is taken out.
    """
    image: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    num_people: np.ndarray


def similarities(found: np.ndarray, labels: Labels, sigmas: np.ndarray) -> np.ndarray:
    """Object keypoint similarity (OKS) of everybody found with everybody labelled, as pycocotools computes it.

    Who has no labelled keypoint is compared by his box, doubled on each side.

    Args:
        found: ``(N, K, 2)``, image px.
        labels: The G labelled people.
        sigmas: ``(K,)``, the data set's.

    Returns:
        ``(N, G)``, from 0 to 1.
    """
    table = np.zeros((len(found), len(labels.areas)))
    variances = (2 * np.asarray(sigmas))**2
    for g, (points, (x, y, w, h), area) in enumerate(zip(labels.keypoints, labels.bboxes, labels.areas)):
        labelled = points[:, 2] > 0
        if labelled.any():
            offsets = found - points[:, :2]
        else:
            low, high = np.array([x - w, y - h]), np.array([x + 2 * w, y + 2 * h])
            offsets = np.maximum(0, low - found) + np.maximum(0, found - high)
        errors = (offsets**2).sum(axis=2) / variances / (area + np.spacing(1)) / 2
        errors = errors[:, labelled] if labelled.any() else errors
        table[:, g] = np.exp(-errors).sum(axis=1) / errors.shape[1]
    return table


def match(found: Sequence[Found], labels: Sequence[Labels], sigmas: np.ndarray) -> Dict[str, Matches]:
    """Match what a model finds with what is labelled, image by image.

    Args:
        found: Of each image.
        labels: Of each image, in the same order.
        sigmas: ``(K,)``, the data set's.

    Returns:
        For each of `AREAS`.
    """
    found = [people.best() for people in found]
    tables = [similarities(people.keypoints, known, sigmas) for people, known in zip(found, labels)]
    scores = np.concatenate([people.scores for people in found]) if found else np.zeros(0)
    image = np.repeat(np.arange(len(found)), [len(people.scores) for people in found])
    order = np.argsort(-scores, kind='mergesort')
    return {name: _match_range(found, labels, tables, image, order, limits) for name, limits in AREAS.items()}


def _match_range(found: Sequence[Found], labels: Sequence[Labels], tables: Sequence[np.ndarray], image: np.ndarray,
                 order: np.ndarray, limits: Tuple[float, float]) -> Matches:
    low, high = limits
    parts: List[Tuple[np.ndarray, np.ndarray]] = []
    num_people = []
    for people, known, table in zip(found, labels, tables):
        ignored = known.ignored | (known.areas < low) | (known.areas > high)
        num_people.append(int((~ignored).sum()))
        whom = match_image(table, ignored, known.crowd)
        elsewhere = (people.areas < low) | (people.areas > high)  # nobody, and of a size that is not asked for
        hit = whom >= 0
        is_ignored = np.append(ignored, False)[whom]
        parts.append((hit & ~is_ignored, ~hit & ~elsewhere))
    rights, wrongs = (np.concatenate(side, axis=1) if side else np.zeros((len(THRESHOLDS), 0), bool)
                      for side in zip(*parts)) if parts else (np.zeros((len(THRESHOLDS), 0), bool), ) * 2
    return Matches(image[order], rights[:, order], wrongs[:, order], np.tile(num_people, (len(THRESHOLDS), 1)))


def match_image(table: np.ndarray, ignored: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """Give everybody found, the best first, the most similar person who is still free.

    Args:
        table: OKS ``(N, G)`` of people found, the best first, and labelled.
        ignored: ``(G,)`` bool. Such people are only given where nobody else is similar enough.
        crowd: ``(G,)`` bool. They can be given several times.

    Returns:
        ``(T, N)``: the index of the labelled person for each threshold, -1 for nobody.
    """
    whom = np.full((len(THRESHOLDS), len(table)), -1)
    if not table.size:
        return whom
    counted, rest = np.flatnonzero(~ignored), np.flatnonzero(ignored)
    for t, threshold in enumerate(np.minimum(THRESHOLDS, 1 - 1e-10)):
        free = np.ones(len(ignored), bool)
        for n, row in enumerate(table):
            for group in (counted, rest):
                open_ = group[free[group] | crowd[group]]
                if len(open_) and row[open_].max() >= threshold:
                    # The last of equal ones, as pycocotools takes it.
                    chosen = open_[len(open_) - 1 - np.argmax(row[open_][::-1])]
                    whom[t, n] = chosen
                    free[chosen] = False
                    break
    return whom


def average_precision(matches: Matches, weights: Optional[np.ndarray] = None) -> Tuple[np.ndarray, np.ndarray]:
    """Average precision and recall at each threshold.

    Args:
        matches: Of a model, for a range of areas.
        weights: ``(I,)``: how often each image counts, as if it stood so often in the set. Default: None, once.

    Returns:
        Two times ``(T,)``, from 0 to 1; NaN where nobody is labelled.
    """
    if weights is None:
        weights = np.ones(matches.num_people.shape[1])
    num_people = matches.num_people @ weights
    nobody = np.where(num_people > 0, 0., np.nan)
    of_each = weights[matches.image]
    rights = np.cumsum(matches.right * of_each, axis=1)
    wrongs = np.cumsum(matches.wrong * of_each, axis=1)
    if not rights.shape[1]:
        return nobody, nobody
    recalls = rights / np.maximum(num_people, 1)[:, None]
    precisions = rights / (rights + wrongs + np.spacing(1))
    # The best precision at this recall or a higher one.
    precisions = np.maximum.accumulate(precisions[:, ::-1], axis=1)[:, ::-1]
    ends = np.array([np.searchsorted(recall, RECALLS, side='left') for recall in recalls])
    padded = np.concatenate([precisions, np.zeros((len(THRESHOLDS), 1))], axis=1)
    return np.take_along_axis(padded, ends, axis=1).mean(axis=1) + nobody, recalls[:, -1] + nobody


def summarize(matches: Dict[str, Matches], weights: Optional[np.ndarray] = None) -> Dict[str, float]:
    """COCO's ten numbers, from 0 to 1; NaN where nobody of a size is labelled.

    Args:
        matches: As :func:`match` gives them.
        weights: As in :func:`average_precision`.
    """
    values = {name: average_precision(part, weights) for name, part in matches.items()}
    numbers = {}
    for index, what in enumerate(('AP', 'AR')):
        everything = values['all'][index]
        numbers.update({what: float(everything.mean()), f'{what}50': float(everything[0]),
                        f'{what}75': float(everything[5]),
                        f'{what} (M)': float(values['medium'][index].mean()),
                        f'{what} (L)': float(values['large'][index].mean())})
    return numbers
