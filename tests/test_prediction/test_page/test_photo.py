"""What the page shows of images and films, without the page."""

import json

import cv2
import numpy as np
import pytest

from rampose.apis import TopdownPredictor
from rampose.datasets.labels.reading import read_labels
from rampose.prediction.page import downloads
from rampose.prediction.page.film import FilmJob
from rampose.prediction.page.photo import (
    Look,
    Model,
    analyse,
    attention,
    cut_out_person,
    draw,
    heatmaps,
    person_at,
    rows,
)


@pytest.fixture(scope='module')
def photo(model, example):
    return analyse([model], 'my photo.jpg', *example)


def test_keypoints_are_the_predictors(model, example, photo):
    expected = model.predictor.predict([example[0]], [example[1]])[0]
    np.testing.assert_array_equal(photo.results[0].keypoints, expected.keypoints)
    table = rows(photo, 0, model, 1)
    assert [row[0] for row in table] == model.keypoints
    np.testing.assert_allclose([row[1:3] for row in table], expected.keypoints[1], atol=0.051)
    assert person_at(photo, 0, *example[1][1].reshape(2, 2).mean(axis=0)) == 1 and person_at(photo, 0, 320, 2) is None


def test_without_a_detector_boxes_are_needed(model, example):
    with pytest.raises(ValueError, match='There is no detector: draw boxes'):
        analyse([model], 'a.jpg', example[0])
    with pytest.raises(ValueError, match='got 101 boxes; at most 100 are taken'):
        analyse([model], 'a.jpg', example[0], np.tile(example[1][0], (101, 1)))
    with pytest.raises(ValueError, match='box'):
        analyse([model], 'a.jpg', example[0], [[10, 10, 5, 5]])


def test_a_drawing_shows_what_is_asked_for(model, photo):
    def differs(**look):
        return int((draw(photo, 0, model, Look(**look)) != photo.image).any(axis=2).sum())

    assert differs(min_keypoint_score=2, boxes=False) == 0  # no score is so high
    assert 0 < differs(min_keypoint_score=0, person=0) < differs(min_keypoint_score=0)
    assert differs(min_keypoint_score=0, boxes=False) < differs(min_keypoint_score=0) < differs(
        min_keypoint_score=0, line_width=3)
    first = photo.boxes[0]
    assert cut_out_person(photo.image, first).shape[0] > first[3] - first[1]


def test_ellipses_are_as_large_as_the_covariances_say(onnx_model, example):
    sure = Model('sure', TopdownPredictor(onnx_model, uncertainty=True), 0)
    photo = analyse([sure], 'a.jpg', *example)
    photo.results[0].covariances[:] = np.diag([25., 4])
    with_them, without = (draw(photo, 0, sure, Look(0, boxes=False, ellipses=asked)) for asked in (True, False))
    assert (with_them != without).any()
    photo.results[0].covariances[:] = np.inf  # drawn beyond the image, or not at all
    photo.results[0].covariances[0] = 1e12 * np.eye(2)
    draw(photo, 0, sure, Look(0, ellipses=True))


def test_heatmaps_and_attention_of_a_person(model, photo, pose_config, pose_checkpoint, example):
    assert heatmaps(photo, model, 1).ndim == 3
    with pytest.raises(ValueError, match='exported'):
        attention(photo, model, 1)
    eager = Model('eager', TopdownPredictor(pose_config, pose_checkpoint), 0)
    same = analyse([eager], 'a.jpg', *example)
    assert heatmaps(same, eager, 0).shape == heatmaps(photo, model, 0).shape
    assert len(attention(same, eager, 1).axes) > 3


