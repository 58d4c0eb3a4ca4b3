"""What the tests share: configs, a tiny sample set, the real data."""

import logging
import os
import re
from pathlib import Path
from typing import Dict, Tuple

import cv2
import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope, init_default_scope
from mmpose.registry import MODELS

import rampose.plugin  # noqa: F401  registers the models
from rampose.apis import TopdownPredictor
from rampose.apis.mmdet_detector import FASTER_RCNN_CONFIG
from rampose.core.pose_result import NO_TRACK
from rampose.export.evaluation import LabelledPeople, boxes_of
from rampose.export.exporting import export
from rampose.lab.environment import as_tuple
from rampose.lab.sample import make_sample
from rampose.prediction.person_trackers import RoboflowTracker, tracker_class

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/body_2d_keypoint/topdown_heatmap'


def pytest_collection_modifyitems(items):
    have_data = bool(os.environ.get('RAMPOSE_TEST_DATA'))
    for item in items:
        if 'real_data' in item.keywords and not have_data:
            item.add_marker(pytest.mark.skip(reason='RAMPOSE_TEST_DATA is not set'))
        if 'gpu' in item.keywords and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason='no CUDA device'))
        for mark in item.iter_markers('needs_torch'):
            if as_tuple(torch.__version__) < as_tuple(mark.args[0]):
                item.add_marker(pytest.mark.skip(reason=f'needs torch {mark.args[0]}, here is {torch.__version__}'))


def skip_where_nothing_is_exported():
    if as_tuple(torch.__version__) < (2, 5):
        pytest.skip(f'exporting needs torch 2.5, here is {torch.__version__}')


@pytest.fixture(scope='session', autouse=True)
def configs_without_layout():
    """MMEngine lays configs out by yapf, three times for each runner, which takes seconds; the text means the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.config.config.FormatCode', lambda text, **_: (text, False), raising=False)
        yield


@pytest.fixture(scope='session', autouse=True)
def nothing_is_fetched(tmp_path_factory):
    """Detectors are found in nobody's cache, and are not downloaded unasked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('RAMPOSE_CACHE', str(tmp_path_factory.mktemp('cache')))
        patch.setenv('CI', '1')
        yield


@pytest.fixture(autouse=True)
def no_closed_logs():
    """Loggers of MMEngine outlive their test; whoever initializes weights next writes to their files, closed or not."""
    for logger in MMLogger._instance_dict.values():
        for handler in list(logger.handlers):
            if isinstance(handler, logging.FileHandler) and (handler.stream is None or handler.stream.closed):
                logger.removeHandler(handler)


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


@pytest.fixture(scope='session')
def pose_config(tmp_path_factory) -> Path:
    """A small RAM-HRNet + GPR, 96x128 px, with the quarter offset of the real configs.

    The sample's unbiased decoding divides by curvatures, which the heatmaps of random weights have next to none of.
    """
    path = tmp_path_factory.mktemp('config') / 'small.py'
    path.write_text(f"_base_ = '{next((CONFIGS / 'sample').glob('td-hm_*.py'))}'\n"
                    'model = dict(head=dict(decoder=dict(unbiased=False)))\n')
    return path


@pytest.fixture(scope='session')
def pose_checkpoint(pose_config, tmp_path_factory) -> Path:
    """Random weights for it, with heatmaps that differ and attention that is not 1."""
    torch.manual_seed(0)
    init_default_scope('mmpose')
    model = MODELS.build(Config.fromfile(pose_config).model)
    model.init_weights()
    torch.nn.init.normal_(model.head.final_layer.weight, std=0.1)
    for name, parameter in model.named_parameters():
        if name.endswith(('score_weight', 'omega', 'beta')):
            torch.nn.init.normal_(parameter, std=0.3)
    model.train()
    with torch.no_grad():
        for _ in range(30):  # statistics of batch norm that fit all other weights, or the heatmaps vanish
            model(torch.randn(4, 3, 128, 96), None, mode='tensor')
        heatmaps = model.eval()(torch.randn(2, 3, 128, 96), None, mode='tensor')
    assert (heatmaps[0] - heatmaps[1]).std() > 0.01 and len(heatmaps[0].flatten(1).argmax(1).unique()) > 5
    path = tmp_path_factory.mktemp('weights') / 'pose.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return path


@pytest.fixture(scope='session')
def trained_model() -> Tuple[Path, Path]:
    """Config and checkpoint of the small model in checkpoints/, for what random weights cannot tell.

    Those pass rounding on enlarged; a trained network's heatmaps are next to 0 but where they find something.
    """
    checkpoint, = (ROOT / 'checkpoints').glob('ram-hrnet*.pth')
    card = (ROOT / 'checkpoints/ram-hrnet-w16-gpr_lspet-128x96.md').read_text()
    return ROOT / re.search(r'`(configs/[\w/.-]+\.py)`', card)[1], checkpoint


@pytest.fixture(scope='session')
def sample_people(tiny_sample) -> Dict[Path, np.ndarray]:
    """Pictures of the sample's val split, and the boxes (N, 4) of the figures in each."""
    labelled = LabelledPeople(tiny_sample / 'val', tiny_sample / 'annotations/person_keypoints_val.json')
    return {path: boxes_of(people) for path, people in labelled.pictures().items()}


@pytest.fixture(scope='session')
def predictor(pose_config, pose_checkpoint) -> TopdownPredictor:
    return TopdownPredictor(pose_config, pose_checkpoint, device='cpu', batch_size=4)


@pytest.fixture(scope='session')
def detector_checkpoint(tmp_path_factory) -> Path:
    """Random weights for MMPose's Faster R-CNN that take whatever they find for a person: they find up to 100."""
    from mmdet.apis import init_detector
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = init_detector(str(FASTER_RCNN_CONFIG), None, device='cpu', palette='random')
    torch.nn.init.constant_(model.roi_head.bbox_head.fc_cls.bias[:1], 10.0)
    path = tmp_path_factory.mktemp('weights') / 'faster_rcnn.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=dict()), path)
    return path


@pytest.fixture(scope='session')
def photo() -> np.ndarray:
    """Something with edges, (240, 320, 3) uint8."""
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8), (320, 240), interpolation=cv2.INTER_NEAREST)


@pytest.fixture(scope='session')
def onnx_model(pose_config, pose_checkpoint, tmp_path_factory) -> Path:
    skip_where_nothing_is_exported()
    return export(pose_config, pose_checkpoint, tmp_path_factory.mktemp('onnx')).path


@pytest.fixture(scope='session')
def openvino_model(pose_config, pose_checkpoint, tmp_path_factory) -> Path:
    skip_where_nothing_is_exported()
    return export(pose_config, pose_checkpoint, tmp_path_factory.mktemp('openvino'), format='openvino').path


@pytest.fixture
def some_tracker() -> int:
    """Somebody's number in their first frame, by the library that is there; skips where none tracks."""
    try:
        return NO_TRACK if tracker_class() is RoboflowTracker else 0
    except ImportError as error:
        pytest.skip(str(error))


@pytest.fixture
def bboxes() -> list:
    return [[10, 10, 200, 220], [100, 20, 310, 239], [-20, 5, 90, 260.5], [50, 60, 120, 200], [0, 0, 320, 240]]
