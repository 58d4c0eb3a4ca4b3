import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import torch
from mmengine import Config
from mmpose.apis import inference_topdown, init_model

from rampose.apis import TopdownPredictor, UnreadableError
from rampose.checkpoints.loading import CheckpointError


@pytest.fixture(scope='module')
def bboxes():
    rng = np.random.default_rng(1)
    corners = rng.uniform((-20, -20), (200, 150), (7, 2))
    return np.hstack([corners, corners + rng.uniform(40, 150, (7, 2))]).astype(np.float32)


def test_the_same_as_mmpose(predictor, pose_config, pose_checkpoint, photo, bboxes):
    keypoints, scores = predictor(photo, bboxes)
    model = init_model(str(pose_config), str(pose_checkpoint), device='cpu')  # without folded batch norms
    samples = inference_topdown(model, photo, bboxes)
    assert keypoints.shape == (7, 17, 2) and scores.shape == (7, 17)
    assert keypoints.dtype == scores.dtype == np.float32
    np.testing.assert_allclose(keypoints, np.concatenate([s.pred_instances.keypoints for s in samples]), atol=1e-4)
    np.testing.assert_allclose(scores, np.concatenate([s.pred_instances.keypoint_scores for s in samples]), atol=1e-4)


def test_many_pictures_share_batches_and_keep_their_order(predictor, photo, bboxes):
    images = [photo, photo[:, ::-1].copy(), photo[50:200]]
    groups = [bboxes[:3], [], bboxes[3:]]
    all_keypoints, all_scores = predictor(images, groups)
    assert [len(keypoints) for keypoints in all_keypoints] == [3, 0, 4]
    for image, group, keypoints, scores in zip(images, groups, all_keypoints, all_scores):
        for number, bbox in enumerate(group):
            alone = predictor(image, [bbox])
            np.testing.assert_allclose(keypoints[number], alone[0][0], atol=1e-4)
            np.testing.assert_allclose(scores[number], alone[1][0], atol=1e-4)


def test_nobody_is_nobody(predictor, photo):
    keypoints, scores = predictor(photo, [])
    assert keypoints.shape == (0, 17, 2) and scores.shape == (0, 17)
    assert predictor([]) == ([], []) == predictor([], [])


def test_paths_and_arrays_give_the_same(predictor, photo, bboxes, tmp_path):
    import cv2
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    np.testing.assert_array_equal(predictor(tmp_path / 'photo.png', bboxes)[0], predictor(photo, bboxes)[0])


def test_flip_test_is_a_switch(pose_config, pose_checkpoint, predictor, photo, bboxes):
    without = TopdownPredictor(pose_config, pose_checkpoint, device='cpu', flip_test=False)
    model = predictor.pose_model.model
    scores_with, scores_without = predictor(photo, bboxes)[1], without(photo, bboxes)[1]
    assert np.abs(scores_with - scores_without).max() > 1e-3
    model.test_cfg['flip_test'] = False
    try:
        np.testing.assert_allclose(predictor(photo, bboxes)[1], scores_without, atol=1e-5)
    finally:
        model.test_cfg['flip_test'] = True


def test_a_function_as_detector(pose_config, pose_checkpoint, predictor, photo, bboxes):
    junk = np.array([[50, 50, 10, 90], [np.nan, 0, 5, 5], [900, 900, 950, 950]], np.float32)  # can show nobody
    with_detector = TopdownPredictor(
        pose_config, pose_checkpoint, device='cpu', batch_size=4,
        detector=lambda image: (np.concatenate([bboxes, junk]), np.full(10, 0.9)))
    found, scores = with_detector.detect(photo)
    np.testing.assert_array_equal(found, bboxes)
    assert scores.shape == (7, )
    np.testing.assert_array_equal(with_detector(photo)[0], predictor(photo, bboxes)[0])
    assert with_detector(photo, [])[0].shape == (0, 17, 2)  # given boxes come first
    nobody = TopdownPredictor(pose_config, pose_checkpoint, device='cpu', detector=lambda image: ([], []))
    assert nobody(photo)[0].shape == (0, 17, 2)


