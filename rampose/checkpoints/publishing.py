"""A training checkpoint as others want it: the weights, what the keypoints are, and nothing else."""

import hashlib
import io
from datetime import date
from pathlib import Path
from typing import Dict, Optional, Union

import torch

from .. import __version__
from ..core.files import written_whole
from .loading import CheckpointError, load_checkpoint_file
from .plain import plain

# What a reader of a checkpoint asks its meta for. The config is left out: it holds paths of the machine.
KEPT_META = ('epoch', 'iter', 'mmengine_version', 'dataset_meta', 'converted_from')


def publish(checkpoint: Union[str, Path], out: Union[str, Path], today: Optional[date] = None,
            half: bool = False) -> Path:
    """Write a checkpoint's tensors and plain meta, under a name that ends in its hash and the date.

    What a training adds (optimizer, schedule, message hub, config with its paths) is left out. The file loads with
    ``torch.load(weights_only=True)`` of torch 2.1 and newer (1.13's own knows no decimal numbers).

    Args:
        checkpoint: A checkpoint of MMEngine's or of rampose convert.
        out: The name without hash and date; a suffix ``.pth`` is put behind them.
        today: The date in the name. Default: today.
        half: Store weights of two and more dimensions as fp16, for half the size; vectors, batch norm's statistics
            among them, which may be large, stay as they are. A model loads it like any other and computes in its own
            precision. Default: False.

    Returns:
        The file, ``{out}-{8 digits of its SHA-256}_{yyyymmdd}.pth``, as MMPose names its own.

    Raises:
        FileNotFoundError: No such checkpoint.
        CheckpointError: It cannot be read, holds no state_dict, or, with `half`, weights beyond fp16.
        OSError: The file cannot be written.
    """
    content = load_checkpoint_file(checkpoint, map_location='cpu')
    state = content.get('state_dict') if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise CheckpointError(f'{checkpoint} holds no state_dict; give a checkpoint that a training wrote')
    meta = {key: plain(value) for key, value in (content.get('meta') or {}).items() if key in KEPT_META}
    # Cloned, or a tensor that is part of a larger one would bring all of it.
    published = dict(meta=dict(meta, rampose_version=__version__),
                     state_dict={name: value.detach().clone() for name, value in state.items()})
    if half:
        _halve(published['state_dict'], checkpoint)
    buffer = io.BytesIO()
    torch.save(published, buffer)
    data = buffer.getvalue()
    out = Path(out)
    name = out.name[:-len('.pth')] if out.suffix == '.pth' else out.name
    path = out.with_name(f'{name}-{hashlib.sha256(data).hexdigest()[:8]}_{today or date.today():%Y%m%d}.pth')
    with written_whole(path) as file:
        file.write(data)
    return path


def _halve(state: Dict[str, torch.Tensor], checkpoint: Union[str, Path]) -> None:
    for name, value in state.items():
        if value.ndim >= 2 and value.is_floating_point():
            state[name] = value.half()
            if not state[name].isfinite().all():
                raise CheckpointError(f'{checkpoint}: {name} reaches {value.abs().max():.3g}; fp16 ends at 65504')
