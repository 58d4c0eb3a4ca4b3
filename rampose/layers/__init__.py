"""The mathematics in torch alone: nothing here imports OpenMMLab, so every layer works without mmcv.

The paper's own, and of the systems that its Table 1 compares with what MMPose lacks: CPN's and the hourglass.
"""

from .cascaded_pyramid import GlobalNet, RefineNet
from .hourglass import Hourglass, PreActivationBottleneck
from .pyramid_refinement import GradualPyramidRefinement
from .recording import record_attention
from .rescale_sum import RescaleSum
from .resolution_attention import ResolutionWiseAttention
from .upsample import upsample_nearest

__all__ = [
    'GlobalNet', 'GradualPyramidRefinement', 'Hourglass', 'PreActivationBottleneck', 'RefineNet', 'RescaleSum',
    'ResolutionWiseAttention', 'record_attention', 'upsample_nearest'
]
