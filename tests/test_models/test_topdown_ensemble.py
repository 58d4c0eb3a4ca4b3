"""Averaged heatmaps of several checkpoints, through MMPose's own test loop."""

import copy

import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.runner import Runner, load_checkpoint
from mmpose.registry import MODELS

from rampose.checkpoints.loading import CheckpointError


@pytest.fixture
def members(tiny_config, tmp_path):
    """Config and checkpoint of two small models with other random weights, and the models themselves."""
    config = copy.deepcopy(tiny_config)
    config.model.head.decoder.unbiased = False  # divides by curvatures, which random heatmaps have next to none of
    config.dump(tmp_path / 'member.py')
    made, models = [], []
    for number in range(2):
        torch.manual_seed(number)
        model = MODELS.build(config.model)
        model.init_weights()
        torch.nn.init.normal_(model.head.final_layer.weight, std=0.1)
        model.train()
        with torch.no_grad():
            for _ in range(30):
                model(torch.randn(4, 3, 128, 96), None, mode='tensor')
        path = tmp_path / f'{number}.pth'
        torch.save(dict(state_dict=model.state_dict(), meta=dict()), path)
        made.append(dict(config=str(tmp_path / 'member.py'), checkpoint=str(path)))
        models.append(model.eval())
    return config, made, models


def ensemble_of(members):
    return MODELS.build(dict(type='TopdownEnsemble', members=members)).eval()


def batch_of(config):
    dataset = Runner.build_dataloader(config.val_dataloader).dataset
    return [dataset[0], dataset[1]]


def predicted(model, batch):
    data = model.data_preprocessor(dict(inputs=[one['inputs'] for one in batch],
                                        data_samples=[copy.deepcopy(one['data_samples']) for one in batch]))
    with torch.no_grad():
        return model(**data, mode='predict')


def test_heatmaps_are_the_mean_with_each_members_flip_test(members):
    config, made, models = members
    batch = batch_of(config)
    alone = []
    for model in models:
        model.test_cfg['output_heatmaps'] = True
        alone.append([sample.pred_fields.heatmaps for sample in predicted(model, batch)])
    ensemble = ensemble_of(made)
    ensemble.test_cfg['output_heatmaps'] = True
    samples = predicted(ensemble, batch)
    for i, sample in enumerate(samples):
        mean = (alone[0][i] + alone[1][i]) / 2
        torch.testing.assert_close(sample.pred_fields.heatmaps, mean)
        keypoints, scores = models[0].head.decoder.decode(mean.numpy())
        meta, labels = sample.metainfo, sample.gt_instances
        center, scale = ((meta['input_center'], meta['input_scale']) if 'input_center' in meta else  # before MMPose 1.2
                         (labels.bbox_centers, labels.bbox_scales))
        expected = keypoints / meta['input_size'] * scale + center - scale / 2
        np.testing.assert_allclose(sample.pred_instances.keypoints, expected, atol=1e-3)
        np.testing.assert_allclose(sample.pred_instances.keypoint_scores, scores, atol=1e-6)
    assert not torch.allclose(alone[0][0], alone[1][0])


def test_the_test_loop_brings_the_first_members_checkpoint(members, tmp_path):
    """As `mim test mmpose CONFIG --checkpoint FILE` does; a checkpoint of the whole ensemble does, too."""
    config, made, _ = members
    expected = ensemble_of(made).state_dict()
    config = copy.deepcopy(config)
    config.model = dict(type='TopdownEnsemble', members=[dict(config=made[0]['config']), made[1]])
    config.load_from = made[0]['checkpoint']
    config.update(train_dataloader=None, train_cfg=None, optim_wrapper=None, param_scheduler=None)
    config.custom_hooks = [hook for hook in config.custom_hooks if hook.type != 'ChannelsLastHook']
    runner = Runner.from_cfg(config)
    metrics = runner.test()
    for name, value in runner.model.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    torch.save(dict(state_dict=expected), tmp_path / 'whole.pth')
    without = ensemble_of([dict(config=member['config']) for member in made])
    without.load_state_dict(torch.load(tmp_path / 'whole.pth', weights_only=True)['state_dict'])
    config.load_from = str(tmp_path / 'whole.pth')
    config.model.members = [dict(config=member['config']) for member in made]
    assert Runner.from_cfg(config).test() == metrics and metrics['coco/AR'] >= 0


def test_no_member_stays_random(members, tmp_path):
    """MMEngine's loading alone would only warn."""
    _, made, models = members
    alone = dict(config=made[0]['config'])
    with pytest.raises(CheckpointError, match='member 2 of the ensemble has no checkpoint'):
        load_checkpoint(ensemble_of([alone, alone]), made[0]['checkpoint'])
    state = models[0].state_dict()
    state['head.final_layer.weight'] = state['head.final_layer.weight'][:5]
    for change in (dict(state), {name: value for name, value in state.items() if 'stage4' not in name}):
        torch.save(dict(state_dict=change), tmp_path / 'other.pth')
        with pytest.raises(CheckpointError, match='not that of member 1'):
            load_checkpoint(ensemble_of([alone, made[1]]), str(tmp_path / 'other.pth'))
        with pytest.raises(CheckpointError, match=r'other\.pth belongs to another model'):
            ensemble_of([made[0], dict(alone, checkpoint=str(tmp_path / 'other.pth'))])


def test_members_that_do_not_fit_together_are_refused(members, tmp_path):
    config, made, _ = members
    for change, message in (
            (dict(codec=dict(input_size=(192, 256))), r'differ in input size: \(96, 128\), \(192, 256\)'),
            (dict(codec=dict(type='UDPHeatmap')), r"differ in codec: \('MSRAHeatmap', None\), \('UDPHeatmap', None\)"),
            ({}, "differ in keypoints: .'nose'.*'Root of tail'")):
        other = copy.deepcopy(config)
        other.merge_from_dict(change)
        if not change:
            other.test_dataloader.dataset.metainfo.from_file = 'configs/_base_/datasets/ap10k.py'
        other.dump(tmp_path / 'other.py')
        with pytest.raises(ValueError, match=message):
            ensemble_of([made[0], dict(config=str(tmp_path / 'other.py'))])
    with pytest.raises(ValueError, match=r'got images of \(192, 256\), but the members take \(96, 128\)'):
        ensemble_of(made)(torch.zeros(1, 3, 256, 192), [], mode='predict')
    with pytest.raises(ValueError, match='no members'):
        ensemble_of([])
    with pytest.raises(FileNotFoundError, match='nowhere.pth'):
        ensemble_of([dict(made[0], checkpoint='nowhere.pth')])
    with pytest.raises(NotImplementedError, match='train its members'):
        ensemble_of(made)(torch.zeros(1, 3, 128, 96), [], mode='loss')


def test_the_published_ensembles_config(root, monkeypatch):
    path = root / 'configs/body_2d_keypoint/topdown_heatmap/coco/td-hm_cpn-ensemble_coco-384x288.py'
    monkeypatch.setenv('CPN_RES101', '/somewhere/res101.pth')
    config = Config.fromfile(path)
    assert [member.get('checkpoint') for member in config.model.members] == [None, '/somewhere/res101.pth']
    assert config.train_dataloader is None
    del config.model.members[1]['checkpoint']
    model = MODELS.build(config.model).eval()
    assert [member.backbone.depth for member in model.members] == [50, 101]
