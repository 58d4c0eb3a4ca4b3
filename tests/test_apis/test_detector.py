"""Both stages, with real modules of MMDetection; their weights are random."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.apis import MMPoseInferencer

from rampose.apis import TopdownPredictor
from rampose.apis.mmdet_detector import FASTER_RCNN_CONFIG, MMDetDetector
from rampose.checkpoints.loading import CheckpointError

pytestmark = pytest.mark.slow  # Faster R-CNN takes seconds a picture


@pytest.fixture(scope='module')
def detector(detector_checkpoint):
    return MMDetDetector(detector_checkpoint, device='cpu')


@pytest.fixture(scope='module')
def inferencer(pose_config, pose_checkpoint, detector_checkpoint):
    return MMPoseInferencer(
        pose2d=str(pose_config), pose2d_weights=str(pose_checkpoint), det_model=str(FASTER_RCNN_CONFIG),
        det_weights=str(detector_checkpoint), det_cat_ids=[0], device='cpu')


def test_the_inferencer_of_mmpose_finds_the_same(pose_config, pose_checkpoint, detector, inferencer, photo):
    predictor = TopdownPredictor(pose_config, pose_checkpoint, device='cpu', detector=detector)
    bboxes, scores = predictor.detect(photo)
    assert len(bboxes) > 1 and (np.diff(scores) <= 0).all() and (scores > 0.3).all()
    keypoints, keypoint_scores = predictor(photo)
    people = next(inferencer(photo, return_datasamples=True))['predictions'][0].pred_instances
    np.testing.assert_allclose(bboxes, people.bboxes, atol=1e-3)
    np.testing.assert_allclose(keypoints, people.keypoints, atol=1e-2)
    np.testing.assert_allclose(keypoint_scores, people.keypoint_scores, atol=1e-3)


def test_mmposes_inferencer_writes_its_files(inferencer, photo, tmp_path):
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    next(inferencer(str(tmp_path / 'photo.png'), out_dir=str(tmp_path / 'out')))
    people = json.loads((tmp_path / 'out/predictions/photo.json').read_text())
    assert len(people) > 1 and len(people[0]['keypoints']) == 17
    assert (tmp_path / 'out/visualizations/photo.png').is_file()


def test_mmposes_demo_runs(pose_config, pose_checkpoint, detector_checkpoint, photo, tmp_path):
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    demo = FASTER_RCNN_CONFIG.parents[1] / 'topdown_demo_with_mmdet.py'
    done = subprocess.run(
        [sys.executable, str(demo), str(FASTER_RCNN_CONFIG), str(detector_checkpoint), str(pose_config),
         str(pose_checkpoint), '--input', str(tmp_path / 'photo.png'), '--output-root', str(tmp_path / 'out'),
         '--device', 'cpu', '--save-predictions'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    people = json.loads((tmp_path / 'out/results_photo.json').read_text())['instance_info']
    assert len(people) > 1 and (tmp_path / 'out/photo.png').is_file()


def test_the_scope_stays_mmposes(detector):
    assert DefaultScope.get_current_instance().scope_name == 'mmpose'


def test_nobody(detector_checkpoint, photo):
    unsure = MMDetDetector(detector_checkpoint, device='cpu', min_score=1.1)
    bboxes, scores = unsure(photo)
    assert bboxes.shape == (0, 4) and scores.shape == (0, )


def test_unusable_arguments(detector_checkpoint, pose_config, pose_checkpoint, tmp_path, root):
    for args, error, message in [
        ((pose_checkpoint, ), CheckpointError, 'belongs to another model'),
        ((tmp_path / 'missing.pth', ), FileNotFoundError, r'missing\.pth'),
        ((detector_checkpoint, tmp_path / 'missing.py'), FileNotFoundError, r'missing\.py'),
        ((detector_checkpoint, root / 'configs/_base_/default_runtime.py'), ValueError, 'no detection config'),
    ]:
        with pytest.raises(error, match=message):
            MMDetDetector(*args, device='cpu')
