"""Head of the Cascaded Pyramid Network, with which Table 1 compares; MMPose 1.x has none."""

from typing import List, Optional, Sequence

from mmpose.models.heads import CPMHead
from mmpose.registry import MODELS
from torch import Tensor

from ...layers import GlobalNet, RefineNet


@MODELS.register_module()
class CPNHead(CPMHead):
    """GlobalNet and RefineNet behind a backbone: heatmaps of every level are supervised, RefineNet's are decoded.

    Paper: Chen et al., "Cascaded Pyramid Network for Multi-Person Pose Estimation", CVPR 2018, Sec. 3.2; a row of our
    paper's Table 1. Losses of several stages, decoding and flip test are MMPose's. Deviation: GlobalNet's targets are
    as wide as RefineNet's, where its authors widen them for lower levels.

    Args:
        in_channels: Channels of the backbone's maps, highest resolution first, at least two.
        out_channels: Number of heatmaps K.
        num_channels: Channels within. Default: 256, as published.
        topk: Keypoints that RefineNet's loss keeps of each person, the hardest. Default: 8, as published for COCO.
        decoder: Config of the codec that decodes heatmaps. Default: None.
        init_cfg: Config of the initial values. Default: Kaiming for convolutions.

    Shape:
        - Input: M tensors ``(B, C_k, H / 2^(k-1), W / 2^(k-1))``, highest resolution first
        - Output: in training M + 1 heatmaps ``(B, K, H, W)``, GlobalNet's from the lowest level up, then RefineNet's;
          in eval mode RefineNet's alone, in a list

    Raises:
        ValueError: Fewer than two maps, or maps whose channels or sizes are not as stated.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 out_channels: int,
                 num_channels: int = 256,
                 topk: int = 8,
                 decoder: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        global_net = GlobalNet(in_channels, out_channels, num_channels)
        losses = [dict(type='KeypointMSELoss', use_target_weight=True) for _ in in_channels]
        super().__init__(
            in_channels=num_channels,
            out_channels=out_channels,
            num_stages=len(in_channels) + 1,
            deconv_out_channels=None,
            final_layer=None,
            loss=[*losses, dict(type='KeypointOHKMMSELoss', use_target_weight=True, topk=topk)],
            decoder=decoder,
            init_cfg=init_cfg or dict(type='Kaiming', layer='Conv2d'))
        self.in_channels = tuple(in_channels)
        self.global_net = global_net
        self.refine_net = RefineNet(len(in_channels), out_channels, num_channels)

    def forward(self, feats: Sequence[Tensor]) -> List[Tensor]:
        levels = self.global_net(feats)
        refined = self.refine_net(levels)
        return [*self.global_net.predict(levels)[::-1], refined] if self.training else [refined]
