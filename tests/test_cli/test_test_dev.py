"""tools/test_dev.py: from a checkpoint, a list of images and detections to the zip for COCO's server."""

import json
import logging
import re
import runpy
import shutil
import subprocess
import sys
import zipfile

import cv2
import pytest
import torch
from mmdet.datasets import CocoDataset
from mmengine import Config
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval


@pytest.fixture
def test_dev(root, monkeypatch, capsys):
    """Call it in this process; returns exit status and what it printed."""

    # Loggers that other tests made write to streams that pytest closed since.
    monkeypatch.setattr(logging, 'raiseExceptions', False)

    def call(*arguments):
        monkeypatch.setattr(sys, 'argv', ['test_dev.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(root / 'tools/test_dev.py'), run_name='__main__')
        return left.value.code, capsys.readouterr()

    return call


def write_coco(root, images, pictures, boxes):
    """Pictures, a list of them with all categories, detections, no annotations: as test-dev2017 lies."""
    (root / 'annotations').mkdir(parents=True)
    (root / 'test2017').mkdir()
    for picture in pictures:
        shutil.copy(picture, root / 'test2017')
    names = CocoDataset.METAINFO['classes']
    (root / 'annotations/image_info_test-dev2017.json').write_text(json.dumps(
        dict(images=images, categories=[dict(id=i + 1, name=name) for i, name in enumerate(names)])))
    (root / 'person_detection_results').mkdir()
    (root / 'person_detection_results/COCO_test-dev2017_detections_AP_H_609_person.json').write_text(json.dumps(boxes))
    return root


@pytest.fixture
def coco(tmp_path, photo, monkeypatch):
    """One generated picture with two people."""
    cv2.imwrite(str(tmp_path / '000000000007.jpg'), photo)
    monkeypatch.setenv('COCO_ROOT', str(tmp_path / 'coco'))
    images = [dict(id=7, file_name='000000000007.jpg', height=240, width=320),
              dict(id=8, file_name='000000000008.jpg', height=240, width=320)]  # nobody was found there
    boxes = [dict(image_id=7, category_id=1, bbox=[x, 10, 80, 200], score=0.9) for x in (20, 200)]
    return write_coco(tmp_path / 'coco', images, [tmp_path / '000000000007.jpg'], boxes)


@pytest.fixture
def coco_tiny(test_data, tmp_path, monkeypatch):
    """coco_tiny, with its detections."""
    monkeypatch.setenv('COCO_ROOT', str(tmp_path / 'coco'))
    tiny = test_data / 'coco_tiny'
    content = json.loads((tiny / 'test_coco.json').read_text())
    pictures = [next(tiny.rglob(image['file_name'])) for image in content['images']]
    boxes = json.loads((tiny / 'test_coco_det_AP_H_56.json').read_text())
    return write_coco(tmp_path / 'coco', content['images'], pictures, boxes)


@pytest.fixture
def coco_pose_config(root, tmp_path):
    """The real config for COCO, with a small network."""
    path = tmp_path / 'pose.py'
    path.write_text(f"""_base_ = [
    '{root}/configs/_base_/default_runtime.py', '{root}/configs/_base_/schedules/sgdr_240e.py',
    '{root}/configs/_base_/datasets/coco_topdown_256x192.py',
    '{root}/configs/_base_/models/ram-hrnet-w16_gpr_small.py']
model = dict(head=dict(decoder=_base_.codec))
test_dataloader = dict(num_workers=0, persistent_workers=False)
""")
    return path


def read(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(path.stem + '.json'))


@pytest.mark.real_data
def test_the_official_detections_become_a_submission(test_dev, coco_tiny, coco_pose_config, pose_checkpoint, test_data,
                                                     tmp_path):
    code, printed = test_dev(coco_pose_config, pose_checkpoint, '--name', 'small', '--out', tmp_path / 'out')
    assert code == 0, printed.err
    path = tmp_path / 'out/person_keypoints_test-dev2017_small_results.zip'
    assert f'{path} written' in printed.out and 'of 4 images' in printed.out
    submission = read(path)
    assert 0 < len(submission) <= 118  # OKS-NMS may take some out
    # What the server does with it: COCO's own evaluation reads it.
    truth = COCO(str(test_data / 'coco_tiny/test_coco.json'))
    evaluation = COCOeval(truth, truth.loadRes(submission), 'keypoints', sigmas=None)
    evaluation.evaluate()
    evaluation.accumulate()
    assert len(submission[0]['keypoints']) == 51


@pytest.mark.long
@pytest.mark.real_data
def test_boxes_of_ones_own_faster_rcnn(root, test_dev, coco_tiny, coco_pose_config, pose_checkpoint,
                                       detector_checkpoint, tmp_path):
    """As docs/experiments.md has it: MMDetection's test tool writes the boxes, ours the submission."""
    page = (root / 'docs/experiments.md').read_text()
    config = re.search(r'<!-- detect.py -->\n```python\n(.*?)```', page, re.DOTALL).group(1)
    (tmp_path / 'detect.py').write_text(config + 'test_dataloader.update(num_workers=0, persistent_workers=False)\n')
    done = subprocess.run([sys.executable, '-c', 'from mim.cli import cli; cli()', 'test', 'mmdet', 'detect.py',
                           '--checkpoint', str(detector_checkpoint)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    boxes = tmp_path / 'work_dirs/detect/test-dev.bbox.json'
    people = [box for box in json.loads(boxes.read_text()) if box['category_id'] == 1]
    code, printed = test_dev(coco_pose_config, pose_checkpoint, '--name', 'own', '--bboxes', boxes, '--out', tmp_path)
    assert code == 0, printed.err
    assert 0 < len(read(tmp_path / 'person_keypoints_test-dev2017_own_results.zip')) <= len(people)


@pytest.mark.parametrize(('missing', 'message'), [
    ('annotations/image_info_test-dev2017.json', '2017 Testing Image info'),
    ('test2017', '2017 Test images'),
    ('test2017/000000000007.jpg', '1 of 1 pictures are missing'),
    ('person_detection_results/COCO_test-dev2017_detections_AP_H_609_person.json', '--bboxes'),
])
def test_what_is_missing_is_named_with_where_to_get_it(test_dev, coco, coco_pose_config, pose_checkpoint, tmp_path,
                                                       missing, message):
    (coco / missing).rename(coco / 'elsewhere')
    code, printed = test_dev(coco_pose_config, pose_checkpoint, '--name', 'small', '--out', tmp_path / 'out')
    assert code == 2 and message in printed.err
    assert missing.split('/')[-1] in printed.err and str(coco) in printed.err
    assert len(printed.err.strip().splitlines()) == 1 and not (tmp_path / 'out').exists()


def test_boxes_become_a_submission_and_the_configs_folder_stays(test_dev, coco, coco_pose_config, pose_checkpoint,
                                                                 tmp_path):
    """A dumped config names the folder of the training; MMEngine would write test-dev2017's config over it."""
    (tmp_path / 'training').mkdir()
    config = Config.fromfile(coco_pose_config)
    config.work_dir = str(tmp_path / 'training')
    config.dump(tmp_path / 'training/pose.py')
    before = (tmp_path / 'training/pose.py').read_text()
    code, printed = test_dev(tmp_path / 'training/pose.py', pose_checkpoint, '--name', 'x', '--out', tmp_path / 'out')
    assert code == 0, printed.err
    assert '2 people on 1 of 2 images' in printed.out
    people = read(tmp_path / 'out/person_keypoints_test-dev2017_x_results.zip')
    assert [person['image_id'] for person in people] == [7, 7]
    assert (tmp_path / 'training/pose.py').read_text() == before


def test_files_that_do_not_belong_together(test_dev, coco, coco_pose_config, pose_checkpoint, tmp_path):
    boxes = tmp_path / 'boxes.json'
    of_image_1 = '[{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "score": 1}]'
    for content, message in ((of_image_1, 'another test set'), ('[]', 'no box of a person'),
                             ('[{"image_id": 7, "category_id": 1}]', "not in COCO's format"),
                             ('{"boxes": 3}', "not in COCO's format"), ('[{"image', 'cannot be read as JSON')):
        boxes.write_text(content)
        code, printed = test_dev(coco_pose_config, pose_checkpoint, '--name', 'small', '--bboxes', boxes, '--out',
                                 tmp_path / 'out')
        assert code == 2 and message in printed.err and 'Traceback' not in printed.err
    assert not (tmp_path / 'out').exists()


def test_calls_that_cannot_be_used(root, test_dev, coco, coco_pose_config, pose_checkpoint, tmp_path):
    folder = root / 'configs/body_2d_keypoint/topdown_heatmap'
    (tmp_path / 'broken.pth').write_bytes(b'no checkpoint')
    torch.save(dict(state_dict={'head.weight': torch.zeros(1)}), tmp_path / 'other.pth')
    for config, checkpoint, name, message in (
            ('no.py', pose_checkpoint, 'x', 'no.py'),
            (coco_pose_config, 'no.pth', 'x', 'the checkpoint is missing, looked for at no.pth'),
            (coco_pose_config, pose_checkpoint, 'a b', 'needed are letters'),
            (coco_pose_config, tmp_path / 'broken.pth', 'x', 'broken.pth'),
            (coco_pose_config, tmp_path / 'other.pth', 'x', 'belongs to another model'),
            (next((folder / 'aic').glob('*.py')), pose_checkpoint, 'x', 'AicDataset with 14 keypoints'),
            (root / 'configs/_base_/schedules/sgdr_240e.py', pose_checkpoint, 'x', "no config of a model with COCO's")):
        code, printed = test_dev(config, checkpoint, '--name', name, '--out', tmp_path / 'out')
        assert code == 2 and message in printed.err and 'Traceback' not in printed.err, printed.err
