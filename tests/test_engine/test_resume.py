"""Training, resuming and testing from MMEngine's own checkpoints, on the installed torch."""

import copy

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
