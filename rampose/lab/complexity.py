"""Parameters and multiply-adds of a model."""

from dataclasses import dataclass
from typing import Tuple

import torch
from torch import nn


@dataclass(frozen=True)
class Complexity:
    """What a model costs.

    Attributes:
        parameters: Number of parameters.
        multiply_adds: Multiply-adds of all convolutions and matrix products for one image, without flip test.
    """
    parameters: int
    multiply_adds: int

    @property
    def paper_gflops(self) -> float:
        """Multiply-adds / 2^30, the unit of the paper's Table 1 (its "GFLOPs")."""
        return self.multiply_adds / 2**30


def complexity(model: nn.Module, input_size: Tuple[int, int]) -> Complexity:
    """Count a pose estimator.

    Args:
        model: A pose estimator of MMPose, in eval mode.
        input_size: (w, h) of the input, px.

    Returns:
        Its parameters and multiply-adds.

    Raises:
        ImportError: torch is too old to count.
    """
    try:
        from torch.utils.flop_counter import FlopCounterMode
    except ImportError:
        raise ImportError(f'counting multiply-adds needs torch >= 2.1; here is {torch.__version__}') from None
    w, h = input_size
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, h, w, device=next(model.parameters()).device), None, mode='tensor')
    # torch counts a multiply-add as two operations.
    return Complexity(sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2)