@pytest.mark.parametrize(('found', 'message'), [
    (None, 'the detector gave no pair'),
    ([[1, 2, 3, 4]], 'the detector gave no pair'),
    (([[1, 2, 3, 4]], []), 'the detector gave 1 boxes and 0 scores'),
    (([[1, 2, 3, 4, 0.9]], [0.9]), r'boxes of shape \(1, 5\)'),
])
def test_detectors_that_give_something_else(pose_config, pose_checkpoint, photo, found, message):
    broken = TopdownPredictor(pose_config, pose_checkpoint, device='cpu', detector=lambda image: found)
    with pytest.raises(ValueError, match=message):
        broken(photo)


def test_threads_may_share_it(predictor, photo, bboxes):
    images = [np.roll(photo, shift, axis=1) for shift in range(0, 80, 10)]
    alone = [predictor(image, bboxes)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: predictor(image, bboxes)[0], images))
    for one, other in zip(alone, together):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_mixed_precision(pose_config, pose_checkpoint, predictor, photo, bboxes):
    mixed = TopdownPredictor(pose_config, pose_checkpoint, device='cpu', dtype='bfloat16')
    scores, exact = mixed(photo, bboxes)[1], predictor(photo, bboxes)[1]
    assert scores.dtype == np.float32
    error = np.abs(scores - exact).mean() / np.abs(exact).mean()
    assert 1e-5 < error < 0.05


@pytest.mark.slow
def test_ten_thousand_boxes(pose_config, pose_checkpoint, photo):
    """Crops are made batch by batch: all at once would take 1.5 GB at 256x192."""
    config = Config.fromfile(pose_config)
    config.model.head.decoder.update(input_size=(32, 32), heatmap_size=(8, 8))
    config.test_dataloader.dataset.pipeline[2].input_size = (32, 32)
    small = TopdownPredictor(config, pose_checkpoint, device='cpu', flip_test=False, batch_size=256)
    corners = np.random.default_rng(0).uniform(0, 200, (10_000, 2))
    keypoints, scores = small(photo, np.hstack([corners, corners + 30]))
    assert keypoints.shape == (10_000, 17, 2) and np.isfinite(keypoints).all()
    np.testing.assert_allclose(keypoints[-1], small(photo, [[*corners[-1], *(corners[-1] + 30)]])[0][0], atol=1e-4)


def test_a_config_that_is_given_stays_as_it_is(pose_config, pose_checkpoint):
    config = Config.fromfile(pose_config)
    before = config.pretty_text
    TopdownPredictor(config, pose_checkpoint, device='cpu')
    assert config.pretty_text == before


def test_unusable_calls(predictor, photo, tmp_path):
    box = [[10, 10, 50, 90]]
    for args, error, message in [
        ((photo, ), ValueError, 'no boxes, and the predictor has no detector'),
        ((photo, [[50, 10, 10, 90]]), ValueError, 'box 0 .*reversed'),
        ((photo, [*box, [400, 10, 450, 90]]), ValueError, 'box 1 .*outside'),
        ((photo[..., 0], box), ValueError, r'shape \(240, 320\)'),
        (([photo], [box, box]), ValueError, '1 images and 2 lists'),
        (([photo, photo], [box, [[50, 10, 10, 90]]]), ValueError, 'image 1: box 0 .*reversed'),
        ((tmp_path / 'missing.jpg', box), UnreadableError, 'no such file'),
    ]:
        with pytest.raises(error, match=message) as caught:
            predictor(*args)
        assert '\n' not in str(caught.value)


