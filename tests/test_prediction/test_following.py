"""Boxes that follow keypoints between detections."""

import json

import cv2
import numpy as np
import pytest

from rampose.cli.main import main
from rampose.core.pose_result import PoseResult
from rampose.prediction.following import BoxFollower

BODY = np.array([[50, 20], [40, 40], [60, 40], [45, 80], [55, 80], [44, 110], [56, 110]], float)
BOX = np.array([30., 10, 70, 120])


def result(*people, scores=None) -> PoseResult:
    """People by keypoints and box."""
    keypoints = np.array([points for points, _ in people]).reshape(-1, len(BODY), 2)
    scores = np.full(keypoints.shape[:2], 0.9) if scores is None else np.array(scores)
    return PoseResult(keypoints, scores, np.array([box for _, box in people]).reshape(-1, 4),
                      np.full(len(people), 0.7))


def test_a_box_moves_and_grows_with_its_person():
    follower = BoxFollower(5, 0.3)
    for frame in range(5):
        points = BODY * (1 + 0.05 * frame) + np.array([12., -3]) * frame
        follower.see(result((points, BOX)))
        low, high = points.min(axis=0), points.max(axis=0)
        (x1, y1, x2, y2), = follower.boxes[0]
        np.testing.assert_allclose([(x1 + x2) / 2, (y1 + y2) / 2], (low + high) / 2, atol=0.01)
        np.testing.assert_allclose([x2 - x1, y2 - y1], 1.25 * (high - low), atol=0.01)
        assert follower.boxes[1] == pytest.approx(0.7)
    assert follower.is_due(5) and not follower.is_due(6)


def test_who_is_lost():
    follower = BoxFollower(3, 0.3)
    other = BODY + [200, 0]
    scores = np.full((2, 7), 0.9)
    scores[0, 2:] = 0.1
    follower.see(result((BODY, BOX), (other, BOX + [200, 0, 200, 0]), scores=scores))
    assert len(follower.boxes[0]) == 1 and follower.boxes[0][0, 0] > 200
    scores[1, 0] = 0.1  # a keypoint that is not sure has no say
    follower.see(result((BODY, BOX), (other, BOX), scores=scores))
    assert follower.boxes[0][0, 1] > BODY[0, 1]
    follower.see(result())
    assert follower.boxes[0].shape == (0, 4)


@pytest.fixture
def film(tmp_path, photo):
    writer = cv2.VideoWriter(str(tmp_path / 'film.mp4'), cv2.VideoWriter.fourcc(*'mp4v'), 25, (320, 240))
    for number in range(10):
        writer.write(np.roll(photo, 3 * number, axis=1))
    writer.release()
    return tmp_path / 'film.mp4'


@pytest.fixture
def asked(monkeypatch):
    """How often a detector is asked that finds two people wherever it looks."""
    from rampose.apis.detectors.exported import ExportedDetector
    calls = []
    monkeypatch.setattr(ExportedDetector, '__init__', lambda self, *args, **kwargs: None)
    monkeypatch.setattr(ExportedDetector, '__call__', lambda self, image: (calls.append(1), (
        np.array([[10., 10, 100, 200], [50, 20, 150, 220]]), np.array([0.9, 0.5])))[1])
    return calls


def records(folder) -> list:
    return [json.loads(line) for line in (folder / 'frames.jsonl').read_text().splitlines()]


@pytest.mark.parametrize('more', [(), ('--track', '--smooth')], ids=['plain', 'tracked'])
def test_the_detector_runs_on_every_fourth_frame(film, asked, tmp_path, more, request):
    if more:
        request.getfixturevalue('some_tracker')

    def predict(out, *options):
        return main(['predict', str(film), '--detector', 'x.onnx', '--detect-every', '4', '--no-draw',
                     '--min-keypoint-score', '0.01', '--out', str(tmp_path / out), *more, *options])

    assert predict('whole') == 0
    assert len(asked) == 3  # frames 0, 4 and 8
    whole = records(tmp_path / 'whole')
    assert [len(one['instances']) for one in whole] == [2] * 10
    boxes = np.array([one['instances'][0]['bbox'] for one in whole])
    assert (boxes[[0, 4, 8]] == [10, 10, 100, 200]).all() and (boxes[1] != boxes[0]).any()
    # Stopped in between two detections, it goes on as if it had not been.
    assert predict('parts', '--limit', '6') == 0
    assert predict('parts', '--resume') == 0
    assert records(tmp_path / 'parts') == whole


@pytest.mark.parametrize(('options', 'message'), [
    (('--detect-every', '0'), 'needed is at least 1'),
    (('--detect-every', '3', '--whole-image'), '--detect-every goes with a detector')], ids=['zero', 'whole'])
def test_calls_that_cannot_be_used(film, tmp_path, capsys, options, message):
    with pytest.raises(SystemExit, match='2'):
        main(['predict', str(film), '--out', str(tmp_path / 'out'), *options])
    assert message in capsys.readouterr().err
