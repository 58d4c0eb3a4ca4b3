"""Real photographs: COCO pictures that lie in RAMPOSE_TEST_DATA."""

import json
from pathlib import Path

import pytest
from mmengine import Config
from mmengine.runner import Runner

CONFIGS = Path(__file__).resolve().parents[1] / 'configs/body_2d_keypoint/topdown_heatmap'
pytestmark = pytest.mark.real_data


@pytest.mark.long
def test_learns_coco_tiny_by_heart(tmp_path, test_data):
    """12 persons: AP >= 0.90 with their own boxes; and the detector's boxes go through the same evaluation."""
    config = Config.fromfile(next((CONFIGS / 'coco').glob('*coco-tiny*.py')))
    config.work_dir = str(tmp_path)
    runner = Runner.from_cfg(config)
    assert len(runner.train_dataloader.dataset) == 12
    runner.train()

    config.load_from = str(next(tmp_path.glob('best_coco_AP_*.pth')))
    with_own_boxes = Runner.from_cfg(config).test()
    assert with_own_boxes['coco/AP'] >= 0.90

    config.test_dataloader.dataset.bbox_file = str(test_data / 'coco_tiny/test_coco_det_AP_H_56.json')
    runner = Runner.from_cfg(config)
    detected = json.loads(Path(config.test_dataloader.dataset.bbox_file).read_text())
    assert len(runner.test_dataloader.dataset) == len(detected) == 118
    with_detected_boxes = runner.test()
    # Other boxes than those learnt by heart, without augmentation: about 0.1 is what such a model can do.
    assert 0.03 < with_detected_boxes['coco/AP'] < with_own_boxes['coco/AP']


@pytest.mark.long
def test_one_epoch_on_coco_mini(tmp_path, test_data):
    """The W32 recipe as it stands: crowd annotations, pictures without people and persons without keypoints."""
    config = Config.fromfile(CONFIGS / 'coco/td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py')
    root = str(test_data / 'coco_mini')
    annotations = next((test_data / 'coco_mini/annotations').glob('*.json'))
    config.work_dir = str(tmp_path)
    config.model.backbone.init_cfg = None  # no download
    config.train_cfg.update(max_epochs=1, val_interval=1)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.update(data_root=root, ann_file=f'annotations/{annotations.name}',
                              data_prefix=dict(img='train2017/'))
    config.train_dataloader.batch_size = 16
    config.val_dataloader.dataset.bbox_file = config.test_dataloader.dataset.bbox_file = None
    config.val_evaluator.ann_file = config.test_evaluator.ann_file = str(annotations)
    runner = Runner.from_cfg(config)
    labelled = [annotation for annotation in json.loads(annotations.read_text())['annotations']
                if annotation['num_keypoints'] and not annotation['iscrowd']]
    assert len(runner.train_dataloader.dataset) == len(labelled)
    runner.train()
    assert (tmp_path / 'epoch_1.pth').is_file()
    assert runner.message_hub.get_scalar('train/loss').current() > 0
