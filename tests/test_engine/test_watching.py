"""What a person sees of a training: TensorBoard, pictures, one line for each epoch."""

import builtins
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from mmengine import Config
from mmengine.hooks import CheckpointHook
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmpose.registry import VISBACKENDS
from PIL import Image

from rampose.engine.hooks.epoch_summary import EpochSummaryHook, _clock
from rampose.engine.vis_backends import OptionalTensorboardVisBackend


@pytest.mark.slow
def test_a_training_shows(tiny_config, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    tiny_config.experiment_name = tiny_config.visualizer.name = 'watched'
    tiny_config.train_cfg.val_interval = 1
    for hook in tiny_config.custom_hooks:
        if hook.type == 'AttentionHook':
            hook.interval = 2
    runner = Runner.from_cfg(tiny_config)
    runner.train()

    lines = [line for line in capsys.readouterr().out.splitlines() if re.match(r'epoch \d|  AP ', line)]
    assert re.fullmatch(r'epoch 1/2  loss [\d.e-]+  lr 4\.0e-03  \d+:\d\d, data \d+%  left \d+:\d\d', lines[0])
    assert re.fullmatch(r'  AP \d\.\d{4}  best \d\.\d{4}', lines[1])
    assert len(lines) == 4 and max(map(len, lines)) <= 80

    folder = next(Path(tiny_config.work_dir).glob('*/vis_data'))
    events = EventAccumulator(str(folder), size_guidance=dict(images=0))
    events.Reload()
    scalars = events.Tags()['scalars']
    for name in ('loss', 'lr', 'coco/AP', 'attention/stage2.0/1from2/mean', 'attention/stage4.0/4from1/std'):
        assert name in scalars, scalars
    assert [event.step for event in events.Scalars('coco/AP')] == [1, 2]
    pictures = [tag for tag in events.Tags()['images'] if tag.startswith('val/')]
    assert sorted(pictures) == [f'val/{i}' for i in range(4)]
    assert [event.step for event in events.Images('val/0')] == [1, 2]


def test_without_tensorboard(tmp_path, monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith('torch.utils.tensorboard'):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without)
    backend = OptionalTensorboardVisBackend(str(tmp_path))
    with pytest.warns(UserWarning, match='pip install tensorboard'):
        backend.add_scalar('loss', 1.0)
    backend.add_scalars(dict(loss=1.0))
    backend.close()


@pytest.mark.parametrize(('seconds', 'text'), [(0, '0:00'), (7.4, '0:07'), (133, '2:13'), (754, '12:34'),
                                               (3600, '1:00:00'), (100000, '1 day, 3:46:40')])
def test_clock(seconds, text):
    assert _clock(seconds) == text


def test_the_best_of_an_error_is_the_smallest(capsys):
    hook = EpochSummaryHook()
    checkpoint = CheckpointHook(save_best='EPE', rule='less', published_keys=None)
    runner = SimpleNamespace(hooks=[checkpoint], message_hub=SimpleNamespace(runtime_info=dict(best_score=3.)))
    hook.before_run(runner)
    hook.after_val_epoch(runner, dict(EPE=5.))
    assert capsys.readouterr().out == '  EPE 5.0000  best 3.0000\n'


class _MLflow(ModuleType):
    """As strict as the real one: parameters are named by text, an image's format by its suffix."""

    def __init__(self, folder):
        super().__init__('mlflow')
        self.folder, self.params = folder, {}

    def __getattr__(self, name):
        return lambda *args, **kwargs: None

    def log_params(self, params):
        assert all(isinstance(name, str) for name in params)
        self.params.update(params)

    def log_image(self, image, name):
        (self.folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(self.folder / name)


def test_mlflow_takes_numbered_keypoints_and_images_of_each_epoch(root, tmp_path, monkeypatch):
    mlflow = _MLflow(tmp_path)
    monkeypatch.setitem(sys.modules, 'mlflow', mlflow)
    monkeypatch.setattr(MMLogger.get_current_instance(), 'handlers', [])  # MMEngine opens those again that pytest shut
    backend = VISBACKENDS.build(dict(type='MLflowVisBackend', save_dir=str(tmp_path / 'runs')))
    backend.add_config(Config.fromfile(next((root / 'configs').glob('**/*five-keypoints*.py'))))
    assert mlflow.params['train_dataloader.dataset.metainfo.keypoint_info.0.name'] == 'nose'
    for epoch in (1, 2):
        backend.add_image('val/0', np.zeros((4, 6, 3), np.uint8), epoch)
    assert sorted(path.name for path in (tmp_path / 'val').iterdir()) == ['0_1.png', '0_2.png']
