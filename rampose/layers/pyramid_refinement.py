"""Gradual Pyramid Refinement.

Paper: "Learning Enhanced Resolution-wise Features for Human Pose Estimation", Sec. 3.2, Eqs. 4-5.
"""

from typing import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .pyramid import check_in_channels, check_pyramid


class RefinementStep(nn.Module):
    """Merge one map into the next higher resolution.

    Paper: Sec. 3.2. ``X' = Int(X_k) + Deconv(X_k)`` (Eq. 4), ``Concat(X', X_(k-1))`` (Eq. 5). The paper draws what
    follows the concatenation but does not describe it; two 3x3 convolutions reproduce the multiply-adds of its Table 1
    (docs/reading_of_the_paper.md). Nor does it give initial values: here torch's, plus the identity on the higher
    resolution in both 3x3 convolutions, so that what an HRNet's head would see gets through from the first step on.

    Args:
        low_channels: Channels C_k of the lower resolution.
        high_channels: Channels C_(k-1) of the higher resolution.

    Shape:
        - low: ``(B, C_k, H, W)``
        - high: ``(B, C_(k-1), 2H, 2W)``; or one row, one column or both less, where a backbone rounds half sizes up
        - Output: as high
    """

    def __init__(self, low_channels: int, high_channels: int) -> None:
        super().__init__()
        self.deconv = nn.Sequential(
            nn.ConvTranspose2d(low_channels, low_channels, kernel_size=4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(low_channels), nn.ReLU(inplace=True))
        self.convs = nn.Sequential(
            nn.Conv2d(low_channels + high_channels, high_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(high_channels), nn.ReLU(inplace=True),
            nn.Conv2d(high_channels, high_channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(high_channels), nn.ReLU(inplace=True))
        with torch.no_grad():
            for conv in (self.convs[0], self.convs[3]):
                conv.weight[:, -high_channels:, 1, 1].diagonal().add_(1)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        upsampled = F.interpolate(low, scale_factor=2, mode='bilinear', align_corners=False) + self.deconv(low)
        # Where H was rounded up from half of an odd size, the last row upsampled is beyond the map above.
        return self.convs(torch.cat([upsampled[..., :high.shape[2], :high.shape[3]], high], dim=1))


class GradualPyramidRefinement(nn.Module):
    """Merge maps of M resolutions into one refined map, from the lowest resolution to the highest.

    Paper: Sec. 3.2, Eqs. 4-5, applied from k = M down to 2. Eq. 6, the convolution to heatmaps, is the head's.

    Args:
        in_channels: Channels of the maps, highest resolution first, at least two.

    Shape:
        - Input: M tensors ``(B, C_k, H / 2^(k-1), W / 2^(k-1))``, sizes rounded up, highest resolution (k = 1) first
        - Output: ``(B, C_1, H, W)``

    Raises:
        ValueError: Fewer than two maps, or maps whose channels or sizes are not as stated.
    """

    def __init__(self, in_channels: Sequence[int]) -> None:
        super().__init__()
        check_in_channels(in_channels)
        self.in_channels = tuple(in_channels)
        # steps[k] produces the (k + 1)-th highest resolution, so the last one runs first.
        self.steps = nn.ModuleList(
            RefinementStep(low, high) for high, low in zip(self.in_channels, self.in_channels[1:]))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        check_pyramid(maps, self.in_channels)
        refined = maps[-1]
        for step, high in zip(reversed(self.steps), reversed(maps[:-1])):
            refined = step(refined, high)
        return refined

    @torch.no_grad()
    def init_pass_through(self, highest: Tensor) -> None:
        """Set values for which the output is the highest-resolution map itself, for which an HRNet's head was trained.

        The last step's convolutions become the identity on that map and ignore the refined lower ones; the first step
        of training reaches those weights, the second everything below. Its batch norms undo what they do with the
        statistics of ``highest``: whatever these are, the output is exact in eval mode for a map without negative
        values, as after a ReLU, and in training it is as close as a batch's own statistics are to them.

        Args:
            highest: Typical values of the highest-resolution map, ``(B, C_1, H, W)``.
        """
        mean = highest.mean(dim=(0, 2, 3))
        var = highest.var(dim=(0, 2, 3), unbiased=False)
        var = var.clamp(min=0.01 * float(var.mean()))  # lest a channel that idles here be suppressed in training
        convs = self.steps[0].convs
        for conv, norm in ((convs[0], convs[1]), (convs[3], convs[4])):
            nn.init.zeros_(conv.weight)
            conv.weight[:, -self.in_channels[0]:, 1, 1].fill_diagonal_(1)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(var)
            norm.weight.copy_((var + norm.eps).sqrt())
            norm.bias.copy_(mean)
