"""Nothing half-written, nothing removed too early, and a way back from what is broken all the same."""

import copy
import errno
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.fileio import get_file_backend
from mmengine.runner import Runner

from rampose.checkpoints import torch_files
from rampose.checkpoints.loading import load_checkpoint_file
from rampose.core.files import PART_PREFIX
from rampose.engine.hooks import DurableCheckpointHook
from rampose.engine.stopping import RunStopped


@pytest.fixture
def config(tiny_config):
    """One iteration an epoch, a validation after each, on CPU in this process."""
    tiny_config.train_dataloader.batch_size = 24
    tiny_config.train_cfg.update(max_epochs=2, val_interval=1)
    return tiny_config


def run(config, name, **changes):
    config = copy.deepcopy(config)
    config.experiment_name = name
    config.visualizer.name = name
    config.update(changes)
    runner = Runner.from_cfg(config)
    runner.train()
    return runner


def fail_on_put(monkeypatch, times=1):
    """The disk is full when the n-th checkpoint is brought to it."""
    calls = []
    fsync = os.fsync

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == times:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, 'fsync', full)


def test_the_backend_writes_whole_files(tmp_path, monkeypatch):
    backend = get_file_backend(backend_args=dict(backend='durable'))
    backend.put_text('old', tmp_path / 'a/file')
    fail_on_put(monkeypatch)
    with pytest.raises(OSError, match='No space left'):
        backend.put(b'new', tmp_path / 'a/file')
    assert backend.get_text(tmp_path / 'a/file') == 'old' and [p.name for p in (tmp_path / 'a').iterdir()] == ['file']


@pytest.mark.slow
def test_a_full_disk_stops_with_one_line_and_the_last_good_checkpoint_stays(config, monkeypatch, capsys):
    work_dir = Path(config.work_dir)
    run(config, 'first', train_cfg=dict(config.train_cfg, max_epochs=1))
    before = (work_dir / 'epoch_1.pth').read_bytes()
    fail_on_put(monkeypatch)
    with pytest.raises(RunStopped) as stopped:
        run(config, 'second', resume=True)
    message = str(stopped.value)
    assert '\n' not in message and 'epoch_2.pth could not be saved: No space left on device' in message
    assert f'{work_dir}/epoch_1.pth is intact' in message and '--resume' in message
    assert (work_dir / 'epoch_1.pth').read_bytes() == before
    assert (work_dir / 'last_checkpoint').read_text() == f'{work_dir}/epoch_1.pth'
    assert not (work_dir / 'epoch_2.pth').exists() and not list(work_dir.glob(f'{PART_PREFIX}*'))


@pytest.mark.slow
def test_the_best_one_goes_when_the_next_best_is_there(config, monkeypatch):
    """And a removal never comes before what replaces it."""
    work_dir, order = Path(config.work_dir), []
    aps = iter([0.1, 0.3, 0.2])
    monkeypatch.setattr('mmpose.evaluation.CocoMetric.compute_metrics', lambda self, results: {'AP': next(aps)})
    save, remove = Runner.save_checkpoint, DurableCheckpointHook._remove
    monkeypatch.setattr(Runner, 'save_checkpoint', lambda self, out_dir, filename, *args, **kwargs: (
        save(self, out_dir, filename, *args, **kwargs), order.append(f'+{filename}')))
    monkeypatch.setattr(DurableCheckpointHook, '_remove', lambda self, path: (
        remove(self, path), order.append(f'-{Path(path).name}')))
    config.default_hooks.checkpoint.max_keep_ckpts = 1
    run(config, 'order', train_cfg=dict(config.train_cfg, max_epochs=3))
    assert order == ['+epoch_1.pth', '+best_coco_AP_epoch_1.pth', '+epoch_1.pth',
                     '+epoch_2.pth', '-epoch_1.pth', '+best_coco_AP_epoch_2.pth', '+epoch_2.pth',
                     '-best_coco_AP_epoch_1.pth', '+epoch_3.pth', '-epoch_2.pth']
    assert {path.name for path in work_dir.glob('*.pth')} == {'best_coco_AP_epoch_2.pth', 'epoch_3.pth'}


