"""COCO's annotations, as CVAT (COCO Keypoints 1.0), Label Studio and Roboflow write them, too."""

from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np

from .labelled import LabelledImage, LabelledObject, Labels, guess_flip_pairs, size_of


def is_coco(content: object) -> bool:
    return isinstance(content, dict) and all(isinstance(content.get(key), list)
                                             for key in ('images', 'annotations', 'categories'))


def read_coco_labels(content: dict, where: str, find: Callable[[str], Path], category: Optional[str] = None,
                     keypoints: Optional[Sequence[str]] = None) -> Labels:
    """Read annotations.

    Args:
        content: What is in the file.
        where: The file, for messages.
        find: The image of a `file_name`.
        category: Name or id of what counts. Default: None, the only one with keypoints.
        keypoints: Their names, in the file's order. Default: None, the category's.

    Raises:
        ValueError: There are no keypoints, or several categories have some.
    """
    annotations = [one for one in content['annotations'] if one.get('keypoints')]
    of_id = {one['category_id'] for one in annotations}
    kinds: Dict[object, dict] = {one['id']: one for one in content['categories'] if one['id'] in of_id}
    if category is not None:
        kinds = {number: one for number, one in kinds.items() if category in (one['name'], str(number))}
    if len(kinds) != 1:
        given = ', '.join(str(one['name']) for one in content['categories'])
        raise ValueError(f'{where} has keypoints of {len(kinds)} categories (of {given}); ' + (
            'name the one that counts by --category' if len(kinds) != 1 and annotations else
            'each annotation needs `keypoints`, x, y, v for each keypoint'))
    (number, kind), = kinds.items()
    annotations = [one for one in annotations if one['category_id'] == number]
    num_keypoints = len(annotations[0]['keypoints']) // 3
    names = [str(name) for name in keypoints or kind.get('keypoints') or
             [f'keypoint_{k}' for k in range(num_keypoints)]]
    if len(names) != num_keypoints:
        raise ValueError(f'{where} has {num_keypoints} keypoints an annotation and {len(names)} names of keypoints')
    links = [(int(a) - 1, int(b) - 1) for a, b in kind.get('skeleton') or ()
             if 1 <= int(a) <= num_keypoints and 1 <= int(b) <= num_keypoints]
    labels = Labels(names, str(kind['name']), [], links, guess_flip_pairs(names))
    by_image: Dict[object, List[dict]] = {}
    for one in annotations:
        by_image.setdefault(one['image_id'], []).append(one)
    for image in content['images']:
        path = find(str(image['file_name']))
        w, h = size_of(path)
        labels.images.append(LabelledImage(path, w, h))
        for one in by_image.get(image['id'], ()):
            values = np.array(one['keypoints'], float)
            if len(values) != 3 * num_keypoints:
                labels.left_out.append(f'{where}, annotation {one.get("id")}: {len(values)} numbers for '
                                       f'{num_keypoints} keypoints')
                continue
            values = values.reshape(-1, 3)
            values[values[:, 2] <= 0] = 0
            bbox = one.get('bbox')
            labels.images[-1].objects.append(LabelledObject(
                values, tuple(map(float, bbox)) if bbox and bbox[2] > 0 and bbox[3] > 0 else None,
                one.get('area') or None, bool(one.get('iscrowd'))))
    return labels
