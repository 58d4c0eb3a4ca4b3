"""Every kind of problem is found in a data set that has one of each, and mended where that is promised."""

import copy
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from rampose.datasets import checking
from rampose.datasets.checks.report import SPOIL
from rampose.datasets.worst import draw_worst

NAMES = ['nose', 'left_shoulder', 'right_shoulder', 'left_hip', 'right_hip']
PAIRS = [(2, 1), (3, 4)]
POINTS = [50, 20, 2, 70, 40, 2, 30, 40, 2, 65, 80, 2, 35, 80, 2]


def make(folder, num=30):
    """`num` images of one person each."""
    folder.mkdir(exist_ok=True)
    images, annotations = [], []
    rng = np.random.default_rng(0)
    for i in range(num):
        cv2.imwrite(str(folder / f'{i}.jpg'), rng.integers(0, 255, (120, 100, 3), dtype=np.uint8))
        images.append(dict(id=i, file_name=f'{i}.jpg', width=100, height=120))
        annotations.append(dict(id=i, image_id=i, category_id=1, bbox=[20, 10, 60, 90], keypoints=list(POINTS),
                                num_keypoints=5, area=5400, iscrowd=0))
    return dict(images=images, annotations=annotations, categories=[dict(id=1, name='person', keypoints=NAMES)])


def check(content, folder, **kwargs):
    return checking.check(content, folder, 5, NAMES, PAIRS, **kwargs)


def swap(content, share, pair):
    for annotation in content['annotations'][:round(share * len(content['annotations']))]:
        points = np.array(annotation['keypoints']).reshape(-1, 3)
        points[list(pair)] = points[list(pair[::-1])]
        annotation['keypoints'] = points.ravel().tolist()


def annotation(**changes):
    return lambda content, folder: content['annotations'][3].update(changes)


def keypoint(*values):
    return annotation(keypoints=[*values, *POINTS[3:]], num_keypoints=4 if values[2] == 0 else 5)


def everybody(change):
    return lambda content, folder: [change(one) for one in content['annotations']]


