import numpy as np
import pytest

from rampose.core.pose_result import NO_TRACK
from rampose.prediction import person_trackers, tracking
from rampose.prediction.person_trackers import MMDetTracker, RoboflowTracker
from rampose.prediction.tracking import KeypointSmoother


@pytest.fixture(params=[RoboflowTracker, MMDetTracker])
def tracker(request):
    if request.param is RoboflowTracker:
        pytest.importorskip('trackers')  # which needs numpy 2
    else:
        pytest.importorskip('lap')
        pytest.importorskip('mmdet.models.trackers.byte_tracker')  # of MMDetection 3.1
    return request.param()


def walk(frame, start, step):
    x = start + frame * step
    return [x, 20, x + 40, 120]


def test_people_keep_their_numbers(tracker):
    """One walks right, one left; they pass each other, the detector's order changes, one is hidden for a while."""
    seen = {'right': [], 'left': []}
    for frame in range(40):
        people = {'right': walk(frame, 0, 5)}
        if frame not in range(30, 35):
            people['left'] = [*np.add(walk(frame, 300, -5), [0, 150, 0, 150])]
        order = sorted(people, reverse=frame % 2 == 0)
        bboxes = np.array([people[name] for name in order], np.float32)
        ids = tracker(bboxes, np.full(len(order), 0.9, np.float32))
        for name, track_id in zip(order, ids):
            seen[name].append(track_id)
    if isinstance(tracker, RoboflowTracker):  # which gives no number in somebody's first frame
        assert [ids.pop(0) for ids in seen.values()] == [NO_TRACK, NO_TRACK]
    assert len(set(seen['right'])) == len(set(seen['left'])) == 1
    assert set(seen['right']) != set(seen['left']) and NO_TRACK not in seen['right']


def test_nobody_and_scores_of_exactly_the_limit(tracker):
    assert tracker(np.zeros((0, 4), np.float32), np.zeros(0, np.float32)) == []
    first = tracker(np.array([[0, 0, 10, 20]], np.float32), np.array([0.3], np.float32))
    if isinstance(tracker, RoboflowTracker):
        assert first == [NO_TRACK]
        assert tracker(np.array([[0, 0, 10, 20]], np.float32), np.array([0.3], np.float32)) == [0]
        return
    assert first == [0]
    assert tracker(np.array([[0, 0, 10, 20], [0, 0, 10, 20]], np.float32), np.array([0.9, 0.8], np.float32)) == [0, 1]
    assert tracker(np.zeros((0, 4), np.float32), np.zeros(0, np.float32)) == []


def test_smoothing_takes_tremble_and_follows_movement():
    rng = np.random.default_rng(0)
    smoother = KeypointSmoother(fps=30)
    still, moving = [], []
    for frame in range(120):
        x = 10 * frame  # 300 px/s
        points = np.array([[[100, 100]], [[x, 50]]]) + rng.normal(0, 1, (2, 1, 2))
        smoothed = smoother(frame, [0, 1], points.astype(np.float32))
        still.append(smoothed[0, 0])
        moving.append(smoothed[1, 0, 0] - x)
    assert np.std(still[30:], axis=0).max() < 0.5  # of 1 px
    assert abs(np.mean(moving[30:])) < 5  # half a frame behind at the most, as KeypointSmoother says


def test_what_the_tracker_keeps_does_not_grow(tracker):
    for frame in range(50):
        tracker(np.array([walk(frame, 0, 2)], np.float32), np.array([0.9], np.float32))
    if isinstance(tracker, RoboflowTracker):
        assert len(tracker._tracker.tracks) == 1
        return
    assert [len(track['bboxes']) for track in tracker._tracker.tracks.values()] == [3]


def test_people_without_a_number_stay_as_they_are():
    smoother = KeypointSmoother(fps=30)
    points = np.random.default_rng(0).normal(0, 9, (5, 1, 3, 2)).astype(np.float32)
    for frame in range(5):
        np.testing.assert_array_equal(smoother(frame, [NO_TRACK], points[frame]), points[frame])


@pytest.mark.parametrize(('module', 'missing', 'message'), [
    (person_trackers, ('trackers', 'lap'), r'tracking needs trackers, .*pip install trackers.*lap'),
    (tracking, ('OneEuroFilter', ), r'smoothing needs OneEuroFilter: pip install OneEuroFilter')])
def test_what_is_missing_is_named(monkeypatch, module, missing, message):
    monkeypatch.setattr(tracking, 'tracker_class', person_trackers.tracker_class)
    monkeypatch.setattr(person_trackers, 'find_spec', lambda name: name)
    monkeypatch.setattr(module, 'find_spec', lambda name: None if name in missing else name)
    with pytest.raises(ImportError, match=message):
        tracking.check_installed(smooth=True)
