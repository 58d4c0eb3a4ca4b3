"""Resolution-wise attention.

Paper: "Learning Enhanced Resolution-wise Features for Human Pose Estimation", Sec. 3.1, Eqs. 1-2.
"""

from typing import Sequence

import torch
from torch import Tensor, nn


class ResolutionWiseAttention(nn.Module):
    """Weigh M maps that are about to be summed into one output resolution.

    Paper: Sec. 3.1. ``E_h = Conv1x1(GlobalPool(X_h))`` with one convolution for each input h (Eq. 1) and
    ``W_h = softmax(E)_h * omega_h + beta_h`` (Eq. 2). Deviation: Eq. 2 as printed lacks ``exp`` and an index in its
    denominator; the text says SoftMax, and so does this layer.

    The maps may differ in height and width. Only their mean enters, and nearest upsampling by a whole factor keeps the
    mean, so the weights of a map can be had, exactly, before it is upsampled.

    Initial values: the scores are 0 and ``omega`` is M, hence every weight is exactly 1 and a weighted sum starts as
    the plain sum; the first step already has a gradient for every parameter. The 1x1 convolutions are kept as one
    ``(M, C)`` parameter rather than as ``nn.Conv2d``, so that a host which re-initialises all convolutions of a
    network (MMPose's HRNet does) leaves these values alone.

    Args:
        channels: Channels C of every map.
        num_inputs: Number of maps M, at least 2.

    Shape:
        - Input: M tensors ``(B, C, H_h, W_h)``
        - Output: ``(B, M)``

    Raises:
        ValueError: Fewer than two inputs, or maps that disagree with ``channels`` and ``num_inputs``.
    """

    def __init__(self, channels: int, num_inputs: int) -> None:
        super().__init__()
        if num_inputs < 2:
            raise ValueError(f'got num_inputs={num_inputs}; attention weighs at least 2 maps against each other')
        self.channels = channels
        self.num_inputs = num_inputs
        self.score_weight = nn.Parameter(torch.empty(num_inputs, channels))
        self.score_bias = nn.Parameter(torch.empty(num_inputs))
        self.omega = nn.Parameter(torch.empty(num_inputs))
        self.beta = nn.Parameter(torch.empty(num_inputs))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the values for which every weight is 1."""
        nn.init.zeros_(self.score_weight)
        nn.init.zeros_(self.score_bias)
        nn.init.constant_(self.omega, self.num_inputs)
        nn.init.zeros_(self.beta)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        if [x.shape[1] for x in maps] != [self.channels] * self.num_inputs:
            raise ValueError(f'got maps with {[x.shape[1] for x in maps]} channels; '
                             f'this layer weighs {self.num_inputs} maps of {self.channels} channels')
        pooled = torch.stack([x.mean(dim=(2, 3)) for x in maps], dim=1)  # (B, M, C)
        scores = (pooled * self.score_weight).sum(dim=2) + self.score_bias  # (B, M), Eq. 1
        return scores.softmax(dim=1) * self.omega + self.beta  # (B, M), Eq. 2

    def extra_repr(self) -> str:
        return f'channels={self.channels}, num_inputs={self.num_inputs}'
