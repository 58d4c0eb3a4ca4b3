import json

import numpy as np
import pytest

from rampose.apis import UnreadableError
from rampose.core.bboxes import check_bboxes, what_is_wrong
from rampose.core.box_file import BoxFile


@pytest.mark.parametrize(('bbox', 'reason'), [
    ([10, 10, 50, 90], None),
    ([-20, -20, 50, 90], None),  # over the border
    ([-300, -300, 900, 900], None),  # all around the picture
    ([0, 0, 0.5, 0.5], None),
    ([50, 10, 10, 90], 'reversed'),
    ([10, 90, 50, 10], 'reversed'),
    ([10, 10, 10, 90], 'no area'),
    ([10, 10, 50, 10], 'no area'),
    ([np.nan, 10, 50, 90], 'not finite'),
    ([10, 10, np.inf, 90], 'not finite'),
    ([100, 10, 150, 90], 'outside'),
    ([-50, 10, 0, 90], 'outside'),
    ([10, 80, 50, 160], 'outside'),
    ([-1e30, -1e30, 1e30, 1e30], '100 times larger'),
])
def test_what_is_wrong_with_a_box(bbox, reason):
    said = what_is_wrong(np.array(bbox, np.float32), (80, 100))
    assert said is None if reason is None else reason in said


@pytest.mark.parametrize('nothing', [[], [[]], np.zeros((0, 4)), np.zeros((0, 5)), ()])
def test_none_is_none(nothing):
    assert check_bboxes(nothing, (80, 100)).shape == (0, 4)


@pytest.mark.parametrize(('bboxes', 'message'), [
    ([10, 10, 50, 90], r'shape \(4,\).*\[\[x1'),
    ([[10, 10, 50, 90, 0.9]], r'shape \(1, 5\)'),
    ([[10, 10, 50]], r'shape \(1, 3\)'),
    ('none', 'numbers'),
    ([[10, 10, 50, 90], [1]], 'numbers'),
    ([[10, 10, 50, 70], [50, 10, 10, 70]], 'box 1 .*reversed'),
])
def test_unusable_boxes(bboxes, message):
    with pytest.raises(ValueError, match=message):
        check_bboxes(bboxes, (80, 100))


def write(path, content) -> BoxFile:
    path.write_text(json.dumps(content))
    return BoxFile(path)


def test_detections(tmp_path):
    boxes = write(tmp_path / 'boxes.json', [
        dict(image_id=785, bbox=[1, 2, 3, 4], score=0.5, category_id=1),
        dict(image_id=785, bbox=[5, 6, 7, 8], score=0.25, category_id=1),
        dict(image_id=785, bbox=[5, 6, 7, 8], score=0.25, category_id=18),  # a dog
    ])
    bboxes, scores = boxes.boxes('some/000000000785.jpg')
    assert bboxes.tolist() == [[1, 2, 4, 6], [5, 6, 12, 14]] and scores.tolist() == [0.5, 0.25]
    assert boxes.image_id('000000000785.jpg') == 785
    assert boxes.boxes('000000000786.jpg')[0].shape == (0, 4) and not boxes.knows('000000000786.jpg')


def test_annotations(tmp_path):
    boxes = write(tmp_path / 'boxes.json', dict(
        images=[dict(id=7, file_name='a/x.jpg'), dict(id=8, file_name='b/x.jpg')],
        annotations=[dict(image_id=8, bbox=[1, 2, 3, 4], category_id=1),
                     dict(image_id=8, bbox=[0, 0, 9, 9], category_id=1, iscrowd=1)]))
    assert boxes.image_id('/photos/b/x.jpg') == 8 and boxes.image_id('/photos/7.jpg') is None
    assert boxes.boxes('/photos/b/x.jpg')[0].tolist() == [[1, 2, 4, 6]]
    assert boxes.boxes('/photos/a/x.jpg')[0].shape == (0, 4) and boxes.knows('/photos/a/x.jpg')
    with pytest.raises(UnreadableError, match=r'y\.jpg is not named in .*boxes\.json'):
        boxes.boxes('/photos/y.jpg')


def test_by_name(tmp_path):
    boxes = write(tmp_path / 'boxes.json', {'x.jpg': [[1, 2, 3, 4], [5, 6, 7, 8, 0.5]], 'nobody.jpg': []})
    bboxes, scores = boxes.boxes('photos/x.jpg')
    assert bboxes.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]] and scores.tolist() == [1, 0.5]
    assert boxes.knows('nobody.jpg') and len(boxes.boxes('nobody.jpg')[0]) == 0
    with pytest.raises(UnreadableError, match=r'y\.jpg is not named'):
        boxes.boxes('y.jpg')


@pytest.mark.parametrize('content', [[dict(bbox=[1, 2, 3, 4])], [dict(image_id=1, bbox=[1, 2])], {'x.jpg': [[1, 2, 3]]},
                                     {'x.jpg': 3}, 5, [3]])
def test_other_forms_are_refused(tmp_path, content):
    with pytest.raises(ValueError, match=r'boxes\.json holds no boxes of a known form'):
        write(tmp_path / 'boxes.json', content)


def test_no_json(tmp_path):
    (tmp_path / 'boxes.json').write_text('x1 y1')
    with pytest.raises(ValueError, match='cannot be read as JSON'):
        BoxFile(tmp_path / 'boxes.json')
    with pytest.raises(ValueError, match='cannot be read'):
        BoxFile(tmp_path / 'missing.json')