def test_what_is_taken_away_says_the_same(model, photo, tmp_path, onnx_model, monkeypatch):
    paths = downloads.write_files(photo, 0, model, Look(-1), tmp_path)
    assert [path.name for path in paths] == ['my_photo_keypoints.json', 'annotations.json', 'people.csv',
                                             'my_photo_drawn.png']
    record = json.loads(paths[0].read_text())
    np.testing.assert_allclose([one['keypoints'] for one in record['instances']], photo.results[0].keypoints,
                               atol=0.001)
    cv2.imwrite(str(tmp_path / 'my photo.jpg'), photo.image)
    labels = read_labels(paths[1])
    assert labels.keypoints == model.keypoints and len(labels.images[0].objects) == 2
    assert cv2.imread(str(paths[3])).shape == photo.image.shape
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('my photo.jpg', photo.image, [cv2.IMWRITE_JPEG_QUALITY, 100])
    named = Model(str(onnx_model), model.predictor, 0)
    names: dict = {}
    *lines, last = downloads.code(photo, named, downloads.Detection('none')).splitlines()
    exec('\n'.join(lines), names)
    np.testing.assert_allclose(names['result'].bboxes, photo.boxes, atol=0.051)
    assert last == 'result.keypoints, result.keypoint_scores'


def test_the_command_runs(photo, onnx_model, model, tmp_path):
    import subprocess
    import sys
    cv2.imwrite(str(tmp_path / 'my photo.jpg'), photo.image)
    text = downloads.command(photo, Model(str(onnx_model), model.predictor, 0), downloads.Detection('none'), 0.2)
    done = subprocess.run(['bash', '-ec', text.replace('rampose predict', f'{sys.executable} -m rampose predict')],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / 'predictions/frames.jsonl').read_text())
    np.testing.assert_allclose([one['bbox'] for one in record['instances']], photo.boxes, atol=0.051)


def test_the_same_of_found_people_says_how_they_are_found(photo, model):
    import dataclasses
    found = dataclasses.replace(photo, name='b.jpg', found=True)
    horses = downloads.Detection('yolox-nano', 'horse', 0.5)
    eager = Model('name', model.predictor, 0, dict(backend='torch'))
    assert "TopdownPredictor('name', backend='torch', detector=open_named_detector('yolox-nano', 'horse', 0.5))" in (
        downloads.code(found, eager, horses))
    assert downloads.command(found, eager, horses, 0.2) == (
        'rampose predict b.jpg --config name --detector yolox-nano --det-category horse --min-score 0.5 --attention '
        '--min-keypoint-score 0.2')


def test_a_film_is_drawn_to_its_end(model, film, tmp_path, some_tracker):
    job = FilmJob(model, film, tmp_path / 'out', True, 1000, 0.3, 0.)
    said = list(job())
    assert job.frames == 40 and job.people == 40 and not job.was_stopped and ' of 40 frames' in said[-1]
    assert job.tracks()[0][3] >= 38 and len(job.records.read_text().splitlines()) == 40
    assert cv2.VideoCapture(str(job.drawn)).get(cv2.CAP_PROP_FRAME_COUNT) == 40


def test_a_film_that_is_stopped_or_too_long_plays_up_to_there(model, film, tmp_path):
    job = FilmJob(model, film, tmp_path / 'out', False, 15, 0.3, 0.)
    list(job())
    assert job.frames == 15 and cv2.VideoCapture(str(job.drawn)).get(cv2.CAP_PROP_FRAME_COUNT) == 15
    job = FilmJob(model, film, tmp_path / 'stopped', False, 1000, 0.3, 0.)
    job.stop()
    with pytest.raises(ValueError, match='has no frames'):
        list(job())
    abandoned = FilmJob(model, film, tmp_path / 'left', False, 1000, 0.3, 0.)
    looking = abandoned()
    next(looking)
    looking.close()  # who looked on has gone; nothing goes on in the background
    assert abandoned.frames <= 40


def test_films_of_cameras_have_large_letters(model, film, tmp_path):
    path = tmp_path / 'GOPR0001.MP4'
    path.write_bytes(film.read_bytes())
    job = FilmJob(model, path, tmp_path / 'out', False, 5, 0.3, 0.)
    list(job())
    assert job.drawn.is_file()


def test_a_film_that_cannot_be_read(model, tmp_path):
    (tmp_path / 'broken.mp4').write_bytes(b'\0\0\0\x18ftypmp42' + b'\0' * 100)
    with pytest.raises(ValueError, match='cannot be'):
        list(FilmJob(model, tmp_path / 'broken.mp4', tmp_path / 'out', False, 100, 0.3, 0.)())
