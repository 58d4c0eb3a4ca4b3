"""What a config says wrongly, found before anything is loaded."""

import difflib
import inspect
import os
import re
from pathlib import Path
from typing import Any, Iterator, Tuple

from mmengine import Config
from mmengine.runner import Runner

# What is read at a config's top level; other names are free.
_TOP_LEVEL = {*inspect.signature(Runner.__init__).parameters, 'runner_type', 'model_wrapper_cfg', 'compile', 'sync_bn',
              'find_unused_parameters', 'activation_checkpointing', 'efficient_conv_bn_eval', 'custom_imports',
              } - {'self', 'cfg'}
_ENVIRONMENT = re.compile(r'\{\{\s*\$(\w+)\s*:([^}]*)\}\}')  # {{$NAME:default}}


def check_config(config: Config) -> None:
    """Look for what would stop a training later, or not at all, with a message that does not say what to do.

    Raises:
        ValueError: A misspelt key; a missing or empty data set; missing pre-trained weights; sizes that do not fit.
    """
    _check_keys(config)
    _check_sizes(config)
    _check_weights(config)
    for name in ('train_dataloader', 'val_dataloader'):
        for place, dataset in _datasets(config.get(name) or {}, name):
            _check_dataset(config, place, dataset)


def _check_keys(config: Config) -> None:
    for key in config:
        near = difflib.get_close_matches(key, _TOP_LEVEL, 1, 0.85)
        if key not in _TOP_LEVEL and near and not key.startswith(near[0]):  # models, train_cfg2: names of one's own
            raise ValueError(f'the config says {key}, which nothing reads; is {near[0]} meant?')


def _check_sizes(config: Config) -> None:
    model = config.model
    decoder = (model.get('head') or {}).get('decoder') or {}
    size, heatmap_size = decoder.get('input_size'), decoder.get('heatmap_size')
    if size is None:
        return
    for name in ('train_dataloader', 'val_dataloader'):
        for place, dataset in _datasets(config.get(name) or {}, name):
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


def _check_dataset(config: Config, place: str, dataset: dict) -> None:
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


def _datasets(dataloader: dict, place: str) -> Iterator[Tuple[str, dict]]:
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
