"""Loading a checkpoint into a model, and saying so when it is another model's."""

from pathlib import Path
from typing import List, Union

from torch import nn

from .loading import CheckpointError, load_checkpoint


def load_weights(model: nn.Module, checkpoint: Union[str, Path]) -> dict:
    """Load a checkpoint, every tensor of the model from it.

    MMEngine's own loading warns where tensors are missing and leaves them random. What a checkpoint has beyond the
    model is ignored, as MMEngine does.

    Args:
        model: The model.
        checkpoint: A file, or an address that MMEngine knows.

    Returns:
        The checkpoint's `meta`; empty if it has none.

    Raises:
        FileNotFoundError: No such file.
        CheckpointError: It cannot be read, or lacks tensors of the model, or has them in other shapes.
    """
    content = load_checkpoint(checkpoint)
    state = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(hasattr(tensor, 'shape') for tensor in state.values()):
        raise CheckpointError(f'{checkpoint} holds no state_dict')
    state = {name[len('module.'):] if name.startswith('module.') else name: tensor for name, tensor in state.items()}
    own = model.state_dict()
    try:
        missing = model.load_state_dict(state, strict=False).missing_keys
    except RuntimeError:  # how torch reports other shapes
        wrong = [f'{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}' for name, tensor in own.items()
                 if name in state and state[name].shape != tensor.shape]
        raise CheckpointError(f'{checkpoint} belongs to another model than the config: {some(wrong)}') from None
    # Not a weight, and absent from old checkpoints.
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    if missing:
        raise CheckpointError(f'{checkpoint} belongs to another model than the config: of its {len(own)} tensors it '
                              f'lacks {some(missing)}')
    return content.get('meta') or {}


def some(names: List[str]) -> str:
    """The first names of a list, for a message."""
    return ', '.join(names[:3]) + (f' and {len(names) - 3} more' if len(names) > 3 else '')
