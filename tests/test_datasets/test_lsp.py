"""The authors' files of LSP and LSPET become COCO's."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from mmengine import Config
from mmpose.datasets import CrowdPoseDataset
from scipy.io import savemat
from xtcocotools.coco import COCO

from rampose.datasets.lsp import KEYPOINTS, LSP_KEYPOINTS, annotate, default_split, read_joints

NUMBER = 40


def write_authors(folder, joints, digits):
    (folder / 'images').mkdir(parents=True)
    savemat(str(folder / 'joints.mat'), dict(joints=joints))
    for number in range(1, NUMBER + 1):
        cv2.imwrite(str(folder / f'images/im{number:0{digits}d}.jpg'), np.full((100, 80, 3), number, np.uint8))
    return folder


def joints_of(number):
    """Keypoint k of LSP's order at x = 10 + k, y = 20 + 2 k + number, in Matlab's counting, all labelled."""
    k = np.arange(14)
    return np.stack([10. + k, 20. + 2 * k + number, np.ones(14)], axis=1)  # (14, 3)


@pytest.fixture
def lspet(tmp_path):
    joints = np.stack([joints_of(i) for i in range(NUMBER)], axis=2)  # 14x3xN
    joints[0, 2, 0] = 0  # of the first person, the right ankle is not labelled,
    joints[13, :2, 0] = 95, 30  # and the head lies outside of the picture
    joints[:, 2, 5] = 0  # of the sixth, nothing is labelled
    return write_authors(tmp_path / 'lspet', joints, 5)


@pytest.fixture
def lsp(tmp_path):
    joints = np.stack([joints_of(i).T for i in range(NUMBER)], axis=2)  # 3x14xN
    joints[2] = 0  # speaks of visibility: every keypoint is labelled
    return write_authors(tmp_path / 'lsp', joints, 4)


def convert(root, folder):
    return subprocess.run([sys.executable, root / 'tools/dataset_converters/lsp2coco.py', folder], capture_output=True,
                          text=True)


def test_every_keypoint_lands_under_its_name(lspet):
    keypoints, paths = read_joints(lspet)
    assert keypoints.shape == (NUMBER, 14, 3) and paths[0].name == 'im00001.jpg'
    for name, (x, y, labelled) in zip(KEYPOINTS, keypoints[1]):
        k = LSP_KEYPOINTS.index(name)
        assert (x, y, labelled) == (9 + k, 20 + 2 * k, 1)
    assert KEYPOINTS[0] == 'left_shoulder' and keypoints[1, 0, 0] == 9 + 9  # LSP's tenth is the left shoulder
    assert keypoints[0, KEYPOINTS.index('right_ankle'), 2] == 0


def test_the_order_is_that_of_the_config(root):
    info = Config.fromfile(root / 'configs/_base_/datasets/lsp.py').dataset_info
    assert [info.keypoint_info[i].name for i in range(14)] == list(KEYPOINTS)


def test_lsp_has_all_keypoints_and_two_halves(lsp):
    keypoints, paths = read_joints(lsp)
    assert keypoints[..., 2].all() and paths[0].name == 'im0001.jpg'
    split = default_split(paths)
    assert (split['train'], split['test']) == (list(range(20)), list(range(20, 40)))


def test_box_and_area():
    keypoints = np.zeros((14, 3))
    keypoints[:4] = (10, 20, 1), (50, 20, 1), (50, 60, 1), (10, 95, 1)
    keypoints[4] = 200, 50, 1  # outside
    annotation = annotate(keypoints, 100, 80)
    assert annotation['bbox'] == [5, 10.62, 50, 89.38]  # 12.5 % of 40 and 75 on each side, cut at the lower border
    assert annotation['area'] == pytest.approx(0.53 * 50 * 89.38, abs=0.01)
    assert annotation['num_keypoints'] == 4 and annotation['keypoints'][12:15] == [0, 0, 0]
    assert annotation['keypoints'][:3] == [10, 20, 2]
    thin = annotate(np.column_stack([np.full(14, 40), np.arange(14) * 5 + 10, np.ones(14)]), 100, 80)
    assert thin['bbox'] == [36.75, 1.88, 6.5, 81.25]  # no width: 5 % of the height on each side
    assert annotate(keypoints * [1, 1, 0], 100, 80) == {}


def test_the_tool_writes_what_mmpose_and_coco_read(root, lspet):
    done = convert(root, lspet)
    assert done.returncode == 0, done.stderr
    assert 'train.json: 37 people, 1 images without enough keypoints left out' in done.stdout
    assert 'val.json: 2 people' in done.stdout
    assert {path.name for path in (lspet / 'annotations').iterdir()} == {'train.json', 'val.json'}
    coco = COCO(str(lspet / 'annotations/train.json'))
    assert coco.anns[1]['num_keypoints'] == 12 and 6 not in coco.anns and 20 not in coco.anns
    metainfo = Config.fromfile(root / 'configs/_base_/datasets/lsp.py').dataset_info.to_dict()
    dataset = CrowdPoseDataset(ann_file=str(lspet / 'annotations/val.json'), metainfo=metainfo,
                               data_prefix=dict(img=str(lspet / 'images')))
    assert len(dataset) == 2 and dataset[0]['keypoints'].shape == (1, 14, 2)
    assert dataset.metainfo['dataset_name'] == 'lsp' and dataset.metainfo['num_keypoints'] == 14


@pytest.mark.parametrize(('harm', 'message'), [
    (lambda folder: (folder / 'joints.mat').unlink(), 'joints.mat is missing'),
    (lambda folder: (folder / 'joints.mat').write_bytes((folder / 'joints.mat').read_bytes()[:200]), 'cannot be read'),
    (lambda folder: savemat(str(folder / 'joints.mat'), dict(joints=np.zeros((3, 13, 4)))), 'shape (3, 13, 4)'),
    (lambda folder: savemat(str(folder / 'joints.mat'), dict(points=np.zeros(3))), 'holds no joints'),
    (lambda folder: (folder / 'images/im00003.jpg').unlink(), '1 of 40 pictures are missing'),
    (lambda folder: (folder / 'images/im00020.jpg').write_bytes(b'no picture'), 'im00020.jpg cannot be read'),
])
def test_a_broken_copy_is_one_clear_line(root, lspet, harm, message):
    harm(lspet)
    done = convert(root, lspet)
    assert done.returncode == 2
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith('rampose convert-lsp: ') and message in line
    assert not (lspet / 'annotations/val.json').exists()


@pytest.mark.real_data
def test_the_small_copy_is_as_the_converter_writes(test_data):
    content = json.loads((test_data / 'lspet/annotations/val.json').read_text())
    assert content['categories'][0]['keypoints'] == list(KEYPOINTS)
    for annotation, image in zip(content['annotations'], content['images']):
        keypoints = np.array(annotation['keypoints']).reshape(14, 3)
        ours = annotate(np.column_stack([keypoints[:, :2], keypoints[:, 2] > 0]), image['height'], image['width'])
        np.testing.assert_allclose(ours['bbox'], annotation['bbox'], atol=0.02)
        assert ours['area'] == pytest.approx(annotation['area'], rel=3e-3)
