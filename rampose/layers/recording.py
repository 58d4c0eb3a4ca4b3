"""Recording what the Resolution-wise Attention Modules of a model weigh while it runs."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Dict, Iterator, List

import torch
from torch import Tensor, nn

from .resolution_attention import ResolutionWiseAttention

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def record_attention(model: nn.Module) -> Iterator[Dict[str, 'np.ndarray']]:
    """Record the attention weights of every exchange unit while the model runs.

    Example:
        >>> with record_attention(model) as weights:
        ...     inference_topdown(model, image, bboxes)
        >>> weights['stage4.0'].shape  # (persons, 4 outputs, 4 inputs)

    Args:
        model: Any model with a :class:`RAMHRNet` in it.

    Yields:
        An empty dict that is filled when the context ends: for each exchange unit, in the order in which they run, its
        name ``stage{s}.{m}`` and the weights W_h^i of Eq. 2, ``(B, N outputs, M inputs)``, B over all calls. With flip
        test the mirrored crops of a call follow its crops.

    Raises:
        ValueError: The model has no attention.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, ResolutionWiseAttention)}
    if not layers:
        raise ValueError(f'{type(model).__name__} has no ResolutionWiseAttention (with_attention=False, or another '
                         'backbone than RAMHRNet)')
    recorded: Dict[str, List[Tensor]] = {name: [] for name in layers}

    def hook_for(name: str):

        def hook(_module: nn.Module, _inputs: tuple, weights: Tensor) -> None:
            recorded[name].append(weights.detach().float().cpu())

        return hook

    handles = [layer.register_forward_hook(hook_for(name)) for name, layer in layers.items()]
    by_unit: Dict[str, np.ndarray] = {}
    try:
        yield by_unit
    finally:
        for handle in handles:
            handle.remove()
    outputs: Dict[str, List[Tensor]] = {}
    for name, calls in recorded.items():
        unit = name[name.index('stage'):name.index('.attention')]
        if calls:
            outputs.setdefault(unit, []).append(torch.cat(calls))
    by_unit.update({unit: torch.stack(weights, dim=1).numpy() for unit, weights in outputs.items()})
