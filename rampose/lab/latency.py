"""Timing things against each other."""

import random
import sys
import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Optional

import numpy as np


@dataclass(frozen=True)
class Latency:
    """Times of one candidate over the rounds of an interleaved run.

    Attributes:
        seconds: Time of each round, (rounds,).
        ratios: The same, divided by the time of the baseline in the same round, (rounds,).
    """
    seconds: np.ndarray
    ratios: np.ndarray

    @property
    def median(self) -> float:
        """Median time of a call, seconds."""
        return float(np.median(self.seconds))

    @property
    def quartiles(self) -> tuple:
        """First and third quartile of the time, seconds."""
        return tuple(np.percentile(self.seconds, (25, 75)).tolist())

    @property
    def ratio(self) -> float:
        """Median ratio to the baseline."""
        return float(np.median(self.ratios))

    @property
    def ratio_quartiles(self) -> tuple:
        """First and third quartile of the ratio."""
        return tuple(np.percentile(self.ratios, (25, 75)).tolist())


def time_interleaved(candidates: Dict[str, Callable[[], object]],
                     rounds: int,
                     warmup: int = 3,
                     pause: float = 0.0,
                     progress: Optional[Callable[[Iterable], Iterable]] = None) -> Dict[str, Latency]:
    """Call every candidate once a round, so that what slows the machine down for a while slows all of them.

    The order changes from round to round.

    Args:
        candidates: What to time, by name; the first one is the baseline. On a GPU each is timed to its end.
        rounds: Number of rounds that count.
        warmup: Number of rounds before them.
        pause: Seconds to wait before each candidate, for threads of the one before it to come to rest. Then the
            candidate is called once without being timed, to fill the caches that others emptied.
        progress: Wraps the rounds, to draw a progress bar.

    Returns:
        The times by name.
    """
    seconds = {name: np.zeros(warmup + rounds) for name in candidates}
    indices = range(warmup + rounds)
    order, rng = list(candidates.items()), random.Random(0)
    for i in progress(indices) if progress else indices:
        rng.shuffle(order)  # whoever comes after a light one finds a cooler processor
        for name, call in order:
            if pause:
                time.sleep(pause)
                call()
            _synchronise()
            start = time.perf_counter()
            call()
            _synchronise()
            seconds[name][i] = time.perf_counter() - start
    counted = {name: values[warmup:] for name, values in seconds.items()}
    baseline = next(iter(counted.values()))
    return {name: Latency(values, values / baseline) for name, values in counted.items()}


def _synchronise() -> None:
    torch = sys.modules.get('torch')  # exported models run without it
    if torch is not None and torch.cuda.is_available():
        torch.cuda.synchronize()
