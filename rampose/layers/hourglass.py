"""Stacked Hourglass, with which Table 1 compares.

Newell, Yang and Deng, "Stacked Hourglass Networks for Human Pose Estimation", ECCV 2016, Sec. 3; reference [7] of our
paper.
"""

import torch.nn.functional as F
from torch import Tensor, nn


class PreActivationBottleneck(nn.Module):
    """Residual module with batch norm and ReLU before each convolution: 1x1, 3x3, 1x1.

    Args:
        in_channels: Channels of the input; where they are not ``out_channels``, a 1x1 convolution adapts the shortcut.
        out_channels: Channels of the output, twice those of the 3x3 convolution.

    Shape:
        - Input: ``(B, in_channels, H, W)``
        - Output: ``(B, out_channels, H, W)``
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        middle = out_channels // 2
        layers = []
        for source, target, kernel_size in ((in_channels, middle, 1), (middle, middle, 3), (middle, out_channels, 1)):
            convolution = nn.Conv2d(source, target, kernel_size, padding=kernel_size // 2)
            layers += [nn.BatchNorm2d(source), nn.ReLU(), convolution]
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.shortcut(x) + self.layers(x)


class Hourglass(nn.Module):
    """Down to the lowest resolution and up again, with a residual module at each step and on each way across.

    Args:
        depth: How many times the resolution is halved.
        channels: Channels throughout.

    Shape:
        - Input and output: ``(B, channels, H, W)``, H and W multiples of ``2^depth``
    """

    def __init__(self, depth: int, channels: int) -> None:
        super().__init__()
        self.across = PreActivationBottleneck(channels, channels)
        self.down = PreActivationBottleneck(channels, channels)
        self.inner = Hourglass(depth - 1, channels) if depth > 1 else PreActivationBottleneck(channels, channels)
        self.up = PreActivationBottleneck(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.across(x) + F.interpolate(low, scale_factor=2, mode='nearest')
