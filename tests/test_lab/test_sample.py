import hashlib
import json

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from rampose.lab.figure import KEYPOINTS, Canvas, draw_figure, keypoints_of, pose_figure, project
from rampose.lab.sample import make_picture, make_sample


def digest(folder):
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*')) if path.is_file()}


def test_is_the_same_for_the_same_seed_and_another_for_another(tmp_path):
    first = digest(make_sample(tmp_path / 'a', 3, 2))
    assert first == digest(make_sample(tmp_path / 'b', 3, 2))
    assert first != digest(make_sample(tmp_path / 'c', 3, 2, seed=1))


def test_is_coco(tiny_sample):
    for split in ('train', 'val'):
        coco = COCO(str(tiny_sample / f'annotations/person_keypoints_{split}.json'))
        assert coco.getCatIds() == [1]
        for annotation in coco.loadAnns(coco.getAnnIds()):
            image = coco.loadImgs([annotation['image_id']])[0]
            keypoints = np.array(annotation['keypoints']).reshape(17, 3)
            assert annotation['num_keypoints'] == (keypoints[:, 2] > 0).sum()
            assert set(keypoints[:, 2]) <= {0, 1, 2}
            assert (keypoints[keypoints[:, 2] == 0] == 0).all()
            labelled = keypoints[keypoints[:, 2] > 0, :2]
            assert (labelled >= 0).all() and (labelled <= (image['width'], image['height'])).all()
            x, y, w, h = annotation['bbox']
            assert x >= 0 and y >= 0 and x + w <= image['width'] and y + h <= image['height']
            # Seen px against the outlines, which run through px centres.
            assert abs(coco.annToMask(annotation).sum() - annotation['area']) < 0.15 * annotation['area']
            picture = cv2.imread(str(tiny_sample / split / image['file_name']))
            assert picture.shape == (image['height'], image['width'], 3)


def test_uses_every_visibility_and_one_to_three_figures():
    pictures = [make_picture(np.random.default_rng((0, i)))[1] for i in range(80)]
    assert {len(figures) for figures in pictures} == {1, 2, 3}
    values = [v for figures in pictures for figure in figures for v in figure['keypoints'][2::3]]
    shares = {v: values.count(v) / len(values) for v in (0, 1, 2)}
    assert shares[0] > 0.02 and shares[1] > 0.05 and shares[2] > 0.6


def front_view(facing_away=False):
    points = pose_figure(np.random.default_rng(1))
    width = points['left_shoulder'][0] - points['right_shoulder'][0]
    turn = np.diag([-1., 1., -1.]) if (width < 0) != facing_away else np.eye(3)
    return {name: turn @ point for name, point in points.items()}


@pytest.mark.parametrize('facing_away', [False, True])
def test_left_and_right_and_front_and_back(facing_away):
    points = front_view(facing_away)
    canvas = Canvas(np.zeros((320, 320, 3), dtype=np.uint8))
    draw_figure(canvas, points, (160, 170), 250, 0, np.random.default_rng(0))
    keypoints = dict(zip(KEYPOINTS, keypoints_of(canvas, points, (160, 170), 250, 0)))
    # Seen from the front, its left is on the picture's right.
    assert (keypoints['left_shoulder'][0] > keypoints['right_shoulder'][0]) != facing_away
    assert keypoints['nose'][2] == (1 if facing_away else 2)


def test_keypoints_are_exact():
    points = front_view()
    canvas = Canvas(np.zeros((320, 320, 3), dtype=np.uint8))
    draw_figure(canvas, points, (160, 170), 250, 0, np.random.default_rng(0))
    keypoints = keypoints_of(canvas, points, (160, 170), 250, 0)
    for row, name in zip(keypoints, KEYPOINTS):
        np.testing.assert_array_equal(row[:2], project(points[name], (160, 170), 250))
    # The ankle lies where a shin and a foot are painted.
    assert canvas.owner[int(keypoints[15, 1]), int(keypoints[15, 0])] >= 0


def test_a_figure_in_front_covers():
    points = front_view()
    canvas = Canvas(np.zeros((320, 320, 3), dtype=np.uint8))
    for index in range(2):
        draw_figure(canvas, points, (160, 170), 250, index, np.random.default_rng(index))
    behind, front = (keypoints_of(canvas, points, (160, 170), 250, index) for index in range(2))
    assert set(behind[:, 2]) == {1} and (front[:, 2] == 2).sum() > 8


def test_outside_is_not_labelled():
    points = front_view()
    canvas = Canvas(np.zeros((100, 320, 3), dtype=np.uint8))
    keypoints = keypoints_of(canvas, points, (160, 90), 250, 0)
    assert (keypoints[13:] == 0).all()


def test_an_existing_set_is_left_alone_and_another_one_replaced(tmp_path):
    root = make_sample(tmp_path / 'sample', 2, 1)
    before = (root / 'sample.json').stat().st_mtime_ns
    make_sample(root, 2, 1)
    assert (root / 'sample.json').stat().st_mtime_ns == before
    make_sample(root, 1, 1)
    assert len(json.loads((root / 'annotations/person_keypoints_train.json').read_text())['images']) == 1
    assert [path.name for path in (root / 'train').iterdir()] == ['000000000001.jpg']
    assert [path.name for path in tmp_path.iterdir()] == ['sample']


@pytest.mark.parametrize('name', ['notes.txt', 'train/mine.jpg', 'train/000000000003.jpg', 'mine/a/b.txt'])
def test_what_a_user_put_beside_the_sample_stays(tmp_path, name):
    root = make_sample(tmp_path / 'sample', 2, 1)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text('mine')
    before = digest(root)
    make_sample(root, 2, 1)  # the same numbers: nothing to do
    with pytest.raises(ValueError, match=f'holds something that we did not make, {name}, so it is left alone'):
        make_sample(root, 1, 1)
    assert digest(root) == before


@pytest.mark.parametrize('stamp', ['{}', 'nothing', '[1]', '{"version": 1, "num_train": "a", "num_val": 1, "seed": 0}'])
def test_another_sample_json_is_no_mark_of_ours(tmp_path, stamp):
    (tmp_path / 'sample.json').write_text(stamp)
    (tmp_path / 'train').mkdir()
    (tmp_path / 'train/000000000001.jpg').touch()
    with pytest.raises(ValueError, match='we did not make'):
        make_sample(tmp_path, 2, 1)
    assert (tmp_path / 'sample.json').read_text() == stamp and (tmp_path / 'train/000000000001.jpg').exists()


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(ValueError, match=r'holds something that we did not make, thesis\.tex'):
        make_sample(tmp_path, 2, 1)
    assert (tmp_path / 'thesis.tex').exists()


@pytest.mark.parametrize('numbers', [(0, 1), (1, 0), (-3, 2)])
def test_an_empty_split_is_refused(tmp_path, numbers):
    with pytest.raises(ValueError, match='at least one picture'):
        make_sample(tmp_path / 'sample', *numbers)
