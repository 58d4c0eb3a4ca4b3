"""Real trainings that are killed and resumed; docs/reliability.md has a run of many kills at random times."""

import json
import subprocess
import sys

import pytest
import torch

from rampose.lab.kills import Kill, KilledTraining, differing


@pytest.mark.long
def test_five_kills(root, tmp_path):
    """At events, not at times: while an iteration is computed, a checkpoint written, a validation going on."""
    done = subprocess.run(
        [sys.executable, str(root / 'tools/kill_training.py'), '--kills', '5', '--moments', 'saving', 'iteration',
         'validation', '--workers', '1', '--out', str(tmp_path / 'kills')],
        capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / 'kills/kills.json').read_text())
    assert result['kills'] == 5 and result['while a checkpoint was written'] >= 1
    assert result['trainings that ended equal, bit by bit'] == result['trainings']
    assert {kill['signal'] for run in result['runs'] for kill in run['kills']} == {'SIGKILL', 'SIGTERM', 'SIGINT'}


@pytest.mark.parametrize('mine', ['mine', 'kills/thesis.tex'])
def test_a_folder_with_something_else_is_left_alone(root, tmp_path, mine):
    (tmp_path / mine).parent.mkdir(exist_ok=True)
    (tmp_path / mine).touch()
    done = subprocess.run([sys.executable, str(root / 'tools/kill_training.py'), '--out', str(tmp_path)],
                          capture_output=True, text=True)
    assert done.returncode == 2 and 'left alone' in done.stderr and (tmp_path / mine).exists()


def test_one_bit_counts():
    def checkpoint(value):
        return dict(state_dict=dict(weight=torch.tensor([1., value])),
                    optimizer=dict(state={0: dict(exp_avg=torch.ones(1), step=torch.tensor(3.))}))

    assert differing(checkpoint(1.), checkpoint(1.)) == []
    assert differing(checkpoint(1.), checkpoint(1. + 2**-23)) == ['weight']
    less = checkpoint(1.)
    del less['optimizer']['state'][0]['step']
    assert differing(checkpoint(1.), less) == ['optimizer.0.step']


def test_what_a_kill_loses():
    assert Kill('SIGKILL', 'any', reached=7, saved=5, wrote=False, intact=True).lost == 2
    assert Kill('SIGKILL', 'any', reached=3, saved=5, wrote=False, intact=True).lost == 0
    assert KilledTraining([Kill('SIGINT', 'any', 7, 5, False, True)]).as_dict()['kills'][0]['lost'] == 2
