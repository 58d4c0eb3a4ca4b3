"""Decoding in numpy, and within a network, is that of MMPose's codecs."""

import cv2
import numpy as np
import pytest
import torch
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import KEYPOINT_CODECS

from rampose.core.decoding import check_codec, decode, turned_back
from rampose.export.network import decode as decode_in_network

SIZES = dict(input_size=(192, 256), heatmap_size=(48, 64))
CODECS = dict(
    quarter=dict(type='MSRAHeatmap', sigma=2, **SIZES),
    dark=dict(type='MSRAHeatmap', sigma=2, unbiased=True, **SIZES),
    dark_17=dict(type='MSRAHeatmap', sigma=3, unbiased=True, blur_kernel_size=17, **SIZES),
    udp=dict(type='UDPHeatmap', sigma=2, **SIZES))


def random_heatmaps(count: int) -> np.ndarray:
    """Peaks of many widths and heights, some at or beyond the border, with noise: ``(count, 10, 64, 48)``."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(48), np.arange(64))
    centers = rng.uniform((-2, -2), (49, 65), (count, 10, 2))
    sigma = rng.uniform(1.5, 3, (count, 10, 1, 1))
    distance = (x - centers[..., :1, None])**2 + (y - centers[..., 1:, None])**2
    heatmaps = rng.uniform(0.1, 1.1, (count, 10, 1, 1)) * np.exp(-distance / (2 * sigma**2))
    return (heatmaps + rng.normal(0, 0.01, heatmaps.shape)).astype(np.float32)


@pytest.mark.parametrize('name', CODECS)
def test_decoding_equals_mmposes_on_1000_heatmaps(name):
    codec = KEYPOINT_CODECS.build(CODECS[name])
    heatmaps = random_heatmaps(100)
    keypoints, scores = decode(heatmaps, CODECS[name])
    in_network = [x.numpy() for x in decode_in_network(torch.from_numpy(heatmaps), CODECS[name])]
    for number, of_crop in enumerate(heatmaps):
        expected, expected_scores = codec.decode(of_crop)
        np.testing.assert_allclose(keypoints[number], expected[0], atol=1e-3)
        assert np.array_equal(scores[number], expected_scores[0])
        # Its blur rounds otherwise, which the curvature of a flat top enlarges.
        np.testing.assert_allclose(in_network[0][number], expected[0], atol=1e-2)
        assert np.array_equal(in_network[1][number], expected_scores[0])


@pytest.mark.parametrize('name', CODECS)
def test_heatmaps_without_a_peak_decode_to_nothing(name):
    heatmaps = np.stack([np.zeros((2, 64, 48)), np.full((2, 64, 48), -0.5)]).astype(np.float32)
    corner = {'udp': (-192 / 47, -256 / 63)}.get(name, (-4, -4))
    for decoded in (decode(heatmaps, CODECS[name]), decode_in_network(torch.from_numpy(heatmaps), CODECS[name])):
        np.testing.assert_allclose(np.asarray(decoded[0]), np.broadcast_to(corner, (2, 2, 2)), rtol=1e-5)
        assert np.array_equal(np.asarray(decoded[1]), [[0, 0], [-0.5, -0.5]])


@pytest.mark.parametrize('name', CODECS)
@pytest.mark.parametrize('corner', [(0, 0), (47, 63), (1, 1), (46, 62), (0, 30), (20, 63), (2, 2), (45, 61)], ids=str)
def test_peaks_at_the_border_decode_as_mmposes(name, corner):
    heatmaps = np.zeros((1, 1, 64, 48), np.float32)
    heatmaps[0, 0, corner[1], corner[0]] = 1
    heatmaps[0, 0] = cv2.GaussianBlur(heatmaps[0, 0], (9, 9), 0) + np.linspace(0, 1e-3, 48, dtype=np.float32)
    expected = KEYPOINT_CODECS.build(CODECS[name]).decode(heatmaps[0])[0]
    np.testing.assert_allclose(decode(heatmaps, CODECS[name])[0], expected, atol=1e-3)
    np.testing.assert_allclose(decode_in_network(torch.from_numpy(heatmaps), CODECS[name])[0], expected, atol=1e-2)


@pytest.mark.parametrize('shift', [False, True])
def test_mirrored_heatmaps_are_turned_back_as_mmpose_does_it(shift):
    flipped = random_heatmaps(3)[:, :4]
    indices = [0, 2, 1, 3]
    expected = flip_heatmaps(torch.from_numpy(flipped), flip_indices=indices, shift_heatmap=shift)
    assert np.array_equal(turned_back(flipped, indices, shift), expected.numpy())


def test_other_codecs_are_refused():
    with pytest.raises(ValueError, match='got codec SimCCLabel'):
        check_codec(dict(type='SimCCLabel'))
    with pytest.raises(ValueError, match='got codec UDPHeatmap combined'):
        check_codec(dict(type='UDPHeatmap', heatmap_type='combined'))
