"""The same configs under torchrun with two processes, by gloo on a CPU, through MMPose's own tools."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import mmpose
import pytest
from mmengine import Config

from rampose.checkpoints.loading import load_checkpoint_file

pytestmark = pytest.mark.slow
TOOLS = Path(mmpose.__file__).parent / '.mim/tools'
EPOCHS = 45
CONFIG = """
_base_ = '{base}'
env_cfg = dict(dist_cfg=dict(backend='gloo'))
model_wrapper_cfg = dict(type='MMDistributedDataParallel', device_ids=None, find_unused_parameters=False)
train_cfg = dict(max_epochs={epochs}, val_interval=1000)
default_hooks = dict(checkpoint=dict(interval={epochs}))
custom_hooks = [*_base_.custom_hooks, dict(type='AgreementHook')]
train_dataloader = dict(batch_size=12)
test_dataloader = dict(batch_size=4, dataset=dict(
    ann_file='annotations/person_keypoints_train.json', data_prefix=dict(img='train/'), indices={odd}))
test_evaluator = dict(ann_file='{ann_file}')
"""


def run(name, config, *args, processes=2):
    """One of MMPose's tools; what it printed."""
    command, launcher = [sys.executable], []
    if processes == 2:
        with socket.socket() as free:
            free.bind(('localhost', 0))
            port = free.getsockname()[1]
        command += ['-m', 'torch.distributed.run', '--nproc_per_node', '2', '--master_port', str(port)]
        launcher = ['--launcher', 'pytorch']
    command += [str(Path(__file__).parent / 'on_cpu.py'), str(TOOLS / name), str(config), *map(str, args), *launcher]
    done = subprocess.run(command, text=True, timeout=600, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=dict(os.environ, OMP_NUM_THREADS='1'))
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope='module')
def trained(tiny_sample, tmp_path_factory, root):
    """A config and the folder where two processes trained by it."""
    folder = tmp_path_factory.mktemp('two')
    ann_file = tiny_sample / 'annotations/person_keypoints_train.json'
    number = len(json.loads(ann_file.read_text())['annotations'])
    base = next((root / 'configs/body_2d_keypoint/topdown_heatmap/sample').glob('td-hm_*.py'))
    (folder / 'config.py').write_text(
        CONFIG.format(base=base, epochs=EPOCHS, odd=number - 1 + number % 2, ann_file=ann_file))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
        out = run('train.py', folder / 'config.py', '--work-dir', folder / 'work')
        yield folder / 'config.py', folder / 'work', out


def test_all_parameters_have_the_same_gradients(trained):
    config, work_dir, out = trained
    iterations = load_checkpoint_file(work_dir / f'epoch_{EPOCHS}.pth')['meta']['iter']
    assert len(re.findall('gradients agree at iteration', out)) == 2 * iterations >= EPOCHS
    assert len(re.findall(r'^epoch \d+/', out, re.MULTILINE)) == EPOCHS, 'one process speaks'


def test_evaluation_is_the_same_to_the_last_digit(trained):
    config, work_dir, _ = trained
    assert Config.fromfile(config).test_dataloader.dataset.indices % 2 == 1
    found = [re.search(r'Epoch\(test\).*?(coco/AP: .*?)  data_time', run(
        'test.py', config, work_dir / f'epoch_{EPOCHS}.pth', '--work-dir', work_dir / f'test{processes}',
        processes=processes))[1] for processes in (1, 2)]
    assert found[0] == found[1]
    assert float(re.search(r'coco/AP: ([\d.]+)', found[0])[1]) > 0.02, 'an AP of 0 would prove nothing'


@pytest.mark.long
@pytest.mark.parametrize('processes', [1, 2])
def test_resuming_with_another_number_of_processes(trained, tmp_path, processes):
    """From two to one and, from what that one saves, to two again."""
    config, work_dir, _ = trained
    if processes == 2:
        run('train.py', config, '--work-dir', tmp_path, '--cfg-options', 'train_cfg.max_epochs=1',
            'default_hooks.checkpoint.interval=1', processes=1)
        checkpoint, before = tmp_path / 'epoch_1.pth', 1
    else:
        checkpoint, before = work_dir / f'epoch_{EPOCHS}.pth', EPOCHS
    out = run('train.py', config, '--work-dir', tmp_path, '--resume', checkpoint, '--cfg-options',
              f'train_cfg.max_epochs={before + 1}', 'default_hooks.checkpoint.interval=1', processes=processes)
    assert f'resumed epoch: {before}' in out
    assert load_checkpoint_file(tmp_path / f'epoch_{before + 1}.pth')['meta']['epoch'] == before + 1
