"""What a config says wrongly, found before anything is loaded."""

import difflib
import inspect
import logging
import os
import re
from pathlib import Path
from typing import Any, Iterator, Tuple

from mmengine import Config
from mmengine.logging import print_log
from mmengine.runner import Runner
from mmpose.registry import METRICS

from ..checkpoints.loading import CheckpointError, download
from ..core.metainfo import problems_of

# What is read at a config's top level; other names are free.
_TOP_LEVEL = {*inspect.signature(Runner.__init__).parameters, 'runner_type', 'model_wrapper_cfg', 'compile', 'sync_bn',
              'find_unused_parameters', 'activation_checkpointing', 'efficient_conv_bn_eval', 'custom_imports',
              } - {'self', 'cfg'}
# MMPose 0.x's names, and what has taken their place.
_FORMER = dict(
    optimizer='optim_wrapper.optimizer', optimizer_config='optim_wrapper.clip_grad', lr_config='param_scheduler',
    total_epochs='train_cfg.max_epochs', evaluation='val_evaluator and train_cfg.val_interval', workflow='train_cfg',
    checkpoint_config='default_hooks.checkpoint', log_config='default_hooks.logger', data_cfg='codec',
    channel_cfg='model.head.out_channels', dist_params='env_cfg.dist_cfg', cudnn_benchmark='env_cfg.cudnn_benchmark',
    resume_from='resume and load_from', gpu_ids='env_cfg')
_ENVIRONMENT = re.compile(r'\{\{\s*\$(\w+)\s*:([^}]*)\}\}')  # {{$NAME:default}}


def check_config(config: Config) -> None:
    """Look for what would stop a training later, or not at all, with a message that does not say what to do.

    Raises:
        ValueError: A misspelt key; a missing or empty data set; missing pre-trained weights, which are downloaded;
            sizes that do not fit.
    """
    _check_keys(config)
    _check_best(config)
    _check_schedule(config)
    _check_sizes(config)
    _check_weights(config)
    for name in ('train_dataloader', 'val_dataloader'):
        for place, dataset in datasets_of(config.get(name) or {}, name):
            _check_dataset(config, place, dataset)
    _fetch_weights(config)


def _check_keys(config: Config) -> None:
    for key in config:
        if key in _FORMER:
            raise ValueError(f'the config says {key}, a name of MMPose 0.x that nothing reads any more; say '
                             f'{_FORMER[key]}')
        near = difflib.get_close_matches(key, _TOP_LEVEL, 1, 0.85)
        if key not in _TOP_LEVEL and near and not key.startswith(near[0]):  # models, train_cfg2: names of one's own
            raise ValueError(f'the config says {key}, which nothing reads; is {near[0]} meant?')


def _check_best(config: Config) -> None:
    """The metric that the best checkpoint is chosen by, and those that the evaluators give, as far as they say."""
    best = ((config.get('default_hooks') or {}).get('checkpoint') or {}).get('save_best')
    evaluators = config.get('val_evaluator')
    if not isinstance(best, str) or best == 'auto' or not evaluators:
        return
    evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    prefixes = []
    for evaluator in evaluators:
        metric = METRICS.get(evaluator.get('type')) if isinstance(evaluator.get('type'), str) else evaluator.get('type')
        prefixes.append(evaluator.get('prefix') or getattr(metric, 'default_prefix', None))
    prefix, _, name = best.rpartition('/')
    if (prefix or None) not in prefixes:
        known = ', '.join(f'{prefix}/...' if prefix else 'names without a prefix' for prefix in prefixes)
        raise ValueError(f'default_hooks.checkpoint.save_best is {best}, but val_evaluator gives {known}: name one of '
                         'its metrics')
    of_prefix = [evaluator.get('type') for evaluator, its in zip(evaluators, prefixes) if its == (prefix or None)]
    wanted = {'PCKAccuracy': 'PCK', 'EPE': 'EPE', 'AUC': 'AUC', 'CocoMetric': 'A'}
    if all(type_ in wanted and not name.startswith(wanted[type_]) for type_ in of_prefix):
        raise ValueError(f'default_hooks.checkpoint.save_best is {best}, but {" and ".join(map(str, of_prefix))} gives '
                         f'{", ".join(wanted[type_] + "..." for type_ in of_prefix)}: name one of its metrics')


def _check_schedule(config: Config) -> None:
    """Warn where epochs follow the last one that the learning rate's schedule knows."""
    epochs = (config.get('train_cfg') or {}).get('max_epochs')
    schedulers = config.get('param_scheduler') or ()
    for scheduler in schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]:
        known = (sum(scheduler['periods']) if scheduler.get('periods') else
                 scheduler.get('T_max') if scheduler.get('type') == 'CosineAnnealingLR' else None)
        if epochs and known and scheduler.get('by_epoch', True) and scheduler.get('begin', 0) + known < epochs:
            print_log(f'train_cfg.max_epochs is {epochs}, but {scheduler["type"]} of param_scheduler ends after '
                      f'{scheduler.get("begin", 0) + known}: set both alike', 'current', logging.WARNING)


