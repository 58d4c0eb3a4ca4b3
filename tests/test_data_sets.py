"""Every config but the sample's takes a step of training and decodes, on a tiny data set in the real one's format."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine import Config
from mmengine.runner import Runner
from scipy.io import savemat

import rampose.plugin  # noqa: F401
from rampose.datasets.metainfo import parse_metainfo
from rampose.lab.sample import make_picture

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
ALL = {path.stem: path for path in sorted(CONFIGS.rglob('td-hm_*.py'))
       if 'sample' not in path.stem and 'tiny' not in path.stem}
# Multiply-adds four times those of 256x192 teach nothing about the data; tests/test_configs.py builds and runs them.
QUICK = [name for name in ALL if '384x288' not in name]  # nor the ensemble's, which is 384x288
WHOLE_BODY_PARTS = (('foot', 6), ('face', 68), ('lefthand', 21), ('righthand', 21))


def person(rng, num_keypoints: int) -> dict:
    """One annotation, as COCO has it: a box of 60x100 px at (40, 10) with all keypoints in it, half of them visible."""
    keypoints = np.stack([rng.uniform(45, 95, num_keypoints), rng.uniform(15, 105, num_keypoints),
                          np.arange(num_keypoints) % 2 + 1], axis=1)
    return dict(bbox=[40., 10., 60., 100.], area=3000., segmentation=[], iscrowd=0, category_id=1,
                num_keypoints=num_keypoints, keypoints=keypoints.round(2).flatten().tolist())


def names_of(dataset: dict) -> list:
    """Of the keypoints."""
    return list(parse_metainfo(dataset['metainfo'])['keypoint_id2name'].values())


def write_picture(path: Path, number: int) -> None:
    import cv2
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = cv2.resize(make_picture(np.random.default_rng(number))[0], (160, 120))
    assert cv2.imwrite(str(path), picture)


def write_coco_style(dataset: dict, number: int) -> None:
    """COCO's format, with what CrowdPose and COCO-WholeBody add to it."""
    rng = np.random.default_rng(0)
    names = names_of(dataset)
    num_keypoints = len(names)
    whole_body = num_keypoints == 133
    folder = Path(dataset['data_root'])
    images, annotations = [], []
    for i in range(1, number + 1):
        # CocoMetric reads an image's id off the annotations; MMPose's names have nothing to say.
        images.append(dict(id=i, file_name=f'{i:012d}.jpg', width=160, height=120, crowdIndex=0.2))
        write_picture(folder / dataset['data_prefix']['img'] / images[-1]['file_name'], i)
        annotation = person(rng, 17 if whole_body else num_keypoints)
        if whole_body:
            for part, size in WHOLE_BODY_PARTS:
                annotation[f'{part}_kpts'] = person(rng, size)['keypoints']
                annotation[f'{part}_valid'] = True
                annotation[f'{part}_box'] = annotation['bbox']
        annotations.append(dict(annotation, id=i, image_id=i))
    path = folder / dataset['ann_file']
    path.parent.mkdir(parents=True, exist_ok=True)
    categories = [dict(id=1, name='person', keypoints=names, skeleton=[])]
    path.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    if dataset.get('bbox_file'):
        detections = [dict(image_id=i, category_id=1, bbox=[40., 10., 60., 100.], score=0.9)
                      for i in range(1, number + 1)]
        path = Path(dataset['bbox_file'])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(detections))


def write_mpii(dataset: dict, number: int) -> None:
    rng = np.random.default_rng(0)
    folder = Path(dataset['data_root'])
    people = []
    for i in range(1, number + 1):
        write_picture(folder / dataset['data_prefix']['img'] / f'{i:09d}.jpg', i)
        keypoints = np.array(person(rng, 16)['keypoints']).reshape(16, 3)
        people.append(dict(image=f'{i:09d}.jpg', center=[70., 60.], scale=0.5, joints=keypoints[:, :2].tolist(),
                           joints_vis=[1] * 16))
    path = folder / dataset['ann_file']
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(people))
    if dataset.get('headbox_file'):
        savemat(dataset['headbox_file'], dict(headboxes_src=np.tile(np.array([[60., 80.], [10., 30.]]).T[..., None],
                                                                    number)))


