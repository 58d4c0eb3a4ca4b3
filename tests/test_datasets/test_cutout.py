import numpy as np
import pytest
from mmpose.registry import TRANSFORMS

FILL = (104, 116, 124)


def holes(number, img_shape=(64, 48), **kwargs):
    """Masks of what the transform covered, (number, h, w)."""
    np.random.seed(0)
    cutout = TRANSFORMS.build(dict(type='Cutout', **kwargs))
    masks = []
    for _ in range(number):
        img = np.zeros((*img_shape, 3), dtype=np.uint8)
        covered = cutout(dict(img=img))['img']
        assert covered.dtype == np.uint8 and not img.any()
        masks.append((covered == FILL).all(axis=2))
        assert ((covered == 0).all(axis=2) | masks[-1]).all()
    return np.stack(masks)


def test_hole_is_a_square_that_the_border_may_cut():
    masks = holes(500, side=0.25, prob=1.)
    areas = masks.sum(axis=(1, 2))
    heights, widths = masks.any(axis=2).sum(axis=1), masks.any(axis=1).sum(axis=1)
    assert (areas == heights * widths).all()
    assert heights.max() == widths.max() == 12  # a quarter of 48 px
    assert 0 < heights.min() < 12 and 0 < widths.min() < 12
    assert (areas == 144).mean() > 0.5


def test_centre_is_uniform():
    share = holes(2000, side=0.25, prob=1.).mean(axis=0)
    inner = share[12:-12, 12:-12]
    assert inner.min() > 0.6 * inner.mean() and inner.max() < 1.5 * inner.mean()
    assert share[0, 0] < 0.5 * inner.mean()


@pytest.mark.parametrize(('prob', 'low', 'high'), [(0., 0., 0.), (0.5, 0.42, 0.58), (1., 1., 1.)])
def test_probability(prob, low, high):
    assert low <= holes(400, prob=prob).any(axis=(1, 2)).mean() <= high


def test_keypoints_are_left_alone():
    results = dict(img=np.zeros((64, 48, 3), dtype=np.uint8), keypoints=np.ones((1, 17, 2)),
                   keypoints_visible=np.ones((1, 17)))
    out = TRANSFORMS.build(dict(type='Cutout', side=1., prob=1.))(dict(results))
    assert (out['keypoints'] == 1).all() and (out['keypoints_visible'] == 1).all()


@pytest.mark.parametrize('kwargs', [dict(side=0), dict(side=1.1), dict(prob=-0.1), dict(prob=2), dict(fill=(1, 2))])
def test_bad_arguments_are_refused(kwargs):
    name, value = next(iter(kwargs.items()))
    with pytest.raises(ValueError, match=f'{name}='):
        TRANSFORMS.build(dict(type='Cutout', **kwargs))
