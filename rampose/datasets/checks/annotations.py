"""Annotations one by one: ids, boxes, areas, keypoints."""

import math
from functools import partial
from typing import Any, Callable, List, Optional, Set, Tuple

import numpy as np

from .report import Report

AREA_OF_BOX = 0.53  # MMPose's conversions take it for the share of a box that a person fills
MOST = 0.5
BEYOND = 1.02  # times an image's side; boxes may be rounded


def check_annotations(content: dict, num_keypoints: int, report: Report) -> None:
    images = {}
    for i, image in enumerate(content['images']):
        images.setdefault(image['id'], report.sizes.get(i, (image.get('width'), image.get('height'))))
    categories = {category['id'] for category in content['categories']}
    seen: Set[Any] = set()
    people: List[Tuple[np.ndarray, list, tuple]] = []  # keypoints and boxes that can be used, and images' sizes
    empty_boxes: List[Callable[[], None]] = []
    for i, annotation in enumerate(content['annotations']):
        name = f'annotation {annotation["id"]} (image {annotation["image_id"]})'

        def add(kind: str, why: str = '', i: int = i, name: str = name) -> None:
            report.by_annotation[i].add(kind)
            report.add(kind, name + (f': {why}' if why else ''))

        if annotation['id'] in seen:
            add('duplicate annotation id')
        seen.add(annotation['id'])
        if annotation['image_id'] not in images:
            add('unknown image')
        if annotation['category_id'] not in categories:
            add('unknown category', f'category {annotation["category_id"]}')
        crowd = annotation.get('iscrowd', 0)
        if crowd not in (0, 1) or isinstance(crowd, str):
            add('crowd flag that is no number', repr(crowd))
        has_box = is_box(annotation.get('bbox'))
        if not is_crowd(annotation) and not has_box:
            add('bad box', f'{annotation.get("bbox")}')
        keypoints = keypoints_of(annotation, num_keypoints)
        if keypoints is None:
            given = annotation.get('keypoints')
            add('wrong number of keypoints', f'{len(given) if isinstance(given, list) else given} numbers instead of '
                                             f'{3 * num_keypoints}')
            continue
        if not is_crowd(annotation) and has_box and not is_positive(annotation.get('area')):
            add('area missing or 0', f'{annotation.get("area")}')
        size = images.get(annotation['image_id'], (None, None))
        _check_keypoints(annotation, keypoints, size, add)
        if has_box and not is_crowd(annotation) and (keypoints[:, 2] > 0).any():
            people.append((keypoints, annotation['bbox'], size))
            if not in_box(keypoints, annotation['bbox']).any():
                empty_boxes.append(partial(add, 'box without its keypoints', f'{annotation["bbox"]}'))
    if content['annotations'] and not people:
        report.add('nobody to train on', f'{len(content["annotations"])} annotations')
    if not _check_forms(people, report):  # which would bring one for each
        for add_empty in empty_boxes:
            add_empty()


def _check_keypoints(annotation: dict, keypoints: np.ndarray, size: Tuple[Optional[int], Optional[int]],
                     add: Any) -> None:
    if not_numbers(keypoints).any():
        add('keypoint not a number', f'keypoint {np.flatnonzero(not_numbers(keypoints))[0]}')
    odd = odd_visibility(keypoints)
    if odd.any():
        k = np.flatnonzero(odd)[0]
        add('visibility other than 0, 1, 2', f'keypoint {k}: {keypoints[k, 2]:g}')
    for kind, wrong in (('keypoint outside the image', outside(keypoints, *size)),
                        ('keypoint at (0, 0)', at_origin(keypoints))):
        if wrong.any():
            k = np.flatnonzero(wrong)[0]
            add(kind, f'keypoint {k} at ({keypoints[k, 0]:g}, {keypoints[k, 1]:g})')
    labelled = int((keypoints[:, 2] > 0).sum())
    if annotation.get('num_keypoints', labelled) != labelled:
        add('num_keypoints disagrees', f'{annotation["num_keypoints"]}, labelled are {labelled}')


def _check_forms(people: List[Tuple[np.ndarray, list, tuple]], report: Report) -> bool:
    """Whether boxes or keypoints of most people have another form than COCO's."""
    if len(people) < 2:
        return False
    labelled = [keypoints[keypoints[:, 2] > 0] for keypoints, _, _ in people]
    if all(points[:, :2].max() <= 1 for points in labelled):
        report.add('keypoints in shares of the image', f"the first person's first: {labelled[0][0, :2].tolist()}")
        return True
    without = [in_box(points, box).mean() < 0.5 for points, (_, box, _) in zip(labelled, people)]
    # Corners x1, y1, x2, y2 read as COCO's box hold what they should, but reach beyond the image.
    corners = [in_box(points, [x, y, w - x, h - y]).mean() > 0.9 and (
        x + w > BEYOND * (size[0] or np.inf) or y + h > BEYOND * (size[1] or np.inf))
        for points, (_, (x, y, w, h), size) in zip(labelled, people)]
    if max(np.mean(without), np.mean(corners)) <= MOST:
        return False
    report.add('boxes of another form', f"the first person's box: {people[0][1]}")
    return True


def keypoints_of(annotation: dict, num_keypoints: int) -> Optional[np.ndarray]:
    """(K, 3) of x, y, visibility; None where there are not as many."""
    given = annotation.get('keypoints')
    if not isinstance(given, list) or len(given) != 3 * num_keypoints:
        return None
    try:
        return np.array(given, dtype=float).reshape(-1, 3)  # null becomes NaN
    except (TypeError, ValueError):
        return np.full((num_keypoints, 3), np.nan)


def not_numbers(keypoints: np.ndarray) -> np.ndarray:
    return ~np.isfinite(keypoints).all(axis=1)


def odd_visibility(keypoints: np.ndarray) -> np.ndarray:
    return np.isfinite(keypoints[:, 2]) & ~np.isin(keypoints[:, 2], (0, 1, 2))


def at_origin(keypoints: np.ndarray) -> np.ndarray:
    return (keypoints[:, :2] == 0).all(axis=1) & (keypoints[:, 2] > 0)


def outside(keypoints: np.ndarray, w: Optional[int], h: Optional[int]) -> np.ndarray:
    x, y, visibility = keypoints.T
    with np.errstate(invalid='ignore'):
        return (visibility > 0) & ((x < 0) | (y < 0) | (x > (w or np.inf)) | (y > (h or np.inf)))


def in_box(keypoints: np.ndarray, box: list) -> np.ndarray:
    """Whether labelled keypoints lie in a box x, y, width, height."""
    x, y, w, h = box
    with np.errstate(invalid='ignore'):
        return ((keypoints[:, 2] > 0) & (keypoints[:, 0] >= x) & (keypoints[:, 1] >= y) &
                (keypoints[:, 0] <= x + w) & (keypoints[:, 1] <= y + h))


def is_box(box: Any) -> bool:
    """x, y, w, h with a positive area."""
    return isinstance(box, list) and len(box) == 4 and all(map(is_number, box)) and box[2] > 0 and box[3] > 0


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def is_crowd(annotation: dict) -> bool:
    return annotation.get('iscrowd', 0) in (1, '1', True)
