"""The paper's mathematics in torch alone: nothing here imports OpenMMLab, so every layer works without mmcv."""

from .pyramid_refinement import GradualPyramidRefinement
from .rescale_sum import RescaleSum
from .resolution_attention import ResolutionWiseAttention
from .upsample import upsample_nearest

__all__ = ['GradualPyramidRefinement', 'RescaleSum', 'ResolutionWiseAttention', 'upsample_nearest']