def truncate(content, folder):
    data = (folder / '3.jpg').read_bytes()
    (folder / '3.jpg').write_bytes(data[:len(data) // 2])


DAMAGE = {
    'missing image': lambda content, folder: (folder / '3.jpg').unlink(),
    'unreadable image': truncate,
    'other image size': lambda content, folder: content['images'][3].update(width=99, height=200),
    'duplicate image id': lambda content, folder: content['images'].append(dict(content['images'][3])),
    'duplicate annotation id': lambda content, folder: content['annotations'].append(dict(content['annotations'][3])),
    'unknown image': annotation(image_id=99),
    'unknown category': annotation(category_id=9),
    'category without keypoints': lambda content, folder: content['categories'].append(dict(id=2, name='dog')),
    'category with other keypoints': lambda content, folder: content['categories'][0].update(keypoints=NAMES[:4]),
    'wrong number of keypoints': annotation(keypoints=POINTS[:9]),
    'keypoint not a number': keypoint(float('nan'), 20, 2),
    'keypoint outside the image': keypoint(150, 20, 2),
    'num_keypoints disagrees': annotation(num_keypoints=2),
    'bad box': annotation(bbox=[20, 10, -60, 90]),
    'left and right contradict': lambda content, folder: swap(content, 0.2, (1, 2)),
    'id that is no number': annotation(id='a3'),
    'image without size': lambda content, folder: content['images'][3].pop('width'),
    'keypoints in another order': lambda content, folder: content['categories'][0].update(
        keypoints=[NAMES[0], NAMES[2], NAMES[1], *NAMES[3:]]),
    'keypoints of other names': lambda content, folder: content['categories'][0].update(keypoints=['beak', *NAMES[1:]]),
    'nobody to train on': everybody(lambda one: one.update(keypoints=[0] * 15, num_keypoints=0)),
    'crowd flag that is no number': annotation(iscrowd='0'),
    'visibility other than 0, 1, 2': keypoint(50, 20, 3),
    'keypoint at (0, 0)': keypoint(0, 0, 2),
    'box without its keypoints': annotation(bbox=[80, 100, 10, 15]),
    'boxes of another form': everybody(lambda one: one.update(bbox=[25, 15, 85, 110])),  # x1, y1, x2, y2
    'keypoints in shares of the image': everybody(lambda one: one.update(
        keypoints=[value / 100 if i % 3 < 2 else value for i, value in enumerate(POINTS)])),
    'area missing or 0': annotation(area=0),
}
# What is left as it is.
LEFT = {'category without keypoints', 'category with other keypoints', 'left and right contradict',
        'keypoints in another order', 'keypoints of other names', 'nobody to train on', 'box without its keypoints',
        'boxes of another form', 'keypoints in shares of the image'}


def test_a_good_one(tmp_path):
    report = check(make(tmp_path / 'train'), tmp_path / 'train')
    assert report.counts == {} and report.num_images == report.num_annotations == 30


@pytest.mark.parametrize('kind', DAMAGE)
def test_each_kind_is_found_and_mended(kind, tmp_path):
    folder = tmp_path / 'train'
    content = make(folder)
    DAMAGE[kind](content, folder)
    before = copy.deepcopy(content)
    report = check(content, folder, thorough=True)
    assert list(report.counts) == [kind] and kind in report.as_dict()['problems']
    assert report.counts[kind] == (6 if kind == 'left and right contradict' else 1)
    again = check(checking.cleaned(content, report), folder)
    assert list(again.counts) == ([kind] if kind in LEFT else [])
    if kind not in LEFT:
        assert again.num_annotations == (29 if 'dropped' in checking.KINDS[kind] else 30)
    assert repr(content) == repr(before), 'the original is never touched'


@pytest.mark.parametrize('kind', sorted(SPOIL & set(DAMAGE)))
def test_what_spoils_a_run_is_found_before_an_image_is_opened(kind, tmp_path, monkeypatch):
    content = make(tmp_path / 'train')
    DAMAGE[kind](content, tmp_path / 'train')
    monkeypatch.setattr(checking, 'check_images', lambda *args: pytest.fail('the images were opened'))
    report = check(content, tmp_path / 'train')
    assert report.spoiling() == [kind] and not report.images_opened


def test_every_kind_is_tested_and_explained():
    elsewhere = {'pair swapped', 'train and val overlap', 'detection of unknown image', 'bad detection',
                 'equal detection scores', 'detections of no person'}
    assert set(checking.KINDS) == set(DAMAGE) | elsewhere


def test_a_pair_that_is_swapped_in_all(tmp_path):
    names, pairs = [*NAMES, 'left_ear', 'right_ear'], [*PAIRS, (5, 6)]
    content = make(tmp_path)
    for entry in content['annotations']:
        entry.update(keypoints=[*POINTS, 40, 18, 2, 60, 18, 2], num_keypoints=7)
    content['categories'][0]['keypoints'] = names
    report = checking.check(content, tmp_path, 7, names, pairs)
    assert report.as_dict()['problems']['pair swapped']['examples'] == ['left_ear and right_ear: 100% of 30 people']


def test_the_same_picture_in_both_splits(tmp_path):
    content = make(tmp_path / 'train')
    make(tmp_path / 'val', 0)
    (tmp_path / 'val/other_name.jpg').write_bytes((tmp_path / 'train/3.jpg').read_bytes())
    other_files = [tmp_path / 'val/other_name.jpg', tmp_path / 'val/none.jpg']
    report = check(content, tmp_path / 'train', other_files=other_files)
    assert report.examples == {'train and val overlap': [f'3.jpg is {tmp_path}/val/other_name.jpg']}


def test_detections(tmp_path):
    content, report = make(tmp_path), checking.Report()
    good = dict(image_id=1, category_id=1, bbox=[1, 2, 3, 4], score=0.5)
    bad = [dict(good, image_id=99), dict(good, bbox=[1, 2, 0, 4]), dict(good, score=None)]
    checking.check_detections([good, good, *bad], content, report)
    assert report.counts == {'detection of unknown image': 1, 'bad detection': 2, 'equal detection scores': 1}


@pytest.mark.parametrize(('text', 'message'), [
    ('{', 'is no JSON'), ('[]', "is not in COCO's format"),
    ('{"images": [], "annotations": [{}], "categories": []}', r'annotations\[0\] lacks id and image_id'),
    ('{"images": [{"id": 1, "file_name": null}], "annotations": [], "categories": []}',
     r'images\[0\]\.file_name is None; needed is the name of a file')])
def test_files_that_cannot_be_checked(tmp_path, text, message):
    (tmp_path / 'file.json').write_text(text)
    with pytest.raises(ValueError, match=message):
        checking.read_coco(tmp_path / 'file.json')


def test_the_worst_are_drawn(tmp_path):
    folder = tmp_path / 'train'
    content = make(folder)
    for damage in ('missing image', 'keypoint outside the image'):
        DAMAGE[damage](content, folder)
    content['annotations'][5].update(bbox=None, image_id=99)
    content['annotations'][6].update(keypoints=POINTS[:-1], bbox=[1, 2, float('nan'), 4])
    report = check(content, folder)
    draw_worst(content, folder, report, tmp_path / 'worst.jpg')
    picture = cv2.imread(str(tmp_path / 'worst.jpg'))
    assert picture.shape == (320, 4 * 320, 3) and picture[:, :320].std() > 10


@pytest.mark.slow
def test_the_tool(root, tiny_sample, tmp_path):
    import os
    import shutil
    shutil.copytree(tiny_sample, tmp_path / 'sample')
    ann_file = tmp_path / 'sample/annotations/person_keypoints_train.json'
    content = json.loads(ann_file.read_text())
    (tmp_path / 'sample/train' / content['images'][0]['file_name']).unlink()
    config = next((root / 'configs/body_2d_keypoint/topdown_heatmap/sample').glob('td-hm_*.py'))

    def run(*args):
        done = subprocess.run([sys.executable, str(root / 'tools/check_dataset.py'), str(config), '--out',
                               str(tmp_path / 'out'), *map(str, args)], capture_output=True, text=True,
                              env=dict(os.environ, RAMPOSE_SAMPLE=str(tmp_path / 'sample')))
        return done.returncode, done.stdout, done.stderr

    before = ann_file.read_bytes()
    code, out, _ = run('--fix', tmp_path / 'clean.json')
    assert code == 1 and 'missing image' in out and 'has 23 of 24 images' in out
    report = json.loads((tmp_path / 'out/report.json').read_text())
    assert report['problems']['missing image']['count'] == 1 and (tmp_path / 'out/worst.jpg').is_file()
    assert ann_file.read_bytes() == before and len(json.loads((tmp_path / 'clean.json').read_text())['images']) == 23
    code, out, _ = run('--split', 'val')
    assert code == 0 and 'Nothing found' in out
    code, _, error = run('--fix', ann_file)
    assert code == 2 and error == f'rampose check-data: --fix {ann_file} is the annotation file itself; name another\n'


def test_sizes_that_the_json_does_not_say_are_filled_in(tmp_path):
    """Training needs them, though COCO's tools do not."""
    content = make(tmp_path)
    for image in content['images']:
        del image['width'], image['height']
    DAMAGE['keypoint outside the image'](content, tmp_path)
    report = check(content, tmp_path, thorough=True)
    assert report.counts == {'image without size': 30, 'keypoint outside the image': 1}
    assert checking.cleaned(content, report)['images'][0]['width'] == 100


@pytest.mark.parametrize(('visibility', 'becomes'), [(-1, 0), (5, 2), (0.5, 0.5)])
def test_visibility_is_mended_to_what_it_can_mean(tmp_path, visibility, becomes):
    """-1 makes MMPose's loss negative: the model unlearns the keypoint."""
    content = make(tmp_path)
    keypoint(50, 20, visibility)(content, tmp_path)
    content['annotations'][3]['num_keypoints'] = 5 if visibility > 0 else 4
    report = check(content, tmp_path)
    assert report.counts == {'visibility other than 0, 1, 2': 1}
    mended = checking.cleaned(content, report)['annotations'][3]
    assert mended['keypoints'][2] == becomes


def test_boxes_that_miss_most_keypoints(tmp_path):
    """Keypoints in the crop's px, for one."""
    content = make(tmp_path)
    everybody(lambda one: one.update(bbox=[80, 90, 19, 25]))(content, tmp_path)
    assert check(content, tmp_path).counts == {'boxes of another form': 1}


def test_whole_image_boxes_are_fine(tmp_path):
    content = make(tmp_path)
    everybody(lambda one: one.update(bbox=[0, 0, 100, 120]))(content, tmp_path)
    assert check(content, tmp_path).counts == {}


def test_what_training_reads_decides(tmp_path):
    """OpenCV reads; a huge image that Pillow suspects is fine, one that OpenCV does not know is not."""
    from PIL import Image
    content = make(tmp_path)
    Image.new('1', (12000, 8000)).save(tmp_path / '3.jpg', format='PNG')
    content['images'][3].update(width=12000, height=8000)
    Image.new('RGB', (100, 120)).save(tmp_path / '4.jpg', format='DIB')
    report = check(content, tmp_path)
    assert report.counts == {'unreadable image': 1}
    assert 'OpenCV, which training reads with, does not know it' in report.examples['unreadable image'][0]


def test_detections_of_another_numbering(tmp_path):
    """MMPose leaves out all but category 1, and ends in an error that does not say so."""
    content, report = make(tmp_path), checking.Report()
    checking.check_detections([dict(image_id=1, category_id=0, bbox=[1, 2, 3, 4], score=score)
                               for score in (0.5, 0.6)], content, report)
    assert report.examples == {'detections of no person': ['2 detections of the categories [0]']}
