"""Cutout.

Paper: DeVries and Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", which
"Learning Enhanced Resolution-wise Features for Human Pose Estimation" adopts in Sec. 4.3.
"""

from typing import Optional, Sequence, Tuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Cutout(BaseTransform):
    """Cover one square of the input image; keypoints stay labelled, so the network has to infer what is hidden.

    Paper: Sec. 4.3 names cutout and gives no size (Sec. 4.4: it is worth 0.6 AP). As in DeVries and Taylor the centre
    is uniform in the image, so the hole may be cut by the border, and the hole has the data set's mean colour, which
    is 0 once the image is normalised. Side and probability are our choice.

    Put it behind the last geometric transform, ``TopdownAffine``.

    Required keys: ``img``. Modified keys: ``img`` (h, w, 3), in input space.

    Args:
        side: Side of the hole as a share of the image's shorter side, in (0, 1]. Default: 0.25, i.e. 48 px of an
            input 192 px wide, about the size of a head or a hand with its forearm.
        prob: Probability of a hole, in [0, 1]. Default: 0.5.
        fill: Colour of the hole in the image's own channel order. Default: the mean of ImageNet, as BGR.

    Raises:
        ValueError: ``side`` or ``prob`` out of range, or ``fill`` without three channels.
    """

    def __init__(self,
                 side: float = 0.25,
                 prob: float = 0.5,
                 fill: Sequence[float] = (103.53, 116.28, 123.675)) -> None:
        if not 0 < side <= 1:
            raise ValueError(f'got side={side}; the side of the hole is a share of the image in (0, 1]')
        if not 0 <= prob <= 1:
            raise ValueError(f'got prob={prob}; a probability lies in [0, 1]')
        if len(fill) != 3:
            raise ValueError(f'got fill={fill}; a colour has three channels')
        self.side = side
        self.prob = prob
        self.fill = np.asarray(fill)

    @cache_randomness
    def _random_centre(self, h: int, w: int) -> Optional[Tuple[int, int]]:
        """Draw the hole's centre (x, y), or None for no hole."""
        if np.random.rand() >= self.prob:
            return None
        return np.random.randint(w), np.random.randint(h)

    def transform(self, results: dict) -> dict:
        img = results['img']
        h, w = img.shape[:2]
        centre = self._random_centre(h, w)
        if centre is not None:
            side = max(1, round(self.side * min(h, w)))
            left, top = centre[0] - side // 2, centre[1] - side // 2
            img = img.copy()
            img[max(0, top):top + side, max(0, left):left + side] = np.round(self.fill).astype(img.dtype)
            results['img'] = img
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(side={self.side}, prob={self.prob}, fill={self.fill.tolist()})'
