"""Crops in numpy and OpenCV are MMPose's own, to the last bit with OpenCV 4."""

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose

from rampose.core.crops import cut_out


@pytest.mark.parametrize('use_udp', [False, True], ids=['plain', 'udp'])
@pytest.mark.parametrize('input_size', [(192, 256), (96, 128), (256, 256)], ids=str)
def test_crops_are_those_of_mmposes_pipeline(photo, use_udp, input_size):
    pipeline = Compose([dict(type='GetBBoxCenterScale', padding=1.25),
                        dict(type='TopdownAffine', input_size=input_size, use_udp=use_udp)])
    rng = np.random.default_rng(0)
    corners = rng.uniform((-80, -60), (300, 220), (250, 2))
    bboxes = np.concatenate([corners, corners + rng.uniform(2, 300, (250, 2))], axis=1).astype(np.float32)
    keypoints = rng.uniform(0, input_size, (250, 17, 2)).astype(np.float32)
    for bbox, points in zip(bboxes, keypoints):
        expected = pipeline(dict(img=photo, bbox=bbox[None]))
        crop = cut_out(photo, bbox, input_size, 1.25, use_udp)
        if 'input_center' in expected:
            # OpenCV 5 may round one of the same two calls the other way.
            np.testing.assert_allclose(crop.pixels.astype(int), expected['img'], atol=int(cv2.__version__ >= '5'))
            center, scale = expected['input_center'], expected['input_scale']
        else:  # before MMPose 1.2, whose matrix has its float32 numbers added in another order
            np.testing.assert_allclose(crop.pixels.astype(int), expected['img'], atol=8)
            center, scale = expected['bbox_center'][0], expected['bbox_scale'][0]
        back = points / expected['input_size'] * scale + center - 0.5 * scale  # as TopdownPoseEstimator does it
        np.testing.assert_allclose(crop.to_image(points), back, atol=1e-4)