@pytest.fixture
def tiny(request, tmp_path, monkeypatch):
    """A config, its data written below a temporary folder, for one short epoch."""
    for variable in ('COCO', 'MPII', 'CROWDPOSE', 'AIC', 'HUMANART', 'JHMDB', 'AP10K', 'ONEHAND10K', 'FIVE_KEYPOINTS',
                     'LSP', 'LSPET', 'COCO_PEOPLE'):
        monkeypatch.setenv(f'{variable}_ROOT', str(tmp_path / 'data'))
    config = Config.fromfile(ALL[request.param])
    loaders = (config.train_dataloader, config.val_dataloader, config.test_dataloader)
    for loader in loaders:
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        write = write_mpii if loader.dataset.type == 'MpiiDataset' else write_coco_style
        write(loader.dataset, 6 if 'five-keypoints' in request.param else 2)  # the example of the docs trains longer
    config.model.backbone.init_cfg = config.load_from = None
    config.train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)
    config.default_hooks.checkpoint.update(interval=-1, save_optimizer=False, save_param_scheduler=False)
    config.work_dir = str(tmp_path / 'work')
    config.experiment_name = config.visualizer.name = request.param  # one process may not use a name twice
    config.log_level = 'ERROR'
    yield config
    shutil.rmtree(tmp_path)  # a checkpoint of 120 MB


@pytest.mark.long
@pytest.mark.parametrize('tiny', QUICK, indirect=True)
def test_one_step_and_one_decode(tiny):
    amp = tiny.optim_wrapper.get('type') == 'AmpOptimWrapper'
    if amp and not torch.cuda.is_available():  # MMEngine refuses a CPU; the arithmetic can be had there all the same
        tiny.optim_wrapper = dict(type='OptimWrapper', optimizer=tiny.optim_wrapper.optimizer)
    runner = Runner.from_cfg(tiny)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=amp and not torch.cuda.is_available()):
        runner.train()
    moved = [name for name, value in runner.model.named_parameters() if not torch.equal(value, before[name])]
    # What predicts heatmaps, and what is before it.
    predicts = {'StackedHourglass': 'backbone.predictors.7', 'CPNHead': 'head.refine_net.predictor'}
    part = next((predicts[kind] for kind in (tiny.model.backbone.type, tiny.model.head.type) if kind in predicts),
                'head.final_layer')
    assert any(name.startswith(part) for name in moved) and any('backbone' in name for name in moved)
    assert all(value.isfinite().all() for value in runner.model.parameters())

    # The evaluator says what the config's save_best asks for: the checkpoint was written.
    if tiny.default_hooks.checkpoint.save_best:
        assert list(Path(tiny.work_dir).glob('best_*_epoch_1.pth'))
    else:
        assert 'val/coco/AP' in runner.message_hub.log_scalars

    batch = next(iter(runner.val_dataloader))
    runner.model.eval()
    with torch.no_grad():
        samples = runner.model.test_step(batch)
    num_keypoints = len(names_of(tiny.train_dataloader.dataset))
    assert len(samples) == 2 and runner.iter == len(runner.train_dataloader)
    for sample in samples:
        keypoints = sample.pred_instances.keypoints
        assert keypoints.shape == (1, num_keypoints, 2) and np.isfinite(keypoints).all()


def test_the_amp_configs_ask_for_what_they_are_named_after():
    for name, dtype in (('fp16', 'float16'), ('bf16', 'bfloat16')):
        config = Config.fromfile(ALL[f'td-hm_ram-hrnet-w32-gpr_{name}-4xb32-240e_coco-256x192'])
        assert config.optim_wrapper.type == 'AmpOptimWrapper' and config.optim_wrapper.dtype == dtype
        assert config.optim_wrapper.optimizer.type == 'Adam' and config.optim_wrapper.optimizer.lr == 1e-3


@pytest.mark.gpu
@pytest.mark.parametrize('tiny', [name for name in ALL if 'fp16' in name or 'bf16' in name], indirect=True)
def test_mixed_precision_on_a_gpu(tiny):
    runner = Runner.from_cfg(tiny)
    runner.train()
    assert all(value.isfinite().all() for value in runner.model.parameters())
