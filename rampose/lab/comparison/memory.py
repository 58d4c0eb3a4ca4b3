"""How much memory a model takes, measured in a process of its own."""

from typing import Any, Callable, Dict, Optional

import numpy as np

from ..isolation import IsolatedCall


def memory_mb(source: str, options: Dict[str, Any]) -> Optional[int]:
    """The most memory that a process takes which opens a model and finds the keypoints of eight people, MB.

    Args:
        source: As in :func:`rampose.lab.comparison.contenders.open_contender`.
        options: Likewise.

    Returns:
        None where the model cannot be opened, or the system does not say.
    """
    call = IsolatedCall(_eight_people, source, options)
    try:
        call()
        return round(call.peak_memory() / 1e6)
    except RuntimeError:
        return None
    finally:
        call.close()


def _eight_people(source: str, options: Dict[str, Any]) -> Callable[[], object]:
    from .contenders import open_contender
    contender = open_contender(source, **options)
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    return lambda: contender.predictor.predict([image], [np.tile([[100., 50., 300., 450.]], (8, 1))])