def _check_sizes(config: Config) -> None:
    model = config.model
    decoder = (model.get('head') or {}).get('decoder') or {}
    size, heatmap_size = decoder.get('input_size'), decoder.get('heatmap_size')
    if size is None:
        return
    for name in ('train_dataloader', 'val_dataloader'):
        for place, dataset in datasets_of(config.get(name) or {}, name):
            for step in dataset.get('pipeline') or ():
                for what, other in (('TopdownAffine', step.get('input_size')),
                                    ('GenerateTarget', (step.get('encoder') or {}).get('input_size')
                                     if isinstance(step.get('encoder'), dict) else None)):
                    if step.get('type') == what and other is not None and tuple(other) != tuple(size):
                        raise ValueError(f'{what} in {place}.pipeline has the input size {tuple(other)} (width, '
                                         f'height), the codec of model.head {tuple(size)}: give all of them one codec')
    if (model.get('backbone') or {}).get('type') in ('RAMHRNet', 'HRNet'):
        if any(side % 32 for side in size):
            raise ValueError(f'the input size (width, height) is {tuple(size)}; HRNet halves it five times, so both '
                             'must be multiples of 32')
        plain = not model.head.get('deconv_out_channels')
        if heatmap_size and plain and tuple(heatmap_size) != tuple(side // 4 for side in size):
            raise ValueError(f'the heatmap size (width, height) is {tuple(heatmap_size)} for an input of '
                             f'{tuple(size)}; the model gives {tuple(side // 4 for side in size)}: set '
                             'codec.heatmap_size')


def _check_weights(config: Config) -> None:
    for place, init_cfg in _pretrained(config.model, 'model'):
        path = init_cfg.get('checkpoint')
        if _is_missing(path):
            raise ValueError(f'the pre-trained weights of {place} are missing, looked for at {path}: download them, or '
                             f'start from random ones with {place}.init_cfg=None')
    if _is_missing(config.get('load_from')):
        raise ValueError(f'load_from is missing, looked for at {config.load_from}')


def _fetch_weights(config: Config) -> None:
    """Download what the model starts from, last of all: a model that did it would end in chained tracebacks offline."""
    for place, init_cfg in _pretrained(config.model, 'model'):
        address = str(init_cfg.get('checkpoint'))
        if address.startswith(('http://', 'https://')):
            try:
                download(address)
            except CheckpointError as error:
                raise ValueError(f'the pre-trained weights of {place} are missing: {error}; or start from random ones '
                                 f'with {place}.init_cfg=None') from None


def _check_dataset(config: Config, place: str, dataset: dict) -> None:
    wrong = problems_of(dataset['metainfo']) if dataset.get('metainfo') else []
    if wrong:
        raise ValueError(f'{place}.metainfo: {"; ".join(wrong)}')
    root = dataset.get('data_root') or ''
    variables = {name for name, default in _ENVIRONMENT.findall(config.text or '')
                 if os.environ.get(name, default.strip()) == root}
    names = ' or '.join([f'{place}.data_root', *(f'${name}' for name in variables)])
    remedy = f'set {names} to where the data set lies'
    if root and '://' not in root and not Path(root).is_dir():
        raise ValueError(f'the data set of {place} is missing, looked for at {root}: {remedy}')
    for key, what in (('ann_file', 'annotations'), ('bbox_file', 'detections')):
        path = _joined(root, dataset.get(key), key == 'ann_file')
        if _is_missing(path):
            raise ValueError(f'the {what} of {place} are missing, looked for at {path}: {remedy}')
        if path and '://' not in path and Path(path).stat().st_size == 0:
            raise ValueError(f'the {what} of {place}, {path}, are an empty file: copy or download them again')
    for prefix in (dataset.get('data_prefix') or {}).values():
        folder = _joined(root, prefix, True)
        if not folder or '://' in folder:
            continue
        if not Path(folder).is_dir():
            raise ValueError(f'the pictures of {place} are missing, looked for in {folder}: {remedy}')
        if next(Path(folder).iterdir(), None) is None:
            raise ValueError(f'the folder of pictures of {place}, {folder}, is empty: {remedy}')


def datasets_of(dataloader: dict, place: str) -> Iterator[Tuple[str, dict]]:
    """Each data set of a loader with its place in the config, of those that are combined, too."""
    dataset = dataloader.get('dataset')
    if dataset:
        yield from _flattened(dataset, f'{place}.dataset')


def _flattened(dataset: dict, place: str) -> Iterator[Tuple[str, dict]]:
    yield place, dataset
    for i, part in enumerate(dataset.get('datasets') or ()):
        yield from _flattened(part, f'{place}.datasets[{i}]')
    if dataset.get('dataset'):
        yield from _flattened(dataset['dataset'], f'{place}.dataset')


def _pretrained(part: Any, place: str) -> Iterator[Tuple[str, dict]]:
    """Each module of the model that starts from a file."""
    if isinstance(part, dict):
        init_cfg = part.get('init_cfg')
        if isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained':
            yield place, init_cfg
        for key, value in part.items():
            yield from _pretrained(value, f'{place}.{key}')


def _joined(root: str, path: Any, with_root: bool) -> str:
    if not path or not isinstance(path, str):
        return ''
    return path if '://' in path or not with_root else str(Path(root, path))


def _is_missing(path: Any) -> bool:
    return bool(path) and '://' not in str(path) and not Path(str(path)).expanduser().is_file()
