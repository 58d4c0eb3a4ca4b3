"""Crops of many images, estimated in batches."""

from concurrent.futures import Executor, Future
from typing import Any, Callable, List, Optional, Sequence, Tuple

import numpy as np

Estimates = Tuple[np.ndarray, ...]  # keypoints, scores, ..., of each crop of a batch


class CropBatches:
    """Collects crops, and estimates them as soon as there are enough.

    Args:
        estimate: A batch of crops to its estimates.
        size: Of a batch, at most.
        beside: Where to estimate, one batch ahead of what comes. Default: None, here.
    """

    def __init__(self, estimate: Callable[[Sequence[Any]], Estimates], size: int,
                 beside: Optional[Executor] = None) -> None:
        self._estimate, self._size, self._beside = estimate, size, beside
        self._crops: List[Any] = []
        self._batches: List[Future] = []

    def add(self, crop: Any) -> None:
        """Take another crop."""
        self._crops.append(crop)
        if len(self._crops) == self._size:
            self._start()

    def finish(self) -> List[Estimates]:
        """The estimates of all batches."""
        if self._crops:
            self._start()
        return [batch.result() for batch in self._batches]

    def _start(self) -> None:
        crops, self._crops = self._crops, []
        if self._beside is not None:
            if self._batches:
                self._batches[-1].result()
            self._batches.append(self._beside.submit(self._estimate, crops))
        else:
            done: Future = Future()
            done.set_result(self._estimate(crops))
            self._batches.append(done)
