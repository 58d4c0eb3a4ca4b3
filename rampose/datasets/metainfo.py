"""Reading a data set's inline metainfo out of a config that MMEngine wrote.

MMEngine writes a config's dicts sorted by ``str(key)``: keypoint 10 comes before keypoint 2. MMPose takes the order of
`keypoint_info` for the order of the keypoints, so from the config that a training leaves in its work folder it would
read other `flip_indices` than it trained with, and a flip test would average the heatmaps of different keypoints.
"""

from functools import wraps
from typing import Callable

from mmpose.datasets.datasets import utils
from mmpose.datasets.datasets.base import base_coco_style_dataset


def in_order(parse_pose_metainfo: Callable[[dict], dict]) -> Callable[[dict], dict]:
    """Make MMPose's `parse_pose_metainfo` read keypoints and skeleton in the order of their numbers."""

    @wraps(parse_pose_metainfo)
    def parse(metainfo: dict) -> dict:
        ordered = {key: dict(sorted(metainfo[key].items())) for key in ('keypoint_info', 'skeleton_info')
                   if key in metainfo}
        return parse_pose_metainfo({**metainfo, **ordered})

    return parse


def install_ordered_metainfo() -> None:
    """Make every data set of MMPose read its metainfo so; what is in order already stays as it is."""
    if not hasattr(utils.parse_pose_metainfo, '__wrapped__'):
        ordered = in_order(utils.parse_pose_metainfo)
        utils.parse_pose_metainfo = base_coco_style_dataset.parse_pose_metainfo = ordered
