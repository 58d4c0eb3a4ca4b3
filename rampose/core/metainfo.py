"""A data set's keypoint metadata, in the order of its keypoints."""

from typing import List, Sequence


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


def keypoint_names(dataset_meta: dict) -> List[str]:
    """Names of the keypoints, in their order, of what MMPose makes of a metainfo."""
    return [dataset_meta['keypoint_id2name'][number] for number in range(int(dataset_meta['num_keypoints']))]


def problems_of(metainfo: dict) -> List[str]:
    """What is wrong with an inline metainfo, each in a line; MMPose finds some of it late and some of it never.

    Args:
        metainfo: MMPose's, inline; of ``dict(from_file=...)`` nothing is known here.
    """
    infos = metainfo.get('keypoint_info')
    if not isinstance(infos, dict):
        return [] if 'from_file' in metainfo else ['keypoint_info is missing: one entry for each keypoint, from 0 on']
    problems = []
    if sorted(infos, key=str) != sorted(range(len(infos)), key=str):
        return [f'keypoint_info is numbered {_few(sorted(infos, key=str))}; needed are 0 to {len(infos) - 1}, without '
                'gaps']
    names = [infos[number].get('name') for number in range(len(infos))]
    for number, name in enumerate(names):
        if not name or names.count(name) > 1:
            problems.append(f'keypoint {number} has the name {name!r}; each needs one of its own')
        swap = infos[number].get('swap', '')
        if swap and swap not in names:
            problems.append(f'keypoint {name} swaps with {swap!r}, which is none of {_few(names)}')
        elif swap and infos[names.index(swap)].get('swap', '') != name:
            problems.append(f'keypoint {name} swaps with {swap}, but {swap} with '
                            f'{infos[names.index(swap)].get("swap", "") or "none"}: name both as each other\'s partner')
    links = metainfo.get('skeleton_info')
    if not isinstance(links, dict):
        problems.append('skeleton_info is missing: what drawings connect, or {} for nothing')
    for number, link in (links if isinstance(links, dict) else {}).items():
        unknown = [name for name in link.get('link', ()) if name not in names]
        if unknown or len(link.get('link', ())) != 2:
            problems.append(f'link {number} connects {link.get("link")}; needed are two names of keypoints')
    for key in ('sigmas', 'joint_weights'):
        given = metainfo.get(key)
        if given is None or len(given) != len(infos):
            count = 'no' if given is None else len(given)
            problems.append(f'{key} has {count} numbers; needed are {len(infos)}, one for each keypoint')
    return problems


def _few(values: Sequence) -> str:
    return ', '.join(map(str, values[:4])) + (', ...' if len(values) > 4 else '')
