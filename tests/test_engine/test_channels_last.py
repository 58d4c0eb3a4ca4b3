import torch
from mmengine.runner import Runner


def test_trains_in_channels_last(tiny_config):
    tiny_config.train_cfg.update(max_epochs=1, val_interval=2)
    runner = Runner.from_cfg(tiny_config)
    runner.train()
    weight = runner.model.backbone.conv2.weight
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()
    x = torch.randn(1, 3, 128, 96)
    channels_last = runner.model.eval()(x, None, mode='tensor')
    default = runner.model.to(memory_format=torch.contiguous_format)(x, None, mode='tensor')
    torch.testing.assert_close(channels_last, default, rtol=1e-4, atol=1e-5)
