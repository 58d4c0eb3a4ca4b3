"""What annotations say wrongly, found before a run by the checks of `rampose check-data`; no image is opened."""

import logging
from pathlib import Path
from typing import Iterator, List, Optional

from mmengine import Config
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log
from mmpose.registry import DATASETS

from ..core.metainfo import keypoint_names
from ..datasets import checking
from ..datasets.metainfo import parse_metainfo
from .checks import datasets_of

# Data of one's own; the converted files of other data sets leave out what their evaluators do not ask for.
LIKE_COCO = ('CocoDataset', 'PackedCocoDataset')
AREA = 'area missing or 0'


def check_data(config: Config) -> None:
    """Look at the annotations that a run trains and validates on: the first process reads, all learn what it found.

    What would only be odd is a warning.

    Raises:
        ValueError: A run with them would stop later, or its loss or its AP would be wrong.
    """
    found: List[Optional[str]] = [None]
    if is_main_process():
        try:
            for split in ('train', 'val'):
                for text in _check_split(config, split):
                    print_log(text, 'current', logging.WARNING)
        except ValueError as error:
            found = [str(error)]
    broadcast_object_list(found)
    if found[0]:
        raise ValueError(found[0])


def _check_split(config: Config, split: str) -> Iterator[str]:
    """Warnings; raises ValueError."""
    name = f'{split}_dataloader'
    for place, dataset in datasets_of(config.get(name) or {}, name):
        if dataset.get('type') not in LIKE_COCO or not isinstance(dataset.get('ann_file'), str):
            continue
        path = Path(dataset.get('data_root') or '', dataset['ann_file'])
        if not path.is_file():  # at an address
            continue
        report = _check_file(path, dataset)
        ignored = set() if split == 'val' and _asks_for_areas(config) else {AREA}
        spoiling = [kind for kind in report.spoiling() if kind not in ignored]
        command = f'rampose check-data {config.filename} --split {split}'
        if spoiling:
            kinds = '; '.join(f'{kind} ({report.counts[kind]} times: {report.examples[kind][0]})' for kind in spoiling)
            raise ValueError(f'{place}: {path} would spoil the run: {kinds}. `{command}` shows all of it, its --fix '
                             'OUT.json mends what needs no guessing')
        odd = ', '.join(f'{kind} ({report.counts[kind]})' for kind in report.counts if kind not in ignored)
        if odd:
            yield f'{place}: {path} has {odd}; `{command}` shows where'


def _check_file(path: Path, dataset: dict) -> checking.Report:
    metainfo = parse_metainfo(dataset.get('metainfo') or DATASETS.get(dataset['type']).METAINFO)
    names = keypoint_names(metainfo)
    content = checking.read_coco(path)
    report = checking.check_annotation_file(content, len(names), names, metainfo['flip_pairs'])
    if dataset.get('bbox_file') and Path(dataset['bbox_file']).is_file():
        checking.check_detections(checking.read_detections(Path(dataset['bbox_file'])), content, report)
    return report


def _asks_for_areas(config: Config) -> bool:
    """Whether a metric of the validation divides by the people's areas."""
    evaluators = config.get('val_evaluator') or []
    evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    return any(evaluator.get('type') == 'CocoMetric' and evaluator.get('use_area', True) for evaluator in evaluators)
