"""What the runs of an experiment say: means, spreads, and differences with what they are worth."""

from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Difference:
    """How much larger one thing is than another, over pairs with the same seed.

    Attributes:
        mean: Mean of the differences.
        interval: In which the true mean lies with the confidence asked for, by Student's t; None for a single pair.
        num_pairs: Number of pairs.
    """
    mean: float
    interval: Optional[Tuple[float, float]]
    num_pairs: int

    @property
    def within_noise(self) -> bool:
        """Whether the runs do not tell the two apart."""
        return self.interval is None or self.interval[0] <= 0 <= self.interval[1]


def mean_and_std(values: Sequence[float]) -> Tuple[float, Optional[float]]:
    """Mean and sample standard deviation; None in its place for a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def paired_difference(a: Dict[int, float], b: Dict[int, float], confidence: float = CONFIDENCE) -> Optional[Difference]:
    """The mean of a - b over the seeds that both have.

    Pairs with the same seed saw the same data in the same order, so what is common to both drops out.

    Args:
        a: Value by seed.
        b: Value by seed.
        confidence: Of the interval, in (0, 1).

    Returns:
        The difference, or None if there is no common seed.
    """
    seeds = sorted(set(a) & set(b))
    if not seeds:
        return None
    of_a, of_b = ([values[seed] for seed in seeds] for values in (a, b))
    mean = float(np.mean(np.subtract(of_a, of_b)))
    if len(seeds) == 1:
        return Difference(mean, None, 1)
    low, high = stats.ttest_rel(of_a, of_b).confidence_interval(confidence)
    return Difference(mean, (float(low), float(high)), len(seeds))
