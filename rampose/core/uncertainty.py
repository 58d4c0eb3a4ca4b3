"""How sure a keypoint is: how far its heatmap spreads, and a confidence that was fitted on labelled people."""

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

RADIUS_SIGMAS = 3  # of the window round the peak, in sigmas of the targets that the network was trained on
FLOOR = 0.2  # of a heatmap's peak; what is lower is noise, of which a whole heatmap has more than its peak holds


@dataclass(frozen=True)
class Calibration:
    """What makes confidences and ellipses of scores and heatmaps; `rampose calibrate` fits it.

    Attributes:
        scores: Heatmap peaks, ascending.
        confidences: The share of keypoints with that peak that are right, from 0 to 1, ascending; between two peaks it
            is interpolated.
        spread_scores: Heatmap peaks, ascending.
        spread_factors: By which the covariance of a heatmap with that peak is multiplied to be that of the keypoint's
            error; between two peaks its logarithm is interpolated.
        fitted_on: The annotations, and how many keypoints they have.
        flip_test: Whether the heatmaps were averaged with those of mirrored crops.
    """
    scores: List[float]
    confidences: List[float]
    spread_scores: List[float]
    spread_factors: List[float]
    fitted_on: str
    flip_test: bool = True

    def confidence(self, keypoint_scores: np.ndarray) -> np.ndarray:
        """The chance that keypoints of these scores are right, float32, in their shape."""
        return np.interp(keypoint_scores, self.scores, self.confidences).astype(np.float32)

    def spread(self, keypoint_scores: np.ndarray) -> np.ndarray:
        """By what covariances of keypoints of these scores are multiplied, in their shape."""
        return np.exp(np.interp(keypoint_scores, self.spread_scores, np.log(self.spread_factors)))

    def as_dict(self) -> Dict[str, Any]:
        """As it is stored in a model's file."""
        return asdict(self)


def calibration_of(stored: Optional[Dict[str, Any]]) -> Optional[Calibration]:
    """What a model's file holds of it; ValueError if that is damaged."""
    if stored is None:
        return None
    try:
        found = Calibration(**stored)
        usable = all(len(scores) == len(values) > 0 and np.all(np.diff(scores) >= 0) for scores, values in (
            (found.scores, found.confidences), (found.spread_scores, found.spread_factors)))
        usable = usable and min(found.spread_factors) > 0
    except (TypeError, ValueError):
        usable = False
    if not usable:
        raise ValueError('the model has a damaged calibration: calibrate it again by rampose calibrate')
    return found


def covariances(heatmaps: np.ndarray, sigma: float) -> np.ndarray:
    """Second moments of heatmaps round their peaks.

    Args:
        heatmaps: ``(B, K, H, W)`` float32. What is below 0 counts as 0.
        sigma: Of the targets that the network was trained on, cells.

    Returns:
        ``(B, K, 2, 2)`` float64, in cells squared, x before y. Where there is nothing above 0, those of a keypoint that
        may be anywhere in the heatmap.
    """
    *shape, h, w = heatmaps.shape
    flat = np.maximum(heatmaps.reshape(-1, h, w), 0)
    radius = max(1, round(RADIUS_SIGMAS * sigma))
    padded = np.pad(flat, ((0, 0), (radius, radius), (radius, radius)))
    y, x = np.divmod(flat.reshape(len(flat), -1).argmax(axis=1), w)
    offsets = np.arange(-radius, radius + 1)
    rows, columns = (y + radius)[:, None, None] + offsets[:, None], (x + radius)[:, None, None] + offsets
    window = padded[np.arange(len(flat))[:, None, None], rows, columns].astype(np.float64)
    total = window.sum(axis=(1, 2))
    with np.errstate(invalid='ignore'):
        window /= total[:, None, None]
        dx = offsets - (window.sum(axis=1) @ offsets)[:, None]
        dy = offsets - (window.sum(axis=2) @ offsets)[:, None]
        xx, yy = (window.sum(axis=1) * dx**2).sum(axis=1), (window.sum(axis=2) * dy**2).sum(axis=1)
        xy = np.einsum('nyx,ny,nx->n', window, dy, dx)
    moments = np.stack([xx, xy, xy, yy], axis=1).reshape(-1, 2, 2)
    moments[total <= 0] = np.diag([w**2 / 12, h**2 / 12])
    return moments.reshape(*shape, 2, 2)


def doubt(views: Sequence[np.ndarray]) -> np.ndarray:
    """How far from each other the places are where heatmaps of the same keypoints, by several views or models, have
    them: the standard deviation of where they say it is. Second peaks count, and so does what one has elsewhere.

    Args:
        views: Each ``(B, K, H, W)`` float32.

    Returns:
        ``(B, K)`` float64, in shares of the heatmap's longer side.
    """
    chances = np.mean([_as_chances(heatmaps) for heatmaps in views], axis=0)
    h, w = chances.shape[2:]
    of_x, of_y = chances.sum(axis=2), chances.sum(axis=3)
    variance = sum((of_side * (places - (of_side @ places)[..., None])**2).sum(axis=-1)
                   for of_side, places in ((of_x, np.arange(w)), (of_y, np.arange(h))))
    return np.sqrt(variance) / max(h, w)


def _as_chances(heatmaps: np.ndarray) -> np.ndarray:
    """Heatmaps that sum to 1 each; those with nothing above 0 may be anywhere."""
    peaks = heatmaps.max(axis=(2, 3), keepdims=True)
    kept = np.where((heatmaps >= FLOOR * peaks) & (peaks > 0), heatmaps, peaks <= 0).astype(np.float64)
    return kept / kept.sum(axis=(2, 3), keepdims=True)
