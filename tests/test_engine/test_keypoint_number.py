import json

import pytest
from mmengine.runner import Runner


def test_agreement_passes(tiny_config):
    tiny_config.train_cfg.update(max_epochs=1, val_interval=2)
    runner = Runner.from_cfg(tiny_config)
    assert any(type(hook).__name__ == 'KeypointNumberHook' for hook in runner.hooks)
    runner.train()


def test_a_head_with_another_number(tiny_config):
    tiny_config.model.head.out_channels = 5
    with pytest.raises(ValueError, match=r"model has 5 keypoints, the metainfo of train's data set \(coco\) 17: set "
                                         r'model\.head\.out_channels to 17'):
        Runner.from_cfg(tiny_config).train()
    tiny_config.experiment_name = 'test'
    with pytest.raises(ValueError, match="model has 5 keypoints, the metainfo of test's data set"):
        Runner.from_cfg(tiny_config).test()


def test_annotations_with_another_number(tiny_config, tmp_path):
    dataset = tiny_config.train_dataloader.dataset
    content = json.loads((tmp_path / dataset.data_root / dataset.ann_file).read_text())
    for annotation in content['annotations']:
        annotation['keypoints'] = annotation['keypoints'][:3 * 5]
    dataset.ann_file = str(tmp_path / 'five.json')
    (tmp_path / 'five.json').write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"five\.json has 5 keypoints, the metainfo of train's data set \(coco\) 17"):
        Runner.from_cfg(tiny_config).train()
