"""RAM-HRNet: HRNet whose exchange units weigh what they sum.

Paper: "Learning Enhanced Resolution-wise Features for Human Pose Estimation", Sec. 3.1, Eq. 3 and Fig. 1.
"""

import copy
from typing import List, Tuple

import torch
from mmpose.models.backbones.hrnet import HRModule, HRNet
from mmpose.registry import MODELS
from torch import Tensor, nn

from ...layers import ResolutionWiseAttention, upsample_nearest


class RAMHRModule(HRModule):
    """HRNet's module of parallel branches, with a Resolution-wise Attention Module for its exchange unit.

    Paper: Sec. 3.1, Eq. 3, ``Y_i = sum_h W_h^i T_h^i(X_h)``, then ReLU as in HRNet. ``T_h^i`` is HRNet's own
    ``fuse_layers[i][h]``.

    A map that goes up in resolution is pooled and weighted before it is upsampled: exact for nearest upsampling, and
    cheaper than the equation as written.

    Args:
        with_attention: False gives the paper's ablation "without attention weights", HRNet's plain sum. Default: True.
        *args, **kwargs: As :class:`mmpose.models.backbones.hrnet.HRModule`.

    Shape:
        - Input: M tensors ``(B, C_h, H / 2^(h-1), W / 2^(h-1))``, highest resolution first
        - Output: as the input; the first resolution alone if ``multiscale_output`` is False

    Raises:
        ValueError: ``upsample_cfg`` asks for another mode than nearest.
    """

    def __init__(self, *args, with_attention: bool = True, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._add_attention(with_attention)

    @classmethod
    def from_hr_module(cls, module: HRModule, with_attention: bool = True) -> 'RAMHRModule':
        """Turn a built :class:`HRModule` into this class; the layers are taken over, not copied."""
        ram_module = cls.__new__(cls)
        ram_module.__dict__.update(module.__dict__)
        ram_module._add_attention(with_attention)
        return ram_module

    def _add_attention(self, with_attention: bool) -> None:
        if self.upsample_cfg['mode'] != 'nearest':
            raise ValueError(f'got upsample mode {self.upsample_cfg["mode"]!r}; RAM-HRNet weighs maps before it '
                             "upsamples them, which is exact for mode='nearest' only")
        self.attention = None
        if with_attention and self.num_branches > 1:
            self.attention = nn.ModuleList(
                ResolutionWiseAttention(self.in_channels[i], self.num_branches) for i in range(len(self.fuse_layers)))

    def forward(self, x: List[Tensor]) -> List[Tensor]:
        x = [branch(x_h) for branch, x_h in zip(self.branches, x)]
        if self.num_branches == 1:
            return x
        return [self._exchange(i, x) for i in range(len(self.fuse_layers))]

    def _transform(self, i: int, h: int, x: Tensor) -> Tensor:
        """T_h^i without its upsampling: C_i channels, at resolution i or, for h > i, still at resolution h."""
        if h == i:
            return x
        if h < i:
            return self.fuse_layers[i][h](x)
        conv, norm, _ = self.fuse_layers[i][h]
        return norm(conv(x))

    def _exchange(self, i: int, x: List[Tensor]) -> Tensor:
        """Y_i of Eq. 3: ``(B, C_i, H_i, W_i)`` from the maps of all resolutions."""
        maps = [self._transform(i, h, x_h) for h, x_h in enumerate(x)]
        if self.attention is None:
            weights = maps[0].new_ones(1, self.num_branches)
        else:
            weights = self.attention[i](maps).to(maps[0].dtype)  # under AMP the softmax is fp32, the maps are not
        weights = weights[:, :, None, None, None].unbind(dim=1)  # M tensors (B, 1, 1, 1)
        # Summed in HRNet's order, so that weights of 1 give HRNet's sum to the last bit.
        y = maps[0] * weights[0]
        for h in range(1, self.num_branches):
            if h <= i:
                y.addcmul_(maps[h], weights[h])
            else:
                y.add_(upsample_nearest(maps[h] * weights[h], 2**(h - i)))
        return self.relu(y)


@MODELS.register_module()
class RAMHRNet(HRNet):
    """HRNet with a Resolution-wise Attention Module in every exchange unit of stages 2, 3 and 4.

    Paper: Sec. 3.1 and Fig. 1. All keys of HRNet's state_dict keep their names and shapes; new are
    ``stage{s}.{m}.attention.{i}.*`` and the fuse layers of the last module's lower resolutions, so that any HRNet
    checkpoint loads, and the highest-resolution map is then HRNet's own until training moves the attention weights.

    Weights lie in torch's channels_last format, and maps follow them: 0.87 of the time on a CPU, and faster on a GPU
    but for small batches in fp32 (docs/benchmark.md). The highest-resolution map is HRNet's to the last bit where HRNet
    lies so, too, else to 1e-5 of its size.

    Args:
        extra: As HRNet's. ``stage4.multiscale_output`` is True unless it says otherwise, since the GPR head needs
            all four resolutions.
        with_attention: False gives the paper's ablation "without attention weights". Default: True.
        **kwargs: As :class:`mmpose.models.backbones.hrnet.HRNet`.

    Shape:
        - Input: ``(B, 3, h, w)``, h and w multiples of 32
        - Output: four tensors ``(B, C_k, h / 2^(k+1), w / 2^(k+1))``, k = 1..4, highest resolution first

    Raises:
        ValueError: An image size that is not a multiple of 32, or an upsampling mode other than nearest.
    """

    def __init__(self, extra: dict, *args, with_attention: bool = True, **kwargs) -> None:
        extra = copy.deepcopy(extra)  # the caller's config stays as it is
        extra['stage4'].setdefault('multiscale_output', True)
        self.with_attention = with_attention  # before the parent's constructor, which builds the stages
        super().__init__(extra, *args, **kwargs)
        self.to(memory_format=torch.channels_last)

    def _make_stage(self, *args, **kwargs) -> Tuple[nn.Sequential, List[int]]:
        # The parent names HRModule in the body of this method, so its modules are built first and taken over.
        stage, out_channels = super()._make_stage(*args, **kwargs)
        modules = [RAMHRModule.from_hr_module(module, self.with_attention) for module in stage]
        return nn.Sequential(*modules), out_channels

    def forward(self, x: Tensor) -> Tuple[Tensor, ...]:
        # The stem divides the size by 4, each further branch by 2; sizes must divide for the branches to meet again.
        stride = 4 * 2**(self.stage4_cfg['num_branches'] - 1)
        h, w = x.shape[2:]
        if h % stride or w % stride:
            raise ValueError(f'got an image of size {h}x{w} (h x w); '
                             f'RAM-HRNet needs both to be multiples of {stride}: change input_size of the codec')
        return super().forward(x)

    def train(self, mode: bool = True) -> 'RAMHRNet':
        super().train(mode)
        return self  # the parent forgets to
