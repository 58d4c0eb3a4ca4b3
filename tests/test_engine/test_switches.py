"""What makes a training lighter or faster, by a line in the config, and resumes."""

import copy
from pathlib import Path

import pytest
import torch
from mmengine.runner import Runner

from rampose.checkpoints.loading import load_checkpoint_file

SWITCHES = {
    'with_cp': {'model.backbone.with_cp': True},
    'compile': {},  # by a hook
    'accumulation': {'optim_wrapper.accumulative_counts': 2},
}


def train(config, name, **changes):
    config = copy.deepcopy(config)
    config.experiment_name = config.visualizer.name = name
    config.merge_from_dict(changes)
    runner = Runner.from_cfg(config)
    runner.train()
    return load_checkpoint_file(Path(config.work_dir, 'epoch_2.pth'))


@pytest.mark.long
@pytest.mark.parametrize('name', SWITCHES)
def test_a_resumed_run_is_the_uninterrupted_one(tiny_config, name, tmp_path):
    """With channels_last, which the config has anyway; compiled, a process may round otherwise than the next."""
    assert any(hook.type == 'ChannelsLastHook' for hook in tiny_config.custom_hooks)
    tiny_config.train_dataloader.batch_size = 9  # four iterations an epoch: accumulation must not reach into the next
    tiny_config.train_cfg.val_interval = 5
    tiny_config.merge_from_dict(SWITCHES[name])
    if name == 'compile':  # without the minutes of the default backend's C++ compiler
        tiny_config.custom_hooks.append(dict(type='CompileHook', backend='aot_eager'))
    whole = train(tiny_config, f'{name}-whole')
    torch._dynamo.reset()
    resumed = train(tiny_config, f'{name}-resumed', resume=True, load_from=f'{tiny_config.work_dir}/epoch_1.pth',
                    work_dir=str(tmp_path / 'resumed'))
    assert whole['meta']['iter'] == resumed['meta']['iter'] == 8
    for key, value in whole['state_dict'].items():
        if name == 'compile':
            assert value.shape == resumed['state_dict'][key].shape and torch.isfinite(resumed['state_dict'][key]).all()
        else:
            assert torch.equal(value, resumed['state_dict'][key]), key


def test_amp_needs_a_gpu(tiny_config):
    """As docs/training.md says; MMEngine's own message."""
    if torch.cuda.is_available():
        pytest.skip('there is a GPU')
    tiny_config.optim_wrapper.update(type='AmpOptimWrapper')
    with pytest.raises(AssertionError, match='only available training on gpu'):
        Runner.from_cfg(tiny_config).train()


@pytest.mark.gpu
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_amp_stays_finite_for_200_steps(tiny_config, dtype):
    tiny_config.optim_wrapper.update(type='AmpOptimWrapper', dtype=dtype)
    tiny_config.train_dataloader.batch_size = 4
    tiny_config.experiment_name = tiny_config.visualizer.name = dtype
    tiny_config.train_cfg.update(max_epochs=25, val_interval=50)
    runner = Runner.from_cfg(tiny_config)
    runner.train()  # StopOnInvalidLossHook looks at every loss
    assert runner.iter >= 200


def test_no_config_computes_accuracy_in_training(root):
    """It copies every heatmap to the host at each step."""
    from mmengine import Config
    for path in root.glob('configs/*_2d_keypoint/**/td-hm_*.py'):
        config = Config.fromfile(path)
        if 'ensemble' not in path.name:
            assert config.model.train_cfg.compute_acc is False, path