def test_unusable_arguments(pose_config, pose_checkpoint, tmp_path, root):
    other = root / 'configs/body_2d_keypoint/topdown_heatmap/coco/td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'
    for args, options, error, message in [
        ((other, pose_checkpoint), {}, CheckpointError, 'belongs to another model'),
        ((pose_config, tmp_path / 'missing.pth'), {}, FileNotFoundError, r'missing\.pth'),
        ((tmp_path / 'missing.py', pose_checkpoint), {}, FileNotFoundError, r'missing\.py'),
        ((root / 'configs/_base_/default_runtime.py', pose_checkpoint), {}, ValueError, 'no top-down pose config'),
        ((pose_config, pose_checkpoint), dict(device='abacus'), ValueError, "device 'abacus'"),
        ((pose_config, pose_checkpoint), dict(dtype='int4'), ValueError, "dtype 'int4'"),
        ((pose_config, pose_checkpoint), dict(batch_size=0), ValueError, 'batch_size 0'),
        ((pose_config, pose_checkpoint), dict(batch_size=1.5), ValueError, r'batch_size 1\.5'),
        ((pose_config, pose_checkpoint), dict(detector='yolo'), ValueError,
         "no detector is called 'yolo', and no file; is yolox"),
        ((pose_config, pose_checkpoint), dict(detector='faster-rcnn'), ValueError, 'detector_checkpoint'),
        ((pose_config, pose_checkpoint), dict(detector_checkpoint='x.pth'), ValueError, 'without the detector'),
    ]:
        with pytest.raises(error, match=message) as caught:
            TopdownPredictor(*args, **options)
        assert '\n' not in str(caught.value)


def test_a_checkpoint_that_lacks_attention_is_named(pose_config, pose_checkpoint, tmp_path):
    """MMEngine would load an HRNet's and leave the rest random."""
    state = torch.load(pose_checkpoint)['state_dict']
    torch.save({name: tensor for name, tensor in state.items() if 'attention' not in name}, tmp_path / 'hrnet.pth')
    with pytest.raises(CheckpointError, match=r'it lacks backbone\.stage2\.0\.attention.* and \d+ more'):
        TopdownPredictor(pose_config, tmp_path / 'hrnet.pth', device='cpu')
    torch.save(dict(state_dict='none'), tmp_path / 'other.pth')
    with pytest.raises(CheckpointError, match='no state_dict'):
        TopdownPredictor(pose_config, tmp_path / 'other.pth', device='cpu')


def test_a_device_that_is_not_here_and_what_is(pose_config, pose_checkpoint, monkeypatch):
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    with pytest.raises(ValueError, match=r"device 'xpu' cannot be used .*; here is cpu, cuda:0, cuda:1$"):
        TopdownPredictor(pose_config, pose_checkpoint, device='xpu')


def test_config_and_checkpoint_swapped(pose_config, pose_checkpoint):
    with pytest.raises(ValueError, match=r'got the config .*pose\.pth \(are config and checkpoint swapped\?\)'):
        TopdownPredictor(pose_checkpoint, pose_config)


@pytest.mark.slow
def test_threads_build_predictors_and_load_at_the_same_time(pose_config, pose_checkpoint, tmp_path, photo):
    """In a fresh process, where the first to come registers and imports."""
    code = f"""
from concurrent.futures import ThreadPoolExecutor
import cv2, torch
torch.set_num_threads(1)
image = cv2.imread({str(tmp_path / 'photo.png')!r})
def build(number):
    from rampose.apis import TopdownPredictor
    from rampose.checkpoints.loading import load_checkpoint_file
    for _ in range(3):
        load_checkpoint_file({str(pose_checkpoint)!r})
    predictor = TopdownPredictor({str(pose_config)!r}, {str(pose_checkpoint)!r}, device='cpu')
    result, = predictor.predict([image], [[[10, 10, 200, 220]]])
    return result.keypoints.tobytes()
with ThreadPoolExecutor(8) as pool:
    results = list(pool.map(build, range(8)))
assert len(set(results)) == 1
"""
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
