"""Every config stands on its own, builds, and costs what Table 1 says."""

import math
from pathlib import Path

import pytest
import torch
import yaml
from mmengine import Config
from mmpose.datasets.datasets import utils
from mmpose.registry import DATASETS, MODELS, PARAM_SCHEDULERS, TRANSFORMS

from rampose.lab.complexity import complexity
from rampose.lab.environment import as_tuple

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
BASES = CONFIGS / '_base_/datasets'
COCO_CONFIGS = CONFIGS / 'body_2d_keypoint/topdown_heatmap/coco'

COCO = sorted(COCO_CONFIGS.glob('td-hm_ram-hrnet-*_4xb32-*.py'))  # the paper's
ALL = sorted(path for path in CONFIGS.rglob('td-hm_*.py') if 'ensemble' not in path.stem)  # those are not trained
# Width, (h, w): parameters and multiply-adds / 2^30 of the reading of the paper.
TABLE_1 = {('w32', '256x192'): (31.47, 7.658), ('w48', '256x192'): (70.18, 15.825),
           ('w32', '384x288'): (31.47, 17.231), ('w48', '384x288'): (70.18, 35.606)}
METADATA = {model['Name']: model['Metadata'] for path in CONFIGS.rglob('*.yml')
            for model in yaml.safe_load(path.read_text())['Models']}


@pytest.fixture(autouse=True)
def test_data_or_a_stand_in(monkeypatch, tmp_path):
    monkeypatch.setenv('RAMPOSE_TEST_DATA', str(tmp_path))


def build(path):
    config = Config.fromfile(path)
    config.model.backbone.init_cfg = None
    return config, MODELS.build(config.model).eval()


@pytest.mark.needs_torch('2.1')
@pytest.mark.parametrize('path', COCO, ids=lambda path: path.stem)
def test_costs_what_table_1_says(path):
    width, size = next(key for key in TABLE_1 if f'-{key[0]}-' in path.stem and path.stem.endswith(key[1]))
    config, model = build(path)
    cost = complexity(model, config.codec.input_size)
    assert (round(cost.parameters / 1e6, 2), round(cost.paper_gflops, 3)) == TABLE_1[width, size]


def test_there_are_the_four_of_table_1():
    assert [path.stem for path in COCO] == sorted(
        f'td-hm_ram-hrnet-{width}-gpr_4xb32-240e_coco-{size}' for width, size in TABLE_1)


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_builds_and_agrees_with_itself(path):
    neck = Config.fromfile(path).model.get('neck') or {}
    if neck and MODELS.get(neck.type) is None:
        pytest.skip(f'MMPose has {neck.type} from 1.2 on')
    config, model = build(path)
    w, h = config.codec.input_size
    with torch.no_grad():
        heatmaps = model(torch.zeros(1, 3, h, w), None, mode='tensor')
    heatmaps = heatmaps[-1] if isinstance(heatmaps, list) else heatmaps  # of several stages
    assert tuple(heatmaps.shape[2:][::-1]) == tuple(config.codec.heatmap_size)
    size = path.stem.rsplit('-', 1)[1]
    assert size == f'{h}x{w}', 'the data part of the name is height x width'
    for loader in (config.train_dataloader, config.val_dataloader):
        metainfo = utils.parse_pose_metainfo(loader.dataset.metainfo)
        assert metainfo['num_keypoints'] == heatmaps.shape[1]
        for step in loader.dataset.pipeline:
            TRANSFORMS.build(step)
        assert DATASETS.get(loader.dataset.type)
    assert config.data_mode == 'topdown' and config.dataset_type == loader.dataset.type, "MMPose's inferencers ask"
    batch = int(path.stem.split('xb')[1].split('-')[0])
    assert config.train_dataloader.batch_size == batch
    epochs = int(path.stem.split(f'xb{batch}-')[1].split('e_')[0])
    assert config.train_cfg.max_epochs == epochs
    metadata = METADATA[path.stem]
    if as_tuple(torch.__version__) >= (2, 1):  # an older one does not count
        cost = complexity(model.to('meta'), config.codec.input_size)
        assert (round(cost.parameters / 1e6, 2), round(cost.paper_gflops, 3)) == (
            metadata['Parameters (M)'], metadata['Multiply-adds / 2^30']), 'what the metafile says'
    assert metadata['Input Size (h x w)'] == size
    if 'auto_scale_lr' in config:
        assert config.auto_scale_lr.base_batch_size == batch * int(path.stem.split('xb')[0][-1])


ABLATIONS = {'no-attention': dict(backbone=dict(with_attention=False)),
             'rescale-sum': dict(head=dict(with_refinement=False)), 'no-cutout': {}}


@pytest.mark.parametrize('name', ABLATIONS)
def test_ablations_show_only_what_they_change(name):
    full = Config.fromfile(COCO_CONFIGS / 'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py')
    ablation = Config.fromfile(COCO_CONFIGS / f'td-hm_ram-hrnet-w32-gpr_{name}-4xb32-240e_coco-256x192.py')
    for part, change in ABLATIONS[name].items():
        full.model[part].update(change)
    if name == 'no-cutout':
        pipeline = full.train_dataloader.dataset.pipeline
        assert [step.type for step in pipeline].count('Cutout') == 1
        full.train_dataloader.dataset.pipeline = [step for step in pipeline if step.type != 'Cutout']
    for key in full:
        if key not in ('train_pipeline', ):  # what the loaders' pipelines were made from
            assert ablation[key] == full[key], key


