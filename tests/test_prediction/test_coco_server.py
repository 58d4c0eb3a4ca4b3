"""The zip for COCO's evaluation server: names, fields, what is refused."""

import json
import zipfile

import pytest

from rampose.prediction.coco_server import as_submission, submission_name, write_submission


def result(**change):
    keypoints = [value for k in range(17) for value in (k + 0.123456, 2 * k + 0.5, 0.9)]
    full = dict(image_id=7, category_id=1, keypoints=keypoints, score=0.123456789, id=3, bbox=[1, 2, 3, 4])
    return {**full, **change}


def test_fields_are_those_that_the_server_documents():
    submission = as_submission([result()], [7, 8])
    assert set(submission[0]) == {'image_id', 'category_id', 'keypoints', 'score'}
    assert submission[0]['image_id'] == 7 and submission[0]['category_id'] == 1
    assert submission[0]['keypoints'][:6] == [0.12, 0.5, 1.0, 1.12, 2.5, 1.0] and len(submission[0]['keypoints']) == 51
    assert submission[0]['score'] == pytest.approx(0.123457)


def test_the_zip_holds_one_json_of_its_own_name(tmp_path):
    path = write_submission(as_submission([result()], [7]), tmp_path / 'new', 'test-dev2017', 'RAM-W48')
    assert path.name == 'person_keypoints_test-dev2017_RAM-W48_results.zip'
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ['person_keypoints_test-dev2017_RAM-W48_results.json']
        assert json.loads(archive.read(archive.namelist()[0])) == as_submission([result()], [7])
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # nothing half-written


@pytest.mark.parametrize(('change', 'message'), [
    (dict(image_id=9), 'of image 9, which is none of the 2'),
    (dict(keypoints=[0.0] * 42), '42 values for keypoints'),
    (dict(keypoints=[float('nan')] * 51), 'NaN or infinity'),
    (dict(score=float('inf')), 'NaN or infinity'),
])
def test_results_that_cannot_be_submitted(change, message):
    with pytest.raises(ValueError, match=message):
        as_submission([result(**change)], [7, 8])


@pytest.mark.parametrize('name', ['', 'my model', 'a/b', 'ä*'])
def test_names_that_would_break_the_pattern(name):
    with pytest.raises(ValueError, match='needed are letters'):
        submission_name('test-dev2017', name)
