"""Training, resuming and testing from MMEngine's own checkpoints, on the installed torch."""

import copy
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.runner import Runner


def hrnet(config):
    config.model.backbone.type = 'HRNet'
    config.model.backbone.extra.stage4.multiscale_output = False
    config.model.head = dict(type='HeatmapHead', in_channels=16, out_channels=17, deconv_out_channels=None,
                             decoder=config.codec)
    return config


@pytest.mark.slow
@pytest.mark.parametrize('change', [lambda config: config, hrnet], ids=['ram-hrnet', 'hrnet'])
def test_resume_goes_on_at_the_next_epoch_with_the_same_optimiser(tiny_config, change):
    config = change(tiny_config)
    config.train_cfg.update(max_epochs=1, val_interval=1)
    first = Runner.from_cfg(copy.deepcopy(config))
    first.train()

    config.train_cfg.max_epochs = 2
    config.resume = True
    second = Runner.from_cfg(copy.deepcopy(config))
    seen = []

    def before_train_epoch(runner):
        if not seen:
            seen.append((runner.epoch, copy.deepcopy(runner.optim_wrapper.state_dict()),
                         copy.deepcopy(runner.model.state_dict())))

    second.register_hook(dict(type='EmptyCacheHook'))  # any hook: its method is replaced by ours
    second.hooks[-1].before_train_epoch = before_train_epoch
    second.train()

    epoch, optimizer, weights = seen[0]
    assert epoch == 1 and second.epoch == 2
    for key, value in first.model.state_dict().items():
        assert torch.equal(value, weights[key]), key
    expected = first.optim_wrapper.state_dict()
    assert optimizer['param_groups'] == expected['param_groups']
    for index, state in expected['state'].items():
        for name, value in state.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(optimizer['state'][index][name])), (index, name)

    config.resume, config.load_from = False, f'{config.work_dir}/epoch_2.pth'
    metrics = Runner.from_cfg(config).test()
    validated = second.message_hub.log_scalars
    assert len(metrics) >= 10
    for name, value in metrics.items():  # the file holds what was validated
        assert value == validated[f'val/{name}'].current(), name


@pytest.mark.slow
def test_checkpoints_are_plain_and_a_resumed_run_has_the_whole_history(tiny_config, tmp_path):
    """`torch.load(weights_only=True)` in a process that knows neither MMEngine nor rampose."""
    tiny_config.train_cfg.update(max_epochs=2, val_interval=1)
    tiny_config.param_scheduler = [dict(type='MultiStepLR', milestones=[1], gamma=0.5)]
    tiny_config.log_level = 'INFO'
    whole = Runner.from_cfg(copy.deepcopy(tiny_config))
    whole.train()
    for path in (tmp_path / 'work').glob('*.pth'):  # the best one, too
        subprocess.run([sys.executable, '-c', LOAD, str(path)], check=True)

    tiny_config.work_dir, tiny_config.experiment_name = str(tmp_path / 'cut'), 'cut'
    (tmp_path / 'cut').mkdir()
    shutil.copy(tmp_path / 'work/epoch_1.pth', tmp_path / 'cut')
    (tmp_path / 'cut/last_checkpoint').write_text(str(tmp_path / 'cut/epoch_1.pth'))
    tiny_config.resume = True
    resumed = Runner.from_cfg(copy.deepcopy(tiny_config))
    resumed.train()
    for name in ('train/loss', 'train/lr', 'train/time'):
        (got, count), (expected, expected_count) = (
            runner.message_hub.log_scalars[name].data for runner in (resumed, whole))
        assert got.dtype == expected.dtype and len(got) == len(expected) > 1
        np.testing.assert_array_equal(count, expected_count)
    learning_rates = [runner.message_hub.log_scalars['train/lr'].data[0].tolist() for runner in (resumed, whole)]
    assert learning_rates[0] == learning_rates[1] and len(set(learning_rates[0])) == 2
    assert resumed.message_hub.runtime_info['best_score'] >= 0
    log = ''.join(path.read_text() for path in (tmp_path / 'cut').glob('*/*.log'))
    assert 'resumed epoch: 1' in log
    assert 'HistoryBuffer' not in log and 'metainfo from the resumed checkpoint' not in log


LOAD = """
import sys, torch
def check(value, place):
    kinds = (str, int, float, bool, type(None), dict, list, tuple)
    assert type(value) in kinds, (place, type(value))
    if type(value) in (list, tuple, dict):
        for key, item in value.items() if type(value) is dict else enumerate(value):
            check(item, f'{place}.{key}')
checkpoint = torch.load(sys.argv[1], weights_only=True)
assert 'mmengine' not in sys.modules and 'rampose' not in sys.modules
check(checkpoint['message_hub'], 'message_hub')
check(checkpoint['meta'], 'meta')
check(checkpoint['param_schedulers'] if 'param_schedulers' in checkpoint else [], 'param_schedulers')
assert checkpoint['message_hub']['log_scalars']['train/loss']['log_history']
assert checkpoint['meta']['dataset_meta']['sigmas']
assert type(checkpoint['state_dict']['head.final_layer.weight']) is torch.Tensor
"""
