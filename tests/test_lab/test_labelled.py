"""How close predictions are, who the people are, and the pictures of both."""

import csv
import subprocess
import sys

import numpy as np
import pytest

from rampose.lab.labelled import attention_of_groups, by_rank, groups_of, similarity
from rampose.lab.plots import plot_attention_of_groups, plot_people

NAMES = ['left_shoulder', 'right_shoulder', 'left_hip', 'right_hip', 'neck']


def test_similarity_is_cocos():
    labels = np.array([[10., 10, 2], [50, 10, 1], [0, 0, 0]])
    found = np.array([[10., 10], [50, 18], [99, 99]])
    area, sigmas = 400., np.array([0.1, 0.2, 0.05])
    expected = (1 + np.exp(-64 / (2 * 400 * (2 * 0.2)**2))) / 2  # the third is not labelled
    assert similarity(found, labels, area, sigmas) == pytest.approx(expected)
    assert similarity(found, labels, area, sigmas) == pytest.approx(0.803265, abs=1e-5)
    assert np.isnan(similarity(found, labels * [1, 1, 0], area, sigmas))


def person(shoulders, hips, labelled=5):
    labels = np.array([[0., shoulders, 2], [9, shoulders, 2], [0, hips, 2], [9, hips, 2], [5, 5, 2]])
    labels[labelled:] = 0
    return labels


def test_groups():
    hidden = person(10, 50)
    hidden[2:4] = 0  # no hips: neither upright nor inverted
    one_side = person(10, 50)
    one_side[0] = 0
    groups = groups_of([person(10, 50), person(90, 50), person(10, 50, labelled=4), hidden, one_side], NAMES)
    assert {name: members.tolist() for name, members in groups.items()} == {
        'all': [True] * 5,
        'upright': [True, False, True, False, True], 'inverted': [False, True, False, False, False],
        'fully labelled': [True, True, False, False, False], 'partly labelled': [False, False, True, True, True]}
    assert list(groups_of([person(1, 2)], ['left_shoulder', 'right_shoulder', 'a', 'b', 'c'])) == [
        'all', 'fully labelled', 'partly labelled']


def test_ranks():
    assert by_rank([0.5, 0.9, float('nan'), 0.1, 0.9], 2) == dict(best=[1, 4], worst=[3, 0])


def test_plots(tmp_path, photo):
    weights = {'stage2.0': np.random.default_rng(0).uniform(0.5, 1.5, (6, 2, 2)), 'stage3.0': np.ones((6, 3, 3))}
    groups = dict(all=np.arange(6) < 6, upright=np.arange(6) < 4, inverted=np.arange(6) > 99)
    figure = plot_attention_of_groups(weights, groups)
    rows = attention_of_groups(weights, groups)
    assert len(rows) == (4 + 9) * 2 and not any(row['group'] == 'inverted' for row in rows)
    assert rows[3] == dict(exchange_unit='stage2.0', output='1/4', input='1/8', group='upright', people=4,
                           mean=round(weights['stage2.0'][:4, 0, 1].mean(), 4),
                           std=round(weights['stage2.0'][:4, 0, 1].std(), 4))
    assert [len(panel.get_xticks()) for panel in figure.axes] == [4, 9]
    assert figure.legends[0].texts[-1].get_text() == 'upright (4)', 'an empty group is left out'
    figure.savefig(tmp_path / 'attention.png')
    found = np.array([[10., 10], [90, 90]])
    labels = np.array([[10., 12, 2], [90, 95, 2]])
    figure = plot_people([photo, None], [np.array([0, 0, 100, 100])] * 2, [found] * 2, [labels] * 2, ['a', 'b'],
                         [(0, 1)], columns=2)
    assert [len(panel.images) for panel in figure.axes] == [1, 0] and len(figure.axes[1].lines) == 2
    figure.savefig(tmp_path / 'people.png')


@pytest.mark.slow
def test_the_tool(root, tiny_sample, pose_config, pose_checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
    command = [sys.executable, str(root / 'tools/analyze_predictions.py'), str(pose_config), str(pose_checkpoint),
               '--out', str(tmp_path / 'out'), '--number', '3']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {
        'people.csv', 'best.png', 'worst.png', 'skeletons.png', 'attention.csv', 'attention.png'}
    rows = list(csv.DictReader((tmp_path / 'out/people.csv').open()))
    assert len(rows) >= 8 and all(0 <= float(row['oks']) <= 1 for row in rows)
    assert f'{len(rows)} people' in done.stdout

    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tmp_path / 'nothing'))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and 'Traceback' not in done.stderr and str(tmp_path / 'nothing') in done.stderr
    done = subprocess.run([*command, '--limit', '0'], capture_output=True, text=True)
    assert done.returncode == 2 and 'got --limit 0; needed is at least 1' in done.stderr
