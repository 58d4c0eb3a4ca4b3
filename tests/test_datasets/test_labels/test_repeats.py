"""Objects that several annotators labelled."""

from pathlib import Path

import numpy as np
import pytest

from rampose.datasets.labels.labelled import LabelledImage, LabelledObject, Labels
from rampose.datasets.labels.repeats import FEWEST, merge_repeats
from rampose.datasets.labels.writing import metainfo_text

NAMES = ['a', 'b', 'c']
SIGMAS = np.array([0.02, 0.1])
SIDE = 100.


def labelled(points, offset=0., split=None, name='1.jpg', visible=2):
    keypoints = np.column_stack([np.asarray(points, float), np.full(len(points), visible)])
    return LabelledImage(Path('/data') / name, 1000, 1000, [LabelledObject(
        keypoints, (offset, 0., SIDE, SIDE), area=SIDE**2)], split)


def test_their_mean_is_taken_and_their_distances_are_sigmas():
    rng = np.random.default_rng(0)
    labels = Labels(NAMES, 'cat', [])
    for number in range(400):
        truth = rng.uniform(20, 80, (3, 2))
        for _ in range(2 + (number < 100)):  # some by three
            # sigma squared is the mean of the squared distance, which two coordinates share
            noise = rng.normal(0, SIDE / np.sqrt(2), (3, 2)) * np.append(SIGMAS, 0)[:, None]
            labels.images.append(labelled(truth + noise, name=f'{number}.jpg'))
    labels.images[1].objects[0].keypoints[1] = 0  # that annotator did not see b
    first = [labels.images[i].objects[0].keypoints.copy() for i in range(3)]
    merge_repeats(labels)
    assert len(labels.images) == 400 and all(len(image.objects) == 1 for image in labels.images)
    assert labels.repeats.pairs == 300 + 100 * 3 and set(labels.repeats.sigmas) == {'a', 'b'}
    np.testing.assert_allclose([labels.repeats.sigmas[name] for name in 'ab'], SIGMAS, rtol=0.07)
    np.testing.assert_allclose(labels.images[0].objects[0].keypoints[0], np.mean([one[0] for one in first], axis=0))
    np.testing.assert_allclose(labels.images[0].objects[0].keypoints[1], (first[0][1] + first[2][1]) / 2)
    assert f"sigmas=[{labels.repeats.sigmas['a']}, {labels.repeats.sigmas['b']}, 0.05]" in metainfo_text(labels, 'cat')


def test_others_are_others():
    labels = Labels(NAMES, 'cat', [labelled(np.ones((3, 2)), 0), labelled(np.ones((3, 2)), 60, 'val'),
                                   labelled(np.ones((3, 2)), 0, name='2.jpg')])
    merge_repeats(labels)
    assert [len(image.objects) for image in labels.images] == [2, 1] and labels.repeats is None
    assert labels.images[0].split == 'val'
    once = Labels(NAMES, 'cat', [labelled(np.ones((3, 2)))])
    merge_repeats(once)
    assert once.repeats is None


def test_a_few_pairs_give_no_sigma():
    labels = Labels(NAMES, 'cat', [labelled(np.full((3, 2), 10. + i), name=f'{number}.jpg')
                                   for number in range(FEWEST - 1) for i in (0, 1)])
    merge_repeats(labels)
    assert labels.repeats.sigmas == {} and labels.repeats.median == pytest.approx(1.41)
    assert 'sigmas=[0.05, 0.05, 0.05]' in metainfo_text(labels, 'cat')
