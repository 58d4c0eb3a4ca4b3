"""Labels as annotation tools write them, by their documented formats: read, written, checked."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from rampose.cli.main import main
from rampose.core.metainfo import problems_of
from rampose.datasets import checking
from rampose.datasets.labels.labelled import guess_flip_pairs

NAMES = ['nose', 'left_ear', 'right_ear']
# Two objects of the first image and one of the second: x, y, visibility of each keypoint, and the box.
OBJECTS = {'a.png': [([[50, 30, 2], [60, 20, 1], [40, 20, 2]], [30, 10, 50, 60]),
                     ([[150, 40, 2], [0, 0, 0], [140, 30, 2]], [120, 20, 60, 50])],
           'b.png': [([[80, 90, 2], [90, 80, 2], [70, 80, 2]], [60, 60, 50, 50])]}
W, H = 200, 120


@pytest.fixture
def images(tmp_path) -> Path:
    folder = tmp_path / 'photos'
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in OBJECTS:
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (H, W, 3), dtype=np.uint8))
    return folder


def coco(prefix='', category=1, **kind) -> dict:
    annotations = [dict(id=number, image_id=image, category_id=category, bbox=box, area=box[2] * box[3] / 2, iscrowd=0,
                        keypoints=[value for keypoint in keypoints for value in keypoint],
                        num_keypoints=sum(v > 0 for _, _, v in keypoints))
                   for number, (image, keypoints, box) in enumerate(
                       ((image, *one) for image, name in enumerate(OBJECTS) for one in OBJECTS[name]), 1)]
    return dict(images=[dict(id=number, file_name=prefix + name, width=W, height=H)
                        for number, name in enumerate(OBJECTS)], annotations=annotations,
                categories=[dict(id=0, name='animals', supercategory='none'),
                            dict(dict(id=category, name='cat', supercategory='animals', keypoints=NAMES,
                                      skeleton=[[1, 2], [1, 3]]), **kind)])


def cvat(folder, images):
    """COCO Keypoints 1.0: annotations/person_keypoints_default.json, images/default/."""
    (folder / 'annotations').mkdir()
    (folder / 'annotations/person_keypoints_default.json').write_text(json.dumps(coco(category=2)))
    (folder / 'images').mkdir()
    images.rename(folder / 'images/default')
    return folder


def roboflow(folder, images):
    """A folder for each split, with its images and _annotations.coco.json; the first category is a mere heading."""
    content = coco()
    for split, number in (('train', 0), ('valid', 1)):
        part = dict(content, images=[content['images'][number]], annotations=[
            one for one in content['annotations'] if one['image_id'] == number])
        (folder / split).mkdir()
        (folder / split / '_annotations.coco.json').write_text(json.dumps(part))
        name = content['images'][number]['file_name']
        (images / name).rename(folder / split / name)
    return folder


def ultralytics(folder, images, shape=(3, 3), **more):
    for split, name in (('train', 'a.png'), ('val', 'b.png')):
        (folder / 'images' / split).mkdir(parents=True)
        (folder / 'labels' / split).mkdir(parents=True)
        (images / name).rename(folder / 'images' / split / name)
        lines = []
        for keypoints, (x, y, w, h) in OBJECTS[name]:
            points = [f'{px / W} {py / H} {v}' for px, py, v in keypoints]
            lines.append(f'0 {(x + w / 2) / W} {(y + h / 2) / H} {w / W} {h / H} ' + ' '.join(points))
        (folder / 'labels' / split / name.replace('.png', '.txt')).write_text('\n'.join(lines) + '\n')
    (folder / 'data.yaml').write_text(yaml.safe_dump(dict(
        path='/somewhere/else', train='images/train', val='images/val', kpt_shape=list(shape), flip_idx=[0, 2, 1],
        names={0: 'cat'}, kpt_names={0: NAMES}, **more)))
    return folder


def labelme(folder, images):
    for name, objects in OBJECTS.items():
        shapes = []
        for keypoints, (x, y, w, h) in objects:
            shapes.append(dict(label='cat', points=[[x + w, y + h], [x, y]], shape_type='rectangle', group_id=None,
                               flags={}))
            shapes += [dict(label=label, points=[[px, py]], shape_type='point', flags={},
                            group_id=None, description='hidden' if v == 1 else '')
                       for label, (px, py, v) in zip(NAMES, keypoints) if v]
        (folder / name).write_bytes((images / name).read_bytes())
        (folder / name).with_suffix('.json').write_text(json.dumps(dict(
            version='5.4.1', flags={}, shapes=shapes, imagePath=name, imageData=None, imageHeight=H, imageWidth=W)))
    return folder


def label_studio(folder, images):
    tasks = []
    for number, (name, objects) in enumerate(OBJECTS.items()):
        results = []
        for count, (keypoints, (x, y, w, h)) in enumerate(objects):
            results.append(dict(id=f'r{count}', type='rectanglelabels', original_width=W, original_height=H, value=dict(
                x=x / W * 100, y=y / H * 100, width=w / W * 100, height=h / H * 100, rectanglelabels=['cat'])))
            # The first object's points name their rectangle, the second's lie in theirs.
            results += [dict(id=f'k{count}{label}', type='keypointlabels', original_width=W, original_height=H,
                             value=dict(x=px / W * 100, y=py / H * 100, width=0.5, keypointlabels=[label]),
                             **({'parentID': f'r{count}'} if count == 0 else {}))
                        for label, (px, py, v) in zip(NAMES, keypoints) if v]
        address = f'/data/upload/3/0a1b2c3d-{name}' if number else f'/data/local-files/?d=photos/{name}'
        tasks.append(dict(id=number, data=dict(image=address), annotations=[dict(id=1, result=results)]))
    tasks.append(dict(id=9, data=dict(image='/data/upload/3/unseen.png'), annotations=[]))
    (folder / 'export.json').write_text(json.dumps(tasks))
    return folder / 'export.json'


@pytest.fixture(params=[cvat, roboflow, ultralytics, labelme, label_studio], ids=lambda made: made.__name__)
def labels(request, tmp_path, images):
    folder = tmp_path / 'labels'
    folder.mkdir()
    options = ('--images', str(images)) if request.param is label_studio else ()
    return request.param.__name__, request.param(folder, images), options


def test_every_format_gives_the_same(labels, tmp_path, capsys):
    kind, place, options = labels
    out = tmp_path / 'out'
    assert main(['convert-data', str(place), '--out', str(out), '--val', '0.5', *options]) == 0
    assert 'left_ear' in capsys.readouterr().out
    found = {}
    for split in ('train', 'val'):
        content = checking.read_coco(out / f'annotations/{split}.json')
        assert len(content['images']) == 1
        names = {image['id']: Path(image['file_name']).name for image in content['images']}
        assert [(one['name'], one['keypoints'], one['id']) for one in content['categories']] == [('cat', NAMES, 1)]
        for one in content['annotations']:
            found.setdefault(names[one['image_id']], []).append(one)
        report = checking.check(content, out / 'images', 3, NAMES, [(1, 2)], workers=1)
        assert not report.counts, report.examples
    for name, objects in OBJECTS.items():
        assert len(objects) == len(found[name])
        for (keypoints, box), one in zip(objects, found[name]):
            expected = np.array(keypoints, float)
            if kind == 'label_studio':  # which does not say what is hidden
                expected[expected[:, 2] == 1, 2] = 2
            np.testing.assert_allclose(np.reshape(one['keypoints'], (3, 3)), expected, atol=0.01)
            np.testing.assert_allclose(one['bbox'], box, atol=0.01)
            assert one['area'] > 0
    if kind in ('roboflow', 'ultralytics'):  # which say what is for validation
        assert json.loads((out / 'annotations/train.json').read_text())['images'][0]['file_name'].endswith('a.png')


def test_mmpose_reads_the_metainfo(tmp_path, images):
    from mmengine import Config

    from rampose.datasets.metainfo import parse_metainfo
    (tmp_path / 'labels.json').write_text(json.dumps(coco()))
    assert main(['convert-data', str(tmp_path / 'labels.json'), '--images', str(images), '--out',
                 str(tmp_path / 'out')]) == 0
    assert not problems_of(Config.fromfile(tmp_path / 'out/metainfo.py').dataset_info)
    meta = parse_metainfo(dict(from_file=str(tmp_path / 'out/metainfo.py')))
    assert meta['flip_indices'] == [0, 2, 1] and meta['skeleton_links'] == [(0, 1), (0, 2)]
    assert [meta['keypoint_id2name'][k] for k in range(3)] == NAMES
    assert np.allclose(meta['sigmas'], [0.026, 0.035, 0.035])


def test_sigmas_of_other_keypoints(tmp_path, images):
    (tmp_path / 'labels.json').write_text(json.dumps(coco(keypoints=['nose', 'left_paw', 'right_paw'])))
    assert main(['convert-data', str(tmp_path / 'labels.json'), '--images', str(images), '--out',
                 str(tmp_path / 'out')]) == 0
    assert 'sigmas=[0.05, 0.05, 0.05]' in (tmp_path / 'out/metainfo.py').read_text()


def test_objects_without_a_box_get_one(tmp_path, images):
    content = coco()
    for one in content['annotations']:
        del one['bbox'], one['area']
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    assert main(['convert-data', str(tmp_path / 'labels.json'), '--images', str(images), '--out',
                 str(tmp_path / 'out')]) == 0
    annotations = [one for split in ('train', 'val') for one in json.loads(
        (tmp_path / f'out/annotations/{split}.json').read_text())['annotations']]
    for one in annotations:
        x, y, w, h = one['bbox']
        keypoints = np.reshape(one['keypoints'], (3, 3))
        seen = keypoints[keypoints[:, 2] > 0]
        assert ((seen[:, 0] > x) & (seen[:, 0] < x + w) & (seen[:, 1] > y) & (seen[:, 1] < y + h)).all()


def test_an_edited_metainfo_is_not_lost(tmp_path, images, capsys):
    (tmp_path / 'labels.json').write_text(json.dumps(coco()))
    call = ['convert-data', str(tmp_path / 'labels.json'), '--images', str(images), '--out', str(tmp_path / 'out')]
    assert main(call) == 0
    (tmp_path / 'out/metainfo.py').write_text('mine = 1')
    assert main(call) == 2 and 'holds a data set already' in capsys.readouterr().err
    assert (tmp_path / 'out/metainfo.py').read_text() == 'mine = 1'
    assert main([*call, '--overwrite']) == 0
    assert 'dataset_info' in (tmp_path / 'out/metainfo.py').read_text()


def test_images_are_copied_where_asked(tmp_path, images):
    (tmp_path / 'labels.json').write_text(json.dumps(coco()))
    assert main(['convert-data', str(tmp_path / 'labels.json'), '--images', str(images), '--copy', '--out',
                 str(tmp_path / 'out')]) == 0
    assert not (tmp_path / 'out/images').is_symlink() and len(list((tmp_path / 'out/images').iterdir())) == 2


@pytest.mark.parametrize(('change', 'options', 'message'), [
    (lambda c: c['images'][0].update(file_name='gone.png'), (), 'the image gone.png is not in .*--images'),
    (lambda c: [one.pop('keypoints') for one in c['annotations']], (), 'needs `keypoints`'),
    (lambda c: c.pop('categories'), (), 'no format that is known'),
    (lambda c: c['annotations'][0].update(category_id=0), (), 'keypoints of 2 categories .*--category'),
    (lambda c: None, ('--keypoints', 'a,b'), '3 keypoints an annotation and 2 names'),
    (lambda c: None, ('--val', '2'), 'got --val 2.0; needed is a share'),
    (lambda c: c['annotations'][0].pop('image_id'), (), 'damaged, or of a version that is not known')],
    ids=['image', 'keypoints', 'format', 'categories', 'names', 'val', 'damaged'])
def test_bad_labels_are_one_line(tmp_path, images, capsys, change, options, message):
    import re
    content = coco()
    change(content)
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    assert main(['convert-data', str(tmp_path / 'labels.json'), '--images', str(images), '--out',
                 str(tmp_path / 'out'), *options]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count('\n') == 1
    assert not (tmp_path / 'out/annotations').exists()


def test_what_is_left_out_is_said(tmp_path, images, capsys):
    folder = tmp_path / 'labels'
    folder.mkdir()
    labelme(folder, images)
    content = json.loads((folder / 'b.json').read_text())
    content['shapes'] += [dict(label='nose', points=[[1, 1]], shape_type='point', group_id=None, flags={}),
                          dict(label='nose', points=[[85, 85]], shape_type='point', group_id=None, flags={})]
    (folder / 'b.json').write_text(json.dumps(content))
    assert main(['convert-data', str(folder), '--out', str(tmp_path / 'out')]) == 0
    error = capsys.readouterr().err
    assert 'b.png: nose lies in no rectangle' in error and 'b.png: a second nose of the same object' in error


def test_sides_are_guessed_by_name():
    assert guess_flip_pairs(['left_hip', 'tail', 'right_hip']) == [(0, 2)]
    assert guess_flip_pairs(['hip.R', 'hip.L', 'ear-r', 'ear-l']) == [(1, 0), (3, 2)]
    assert guess_flip_pairs(['LHip', 'RHip', 'leftEar', 'rightEar', 'l_eye', 'r_eye']) == [(0, 1), (2, 3), (4, 5)]
    assert guess_flip_pairs(['lip', 'rip', 'lower', 'tail_l', 'right_paw']) == []


def test_later_labels_have_the_order_of_the_first(tmp_path, images):
    """Label Studio knows no order of keypoints but that in which they were drawn, and may lack some of them."""
    from rampose.datasets.labels.reading import read_labels
    more = tmp_path / 'more'
    more.mkdir()
    cv2.imwrite(str(more / 'c #1.png'), np.zeros((H, W, 3), np.uint8))
    folder = tmp_path / 'labels'
    folder.mkdir()
    (folder / 'first.json').write_text(json.dumps(coco()))
    drawn = [('right_ear', 10, 20), ('nose', 30, 60)]
    (folder / 'second.json').write_text(json.dumps([dict(
        data=dict(image='/data/local-files/?d=images/c%20%231.png'), annotations=[dict(result=[
            dict(type='keypointlabels', value=dict(x=x / W * 100, y=y / H * 100, width=1, keypointlabels=[name]))
            for name, x, y in drawn])])]))
    other = coco(keypoints=['right_ear', 'nose', 'left_ear'], skeleton=[[2, 3]])
    (folder / 'third.json').write_text(json.dumps(other))
    labels = read_labels(folder, [images, more])
    assert labels.keypoints == NAMES and labels.links == [(0, 1), (0, 2)]
    by_name = {}
    for image in labels.images:
        by_name.setdefault(image.path.name, []).append(image.objects)
    np.testing.assert_allclose(by_name['c #1.png'][0][0].keypoints, [[30, 60, 2], [0, 0, 0], [10, 20, 2]])
    (both, ) = by_name['a.png']  # 50, 60, 40 in the first file and 60, 40, 50 in the third: their mean
    assert both[0].keypoints[:, 0].tolist() == [55, 50, 45] and labels.repeats.pairs == 3
    other = coco(keypoints=['tail', 'nose', 'left_ear'])
    (folder / 'third.json').write_text(json.dumps(other))
    with pytest.raises(ValueError, match='has other keypoints than .*first.json: tail, nose, left_ear; needed'):
        read_labels(folder, [images, more])
