"""How far a model's scores and heatmaps say how wrong its keypoints are; and what makes them say it better."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Tuple

import numpy as np

from ..apis import TopdownPredictor
from ..core.images import read_image
from ..core.uncertainty import Calibration
from .comparison.contenders import label_boxes
from .comparison.data import LabelledImages

RIGHT = 0.5  # a keypoint is right if its own term of OKS is at least this
KNOTS = 50  # of the curve from score to confidence: groups of as many keypoints each
BINS = 15  # of the expected calibration error, as wide as each other
SPREAD_GROUPS = 10  # likewise, of the factors of covariances
FITTED_SHARE = 0.8  # of a group's keypoints that its ellipse of that share holds; errors have longer tails than normal
COVERAGES = (0.5, 0.8, 0.95)
FEWEST = 200  # labelled keypoints to fit by, and to judge by


@dataclass(frozen=True)
class Estimates:
    """Labelled keypoints, M of them, and what a model says of them.

    Attributes:
        scores: ``(M,)``: heatmap peaks.
        right: ``(M,)`` bool.
        errors: ``(M, 2)``: what was found, less what is labelled, px.
        covariances: ``(M, 2, 2)``: of the heatmaps, px squared.
    """
    scores: np.ndarray
    right: np.ndarray
    errors: np.ndarray
    covariances: np.ndarray

    @property
    def squared_distances(self) -> np.ndarray:
        """``(M,)``: the errors in units of the covariances, squared (Mahalanobis)."""
        return np.einsum('mi,mij,mj->m', self.errors, np.linalg.pinv(self.covariances), self.errors)


def halves(data: LabelledImages) -> Tuple[LabelledImages, LabelledImages]:
    """Images of even and of odd ids: one half to fit by, one to judge by."""
    even, odd = ([number for number, image_id in enumerate(data.image_ids) if image_id % 2 == rest]
                 for rest in (0, 1))
    return data.choose_images(even), data.choose_images(odd)


def estimate(predictor: TopdownPredictor, data: LabelledImages, images: Path,
             progress: Callable[[Iterable], Iterable] = iter) -> Estimates:
    """Find everybody's labelled keypoints, in the labels' boxes.

    Args:
        predictor: Uncalibrated, with uncertainty.
        data: The images, with the model's keypoints.
        images: Their folder.
        progress: Wraps the images.

    Raises:
        ValueError: Fewer than 200 keypoints are labelled.
    """
    boxes, variances = label_boxes(data), (2 * data.sigmas)**2
    rows: List[Tuple[np.ndarray, ...]] = []
    for number in progress(range(len(data.names))):
        known = data.labels[number]
        counted = np.flatnonzero(~known.ignored)
        if not len(counted):
            continue
        result, = predictor.predict([read_image(images / data.names[number])], [boxes(number)])
        labelled = known.keypoints[counted, :, 2] > 0
        errors = result.keypoints - known.keypoints[counted, :, :2]
        near = np.exp(-(errors**2).sum(axis=2) / variances / (known.areas[counted, None] + np.spacing(1)) / 2)
        rows.append((result.keypoint_scores[labelled], near[labelled] >= RIGHT, errors[labelled],
                     np.asarray(result.covariances, float)[labelled]))
    found = Estimates(*(np.concatenate(column) for column in zip(*rows))) if rows else None
    if found is None or len(found.scores) < FEWEST:
        raise ValueError(f'got {0 if found is None else len(found.scores)} labelled keypoints in {len(data.names)} '
                         f'images; needed are at least {FEWEST} to fit by and as many to judge by')
    return found


def fit(estimates: Estimates, fitted_on: str, flip_test: bool = True) -> Calibration:
    """Fit confidences by isotonic regression, and factors of covariances by the 80 % that an ellipse should hold."""
    order = np.argsort(estimates.scores, kind='stable')
    groups, spread_groups = np.array_split(order, KNOTS), np.array_split(order, SPREAD_GROUPS)
    shares = _rising(np.array([estimates.right[group].mean() for group in groups]),
                     np.array([len(group) for group in groups], float))
    distances = estimates.squared_distances
    factors = [max(float(np.quantile(distances[group], FITTED_SHARE)) / _squared_radius(FITTED_SHARE), 1e-6)
               for group in spread_groups]

    def means(of: List[np.ndarray]) -> List[float]:
        return [round(float(estimates.scores[group].mean()), 5) for group in of]

    return Calibration(means(groups), shares.round(4).tolist(), means(spread_groups),
                       [float(f'{factor:.4g}') for factor in factors], fitted_on, flip_test)


def _rising(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Isotonic regression by pooling adjacent violators; SciPy has it from 1.12 on, which Python 3.8 does not get."""
    pools: List[Tuple[float, float, int]] = []  # mean, weight, number of values
    for value, weight in zip(values, weights):
        pool = value, weight, 1
        while pools and pools[-1][0] >= pool[0]:
            mean, before, number = pools.pop()
            pool = ((mean * before + pool[0] * pool[1]) / (before + pool[1]), before + pool[1], number + pool[2])
        pools.append(pool)
    return np.repeat([mean for mean, _, _ in pools], [number for _, _, number in pools])


def _squared_radius(share: float) -> float:
    """Of the ellipse that holds a share of a normal distribution, in units of its covariance."""
    return -2 * float(np.log(1 - share))


def judge(estimates: Estimates, calibration: Calibration) -> Dict[str, Any]:
    """Expected calibration error and coverage, as they are before and after calibrating.

    Returns:
        ``before`` and ``after``: ``ece``, ``bins`` (mean confidence, share right and number of each), ``coverage``: by
        what ellipses should hold, what they do.
    """
    distances = estimates.squared_distances
    report: Dict[str, Any] = dict(keypoints=len(estimates.scores), right=round(float(estimates.right.mean()), 4))
    for name, confidences, factors in (
            ('before', np.clip(estimates.scores, 0, 1), np.ones(len(distances))),
            ('after', calibration.confidence(estimates.scores), calibration.spread(estimates.scores))):
        bins = _bins(confidences, estimates.right)
        report[name] = dict(
            ece=round(sum(abs(one['confidence'] - one['right']) * one['number'] for one in bins) / len(distances), 4),
            bins=bins, coverage={str(share): round(float((distances <= _squared_radius(share) * factors).mean()), 4)
                                 for share in COVERAGES})
    return report


def _bins(confidences: np.ndarray, right: np.ndarray) -> List[Dict[str, float]]:
    numbers = np.minimum((confidences * BINS).astype(int), BINS - 1)
    return [dict(confidence=round(float(confidences[numbers == number].mean()), 4),
                 right=round(float(right[numbers == number].mean()), 4), number=int((numbers == number).sum()))
            for number in np.unique(numbers)]
