"""The weights that a training run starts from: a trained model's, and its last layer as far as keypoints are the same.
"""

from pathlib import Path
from typing import List, Sequence

import torch

from ...checkpoints.loading import CheckpointError, load_checkpoint
from ...core.files import written_whole

LAST_LAYER = 'head.final_layer.'
STD = 0.001  # of new rows of the last layer, as the head draws them


def write_start(checkpoint: Path, old_names: Sequence[str], names: Sequence[str], path: Path) -> List[str]:
    """Write the starting weights.

    Args:
        checkpoint: The trained model's.
        old_names: Of its keypoints.
        names: Of the new model's.
        path: Where they are written.

    Returns:
        The keypoints whose part of the last layer was taken over.

    Raises:
        CheckpointError: It cannot be read, or has no such last layer.
    """
    state = dict(load_checkpoint(checkpoint)['state_dict'])
    weights = [name for name in state if name.startswith(LAST_LAYER)]
    if not weights or any(state[name].shape[0] != len(old_names) for name in weights):
        raise CheckpointError(f'{checkpoint} has no last layer of {len(old_names)} keypoints, {LAST_LAYER}*')
    taken = [name for name in names if name in old_names]
    generator = torch.Generator().manual_seed(0)
    for key in weights:
        old = state[key].float()
        new = torch.randn((len(names), *old.shape[1:]), generator=generator) * (STD if old.ndim > 1 else 0)
        for number, name in enumerate(names):
            if name in taken:
                new[number] = old[old_names.index(name)]
        state[key] = new
    with written_whole(path) as file:
        torch.save(dict(state_dict=state), file)
    return taken
