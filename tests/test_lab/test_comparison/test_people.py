"""Pairs, PCK, groups, kinds of errors and what they cost, on people made for it."""

import numpy as np
import pytest

from rampose.lab.comparison.bootstrap import bootstrap, interval
from rampose.lab.comparison.coco_metric import Found, Labels, match, summarize
from rampose.lab.comparison.data import COCO_SIGMAS, LabelledImages
from rampose.lab.comparison.errors import KINDS, classify, mirrored, oracle
from rampose.lab.comparison.people import groups_of, pair

NAMES = tuple(COCO_SIGMAS)
SIGMAS = np.array(list(COCO_SIGMAS.values()))


def labels(*people: np.ndarray, areas=None) -> Labels:
    """People whose keypoints are given, (K, 2) or (K, 3), with boxes round them."""
    keypoints = np.array([points if points.shape[1] == 3 else np.column_stack([points, np.full(17, 2)])
                          for points in people]).reshape(-1, 17, 3)
    low, high = keypoints[..., :2].min(axis=1), keypoints[..., :2].max(axis=1)
    return Labels(keypoints, np.column_stack([low, high - low]), np.array(areas or [10000.] * len(people)),
                  np.zeros(len(people), bool), np.zeros(len(people), bool))


def found(*people: np.ndarray, scores=None) -> Found:
    points = np.array(people).reshape(-1, 17, 2)
    return Found(points, np.array(scores if scores else np.linspace(0.9, 0.5, len(people))),
                 np.ones((len(people), 17)))


def data_of(*images: Labels) -> LabelledImages:
    return LabelledImages(tuple(range(len(images))), tuple(f'{n}.jpg' for n in range(len(images))),
                          ((640, 480), ) * len(images), images, NAMES, (),
                          SIGMAS, 1)


@pytest.fixture
def person() -> np.ndarray:
    """17 keypoints, each 30 px and more from every other."""
    grid = np.stack(np.meshgrid(np.arange(5), np.arange(4)), axis=-1).reshape(-1, 2)[:17]
    return grid * 30. + 100


def test_everybody_gets_one_partner_and_errors_are_in_px(person):
    other = person + (400, 0)
    data = data_of(labels(person, other), labels(person))
    people = pair([found(other + (3, 4), person + (0, 1)), found()], data)
    assert people.found.tolist() == [1, 0, -1] and people.image.tolist() == [0, 0, 1]
    np.testing.assert_allclose(people.errors[:2], [[1.] * 17, [5.] * 17])
    assert np.isinf(people.errors[2]).all() and people.oks[2] == 0
    np.testing.assert_allclose(people.pck, 2 / 3)  # 20 % of 120 px are 24
    moved = pair([found(person + (0, 23.9), other + (0, 24.1)), found(person)], data)
    assert moved.correct.sum(axis=1).tolist() == [17, 0, 17]


def test_kinds_of_errors(person):
    """ks = exp(-d^2 / (2 area (2 sigma)^2)): 0.85 and 0.5 lie at 0.57 and 1.18 times 2 sigma sqrt(area)."""
    unit = 2 * SIGMAS * 100
    other = person + (0, 300)
    shift = np.zeros((17, 2))
    shift[0, 0], shift[1, 0], shift[5, 0], shift[6, 0] = 0.56 * unit[0], 0.58 * unit[1], 1.17 * unit[5], 40 * unit[6]
    points = person + shift
    points[9] = person[10] + (1, 0)  # the right wrist for the left one
    points[13] = other[14]  # somebody else's right knee
    points[15] = other[15] + (2, 0)
    points[16] = person[16] + (0, 1.19 * unit[16])  # near no other keypoint of its name
    visible = np.column_stack([person, np.full(17, 2.)])
    visible[3, 2] = 0
    data = data_of(labels(visible, other))
    kinds = classify([found(points, other)], pair([found(points, other)], data), data).kinds
    assert [KINDS[kind] for kind in kinds[0, [0, 1, 5, 6, 9, 13, 15, 16]]] == [
        'good', 'jitter', 'jitter', 'miss', 'inversion', 'swap', 'swap', 'miss']
    assert kinds[0, 3] == -1 and (kinds[1] == 0).all()
    assert mirrored(['nose', 'left_eye', 'right_eye', 'tail_left']) == [0, 2, 1, 3]


@pytest.mark.parametrize('seed', range(5))
def test_mending_everything_gives_all(person, seed):
    rng = np.random.default_rng(seed)
    images, models = [], []
    for _ in range(20):
        people = [person * rng.uniform(0.5, 2) + rng.uniform(0, 300, 2) for _ in range(rng.integers(1, 4))]
        images.append(labels(*people, areas=rng.uniform(1000, 60000, len(people)).tolist()))
        models.append(found(*(points + rng.normal(0, rng.choice([1, 8, 30]), (17, 2)) for points in people),
                            *rng.uniform(0, 900, (rng.integers(0, 3), 17, 2))))
    data = data_of(*images)
    people = pair(models, data)
    errors = classify(models, people, data)
    as_is = summarize(match(models, data.labels, SIGMAS))['AP']
    rows = oracle(models, people, errors, data)
    assert rows['false negatives']['together'] == pytest.approx(1, abs=1e-12)
    assert 0.05 < as_is < min(row['alone'] for row in rows.values()) + 1e-12
    together = [row['together'] for row in rows.values()]
    assert together == sorted(together), 'each step mends more'
    shares = np.array(list(errors.shares().values()))
    np.testing.assert_allclose(shares.sum(axis=0), 1)


def test_groups(person):
    near = person + (20, 0)
    hidden = np.column_stack([person + (400, 0), np.where(np.arange(17) < 9, 1, 2)])
    few = np.column_stack([person * 0.1, np.where(np.arange(17) < 4, 2, 0)])
    data = data_of(labels(person, near, hidden, areas=[500., 5000., 50000.]), labels(few))
    groups = groups_of(data)
    assert {name: np.flatnonzero(members).tolist() for name, members in groups.items()} == {
        'size small': [0], 'size medium': [1], 'size large': [2, 3], 'few keypoints labelled': [3],
        'most keypoints labelled': [0, 1, 2], 'nothing hidden': [0, 1, 3], 'half or more hidden': [2],
        'alone': [2, 3], 'crowded': [0, 1], 'whole in the image': [0, 1, 2, 3]}


def test_an_interval_holds_what_it_should(person):
    """Of a share that is known: people are found in full or not at all."""
    rng = np.random.default_rng(0)
    hit = rng.random(200) < 0.6
    data = data_of(*(labels(person) for _ in hit))
    good = match([found(person) if one else found() for one in hit], data.labels, SIGMAS)
    bad = match([found(person) if one and n % 2 else found() for n, one in enumerate(hit)], data.labels, SIGMAS)
    drawn = bootstrap(dict(good=good, bad=bad), resamples=200)
    again = bootstrap(dict(good=good), resamples=200)
    np.testing.assert_array_equal(drawn['good']['AP'], again['good']['AP'])  # the same images for all
    low, high = interval(drawn['good']['AP'])
    error = 1.96 * np.sqrt(0.6 * 0.4 / 200)
    assert low == pytest.approx(hit.mean() - error, abs=0.02) and high == pytest.approx(hit.mean() + error, abs=0.02)
    assert interval(drawn['good']['AP'] - drawn['bad']['AP'])[0] > 0
    assert np.isnan(interval(np.full(3, np.nan))).all()
