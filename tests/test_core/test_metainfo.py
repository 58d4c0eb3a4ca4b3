"""What is wrong with keypoints that somebody describes."""

import copy

import pytest
from mmengine import Config

from rampose.core.metainfo import problems_of

GOOD = dict(
    dataset_name='own', keypoint_info={
        0: dict(name='nose', swap=''), 1: dict(name='left', swap='right'), 2: dict(name='right', swap='left')},
    skeleton_info={0: dict(link=('nose', 'left'))}, sigmas=[0.1] * 3, joint_weights=[1.] * 3)


def changed(path: tuple, value) -> dict:
    info = copy.deepcopy(GOOD)
    place = info
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return info


@pytest.mark.parametrize(('path', 'value', 'problem'), [
    (('keypoint_info', 2, 'swap'), '', "keypoint left swaps with right, but right with none: name both as each other's "
     'partner'),
    (('keypoint_info', 1, 'swap'), 'rihgt', "keypoint left swaps with 'rihgt', which is none of nose, left, right"),
    (('keypoint_info', 0, 'name'), 'left', "keypoint 0 has the name 'left'; each needs one of its own"),
    (('keypoint_info', 3), dict(name='tail', swap=''), 'sigmas has 3 numbers; needed are 4, one for each keypoint'),
    (('keypoint_info',), {1: {}, 2: {}}, 'keypoint_info is numbered 1, 2; needed are 0 to 1, without gaps'),
    (('keypoint_info',), None, 'keypoint_info is missing: one entry for each keypoint, from 0 on'),
    (('skeleton_info',), None, 'skeleton_info is missing: what drawings connect, or {} for nothing'),
    (('skeleton_info', 0, 'link'), ('nose', 'ear'),
     "link 0 connects ('nose', 'ear'); needed are two names of keypoints"),
    (('joint_weights',), None, 'joint_weights has no numbers; needed are 3, one for each keypoint')])
def test_each_problem_is_named(path, value, problem):
    assert problem in problems_of(changed(path, value))


def test_good_ones_have_none(root):
    assert problems_of(GOOD) == [] and problems_of(dict(from_file='somewhere.py')) == []
    for path in [root / 'configs/_base_/datasets/lsp.py', *root.glob('configs/*/*/custom/*.py')]:
        assert problems_of(Config.fromfile(path).dataset_info.to_dict()) == []
