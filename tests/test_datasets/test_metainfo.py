"""Keypoints keep their order in a config that MMEngine wrote, where it puts keypoint 10 before keypoint 2."""

import json
import subprocess
import sys

import mmengine
import pytest
import torch
from mmengine import Config
from mmpose.datasets.datasets import utils
from mmpose.registry import MODELS

from rampose.lab.environment import as_tuple

# What a user types, MMPose's modules loaded before ours.
USES = '''
import json, sys
import mmpose.apis, mmpose.datasets, mmpose.models
from mmengine import Config
from mmpose.apis import init_model
from mmpose.registry import DATASETS
config, checkpoint, annotations = sys.argv[1:]
flips = {'init_model': init_model(config, checkpoint, device='cpu').dataset_meta['flip_indices']}
combined = DATASETS.build(dict(
    type='CombinedDataset', metainfo=Config.fromfile(config).dataset_info, pipeline=[], datasets=[
        dict(type='CrowdPoseDataset', ann_file=annotations, metainfo=Config.fromfile(config).dataset_info)]))
flips['CombinedDataset'] = combined.metainfo['flip_indices']
flips['its parts'] = combined.datasets[0].metainfo['flip_indices']
from rampose.apis import TopdownPredictor
from rampose.export.description import describe
predictor = TopdownPredictor(config, checkpoint, device='cpu')
flips['TopdownPredictor'] = predictor.dataset_meta['flip_indices']
model = init_model(config, checkpoint, device='cpu')
flips['export'] = describe(model, model.cfg.test_dataloader.dataset.pipeline).flip_indices
print(json.dumps(flips))
'''


@pytest.fixture(scope='module')
def written(root, tmp_path_factory):
    """A config with keypoints of its own, as it lies in a work folder."""
    path = tmp_path_factory.mktemp('work') / 'written.py'
    Config.fromfile(next(root.glob('configs/*/*/lspet/td-hm_ram-hrnet-w16-gpr_1xb16-6e_*.py'))).dump(path)
    return path


@pytest.fixture(scope='module')
def flip_indices(root):
    info = Config.fromfile(root / 'configs/_base_/datasets/lsp.py').dataset_info
    return utils.parse_pose_metainfo(info)['flip_indices']


def test_a_written_config_keeps_the_order_of_the_keypoints(root, written):
    config, dumped = Config.fromfile(root / 'configs/_base_/datasets/lsp.py'), Config.fromfile(written)
    written_in_order = as_tuple(mmengine.__version__) < (0, 8)
    assert list(dumped.dataset_info.keypoint_info)[:3] == ([0, 1, 2] if written_in_order else [0, 1, 10])
    wanted, got, unmended = (parse(info) for parse, info in (
        (utils.parse_pose_metainfo, config.dataset_info), (utils.parse_pose_metainfo, dumped.dataset_info),
        (utils.parse_pose_metainfo.__wrapped__, dumped.dataset_info)))
    for key in ('flip_indices', 'keypoint_id2name', 'keypoint_colors', 'skeleton_links'):
        assert str(got[key]) == str(wanted[key]), key
    assert (unmended['flip_indices'] == wanted['flip_indices']) == written_in_order


@pytest.mark.slow
def test_every_user_of_a_written_config_gets_the_right_flip_pairs(written, flip_indices, tmp_path):
    """With a checkpoint that says nothing of keypoints, as ``rampose convert`` writes it."""
    config = Config.fromfile(written)
    config.model.backbone.init_cfg = None
    torch.save(dict(meta={}, state_dict=MODELS.build(config.model).state_dict()), tmp_path / 'bare.pth')
    (tmp_path / 'none.json').write_text(json.dumps(dict(
        images=[dict(id=1, file_name='a.jpg', width=9, height=9)], categories=[dict(id=1, name='person')],
        annotations=[dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 9, 9], area=81, iscrowd=0, num_keypoints=14,
                          keypoints=[1, 1, 2] * 14)])))
    done = subprocess.run([sys.executable, '-c', USES, written, tmp_path / 'bare.pth', tmp_path / 'none.json'],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    flips = json.loads(done.stdout.splitlines()[-1])
    assert flips == dict.fromkeys(['init_model', 'CombinedDataset', 'its parts', 'TopdownPredictor', 'export'],
                                  flip_indices)
