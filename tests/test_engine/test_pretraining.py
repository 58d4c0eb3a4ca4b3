"""RAM-HRNet learns to tell pictures apart with MMPretrain's runner, and a pose estimator starts from what it learnt."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpose.registry import MODELS

IMAGENET = Path(__file__).resolve().parents[2] / 'configs/imagenet'


def write_pictures(root):
    """Two classes, red and blue."""
    for split, number in (('train', 4), ('val', 2)):
        for colour, name in enumerate(('n01', 'n02')):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(number):
                picture = np.random.default_rng(i).integers(0, 80, (70, 80, 3), dtype=np.uint8)
                picture[..., 2 * colour] += 150
                cv2.imwrite(str(folder / f'{i}.jpg'), picture)


def small(config: Config) -> Config:
    """The config with a narrow network, two classes and small pictures, for one epoch in this process."""
    extra = config.model.backbone.extra
    for stage, num_branches in (('stage2', 2), ('stage3', 3), ('stage4', 4)):
        extra[stage].update(num_modules=1, num_blocks=(1, ) * num_branches,
                            num_channels=tuple(8 * 2**i for i in range(num_branches)))
    config.model.neck[0].in_channels = (8, 16, 32, 64)
    config.model.head.update(num_classes=2, topk=(1, ))
    config.model.data_preprocessor = dict(num_classes=2, mean=[0] * 3, std=[255] * 3, to_rgb=True)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(batch_size=4, num_workers=0, persistent_workers=False)
        loader.dataset.update(type='CustomDataset', data_prefix=loader.dataset.pop('split'))
        for step in loader.dataset.pipeline:
            if 'scale' in step:
                step['scale'] = 64
            if 'crop_size' in step:
                step['crop_size'] = 64
    config.val_evaluator.topk = (1, )
    config.test_evaluator.topk = (1, )
    config.train_cfg.max_epochs = 1
    config.log_level = 'WARNING'
    return config


@pytest.mark.slow
@pytest.mark.parametrize('width', ['w32', 'w48'])
def test_trains_and_starts_a_pose_estimator(width, tmp_path, monkeypatch):
    pytest.importorskip('mmpretrain')
    write_pictures(tmp_path / 'imagenet')
    monkeypatch.setenv('IMAGENET_ROOT', str(tmp_path / 'imagenet'))
    config = small(Config.fromfile(IMAGENET / f'ram-hrnet-{width}_4xb32-100e_in1k.py'))
    config.work_dir = str(tmp_path / 'work')
    config.experiment_name = f'imagenet_{width}'
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        Runner.from_cfg(config).train()
    checkpoint = tmp_path / 'work/epoch_1.pth'
    trained = torch.load(checkpoint, weights_only=False)['state_dict']
    assert any('attention' in name for name in trained)

    backbone = dict(config.model.backbone, type='RAMHRNet',
                    init_cfg=dict(type='Pretrained', checkpoint=str(checkpoint), prefix='backbone.'))
    with DefaultScope.overwrite_default_scope('mmpose'):
        backbone = MODELS.build(backbone)
        backbone.init_weights()
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, trained[f'backbone.{name}']), name


@pytest.mark.parametrize('width, channels', [('w32', (32, 64, 128, 256)), ('w48', (48, 96, 192, 384))])
def test_the_backbone_is_that_of_the_pose_configs(width, channels, root):
    pytest.importorskip('mmpretrain')
    imagenet = Config.fromfile(IMAGENET / f'ram-hrnet-{width}_4xb32-100e_in1k.py').model
    pose = Config.fromfile(root / f'configs/_base_/models/ram-hrnet-{width}_gpr.py').model
    assert imagenet.backbone.extra == pose.backbone.extra
    assert tuple(imagenet.neck[0].in_channels) == channels


def test_without_mmpretrain_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmpretrain', None)
    monkeypatch.delitem(sys.modules, 'rampose.engine.pretraining', raising=False)
    with pytest.raises(RuntimeError, match=r'needs MMPretrain .*mim install "mmpretrain>=1'):
        Config.fromfile(IMAGENET / 'ram-hrnet-w32_4xb32-100e_in1k.py')
