"""How sure a difference is: the metric again and again, on images drawn with repetition."""

from typing import Callable, Dict, Iterable, Tuple

import numpy as np

from .coco_metric import Matches, summarize

RESAMPLES = 1000
LEVEL = 0.95


def bootstrap(models: Dict[str, Dict[str, Matches]], resamples: int = RESAMPLES, seed: int = 0,
              progress: Callable[[Iterable], Iterable] = iter) -> Dict[str, Dict[str, np.ndarray]]:
    """Evaluate models on as many images as there are, drawn with repetition, the same for all.

    Images are drawn, not people: those of one image are alike in light, crowding and labelling.

    Args:
        models: Of each its matches (:func:`rampose.lab.comparison.coco_metric.match`), of the same images.
        resamples: How often.
        seed: Of the drawing.
        progress: Wraps the loop, to show how far it is.

    Returns:
        For each model and number of :func:`rampose.lab.comparison.coco_metric.summarize`, ``(resamples,)``.
    """
    num_images = len(next(iter(models.values()))['all'].num_people[0])
    rng = np.random.default_rng(seed)
    rows: Dict[str, list] = {name: [] for name in models}
    for _ in progress(range(resamples)):
        weights = np.bincount(rng.integers(0, num_images, num_images), minlength=num_images).astype(float)
        for name, matches in models.items():
            rows[name].append(summarize(matches, weights))
    return {name: {key: np.array([row[key] for row in of_model]) for key in of_model[0]}
            for name, of_model in rows.items()}


def interval(values: np.ndarray) -> Tuple[float, float]:
    """The middle 95 % of resampled values; NaN where there are none."""
    known = values[~np.isnan(values)]
    if not len(known):
        return float('nan'), float('nan')
    low, high = np.percentile(known, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)