@pytest.mark.slow
def test_several_best_ones(config, monkeypatch):
    work_dir, values = Path(config.work_dir), iter([dict(AP=0.1, AR=0.4), dict(AP=0.3, AR=0.2)])
    monkeypatch.setattr('mmpose.evaluation.CocoMetric.compute_metrics', lambda self, results: next(values))
    config.default_hooks.checkpoint.save_best = ['coco/AP', 'coco/AR']
    run(config, 'several')
    found = {path.name for path in work_dir.glob('best*.pth')}
    assert found == {'best_coco_AP_epoch_2.pth', 'best_coco_AR_epoch_1.pth'}


@pytest.mark.slow
def test_without_a_best_one(config):
    config.default_hooks.checkpoint.update(save_best=None, rule=None)
    run(config, 'no-best')
    assert {path.name for path in Path(config.work_dir).glob('*.pth')} == {'epoch_1.pth', 'epoch_2.pth'}


@pytest.mark.slow
@pytest.mark.parametrize('damage', [
    lambda work_dir: (work_dir / 'epoch_2.pth').write_bytes((work_dir / 'epoch_2.pth').read_bytes()[:5000]),
    lambda work_dir: (work_dir / 'epoch_2.pth').write_bytes(b''),
    lambda work_dir: (work_dir / 'epoch_2.pth').unlink(),
    lambda work_dir: ((work_dir / 'last_checkpoint').write_text(''), (work_dir / 'epoch_2.pth').write_bytes(b'x')),
], ids=['truncated', 'empty', 'missing', 'no-pointer'])
def test_resuming_goes_back_to_the_newest_that_can_be_read(config, damage, request):
    work_dir = Path(config.work_dir)
    run(config, 'whole')
    expected = load_checkpoint_file(work_dir / 'epoch_2.pth')['state_dict']
    damage(work_dir)
    (work_dir / f'{PART_PREFIX}0.pth').write_bytes(b'of a killed run')
    resumed = []
    original = Runner.resume
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runner, 'resume', lambda self, name, *args, **kwargs: (
            resumed.append(name), original(self, name, *args, **kwargs)))
        runner = run(config, request.node.name, resume=True, log_level='INFO')
    assert resumed == [f'{work_dir}/epoch_1.pth']
    for name, value in runner.model.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert not list(work_dir.glob(f'{PART_PREFIX}*'))
    log = ''.join(path.read_text() for path in work_dir.glob('*/*.log'))
    assert f'resuming from the one before it, {work_dir}/epoch_1.pth' in log


def test_nothing_readable(config):
    work_dir = Path(config.work_dir)
    work_dir.mkdir()
    (work_dir / 'epoch_3.pth').write_bytes(b'broken')
    with pytest.raises(RunStopped, match=r'none of the checkpoints in .* can be read; the newest: .*epoch_3\.pth'):
        run(config, 'unreadable', resume=True)


def test_an_mmengine_that_is_too_old_is_refused_by_name(monkeypatch):
    """Before 0.7.4 it has nothing to overwrite: it would remove before it saves, without a word."""
    monkeypatch.delattr('mmengine.hooks.CheckpointHook._save_checkpoint_with_step')
    with pytest.raises(RunStopped, match=r'got mmengine [\d.]+; DurableCheckpointHook needs 0\.7\.4 or newer'):
        DurableCheckpointHook()


