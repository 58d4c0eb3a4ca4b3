"""MMPose's drawing, on numpy 2.4 and newer too."""

from typing import Any

import numpy as np
from mmpose.registry import VISUALIZERS
from mmpose.visualization import PoseLocalVisualizer


@VISUALIZERS.register_module(name='PoseLocalVisualizer', force=True)
class PoseVisualizer(PoseLocalVisualizer):
    """MMPose's `PoseLocalVisualizer`, which MMPose 1.3.2 and numpy 2.4 stop at the first keypoint.

    It gives the radius of a circle as an array of one number, which numpy takes for no number any more. This one takes
    its place under its name, so that every config and hook of MMPose's that draws gets it.
    """

    def draw_circles(self, center: Any, radius: Any, *args: Any, **kwargs: Any) -> Any:
        if self.backend == 'opencv':
            radius = float(np.ravel(radius)[0])
        return super().draw_circles(center, radius, *args, **kwargs)
