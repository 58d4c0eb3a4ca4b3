"""Rescaling and summing, which the paper compares Gradual Pyramid Refinement with.

Paper: "Learning Enhanced Resolution-wise Features for Human Pose Estimation", Sec. 4.4.
"""

from typing import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from .pyramid import check_in_channels, check_pyramid


class RescaleSum(nn.Module):
    """Rescale maps of M resolutions to the highest one and sum them.

    Paper: Sec. 4.4, the ablation "directly rescaling and summing". The paper leaves open how channels are matched: a
    1x1 convolution to C_1 where they differ.

    Args:
        in_channels: Channels of the maps, highest resolution first, at least two.

    Shape:
        - Input: M tensors ``(B, C_k, H / 2^(k-1), W / 2^(k-1))``, highest resolution (k = 1) first
        - Output: ``(B, C_1, H, W)``

    Raises:
        ValueError: Fewer than two maps, or maps whose channels or sizes are not as stated.
    """

    def __init__(self, in_channels: Sequence[int]) -> None:
        super().__init__()
        check_in_channels(in_channels)
        self.in_channels = tuple(in_channels)
        highest = self.in_channels[0]
        self.projections = nn.ModuleList(
            nn.Identity() if channels == highest else nn.Conv2d(channels, highest, kernel_size=1)
            for channels in self.in_channels)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        check_pyramid(maps, self.in_channels)
        size = maps[0].shape[2:]
        summed = self.projections[0](maps[0])
        for projection, x in zip(self.projections[1:], maps[1:]):
            summed = summed + F.interpolate(projection(x), size=size, mode='bilinear', align_corners=False)
        return summed
