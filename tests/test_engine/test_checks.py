"""What is wrong with a config is said in one line, before anything is loaded."""

import copy

import pytest
from mmengine import Config
from mmengine.runner import Runner

from rampose.engine.checks import check_config
from rampose.engine.stopping import RunStopped


def test_a_good_config_passes(tiny_config):
    check_config(tiny_config)


def change(config, changes):
    config = copy.deepcopy(config)
    config.merge_from_dict(changes)
    return config


WRONG = {
    'a typo': (dict(train_dataloder=dict(batch_size=4)),
               r'train_dataloder, which nothing reads; is train_dataloader meant'),
    'a name of MMPose 0.x': ({'optimizer.lr': 1e-6}, r'says optimizer, a name of MMPose 0\.x .* say optim_wrapper'),
    'best by a metric of another name': (dict(val_evaluator=dict(type='PCKAccuracy')),
                                         r'save_best is coco/AP, but val_evaluator gives names without a prefix'),
    'best by another metric of that prefix': (dict(val_evaluator=dict(type='EPE', prefix='coco')),
                                              r'save_best is coco/AP, but EPE gives EPE'),
    'wrong metainfo': ({'train_dataloader.dataset.metainfo': dict(keypoint_info={
        0: dict(name='left', swap='right'), 1: dict(name='right', swap='')}, skeleton_info={}, sigmas=[1, 1],
        joint_weights=[1, 1])}, r'dataset\.metainfo: keypoint left swaps with right, but right with none'),
    'no data root': ({'train_dataloader.dataset.data_root': 'no/where'},
                     r'data set of train_dataloader\.dataset is missing, looked for at no/where: set '
                     r'train_dataloader\.dataset\.data_root to where'),
    'no annotations': ({'val_dataloader.dataset.ann_file': 'none.json'},
                       r'annotations of val_dataloader\.dataset are missing, looked for at .*none\.json'),
    'no detections': ({'val_dataloader.dataset.bbox_file': 'none.json'},
                      r'detections of val_.* looked for at none\.json'),
    'no pictures': ({'train_dataloader.dataset.data_prefix.img': 'none/'},
                    r'pictures of train_dataloader\.dataset are missing, looked for in .*none'),
    'no weights': ({'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='none.pth')},
                   r'pre-trained weights of model\.backbone are missing, looked for at none\.pth.* '
                   r'model\.backbone\.init_cfg'),
    'weights that cannot be fetched': (
        {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='http://127.0.0.1:9/hrnet.pth')},
        r'pre-trained weights of model\.backbone are missing: http://127\.0\.0\.1:9/hrnet\.pth cannot be downloaded: '
        r'.*refused.*with a network try again, or put the file at .*hrnet\.pth'),
    'load_from': (dict(load_from='none.pth'), r'load_from is missing, looked for at none\.pth'),
    'odd size': ({'model.head.decoder.input_size': (100, 128), 'train_dataloader.dataset.pipeline': [],
                  'val_dataloader.dataset.pipeline': []}, r'\(100, 128\); HRNet halves it five times'),
    'other sizes': ({'model.head.decoder.input_size': (192, 256)},
                    r'TopdownAffine in train_dataloader\.dataset\.pipeline has the input size \(96, 128\).* '
                    r'\(192, 256\)'),
    'heatmap': ({'model.head.decoder.heatmap_size': (48, 64)},
                r'heatmap size .* \(48, 64\) .* the model gives \(24, 32\)'),
}


@pytest.mark.parametrize('name', WRONG)
def test_what_is_wrong(tiny_config, name):
    changes, message = WRONG[name]
    with pytest.raises(ValueError, match=message) as error:
        check_config(change(tiny_config, changes))
    assert '\n' not in str(error.value)


def test_empty_files(tiny_config, tmp_path):
    dataset = tiny_config.train_dataloader.dataset
    (tmp_path / 'annotations').mkdir()
    (tmp_path / dataset.ann_file).touch()
    (tmp_path / 'train').mkdir()
    with pytest.raises(ValueError, match=r'annotations of .* are an empty file'):
        check_config(change(tiny_config, {'train_dataloader.dataset.data_root': str(tmp_path)}))
    (tmp_path / dataset.ann_file).write_text('{}')
    with pytest.raises(ValueError, match=r'folder of pictures of .*train.*, is empty'):
        check_config(change(tiny_config, {'train_dataloader.dataset.data_root': str(tmp_path)}))


def test_data_sets_that_are_combined(tiny_config):
    part = copy.deepcopy(tiny_config.train_dataloader.dataset)
    part.ann_file = 'none.json'
    tiny_config.train_dataloader.dataset = dict(type='CombinedDataset', datasets=[part])
    with pytest.raises(ValueError, match=r'train_dataloader\.dataset\.datasets\[0\] are missing'):
        check_config(tiny_config)


@pytest.mark.parametrize('name', ['models', 'train_cfg2', 'data_roots', 'train_pipeline_stage2', 'dataset_coco'])
def test_names_of_ones_own_are_free(tiny_config, name):
    check_config(change(tiny_config, {name: dict(some='thing')}))


def test_the_loop_stops_before_the_data_is_loaded(tiny_config, monkeypatch):
    tiny_config.train_dataloader.dataset.data_root = 'no/where'
    runner = Runner.from_cfg(tiny_config)
    monkeypatch.setattr(Runner, 'build_dataloader', None)
    with pytest.raises(RunStopped, match='looked for at no/where'):
        runner.train()


def test_the_variable_that_says_where_the_data_lies(tiny_config, monkeypatch, root, tmp_path):
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tmp_path / 'none'))
    config = Config.fromfile(next((root / 'configs/body_2d_keypoint/topdown_heatmap/sample').glob('td-hm_*.py')))
    with pytest.raises(ValueError, match=r'set train_dataloader\.dataset\.data_root or \$RAMPOSE_SAMPLE to where'):
        check_config(config)


def test_all_configs_that_train_use_the_loop(root):
    for path in root.glob('configs/*_2d_keypoint/**/td-hm_*.py'):
        if 'ensemble' not in path.name:
            assert Config.fromfile(path).train_cfg.type == 'CheckedTrainLoop', path


def test_epochs_beyond_the_schedule_are_warned_of(tiny_config):
    tiny_config.train_cfg.max_epochs = 9
    tiny_config.param_scheduler = [dict(type='CosineAnnealingLR', T_max=5, by_epoch=True)]
    messages = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('rampose.engine.checks.print_log', lambda text, *_: messages.append(text))
        check_config(tiny_config)
        tiny_config.train_cfg.max_epochs = 5
        check_config(tiny_config)
    assert messages == ['train_cfg.max_epochs is 9, but CosineAnnealingLR of param_scheduler ends after 5: set both '
                        'alike']