OTHERS = [path for path in ALL
          if path.parent == COCO_CONFIGS
          and path.stem.startswith(('td-hm_hrnet-', 'td-hm_res152_', 'td-hm_cpn-', 'td-hm_hourglass8_'))]


@pytest.mark.parametrize('path', OTHERS, ids=lambda path: path.stem)
def test_the_systems_of_table_1_share_our_recipe(path):
    """So that a difference in AP is the architecture's."""
    config = Config.fromfile(path)
    ours = Config.fromfile(COCO_CONFIGS / f'td-hm_ram-hrnet-w32-gpr_4xb32-240e_{path.stem.split("240e_")[1]}.py')
    for key in ('train_dataloader', 'val_dataloader', 'test_evaluator', 'train_cfg', 'optim_wrapper',
                'param_scheduler'):
        assert config[key] == ours[key], key


def test_what_is_compared_on_lspet_shares_a_recipe():
    folder = COCO_CONFIGS.parent / 'lspet'
    ours = Config.fromfile(folder / 'td-hm_ram-hrnet-w16-gpr_1xb16-6e_lspet-128x96.py')
    others = [path for path in folder.glob('*_1xb16-6e_*.py') if '-gpr_1xb16' not in path.stem]
    others += folder.glob('*_no-*.py')
    others += folder.glob('*_rescale-sum-*.py')
    assert len(others) == 4
    for path in others:
        config = Config.fromfile(path)
        for key in ours:
            if key == 'model' or (key == 'train_dataloader' and 'no-cutout' in path.stem):
                continue
            assert config[key] == ours[key], f'{path.stem}: {key}'
        assert config.model.head.decoder == ours.model.head.decoder
        assert config.model.backbone.init_cfg == ours.model.backbone.init_cfg
        steps = [step.type for step in config.train_dataloader.dataset.pipeline]
        assert ('Cutout' in steps) == ('no-cutout' not in path.stem)


def test_learning_rate_restarts_after_16_48_and_112_epochs():
    config = Config.fromfile(COCO[0])
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], lr=config.optim_wrapper.optimizer.lr)
    length = 4  # iterations an epoch
    scheduler = PARAM_SCHEDULERS.build(
        config.param_scheduler[0], default_args=dict(optimizer=optimizer, epoch_length=length))
    rates = []
    for _ in range(240 * length):
        rates.append(optimizer.param_groups[0]['lr'])
        scheduler.step()
    starts, lengths = (0, 16, 48, 112), (16, 32, 64, 128)
    assert [i // length for i, rate in enumerate(rates) if rate == 1e-3] == list(starts)
    for start, period in zip(starts, lengths):
        for t in (1, period * length // 2, period * length - 1):
            expected = 0.5e-3 * (1 + math.cos(math.pi * t / (period * length)))
            assert rates[start * length + t] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize('path', ALL, ids=lambda path: path.stem)
def test_stands_on_bases_of_our_own(path):
    def bases_of(file):
        scope = {}
        for line in file.read_text().splitlines():
            assert 'mmpose::' not in line and '.mim' not in line.split('#')[0], file
        text = file.read_text()
        if '_base_ =' in text:
            end = text.index(']') + 1 if text.split('_base_ =')[1].lstrip().startswith('[') else text.index(
                '\n', text.index('_base_ ='))
            exec(text[text.index('_base_ ='):end], scope)
        bases = scope.get('_base_', [])
        return [bases] if isinstance(bases, str) else bases

    todo = [path]
    while todo:
        file = todo.pop()
        for base in bases_of(file):
            target = (file.parent / base).resolve()
            assert target.is_file() and CONFIGS in target.parents
            todo.append(target)


@pytest.mark.parametrize('path', COCO, ids=lambda path: path.stem)
def test_coco_root_points_everything_at_the_data(path, monkeypatch):
    monkeypatch.setenv('COCO_ROOT', '/somewhere/coco')
    config = Config.fromfile(path)
    for value in (config.train_dataloader.dataset.data_root, config.val_dataloader.dataset.data_root,
                  config.val_dataloader.dataset.bbox_file, config.val_evaluator.ann_file):
        assert value.startswith('/somewhere/coco')


def test_input_sizes_differ_in_the_codec_alone():
    def lines(name):
        return (BASES / f'{name}.py').read_text().splitlines()

    for other in ('256x256', '384x288'):
        assert [a.split('=')[0] for a, b in zip(lines('topdown_256x192'), lines(f'topdown_{other}')) if a != b] == [
            'codec ']
    assert [a.split('=')[0] for a, b in zip(lines('coco_topdown_256x192'), lines('coco_topdown_384x288'))
            if a != b] == ['_base_ ']
    for other in ('192x144', '256x192'):
        assert [a.split('=')[0][:8] for a, b in zip(lines('coco_people_128x96'), lines(f'coco_people_{other}'))
                if a != b] == ['# People', 'codec ']
