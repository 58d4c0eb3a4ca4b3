"""Training pictures, of which some may be broken."""

from typing import Dict, Optional

import numpy as np
import torch
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS
from torch.utils.data import get_worker_info

_MOST_WORKERS = 1025  # of a data loader, and the main process


@TRANSFORMS.register_module()
class LoadReadableImage(LoadImage):
    """MMPose's `LoadImage`, whose error names picture and annotation, and which can leave broken pictures out.

    A sample that is left out is replaced by another of the data set, at random. All workers count together.

    Args:
        max_bad_share: Share of the loaded pictures, in [0, 1), that may be unreadable before training stops; the first
            100 are taken together. Default: 0, the first one is an error.
        keep: Keep decoded pictures in memory, 3 bytes a pixel, and read each file once. For small data sets: each
            worker keeps its own. Default: False.
        kwargs: As MMPose's `LoadImage`.

    Raises:
        ValueError: `max_bad_share` is out of range.
        OSError: A picture cannot be read, and no more may be left out.
    """

    def __init__(self, max_bad_share: float = 0., keep: bool = False, **kwargs) -> None:
        if not 0 <= max_bad_share < 1:
            raise ValueError(f'got max_bad_share={max_bad_share}; it is a share in [0, 1)')
        super().__init__(**kwargs)
        self.max_bad_share = max_bad_share
        self._kept: Optional[Dict[str, np.ndarray]] = {} if keep else None
        # Loaded and unreadable, of each worker: two that add to one number lose counts.
        self._counts = torch.zeros(_MOST_WORKERS, 2, dtype=torch.int64).share_memory_()

    def transform(self, results: dict) -> Optional[dict]:
        if self.max_bad_share:
            self._counts[_worker(), 0] += 1
        path = results.get('img_path')
        kept = self._kept is not None and 'img' not in results
        if kept and path in self._kept:
            results['img'] = self._kept[path].copy()  # what follows may write into it
        try:
            results = super().transform(results)
        except Exception as error:  # a decoder may raise anything for a damaged file
            what = f'{results.get("img_path")} (annotation {results.get("id")}) cannot be read'
            if not self.max_bad_share:
                raise OSError(f'{what}: {_reason(error)}. rampose check-data finds all of them; '
                              'LoadReadableImage(max_bad_share=0.001) leaves some out') from None
            self._counts[_worker(), 1] += 1
            loaded, bad = self._counts.sum(0).tolist()
            if bad > self.max_bad_share * max(loaded, 100):
                raise OSError(f'{what}, as {bad} of {loaded} pictures could not: more than the share of '
                              f'{self.max_bad_share:g} that max_bad_share allows. rampose check-data finds all of '
                              'them') from None
            return None
        if kept and path not in self._kept:
            self._kept[path] = results['img'].copy()
        return results


def _worker() -> int:
    worker = get_worker_info()
    return 0 if worker is None else 1 + worker.id % (_MOST_WORKERS - 1)


def _reason(error: Exception) -> str:
    # MMPose's own message: `reason` occurs when loading `path`. Please check...
    return str(error).split('` occurs when')[0].lstrip('`') or type(error).__name__
