import json

import pytest
from mmengine.runner import Runner

pytestmark = pytest.mark.slow


def test_tensorboard_and_json_get_mean_and_spread(tiny_config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    tiny_config.custom_hooks = [dict(type='AttentionHook', interval=2)]
    tiny_config.visualizer.name = str(tmp_path)  # MMEngine gives the same one for the same name, an earlier test's
    tiny_config.visualizer.vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    tiny_config.train_cfg.update(max_epochs=1, val_interval=2)
    tiny_config.train_dataloader.batch_size = 8
    runner = Runner.from_cfg(tiny_config)
    runner.model.backbone.stage3[0].attention[1].beta.data[2] = 0.5  # output 2 takes more from input 3
    runner.train()
    lines = [json.loads(line) for file in tmp_path.rglob('scalars.json') for line in file.read_text().splitlines()]
    logged = [line for line in lines if 'attention/stage4.0/4from1/mean' in line]
    steps = len(runner.train_dataloader) // 2 * 2
    assert [line['step'] for line in logged] == list(range(2, steps + 1, 2)) and logged
    names = [name for name in logged[0] if name.startswith('attention/')]
    assert len(names) == 2 * (2 * 2 + 3 * 3 + 4 * 4)
    assert abs(logged[-1]['attention/stage2.0/1from2/mean'] - 1) < 0.2  # near HRNet's sum, where training begins
    assert abs(logged[0]['attention/stage3.0/2from3/mean'] - 1.5) < 0.1
    assert abs(logged[0]['attention/stage3.0/3from2/mean'] - 1) < 0.1
    assert any(logged[-1][name] > 0 for name in names if name.endswith('std'))
    events = EventAccumulator(str(next(tmp_path.rglob('events.out.tfevents*')).parent))
    events.Reload()
    assert len(events.Scalars('attention/stage4.0/4from1/mean')) == len(logged)
    assert not any(module._forward_hooks for module in runner.model.modules())


def test_a_model_without_attention_trains_and_says_so_once(tiny_config, tmp_path):
    tiny_config.custom_hooks = [dict(type='AttentionHook', interval=1)]
    tiny_config.model.backbone.with_attention = False
    tiny_config.train_cfg.update(max_epochs=1, val_interval=2)
    Runner.from_cfg(tiny_config).train()
    assert sum(file.read_text().count('the model has no attention') for file in tmp_path.rglob('*.log')) == 1
