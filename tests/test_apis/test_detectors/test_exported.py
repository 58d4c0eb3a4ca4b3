"""Exported detectors: made ones with known boxes, and YOLOX-nano on real photographs."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rampose.apis import TopdownPredictor
from rampose.apis.detectors.exported import ExportedDetector
from rampose.cli.main import main


def test_a_grid(grid):
    image = np.zeros((128, 192, 3), np.uint8)  # twice the input
    boxes, scores = ExportedDetector(grid)(image)
    np.testing.assert_allclose(scores, [0.9, 0.5])  # IoU 0.6, of 0.65 allowed
    np.testing.assert_allclose(boxes[0], np.array([44 - 16, 28 - 12, 44 + 16, 28 + 12]) * 2, rtol=1e-5)
    assert len(ExportedDetector(grid, nms_thr=0.5)(image)[0]) == 1
    assert len(ExportedDetector(grid, min_score=0.7)(image)[0]) == 1
    dog, _ = ExportedDetector(grid, 'dog', backend='openvino')(image)
    np.testing.assert_allclose(dog, np.array([[24 - 32, 40 - 24, 24 + 32, 40 + 24]]).clip(0) * 2, rtol=1e-5)


def test_nms_inside(tmp_path, write):
    found = np.array([[[10, 10, 30, 40, 0.4], [20, 5, 50, 60, 0.9], [0, 0, 9, 9, 0.1]]], np.float32)
    path = write(tmp_path / 'rtmdet_nano.onnx', dict(dets=found, labels=np.array([[0, 0, 0]])))
    boxes, scores = ExportedDetector(path)(np.zeros((64, 96, 3), np.uint8))
    assert boxes.tolist() == [[20, 5, 50, 60], [10, 10, 30, 40]]
    np.testing.assert_allclose(scores, [0.9, 0.4])


@pytest.mark.real_data
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_several_images_as_one_by_one(yolox, test_data, backend):
    """Of all sizes, at once, through the predictor; the same boxes, in the order of the images."""
    from rampose.core.images import read_image
    paths = sorted((test_data / 'coco_tiny').rglob('*.jpg'))
    images = [read_image(path) for path in paths] + [np.zeros((50, 700, 3), np.uint8)]
    detector = ExportedDetector(yolox, backend=backend)
    together = detector.find_all(images)
    assert sum(len(boxes) for boxes, _ in together) > 5 and len(together) == len(images) and not len(together[-1][0])
    for image, (boxes, scores) in zip(images, together):
        expected = detector(image)
        np.testing.assert_allclose(boxes, expected[0], atol=1e-2)
        np.testing.assert_allclose(scores, expected[1], atol=1e-4)
    assert detector.find_all([]) == []


def test_several_images_where_nms_is_inside(tmp_path, write):
    found = np.array([[[10, 10, 30, 40, 0.4]]], np.float32)
    detector = ExportedDetector(write(tmp_path / 'rtmdet_nano.onnx', dict(dets=found, labels=np.array([[0]]))))
    small, large = detector.find_all([np.zeros((64, 96, 3), np.uint8), np.zeros((128, 192, 3), np.uint8)])
    assert small[0].tolist() == [[10, 10, 30, 40]] and large[0].tolist() == [[20, 20, 60, 80]]


@pytest.mark.parametrize(('name', 'outputs', 'message'), [
    ('other.onnx', dict(output=np.zeros((1, 17, 48, 36), np.float32)), r'no detector that is known: it gives \(1, 17'),
    ('few.onnx', dict(output=np.zeros((1, 126, 6), np.float32)), "got category 'dog', number 16; .* knows 0 to 0")])
def test_other_files(tmp_path, name, outputs, message, write):
    with pytest.raises(ValueError, match=message):
        ExportedDetector(write(tmp_path / name, outputs), 'dog')


def test_boxes_are_padded_for_a_model_that_was_trained_on_padded_ones(grid, onnx_model, photo):
    """The model for LSPET has a padding of 1: its labels are padded. The others pad by themselves."""
    tight, _ = ExportedDetector(grid)(photo)
    own, _ = TopdownPredictor(onnx_model, detector=grid).detect(photo)
    np.testing.assert_array_equal(own, tight)
    padded, _ = TopdownPredictor('td-hm_ram-hrnet-w16-gpr_1xb16-40e_lspet-128x96', detector=grid).detect(photo)
    np.testing.assert_allclose(padded[:, 2:] - padded[:, :2], 1.25 * (tight[:, 2:] - tight[:, :2]), rtol=1e-5)
    np.testing.assert_allclose(padded[:, 2:] + padded[:, :2], tight[:, 2:] + tight[:, :2], rtol=1e-5)


def test_the_command(grid, onnx_model, photo, tmp_path, capsys):
    import cv2
    cv2.imwrite(str(tmp_path / 'photo.png'), photo)
    call = ['predict', str(tmp_path / 'photo.png'), '--config', str(onnx_model), '--out', str(tmp_path / 'out')]
    assert main([*call, '--detector', str(grid)]) == 0
    assert '2 people in 1 images' in capsys.readouterr().out
    assert main([*call, '--out', str(tmp_path / 'dogs'), '--detector', str(grid), '--det-category', 'dog']) == 0
    for arguments, message in (([str(grid), '--whole-image'], 'more than one thing says where the people are'),
                               ([str(onnx_model)], 'is no detector'),
                               ([str(tmp_path / 'none.onnx')], 'none.onnx: no such file'),
                               ([str(grid), '--det-category', 'people'], "got category 'people'")):
        try:
            status = main([*call, '--out', str(tmp_path / 'other'), '--detector', *arguments])
        except SystemExit as stopped:  # of arguments that do not go together
            status = stopped.code
        assert status == 2 and message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*call, '--det-checkpoint', str(grid)])
    assert 'is an exported detector: give it by --detector' in capsys.readouterr().err


@pytest.fixture(scope='module')
def yolox() -> Path:
    folder = os.environ.get('RAMPOSE_TEST_MODELS')
    if not folder:
        pytest.skip('RAMPOSE_TEST_MODELS is not set')
    return Path(folder).resolve() / 'yolox_nano.onnx'


@pytest.mark.real_data
@pytest.mark.slow
def test_yolox_nano_on_real_photographs(yolox, test_data):
    """AP of persons on 300 photographs of val2017."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    from rampose.core.images import read_image
    detector = ExportedDetector(yolox, min_score=0.01, num_threads=1)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(test_data / 'coco_people/annotations/val.json'))
        results = []
        for image_id, image in coco.imgs.items():
            boxes, scores = detector(read_image(test_data / 'coco_people/images' / image['file_name']))
            results += [dict(image_id=image_id, category_id=1, score=float(score),
                             bbox=[float(x1), float(y1), float(x2 - x1), float(y2 - y1)])
                        for (x1, y1, x2, y2), score in zip(boxes, scores)]
        evaluation = COCOeval(coco, coco.loadRes(results), 'bbox')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[:2] == pytest.approx([0.476, 0.761], abs=0.005)


@pytest.mark.real_data
@pytest.mark.slow
def test_photographs_to_everybodys_keypoints_without_torch(yolox, test_data, tmp_path):
    photos = sorted((test_data / 'coco_people/images').iterdir())
    names = {image['file_name'] for image in json.loads(
        (test_data / 'coco_people/annotations/val.json').read_text())['images']}
    chosen = [str(path) for path in photos if path.name in names][:8]
    code = ('import sys; sys.modules.update(dict.fromkeys(["torch", "mmpose", "mmdet", "mmcv", "mmengine"])); '
            'from rampose.cli.main import main; sys.exit(main(sys.argv[1:]))')
    done = subprocess.run([sys.executable, '-c', code, 'predict', *chosen, '--detector', str(yolox), '--out',
                           str(tmp_path / 'out')], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    people = json.loads((tmp_path / 'out/keypoints.json').read_text())
    assert len(people) > len(chosen) and len(list((tmp_path / 'out/visualizations').iterdir())) == 8
