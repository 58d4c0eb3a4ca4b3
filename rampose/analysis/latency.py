"""Timing things against each other."""

import time
from dataclasses import dataclass
from typing import Callable, Dict, Iterable, Optional

import numpy as np
import torch


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
                     progress: Optional[Callable[[Iterable], Iterable]] = None) -> Dict[str, Latency]:
    """Call every candidate once a round, so that what slows the machine down for a while slows all of them.

    Args:
        candidates: What to time, by name; the first one is the baseline. On a GPU each is timed to its end.
        rounds: Number of rounds that count.
        warmup: Number of rounds before them.
        progress: Wraps the rounds, to draw a progress bar.

    Returns:
        The times by name.
    """
    seconds = {name: np.zeros(warmup + rounds) for name in candidates}
    indices = range(warmup + rounds)
    for i in progress(indices) if progress else indices:
        for name, call in candidates.items():
            _synchronise()
            start = time.perf_counter()
            call()
            _synchronise()
            seconds[name][i] = time.perf_counter() - start
    counted = {name: values[warmup:] for name, values in seconds.items()}
    baseline = next(iter(counted.values()))
    return {name: Latency(values, values / baseline) for name, values in counted.items()}


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
