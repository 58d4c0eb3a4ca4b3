"""A data set's keypoint metadata, in the order of its keypoints."""


def in_order(metainfo: dict) -> dict:
    """Sort the keypoints and the links of a metainfo by their numbers.

    MMEngine writes a config's dicts sorted by ``str(key)``: keypoint 10 comes before keypoint 2. MMPose takes the order
    of `keypoint_info` for the order of the keypoints, so from the config in a work folder it would read other
    `flip_indices` than the model was trained with, and a flip test would average the heatmaps of different keypoints.

    Args:
        metainfo: MMPose's metainfo, inline or ``dict(from_file=...)``; stays as it is.

    Returns:
        A copy in order. What is in order already is equal to what was given.
    """
    ordered = {key: dict(sorted(metainfo[key].items(), key=lambda item: int(item[0])))
               for key in ('keypoint_info', 'skeleton_info') if isinstance(metainfo.get(key), dict)}
    return {**metainfo, **ordered}
