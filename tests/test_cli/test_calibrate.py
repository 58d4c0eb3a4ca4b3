"""`rampose calibrate` from labelled people to a model that says how sure it is."""

import json
import subprocess
import sys

import numpy as np
import onnx
import pytest

from rampose.apis import TopdownPredictor
from rampose.cli.main import main
from rampose.core.uncertainty import Calibration
from rampose.lab.confidence import Estimates, fit, judge


def estimates(number, seed):
    """Keypoints that are right as often as the square root of their score says, and off by twice their spread."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(0, 1, number)
    return Estimates(scores, rng.uniform(size=number) < np.sqrt(scores), rng.normal(0, 2, (number, 2)),
                     np.tile(np.eye(2), (number, 1, 1)))


def test_what_is_fitted_holds_for_others():
    calibration = fit(estimates(20_000, 0), 'made up')
    np.testing.assert_allclose(calibration.spread_factors, 4, rtol=0.15)
    np.testing.assert_allclose(calibration.confidence(np.array([0.25, 0.81])), [0.5, 0.9], atol=0.03)
    report = judge(estimates(20_000, 1), calibration)
    assert report['before']['ece'] > 0.15 and report['after']['ece'] < 0.02
    for share, held in report['after']['coverage'].items():
        assert held == pytest.approx(float(share), abs=0.02)
    assert report['before']['coverage']['0.5'] < 0.2
    assert sum(one['number'] for one in report['after']['bins']) == 20_000


@pytest.fixture(scope='module')
def data(tiny_sample):
    return [str(tiny_sample / 'train'), str(tiny_sample / 'annotations/person_keypoints_train.json')]


@pytest.mark.parametrize('model', ['onnx_model', 'openvino_model'])
def test_the_command(model, data, request, tmp_path, photo, bboxes, capsys):
    source = request.getfixturevalue(model)
    out = tmp_path / f'calibrated{source.suffix}'
    assert main(['calibrate', str(source), '--data', *data, '--out', str(out)]) == 0
    assert 'calibration error' in capsys.readouterr().out and (tmp_path / 'calibrated.png').stat().st_size > 20_000
    report = json.loads((tmp_path / 'calibrated.json').read_text())
    plain = TopdownPredictor(source, uncertainty=True).predict([photo], [bboxes])[0]
    sure = TopdownPredictor(out, uncertainty=True).predict([photo], [bboxes])[0]
    np.testing.assert_array_equal(sure.keypoints, plain.keypoints)
    np.testing.assert_array_equal(sure.keypoint_scores, plain.keypoint_scores)
    calibration = Calibration(**report['calibration'])
    np.testing.assert_array_equal(sure.confidences, calibration.confidence(plain.keypoint_scores))
    assert plain.confidences is None and sure.confidences.min() >= 0 and sure.confidences.max() <= 1
    np.testing.assert_allclose(
        sure.covariances, calibration.spread(plain.keypoint_scores)[..., None, None] * plain.covariances, rtol=1e-4)
    with pytest.raises(ValueError, match='got flip_test=False .* which was calibrated with flip_test=True'):
        TopdownPredictor(out, uncertainty=True, flip_test=False)
    if source.suffix == '.onnx':
        onnx.checker.check_model(onnx.load(out))
    # Calibrated again, it gives the same.
    assert main(['calibrate', str(out), '--data', *data, '--out', str(tmp_path / f'again{source.suffix}')]) == 0
    assert json.loads((tmp_path / 'again.json').read_text())['calibration'] == report['calibration']


def test_the_confidences_of_a_run(onnx_model, data, tmp_path):
    out = tmp_path / 'calibrated.onnx'
    assert main(['calibrate', str(onnx_model), '--data', *data, '--out', str(out)]) == 0
    subprocess.run([sys.executable, '-m', 'rampose', 'predict', data[0], '--config', str(out), '--boxes', data[1],
                    '--uncertainty', '--no-draw', '--limit', '3', '--out', str(tmp_path / 'found')], check=True)
    record = json.loads((tmp_path / 'found/frames.jsonl').read_text().splitlines()[0])
    person = record['instances'][0]
    assert np.shape(person['keypoint_confidences']) == (17, ) and np.shape(person['keypoint_covariances']) == (17, 3)


def test_what_cannot_be_calibrated(onnx_model, pose_config, pose_checkpoint, data, tiny_sample, tmp_path, capsys):
    few = str(tiny_sample / 'val'), str(tiny_sample / 'annotations/person_keypoints_val.json')
    with pytest.raises(ValueError, match='needed is an exported model that gives heatmaps'):
        TopdownPredictor(pose_config, pose_checkpoint, uncertainty=True)
    for arguments, message in (
            ([str(onnx_model), '--data', *few], 'needed are at least 200 to fit by'),
            ([str(onnx_model), '--data', *data, '--out', str(tmp_path / 'a.xml')], 'needed is another .onnx'),
            ([str(tmp_path / 'none.onnx'), '--data', *data], 'no such file')):
        assert main(['calibrate', *arguments]) == 2
        assert message in capsys.readouterr().err
