"""Spread of heatmaps, and what calibrating makes of it."""

import numpy as np
import pytest

from rampose.core.uncertainty import Calibration, calibration_of, covariances, doubt


def test_the_moments_of_a_gaussian_are_its_covariance():
    y, x = np.mgrid[:64, :48]
    expected = np.array([[2.0, 0.6], [0.6, 1.0]])
    offsets = np.stack([x - 20.2, y - 30.7], axis=-1)
    heatmap = np.exp(-np.einsum('yxi,ij,yxj->yx', offsets, np.linalg.inv(expected), offsets) / 2)
    found = covariances(heatmap[None, None].astype(np.float32), sigma=4)
    assert found.shape == (1, 1, 2, 2)
    np.testing.assert_allclose(found[0, 0], expected, atol=0.01)


def test_a_peak_at_the_border_and_nothing_at_all():
    heatmaps = np.zeros((1, 2, 64, 48), np.float32)
    heatmaps[0, 0, 0, 47] = 0.7
    found = covariances(heatmaps - 0.1 * (heatmaps == 0), sigma=2)  # what is below 0 counts as 0
    np.testing.assert_allclose(found[0, 0], 0, atol=1e-12)
    np.testing.assert_allclose(found[0, 1], np.diag([48**2 / 12, 64**2 / 12]))


def test_rising_values():
    from rampose.lab.confidence import _rising
    values = np.array([1., 3, 2, 2, 5, 0, 6])
    np.testing.assert_allclose(_rising(values, np.ones(7)), [1, 7 / 3, 7 / 3, 7 / 3, 2.5, 2.5, 6])
    np.testing.assert_allclose(_rising(np.array([4., 1]), np.array([1., 3])), [1.75, 1.75])


def test_confidences_are_interpolated():
    calibration = Calibration([0.1, 0.5, 0.9], [0.0, 0.5, 1.0], [0.2, 0.4], [1.0, 4.0], 'val.json')
    np.testing.assert_allclose(calibration.confidence(np.array([[-1, 0.3], [0.5, 7]])), [[0, 0.25], [0.5, 1]])
    np.testing.assert_allclose(calibration.spread(np.array([0, 0.3, 1])), [1, 2, 4])
    assert calibration_of(calibration.as_dict()) == calibration and calibration_of(None) is None


@pytest.mark.parametrize('change', [dict(scores=[0.5, 0.1, 0.9]), dict(spread_factors=[1, -1]), dict(scores=[]),
                                    dict(unknown=1), dict(confidences=None)])
def test_a_damaged_calibration(change):
    stored = dict(Calibration([0.1, 0.5, 0.9], [0.0, 0.5, 1.0], [0.2, 0.4], [1.0, 4.0], 'val.json').as_dict(), **change)
    with pytest.raises(ValueError, match='the model has a damaged calibration: calibrate it again'):
        calibration_of(stored)


def test_doubt_is_the_deviation_of_where_views_say_a_keypoint_is():
    here, there = np.zeros((2, 1, 3, 64, 48), np.float32)
    here[0, :2, 10, 20] = 0.7
    there[0, 0, 10, 20], there[0, 1, 16, 28] = 0.2, 0.9
    np.testing.assert_allclose(doubt([here, there])[0, :2], [0, 5 / 64], atol=1e-12)  # 10 cells apart
    anywhere = np.sqrt((64**2 - 1) / 12 + (48**2 - 1) / 12) / 64
    np.testing.assert_allclose(doubt([here, there])[0, 2], anywhere)
    here[0, 0, 40, 40] = 0.69  # a second peak
    assert doubt([here])[0, 0] > 0.25 and doubt([here])[0, 1] == 0


def test_noise_is_no_doubt():
    y, x = np.mgrid[:64, :48]
    peak = np.exp(-((x - 20)**2 + (y - 30)**2) / 8)[None, None]
    noise = np.random.default_rng(0).uniform(0, 0.15, peak.shape)
    assert abs(doubt([peak + noise])[0, 0] - doubt([peak])[0, 0]) < 0.01
    without_tails = 1 - 0.25 * np.log(5)  # the share of the variance inside of where the peak falls to a fifth
    assert doubt([peak])[0, 0] == pytest.approx(np.sqrt(2 * without_tails) * 2 / 64, rel=0.05)
