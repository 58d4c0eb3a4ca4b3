"""Checkpoints of plain values, which `torch.load(weights_only=True)` reads from torch 2.1 on with no list of names."""

from typing import Any

import numpy as np
from mmengine.logging import HistoryBuffer

# MMEngine's parts of a checkpoint that hold numpy's objects and its own; the others are tensors, or another hook's.
_PARTS = ('meta', 'message_hub', 'optimizer', 'param_schedulers')
_HISTORY = ('log_history', 'count_history', 'max_length')


def plain(value: Any) -> Any:
    """Plain Python for numpy's numbers and arrays and for HistoryBuffers, in dicts and lists too."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        return dict(zip(_HISTORY, (log.tolist(), count.tolist(), int(value.max_length))))
    if isinstance(value, dict):  # Counters and ConfigDicts among them
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return value


def make_plain(checkpoint: dict) -> None:
    """Put plain values into a checkpoint of MMEngine's; the objects that it was made from stay as they are."""
    for part in _PARTS:
        if part in checkpoint:
            checkpoint[part] = plain(checkpoint[part])


def restore_message_hub(checkpoint: dict) -> None:
    """Make HistoryBuffers of plain histories, where MMEngine looks for them; older checkpoints have them already."""
    scalars = (checkpoint.get('message_hub') or {}).get('log_scalars') or {}
    for name, value in scalars.items():
        if isinstance(value, dict) and set(value) == set(_HISTORY):
            scalars[name] = HistoryBuffer(*(value[key] for key in _HISTORY))