@pytest.fixture
def newest_of_two(tmp_path):
    """A hook and a runner that resumes, as far as choosing the checkpoint goes."""
    for epoch in (1, 2):
        torch.save(dict(weight=torch.zeros(1000)), tmp_path / f'epoch_{epoch}.pth')
    (tmp_path / 'last_checkpoint').write_text(f'{tmp_path}/epoch_2.pth')
    runner = SimpleNamespace(work_dir=str(tmp_path), _resume=True, _load_from=None, logger=logging.getLogger('test'))
    return DurableCheckpointHook(), runner


@pytest.mark.parametrize(('error', 'message'), [
    (RuntimeError('[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: not enough memory'),
     'not enough memory to read .*epoch_2'),  # how torch says it
    (MemoryError(), 'not enough memory to read .*epoch_2'),
], ids=['torch', 'python'])
def test_no_memory_is_no_reason_to_go_back(newest_of_two, monkeypatch, error, message):
    hook, runner = newest_of_two
    allocate = torch.empty

    def empty(size, **kwargs):
        if size:
            raise error
        return allocate(size, **kwargs)

    monkeypatch.setattr(torch_files.torch, 'empty', empty)
    with pytest.raises(RunStopped, match=message):
        hook.before_run(runner)
    assert runner._load_from is None


def test_a_checkpoint_that_is_refused_is_no_reason_to_go_back(newest_of_two):
    hook, runner = newest_of_two
    torch.save(dict(meta=Path('x')), f'{runner.work_dir}/epoch_2.pth')
    with pytest.raises(RunStopped, match=r'cannot resume from the newest checkpoint: .*epoch_2\.pth is refused'):
        hook.before_run(runner)


PROCESS = """
import logging, sys
from types import SimpleNamespace
import torch.distributed as dist
from rampose.engine.hooks import DurableCheckpointHook
dist.init_process_group('gloo')
runner = SimpleNamespace(work_dir=sys.argv[1 + dist.get_rank()], _resume=True, _load_from=None,
                         logger=logging.getLogger())
try:
    DurableCheckpointHook().before_run(runner)
    said = runner._load_from
except SystemExit as error:
    said = f'stopped: {error}'
open(sys.argv[3] + str(dist.get_rank()), 'w').write(str(said))
dist.destroy_process_group()  # its threads must not outlive the interpreter
"""


@pytest.mark.slow
@pytest.mark.parametrize('broken', [False, True])
def test_process_0_decides_for_all(tmp_path, broken):
    """Each that looked for itself would see what another removes or writes at the moment."""
    for folder, epochs in (('0', (1, )), ('1', (1, 2))):
        (tmp_path / folder).mkdir()
        for epoch in epochs:
            torch.save(dict(weight=torch.zeros(3)), tmp_path / folder / f'epoch_{epoch}.pth')
    if broken:
        (tmp_path / '0/epoch_1.pth').write_bytes(b'')
    (tmp_path / 'process.py').write_text(PROCESS)
    subprocess.run([sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2',
                    str(tmp_path / 'process.py'), str(tmp_path / '0'), str(tmp_path / '1'), str(tmp_path / 'said')],
                   check=True, timeout=300, env=dict(os.environ, OMP_NUM_THREADS='1'))
    first, second = ((tmp_path / f'said{rank}').read_text() for rank in (0, 1))
    assert first == second
    assert 'stopped: none of the checkpoints in' in first if broken else first == f'{tmp_path}/0/epoch_1.pth'


@pytest.mark.slow
def test_a_validation_that_was_cut_off_is_made_up_for(config, monkeypatch):
    def killed(self, runner, metrics):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DurableCheckpointHook, 'after_val_epoch', killed)
        with pytest.raises(KeyboardInterrupt):
            run(config, 'killed', train_cfg=dict(config.train_cfg, max_epochs=1))
    validated = []
    original = DurableCheckpointHook.after_val_epoch
    monkeypatch.setattr(DurableCheckpointHook, 'after_val_epoch', lambda self, runner, metrics: (
        validated.append(runner.epoch), original(self, runner, metrics)))
    run(config, 'again', resume=True)
    assert validated == [1, 2]
