"""What is trained for how long: the config of a model of one's own keypoints, made of the config of a trained one."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from ...core.files import written_whole

# Inputs of about as many pixels, so that an object fills its crop whatever its shape: width and height, in multiples of
# 32, which HRNet needs.
INPUTS = {'upright': (128, 192), 'square': (160, 160), 'lying': (192, 128)}
UPRIGHT, LYING = 0.82, 1.22  # width by height of most boxes: half way
STRIDE = 4  # of the heatmaps
BATCH_SIZE = 16
LR = 5e-4
# Samples: few images are seen often, and many not at all less than three times.
SAMPLES_OF_AN_IMAGE, LEAST_SAMPLES, MOST_SAMPLES, LEAST_EPOCHS = 40, 3200, 20_000, 3
NUM_EVALUATIONS = 10
# Training stops where AP has not grown by so much in so many evaluations.
PATIENCE, LEAST_GAIN = 4, 0.005
FEWEST_TO_STOP_BY = 30  # objects to validate on; AP of fewer is chance
SHARE_OF_TRAINING = 0.8  # of the minutes; what is left goes to starting, validation and export
KEPT_IN_MEMORY = 3000  # images at most; decoded, one takes about a megabyte
DROPPED_TRANSFORMS = ('RandomHalfBody', )  # knows people's upper and lower halves alone
DROPPED_HOOKS = ('AttentionHook', 'LearnedEarlyStoppingHook')  # the second is of the run that this one starts from
# Of a config: what its parts have taken over. (dataset_type and data_mode stay: MMPose's inferencer reads them.)
VARIABLES = ('train_pipeline', 'val_pipeline', 'dataset_info', 'max_epochs', 'data_root')


@dataclass(frozen=True)
class Plan:
    """A training run.

    Attributes:
        input_size: Width, height in px.
        batch_size: Samples in a step.
        epochs: Passes over the images.
        evaluate_every: Epochs.
        num_steps: All of them.
        seconds_a_sample: Measured here.
    """
    input_size: Tuple[int, int]
    batch_size: int
    epochs: int
    evaluate_every: int
    num_steps: int
    seconds_a_sample: float

    @property
    def minutes(self) -> float:
        """What the steps will take."""
        return self.num_steps * self.batch_size * self.seconds_a_sample / 60

    def as_dict(self) -> Dict[str, Any]:
        return asdict(self)


def choose_input(boxes: np.ndarray) -> Tuple[int, int]:
    """The input whose shape is most like that of the boxes.

    Args:
        boxes: ``(N, 4)``: x, y, width, height.

    Returns:
        Width, height in px.
    """
    shape = float(np.median(boxes[:, 2] / boxes[:, 3]))
    return INPUTS['upright' if shape < UPRIGHT else 'lying' if shape > LYING else 'square']


def make_plan(num_objects: int, input_size: Tuple[int, int], seconds_a_sample: float, minutes: float) -> Plan:
    """As many passes as pay, or as the minutes allow.

    Args:
        num_objects: To train on.
        input_size: Width, height in px.
        seconds_a_sample: What a training step takes, by its samples.
        minutes: The most that everything may take.
    """
    batch_size = min(BATCH_SIZE, num_objects)
    wanted = min(max(LEAST_SAMPLES, SAMPLES_OF_AN_IMAGE * num_objects), MOST_SAMPLES)
    affordable = minutes * 60 * SHARE_OF_TRAINING / seconds_a_sample
    steps_an_epoch = -(-num_objects // batch_size)
    epochs = max(1, int(min(max(wanted, LEAST_EPOCHS * num_objects), affordable) // (steps_an_epoch * batch_size)))
    every = max(1, -(-epochs // NUM_EVALUATIONS))
    return Plan(input_size, batch_size, epochs, every, epochs * steps_an_epoch, seconds_a_sample)


def write_config(base: Config, plan: Plan, data: Path, num_keypoints: int, start: Path, path: Path,
                 num_val: int = 0) -> Path:
    """Write the config that is trained: that of a trained model, with other data, keypoints and schedule.

    Args:
        base: The trained model's.
        plan: What is trained for how long.
        data: Folder of annotations/, images/ and metainfo.py.
        num_keypoints: K.
        start: The weights to start from.
        path: Where it is written.
        num_val: Objects to validate on; of a few, AP does not say when to stop.
    """
    config = base.copy()
    for name in VARIABLES:
        config.pop(name, None)
    codec = _codec(base, plan.input_size)
    config.codec = codec
    config.model.backbone.init_cfg = None
    config.model.head.update(out_channels=num_keypoints, decoder=codec)
    for split, loader in (('train', config.train_dataloader), ('val', config.val_dataloader)):
        loader.batch_size = plan.batch_size
        dataset = loader.dataset
        dataset.update(data_root=str(data.resolve()), ann_file=f'annotations/{split}.json',
                       data_prefix=dict(img='images/'), metainfo=dict(from_file=str((data / 'metainfo.py').resolve())))
        dataset.pop('bbox_file', None)
        dataset.pipeline = [_changed(step, codec) for step in dataset.pipeline if step.type not in DROPPED_TRANSFORMS]
    config.test_dataloader = config.val_dataloader
    config.val_evaluator = config.test_evaluator = dict(
        type='CocoMetric', ann_file=str((data / 'annotations/val.json').resolve()))
    config.optim_wrapper.optimizer.lr = LR
    warmup = max(2, min(100, plan.num_steps // 10))
    config.param_scheduler = [
        dict(type='LinearLR', begin=0, end=warmup, start_factor=0.01, by_epoch=False),
        dict(type='CosineAnnealingLR', T_max=plan.epochs, eta_min=0, by_epoch=True, convert_to_iter_based=True)]
    config.train_cfg.update(max_epochs=plan.epochs, val_interval=plan.evaluate_every)
    # A few between two evaluations; one at each, since training may stop there.
    interval = next(n for n in range(max(1, plan.evaluate_every // 3), 0, -1) if plan.evaluate_every % n == 0)
    config.default_hooks.checkpoint.update(interval=interval, max_keep_ckpts=1, save_best=None)
    config.default_hooks.logger.update(interval=max(1, min(10, plan.num_steps // plan.epochs)))
    config.custom_hooks = [hook for hook in config.custom_hooks if hook.type not in DROPPED_HOOKS]
    if num_val >= FEWEST_TO_STOP_BY:
        config.custom_hooks.append(dict(type='LearnedEarlyStoppingHook', monitor='coco/AP', rule='greater',
                                        min_delta=LEAST_GAIN, patience=PATIENCE))
    config.load_from = str(start.resolve())
    with written_whole(path) as file:
        file.write(f'# Written by rampose finetune; `mim train mmpose {path.name}` trains it again.\n'.encode())
        file.write(config.pretty_text.encode())
    return path


def _codec(base: Config, input_size: Tuple[int, int]) -> dict:
    w, h = input_size
    old_w = base.codec.input_size[0]
    # The heatmaps' blots stay as large, in px of the input, as in the model that is started from.
    sigma = base.codec.sigma * (w * h / np.prod(base.codec.input_size))**0.5 if old_w != w else base.codec.sigma
    return dict(base.codec, input_size=(w, h), heatmap_size=(w // STRIDE, h // STRIDE), sigma=round(float(sigma), 3))


def _changed(step: Any, codec: dict) -> dict:
    step = dict(step)
    if 'input_size' in step:
        step['input_size'] = codec['input_size']
    if 'encoder' in step:
        step['encoder'] = codec
    return step


def measure(base: Config, input_size: Tuple[int, int], num_steps: int = 3) -> float:
    """Seconds that a training step takes here, by its samples, on made images."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        settings = base.model.copy()
        settings.backbone.init_cfg = None
        model = MODELS.build(settings)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = model.to(device).train()
    w, h = input_size
    images = torch.randn(BATCH_SIZE, 3, h, w, device=device).contiguous(memory_format=torch.channels_last)
    times = []
    for _ in range(num_steps):
        started = time.perf_counter()
        model.head(model.backbone(images)).square().mean().backward()
        if device == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return float(np.median(times[1:])) / BATCH_SIZE


def train_boxes(annotations: dict) -> Iterator[List[float]]:
    """Of the objects that are trained on."""
    return (one['bbox'] for one in annotations['annotations'] if one.get('num_keypoints', 0) and not one.get('iscrowd'))
