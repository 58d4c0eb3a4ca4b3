"""GPR head: Gradual Pyramid Refinement, then the convolution to heatmaps.

Paper: "Learning Enhanced Resolution-wise Features for Human Pose Estimation", Sec. 3.2, Eqs. 4-6 and Fig. 3.
"""

from typing import Optional, Sequence, Tuple

import torch
from mmpose.models.heads import HeatmapHead
from mmpose.registry import MODELS
from torch import Tensor

from ...layers import GradualPyramidRefinement, RescaleSum
from ...layers.pyramid import check_in_channels

# The parent's, but for the convolution to heatmaps alone: its tiny values would replace those of GPR's layers.
FINAL_LAYER_INIT = dict(type='Normal', std=0.001, override=dict(name='final_layer'))


@MODELS.register_module()
class GPRHead(HeatmapHead):
    """Heatmap head that refines a pyramid of maps from the lowest to the highest resolution.

    Paper: Sec. 3.2; ``H = Conv(X_1)`` (Eq. 6) is a 1x1 convolution. Loss, decoding and flip test are the parent's,
    so every MMPose heatmap codec works.

    Args:
        in_channels: Channels of the backbone's maps, in the order in which the backbone gives them, at least two.
        out_channels: Number of heatmaps, i.e. keypoints K for most codecs.
        highest_first: The backbone's order of resolutions: True for highest to lowest (HRNet, ResNet, Swin), False
            for lowest to highest. Default: True.
        with_refinement: False gives the paper's ablation, rescaling and summing in place of GPR. Default: True.
        final_layer: Arguments of the convolution to heatmaps. Default: ``dict(kernel_size=1)``.
        loss: Config of the heatmap loss. Default: MSE with target weights, as in the paper.
        decoder: Config of the codec that decodes heatmaps. Default: None.
        init_cfg: Config of the initial values. Default: None: GPR starts as its layers do
            (:class:`RefinementStep`), everything else as in the parent.

    Shape:
        - Input: M tensors ``(B, C_k, H_k, W_k)`` whose sizes double from one to the next
        - Output: heatmaps ``(B, out_channels, H_1, W_1)``, H_1 and W_1 the highest resolution

    Raises:
        ValueError: Fewer than two maps, channels other than ``in_channels``, sizes that do not double, or maps in the
            other order.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 out_channels: int,
                 highest_first: bool = True,
                 with_refinement: bool = True,
                 final_layer: Optional[dict] = None,
                 loss: Optional[dict] = None,
                 decoder: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        check_in_channels(in_channels)
        refinement_cls = GradualPyramidRefinement if with_refinement else RescaleSum
        refinement = refinement_cls(in_channels if highest_first else in_channels[::-1])
        super().__init__(
            in_channels=refinement.in_channels[0],
            out_channels=out_channels,
            deconv_out_channels=None,
            final_layer=final_layer or dict(kernel_size=1),
            loss=loss or dict(type='KeypointMSELoss', use_target_weight=True),
            decoder=decoder,
            init_cfg=init_cfg or (FINAL_LAYER_INIT if with_refinement else None))
        self.in_channels = tuple(in_channels)
        self.highest_first = highest_first
        self.refinement = refinement
        self.to(memory_format=torch.channels_last)  # as the maps of RAMHRNet lie

    def forward(self, feats: Tuple[Tensor, ...]) -> Tensor:
        maps = feats if self.highest_first else feats[::-1]
        return self.final_layer(self.refinement(maps))
