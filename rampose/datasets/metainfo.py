"""MMPose's reading of keypoint metadata, with the keypoints in order (:mod:`rampose.core.metainfo` says why)."""

import sys
from functools import wraps
from typing import Optional

from mmengine import Config
from mmpose.datasets.datasets import utils
from mmpose.registry import DATASETS

from ..core.metainfo import in_order

_MMPOSES = getattr(utils.parse_pose_metainfo, '__wrapped__', utils.parse_pose_metainfo)


@wraps(_MMPOSES)
def parse_metainfo(metainfo: dict) -> dict:
    """MMPose's `parse_pose_metainfo`, of keypoints and links in the order of their numbers."""
    return _MMPOSES(in_order(metainfo))


def config_metainfo(config: Config) -> Optional[dict]:
    """The parsed metainfo of a config's data sets, the train split's first; None if the config has no data set."""
    for name in ('train', 'val', 'test'):
        dataset = (config.get(f'{name}_dataloader') or {}).get('dataset') or {}
        while not dataset.get('metainfo') and dataset.get('dataset'):  # RepeatDataset and its like
            dataset = dataset['dataset']
        metainfo = dataset.get('metainfo')
        if not metainfo and dataset.get('type'):
            kind = dataset['type']
            metainfo = getattr(kind if isinstance(kind, type) else DATASETS.get(kind), 'METAINFO', None)
        if metainfo:
            return parse_metainfo(metainfo)
    return None


def install_ordered_metainfo() -> None:
    """Make MMPose's own code call :func:`parse_metainfo`.

    Its modules import the function by name, so each that is loaded and holds it gets ours; those that are loaded later
    import ours from the place where it is defined.
    """
    for module in list(sys.modules.values()):
        if getattr(module, '__dict__', {}).get('parse_pose_metainfo') is _MMPOSES:
            module.parse_pose_metainfo = parse_metainfo
