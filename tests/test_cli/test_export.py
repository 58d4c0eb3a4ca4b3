"""tools/export.py, as a user calls it."""

import json
import re
import runpy
import sys

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.needs_torch('2.5')  # which exporting needs


@pytest.fixture
def export(root, pose_config, pose_checkpoint, monkeypatch, capsys):
    """Call it in this process; returns exit status and what it printed."""

    def call(*arguments, config=pose_config, checkpoint=pose_checkpoint):
        argv = ['export.py', config, checkpoint, *arguments]
        monkeypatch.setattr(sys, 'argv', [str(argument) for argument in argv])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(root / 'tools/export.py'), run_name='__main__')
        return left.value.code, capsys.readouterr()

    return call


@pytest.fixture
def labelled(tmp_path, photo, bboxes):
    """One picture, five people whose keypoints lie on a grid in their boxes."""
    cv2.imwrite(str(tmp_path / '7.png'), photo)
    people = []
    for number, (x1, y1, x2, y2) in enumerate(bboxes):
        points = [coordinate for k in range(17)
                  for coordinate in (x1 + (x2 - x1) * (k % 4 + 1) / 5, y1 + (y2 - y1) * (k // 4 + 1) / 6, 2)]
        people.append(dict(id=number + 1, image_id=7, category_id=1, iscrowd=0, num_keypoints=17, keypoints=points,
                           bbox=[x1, y1, x2 - x1, y2 - y1], area=(x2 - x1) * (y2 - y1)))
    (tmp_path / 'people.json').write_text(json.dumps(dict(
        images=[dict(id=7, file_name='7.png', width=320, height=240)], annotations=people,
        categories=[dict(id=1, name='person')])))
    return tmp_path, tmp_path / 'people.json'


def test_export_and_evaluate(export, labelled, tmp_path):
    code, printed = export('--out', tmp_path / 'out', '--evaluate', *labelled)
    assert code == 0, printed.err
    assert f'{tmp_path}/out/model.onnx' in printed.out and 'Largest difference from PyTorch, heatmaps: ' in printed.out
    assert '5 people, flip test on: keypoints shift by 0.000 px on average' in printed.out
    assert '+0.00 points' in printed.out


def test_decode_says_that_it_drops_the_flip_test(export, tmp_path):
    code, printed = export('--out', tmp_path / 'out', '--decode')
    assert code == 0 and 'without the flip test' in printed.out and '--flip-test puts it into the file' in printed.out
    code, printed = export('--out', tmp_path / 'out')
    assert code == 0 and 'flip test' not in printed.out


@pytest.mark.slow
def test_int8_says_how_far_keypoints_shift(export, labelled, tmp_path, trained_model):
    code, printed = export('--out', tmp_path / 'out', '--precision', 'int8', '--calibrate', *labelled, '--fast',
                           config=trained_model[0], checkpoint=trained_model[1])
    assert code == 0, printed.err
    assert re.search(r'Keypoints shift by \d+\.\d px of the crop on average \(at most \d+\.\d\); --evaluate .*'
                     'without --fast it may be less', printed.out)


def test_average_precision_is_cocos(labelled, bboxes):
    from rampose.export.evaluation import LabelledPeople, average_precision
    people = LabelledPeople(*labelled)
    truth = np.array([person['keypoints'] for person in people.people], float).reshape(5, 17, 3)
    scores = np.full((5, 17), 0.9)
    assert average_precision(people.coco, people.people, truth[..., :2], scores, np.full(17, 0.05)) == 1
    shifted = truth[..., :2] + np.array([4.0, 0])
    assert 0.1 < average_precision(people.coco, people.people, shifted, scores, np.full(17, 0.02)) < 0.9
    assert average_precision(people.coco, people.people, truth[..., :2] + 300, scores, np.full(17, 0.05)) == 0


def test_calibration_spreads_over_sure_people(labelled, photo, tmp_path, onnx_model):
    from rampose.apis import TopdownPredictor
    from rampose.export.calibration import read_crops
    info = TopdownPredictor(onnx_model).pose_model.info
    boxes = {}
    for number in range(10):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full_like(photo, 20 * number))
        boxes[f'{number}.png'] = [[0, 0, 100, 200, 0.9]] * 3 + [[0, 0, 100, 200, 0.1]] * 3
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    crops = read_crops(info, tmp_path, tmp_path / 'boxes.json', limit=10)
    assert crops.shape == (10, 128, 96, 3) and crops.dtype == np.uint8
    assert sorted(np.unique(crops[:, 64, 48, 0])) == [20 * number for number in range(10)]
    assert len(read_crops(info, tmp_path, tmp_path / 'boxes.json')) == 30


def test_labels_that_cannot_be_evaluated_come_after_the_file(export, labelled, tmp_path):
    (tmp_path / '7.png').write_bytes(b'no picture')
    code, printed = export('--out', tmp_path / 'out', '--evaluate', *labelled)
    assert code == 1 and 'model.onnx is written, but' in printed.err and '7.png cannot be read' in printed.err
    assert (tmp_path / 'out/model.onnx').exists()


def test_pictures_that_are_missing_are_found_before_the_export(export, labelled, tmp_path):
    (tmp_path / '7.png').unlink()
    code, printed = export('--out', tmp_path / 'out', '--evaluate', *labelled)
    assert code == 2 and 'names 7.png, which is not in' in printed.err
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(('arguments', 'message'), [
    (['--num-evaluate', '0'], 'needed is at least 1'),
    (['--precision', 'int8'], 'int8 needs --calibrate IMAGES BOXES'),
    (['--calibrate', 'a', 'b'], '--calibrate is for --precision int8'),
    (['--precision', 'bf16'], 'onnx takes fp32, fp16, int8 (bf16: --format openvino)'),
    (['--evaluate', 'nowhere', 'nothing.json'], 'nothing.json is missing'),
    (['--precision', 'int8', '--calibrate', '.', 'nothing.json'], 'nothing.json cannot be read as JSON'),
])
def test_calls_that_cannot_be_used(export, tmp_path, arguments, message):
    code, printed = export('--out', tmp_path / 'out', *arguments)
    assert code == 2 and message in printed.err and 'Traceback' not in printed.err
    assert not (tmp_path / 'out').exists()


def test_files_that_are_missing_or_broken(export, tmp_path):
    broken = tmp_path / 'broken.pth'
    broken.write_bytes(b'no checkpoint')
    for files, message in ((dict(config=tmp_path / 'no.py'), 'no.py'), (dict(checkpoint=broken), 'broken.pth')):
        code, printed = export('--out', tmp_path / 'out', **files)
        assert code == 2 and message in printed.err and len(printed.err.strip().splitlines()) == 1


def test_an_export_that_differs_is_reported(export, tmp_path, monkeypatch):
    import rampose.export.exporting as exporting
    monkeypatch.setattr(exporting, '_compare', lambda *args: (1.0, 1.0, None))
    code, printed = export('--out', tmp_path / 'out')
    assert code == 3 and 'it was not kept' in printed.err and list((tmp_path / 'out').iterdir()) == []
