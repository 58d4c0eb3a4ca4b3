"""Cascaded Pyramid Network, with which Table 1 compares.

Chen et al., "Cascaded Pyramid Network for Multi-Person Pose Estimation", CVPR 2018, Sec. 3.2; reference [8]
of our paper.
"""

from typing import List, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .pyramid import check_in_channels, check_pyramid


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=False)


def _conv_norm(in_channels: int, out_channels: int, kernel_size: int, relu: bool = True) -> nn.Sequential:
    layers = [
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels)
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class Bottleneck(nn.Module):
    """ResNet's bottleneck at half the usual width: 1x1, 3x3, 1x1, added to the input.

    Args:
        in_channels: Channels of the input; where they are not ``out_channels``, a 1x1 convolution adapts the shortcut.
        out_channels: Channels of the output, twice those of the 3x3 convolution.

    Shape:
        - Input: ``(B, in_channels, H, W)``
        - Output: ``(B, out_channels, H, W)``
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            *_conv_norm(in_channels, out_channels // 2, 1), *_conv_norm(out_channels // 2, out_channels // 2, 3),
            *_conv_norm(out_channels // 2, out_channels, 1, relu=False))
        self.shortcut = (nn.Identity() if in_channels == out_channels else
                         _conv_norm(in_channels, out_channels, 1, relu=False))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.convs(x) + self.shortcut(x))


class GlobalNet(nn.Module):
    """Feature pyramid, from each of whose levels heatmaps are predicted.

    Args:
        in_channels: Channels of the maps, highest resolution first, at least two.
        out_channels: Number of heatmaps K.
        num_channels: Channels of every level. Default: 256, as published.

    Shape:
        - Input: M tensors ``(B, C_k, H / 2^(k-1), W / 2^(k-1))``, highest resolution first
        - Output: M levels ``(B, num_channels, H / 2^(k-1), W / 2^(k-1))``
        - :meth:`predict`: the levels to M heatmaps ``(B, K, H, W)``

    Raises:
        ValueError: Fewer than two maps, or maps whose channels or sizes are not as stated.
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int, num_channels: int = 256) -> None:
        super().__init__()
        check_in_channels(in_channels)
        self.in_channels = tuple(in_channels)
        self.laterals = nn.ModuleList(_conv_norm(channels, num_channels, 1) for channels in in_channels)
        # Of the map from below, before it is upsampled: in eval mode the same as after, for a quarter of the work.
        self.upsampled = nn.ModuleList(
            _conv_norm(num_channels, num_channels, 1, relu=False) for _ in in_channels[1:])
        self.predictors = nn.ModuleList(
            nn.Sequential(_conv_norm(num_channels, num_channels, 1),
                          *_conv_norm(num_channels, out_channels, 3, relu=False)) for _ in in_channels)

    def forward(self, maps: Sequence[Tensor]) -> List[Tensor]:
        check_pyramid(maps, self.in_channels)
        levels = [lateral(x) for lateral, x in zip(self.laterals, maps)]
        for k in range(len(levels) - 2, -1, -1):
            levels[k] = levels[k] + _resize(self.upsampled[k](levels[k + 1]), levels[k].shape[2:])
        return levels

    def predict(self, levels: Sequence[Tensor]) -> List[Tensor]:
        """Heatmaps of each level, all of the highest resolution's size; needed for training alone."""
        size = levels[0].shape[2:]
        return [_resize(predictor(level), size) for predictor, level in zip(self.predictors, levels)]


class RefineNet(nn.Module):
    """Bring all levels to the highest resolution, the lower ones through more bottlenecks, and predict from all.

    Args:
        num_levels: Number of levels M.
        out_channels: Number of heatmaps K.
        num_channels: Channels of every level. Default: 256, as published.

    Shape:
        - Input: M levels ``(B, num_channels, H / 2^(k-1), W / 2^(k-1))``, highest resolution first
        - Output: ``(B, K, H, W)``
    """

    def __init__(self, num_levels: int, out_channels: int, num_channels: int = 256) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(Bottleneck(num_channels, num_channels) for _ in range(k))) for k in range(num_levels))
        self.predictor = nn.Sequential(
            Bottleneck(num_levels * num_channels, num_channels),
            *_conv_norm(num_channels, out_channels, 3, relu=False))

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        size = levels[0].shape[2:]
        refined = [_resize(branch(level), size) for branch, level in zip(self.branches, levels)]
        return self.predictor(torch.cat(refined, dim=1))
