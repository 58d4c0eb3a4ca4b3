"""What the tests share: configs, a tiny sample set, the real data."""

import os
from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmengine.registry import init_default_scope

import rampose.plugin  # noqa: F401  registers the models
from rampose.datasets.sample import make_sample

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/body_2d_keypoint/topdown_heatmap'


def pytest_collection_modifyitems(items):
    have_data = bool(os.environ.get('RAMPOSE_TEST_DATA'))
    for item in items:
        if 'real_data' in item.keywords and not have_data:
            item.add_marker(pytest.mark.skip(reason='RAMPOSE_TEST_DATA is not set'))
        if 'gpu' in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason='no CUDA device'))


@pytest.fixture(autouse=True)
def mmpose_scope():
    torch.manual_seed(0)
    init_default_scope('mmpose')


@pytest.fixture(scope='session')
def root() -> Path:
    return ROOT


@pytest.fixture(scope='session')
def tiny_sample(tmp_path_factory) -> Path:
    """24 train and 8 val pictures."""
    return make_sample(tmp_path_factory.mktemp('data') / 'sample', num_train=24, num_val=8)


@pytest.fixture
def tiny_config(tiny_sample, tmp_path, monkeypatch) -> Config:
    """The demo's config on the tiny sample, for two epochs, in this process."""
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
    config = Config.fromfile(next((CONFIGS / 'sample').glob('td-hm_*.py')))
    config.work_dir = str(tmp_path / 'work')
    config.train_cfg.update(max_epochs=2, val_interval=2)
    config.param_scheduler = []
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    config.log_level = 'WARNING'
    return config


@pytest.fixture(scope='session')
def test_data() -> Path:
    return Path(os.environ['RAMPOSE_TEST_DATA']).resolve()
