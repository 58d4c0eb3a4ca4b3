import json
from types import SimpleNamespace

import pytest
from mmengine.dataset import Compose
from mmengine.runner import Runner

from rampose.engine.hooks import KeypointNumberHook
from rampose.engine.stopping import RunStopped


@pytest.fixture
def unchecked_config(tiny_config):
    """With MMEngine's own loop, which does not look at the annotations as ours does."""
    tiny_config.train_cfg.type = 'EpochBasedTrainLoop'
    return tiny_config


class Coco(list):
    """An empty data set with COCO's keypoints."""
    metainfo = dict(num_keypoints=17, dataset_name='coco')


def test_agreement_passes(tiny_config):
    tiny_config.train_cfg.update(max_epochs=1, val_interval=2)
    runner = Runner.from_cfg(tiny_config)
    assert any(type(hook).__name__ == 'KeypointNumberHook' for hook in runner.hooks)
    runner.train()


def test_a_head_with_another_number(tiny_config):
    tiny_config.model.head.out_channels = 5
    with pytest.raises(RunStopped, match=r"model has 5 keypoints, the metainfo of train's data set \(coco\) 17: set "
                                         r'model\.head\.out_channels to 17'):
        Runner.from_cfg(tiny_config).train()
    tiny_config.experiment_name = 'test'
    with pytest.raises(RunStopped, match="model has 5 keypoints, the metainfo of test's data set"):
        Runner.from_cfg(tiny_config).test()


def check(loop, dataset, **test_cfg):
    """What the hook says of a model with 19 keypoints and a data set in one of the loops."""
    model = SimpleNamespace(head=SimpleNamespace(out_channels=19), test_cfg=test_cfg)
    loops = {f'_{name}_loop': None for name in ('train', 'val', 'test')}
    loops[f'_{loop}_loop'] = SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset))
    KeypointNumberHook().before_run(SimpleNamespace(model=model, **loops))


def test_a_model_of_several_data_sets_is_tested_by_a_choice_of_its_keypoints():
    """As MMPose's configs for COCO and AIC together are; what they train on has all 19."""
    check('test', Coco(), output_keypoint_indices=list(range(17)))
    with pytest.raises(RunStopped, match="model has 19 keypoints, the metainfo of train's"):
        check('train', Coco(), output_keypoint_indices=list(range(17)))
    with pytest.raises(RunStopped, match="model gives 16 keypoints, the metainfo of test's"):
        check('test', Coco(), output_keypoint_indices=list(range(16)))


def test_keypoints_that_a_pipeline_converts_are_left_to_it():
    dataset = Coco()
    dataset.pipeline = Compose([dict(type='KeypointConverter', num_keypoints=19, mapping=[(0, 0)])])
    check('train', dataset)


def test_annotations_with_another_number(unchecked_config, tmp_path):
    dataset = unchecked_config.train_dataloader.dataset
    content = json.loads((tmp_path / dataset.data_root / dataset.ann_file).read_text())
    for annotation in content['annotations']:
        annotation['keypoints'] = annotation['keypoints'][:3 * 5]
    dataset.ann_file = str(tmp_path / 'five.json')
    (tmp_path / 'five.json').write_text(json.dumps(content))
    with pytest.raises(RunStopped, match=r"five\.json has 5 keypoints, the metainfo of train's data set \(coco\) 17"):
        Runner.from_cfg(unchecked_config).train()


def test_the_same_names_in_another_order(unchecked_config, tmp_path):
    """It would train, with wrong keypoints swapped by a flip."""
    dataset = unchecked_config.train_dataloader.dataset
    content = json.loads((tmp_path / dataset.data_root / dataset.ann_file).read_text())
    names = content['categories'][0]['keypoints']
    names[1], names[2] = names[2], names[1]
    (tmp_path / 'train.json').write_text(json.dumps(content))
    dataset.ann_file = str(tmp_path / 'train.json')
    with pytest.raises(RunStopped, match=r'train\.json names its keypoints in another order than the metainfo \(coco\):'
                                         r' '
                                         r'keypoint 1 is right_eye, in the metainfo left_eye'):
        Runner.from_cfg(unchecked_config).train()


def test_one_annotation_among_others_with_another_number(unchecked_config, tmp_path):
    """Of a second category, for one."""
    dataset = unchecked_config.train_dataloader.dataset
    content = json.loads((tmp_path / dataset.data_root / dataset.ann_file).read_text())
    content['annotations'][7]['keypoints'] = [1, 1, 2] * 5
    (tmp_path / 'train.json').write_text(json.dumps(content))
    dataset.ann_file = str(tmp_path / 'train.json')
    number = content['annotations'][7]['id']
    with pytest.raises(RunStopped, match=rf'annotation {number} in .* has 5 keypoints, the metainfo of train'):
        Runner.from_cfg(unchecked_config).train()
