"""Steps within a budget: what they said is kept, and time is kept to."""

import json
import sys
import time

import pytest
import torch

from rampose.lab import gpu
from rampose.lab.gpu import Step, run_steps


def test_steps_share_the_time_and_leave_their_logs(tmp_path):
    said = []
    started = time.monotonic()
    outcomes = run_steps([
        Step('good', [sys.executable, '-c', 'print("done with it")']),
        Step('bad', [sys.executable, '-c', 'import sys; sys.exit("broken")']),
        Step('endless', [sys.executable, '-c', 'import time; print("begun", flush=True); time.sleep(99)']),
        Step('late', [sys.executable, '-c', ''])], 12, tmp_path, said.append)
    assert time.monotonic() - started < 25
    assert {name: outcome.status for name, outcome in outcomes.items()} == dict(good=0, bad=1, endless=None)
    assert 'late: no time left' in said
    assert 'begun' in (tmp_path / 'endless.log').read_text() and 'broken' in (tmp_path / 'bad.log').read_text()
    record = json.loads((tmp_path / 'gpu.json').read_text())
    assert record['device'] and record['steps']['good']['tail'] == 'done with it'


@pytest.mark.slow
def test_training_takes_as_many_epochs_as_fit(tiny_sample, root, tmp_path, monkeypatch):
    """And ends by itself, with a checkpoint and a learning rate that came down to nothing."""
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
    monkeypatch.setattr(gpu, 'RESERVE', 3.)
    started = time.monotonic()
    epochs = gpu.train_within(next(root.glob('configs/*/*/sample/td-hm_*.py')), 20, tmp_path / 'run', {
        'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False,
        'val_dataloader.num_workers': 0, 'val_dataloader.persistent_workers': False, 'log_level': 'WARNING'})
    assert epochs >= 2 and time.monotonic() - started < 30
    checkpoint = torch.load(tmp_path / f'run/train/epoch_{epochs}.pth', weights_only=False)
    assert checkpoint['meta']['epoch'] == epochs
    assert checkpoint['optimizer']['param_groups'][0]['lr'] < 1e-5
