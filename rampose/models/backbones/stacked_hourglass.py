"""Newell's Stacked Hourglass. MMPose's `HourglassNet` is another network: CornerNet's, 94.8 M parameters."""

from typing import List, Optional

from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor, nn

from ...layers import Hourglass, PreActivationBottleneck


@MODELS.register_module()
class StackedHourglass(BaseBackbone):
    """Hourglasses one after another, each of which predicts heatmaps that the next one sees.

    Paper: Newell et al., ECCV 2016, Sec. 3; a row of our paper's Table 1. Since predictions go back into the network,
    they are made here: use MMPose's ``CPMHead`` behind it, with as many stages and without a final layer, which
    supervises every stage and decodes the last one.

    Args:
        out_channels: Number of heatmaps K.
        num_stacks: Number of hourglasses. Default: 8, as published.
        num_channels: Channels within. Default: 256, as published.
        depth: How many times each hourglass halves the resolution. Default: 4, as published.
        init_cfg: Config of the initial values. Default: None, torch's.

    Shape:
        - Input: ``(B, 3, h, w)``, h and w multiples of ``4 * 2^depth``
        - Output: ``num_stacks`` heatmaps ``(B, K, h / 4, w / 4)``

    Raises:
        ValueError: An image size that is not such a multiple.
    """

    def __init__(self,
                 out_channels: int,
                 num_stacks: int = 8,
                 num_channels: int = 256,
                 depth: int = 4,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        self.stride = 4 * 2**depth
        half = num_channels // 2
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3), nn.BatchNorm2d(64), nn.ReLU(inplace=True),
            PreActivationBottleneck(64, half), nn.MaxPool2d(2), PreActivationBottleneck(half, half),
            PreActivationBottleneck(half, num_channels))
        self.hourglasses = nn.ModuleList(
            nn.Sequential(
                Hourglass(depth, num_channels), PreActivationBottleneck(num_channels, num_channels),
                nn.Conv2d(num_channels, num_channels, 1), nn.BatchNorm2d(num_channels), nn.ReLU(inplace=True))
            for _ in range(num_stacks))
        self.predictors = nn.ModuleList(nn.Conv2d(num_channels, out_channels, 1) for _ in range(num_stacks))
        # What goes on to the next hourglass: the features, and the heatmaps brought back to as many channels.
        self.features_on = nn.ModuleList(nn.Conv2d(num_channels, num_channels, 1) for _ in range(num_stacks - 1))
        self.heatmaps_on = nn.ModuleList(nn.Conv2d(out_channels, num_channels, 1) for _ in range(num_stacks - 1))

    def forward(self, x: Tensor) -> List[Tensor]:
        h, w = x.shape[2:]
        if h % self.stride or w % self.stride:
            raise ValueError(f'got an image of size {h}x{w} (h x w); this hourglass needs both to be multiples of '
                             f'{self.stride}: change input_size of the codec')
        x = self.stem(x)
        heatmaps = []
        for i, hourglass in enumerate(self.hourglasses):
            features = hourglass(x)
            heatmaps.append(self.predictors[i](features))
            if i < len(self.features_on):
                x = x + self.features_on[i](features) + self.heatmaps_on[i](heatmaps[i])
        return heatmaps

    def train(self, mode: bool = True) -> 'StackedHourglass':
        super().train(mode)
        return self  # the parent forgets to
