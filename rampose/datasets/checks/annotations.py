"""Annotations one by one: ids, boxes, areas, keypoints."""

import math
from functools import partial
from typing import Any, Dict, List, Optional, Set, Tuple

import numpy as np

from .report import Report

Size = Tuple[Optional[int], Optional[int]]  # (w, h) of an image, as far as they are known
AREA_OF_BOX = 0.53  # MMPose's conversions take it for the share of a box that a person fills
MOST = 0.5
BEYOND = 1.02  # times an image's side; boxes may be rounded


def check_annotations(content: dict, num_keypoints: int, report: Report) -> None:
    images = {}
    for i, image in enumerate(content['images']):
        images.setdefault(image['id'], report.sizes.get(i, (image.get('width'), image.get('height'))))
    categories = {category['id'] for category in content['categories']}
    seen: Set[Any] = set()
    with_keypoints: List[int] = []  # positions of annotations with K of them
    for i, annotation in enumerate(content['annotations']):
        add = partial(_add, report, i, annotation)
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
        given = annotation.get('keypoints')
        if not isinstance(given, list) or len(given) != 3 * num_keypoints:
            add('wrong number of keypoints', f'{len(given) if isinstance(given, list) else given} numbers instead of '
                                             f'{3 * num_keypoints}')
            continue
        with_keypoints.append(i)
        if not is_crowd(annotation) and has_box and not is_positive(annotation.get('area')):
            add('area missing or 0', f'{annotation.get("area")}')
    _check_keypoints(content['annotations'], with_keypoints, images, num_keypoints, report)


def _add(report: Report, i: int, annotation: dict, kind: str, why: str = '') -> None:
    report.by_annotation[i].add(kind)
    report.add(kind, f'annotation {annotation["id"]} (image {annotation["image_id"]})' + (f': {why}' if why else ''))


def _check_keypoints(annotations: List[dict], numbers: List[int], images: Dict[Any, Size], num_keypoints: int,
                     report: Report) -> None:
    """Look at the keypoints of all people at once: a large data set has millions of them."""
    keypoints = _stacked([annotations[i]['keypoints'] for i in numbers], num_keypoints)
    of_images = (images.get(annotations[i]['image_id'], (None, None)) for i in numbers)
    sizes = np.array([[side if is_positive(side) else np.inf for side in size] for size in of_images],
                     float).reshape(-1, 2)
    for kind, wrong in (
            ('keypoint not a number', not_numbers(keypoints)),
            ('visibility other than 0, 1, 2', odd_visibility(keypoints)),
            ('keypoint outside the image', outside(keypoints, sizes[:, :1], sizes[:, 1:])),
            ('keypoint at (0, 0)', at_origin(keypoints))):
        for n in np.flatnonzero(wrong.any(axis=1)):
            k = np.flatnonzero(wrong[n])[0]
            x, y, visibility = keypoints[n, k]
            _add(report, numbers[n], annotations[numbers[n]], kind,
                 f'keypoint {k}' + {'keypoint not a number': '', 'visibility other than 0, 1, 2': f': {visibility:g}'}
                 .get(kind, f' at ({x:g}, {y:g})'))
    labelled = (keypoints[..., 2] > 0).sum(axis=1)
    people = []
    for n, i in enumerate(numbers):
        annotation = annotations[i]
        if annotation.get('num_keypoints', labelled[n]) != labelled[n]:
            _add(report, i, annotation, 'num_keypoints disagrees',
                 f'{annotation["num_keypoints"]}, labelled are {labelled[n]}')
        if labelled[n] and is_box(annotation.get('bbox')) and not is_crowd(annotation):
            people.append(n)
    if annotations and not people:
        report.add('nobody to train on', f'{len(annotations)} annotations')
    boxes = np.array([annotations[numbers[n]]['bbox'] for n in people], float).reshape(-1, 4)
    if not _check_forms(keypoints[people], boxes, sizes[people], report):  # which would bring one for each
        for n in np.flatnonzero(~in_box(keypoints[people], boxes).any(axis=1)):
            i = numbers[people[n]]
            _add(report, i, annotations[i], 'box without its keypoints', f'{annotations[i]["bbox"]}')


def _check_forms(keypoints: np.ndarray, boxes: np.ndarray, sizes: np.ndarray, report: Report) -> bool:
    """Whether boxes or keypoints of most people have another form than COCO's.

    Args:
        keypoints: Of people with labelled keypoints and boxes, (N, K, 3).
        boxes: x, y, width, height as they are meant, (N, 4).
        sizes: (w, h) of their images, infinite where unknown, (N, 2).
        report: Takes what was found.
    """
    if len(keypoints) < 2:
        return False
    labelled = keypoints[..., 2] > 0
    with np.errstate(invalid='ignore'):
        beyond_one = ((keypoints[..., :2] > 1).any(axis=2) & labelled).any()
    if not beyond_one:
        first = keypoints[0][labelled[0]][0, :2].tolist()
        report.add('keypoints in shares of the image', f"the first person's first: {first}")
        return True

    def share_in(boxes: np.ndarray) -> np.ndarray:
        return in_box(keypoints, boxes).sum(axis=1) / labelled.sum(axis=1)

    # Corners x1, y1, x2, y2 read as COCO's box hold what they should, but reach beyond the image.
    corners = (boxes[:, :2] + boxes[:, 2:] > BEYOND * sizes).any(axis=1)
    corners &= share_in(np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)) > 0.9
    if max((share_in(boxes) < 0.5).mean(), corners.mean()) <= MOST:
        return False
    report.add('boxes of another form', f"the first person's box: {[round(side, 2) for side in boxes[0].tolist()]}")
    return True


def _stacked(given: List[list], num_keypoints: int) -> np.ndarray:
    """(N, K, 3) of x, y, visibility; NaN where there is no number."""
    try:
        return np.array(given, dtype=float).reshape(-1, num_keypoints, 3)
    except (TypeError, ValueError):  # somewhere among them is a text
        return np.array([keypoints_of(dict(keypoints=one), num_keypoints) for one in given])


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
    return ~np.isfinite(keypoints).all(axis=-1)


def odd_visibility(keypoints: np.ndarray) -> np.ndarray:
    return np.isfinite(keypoints[..., 2]) & ~np.isin(keypoints[..., 2], (0, 1, 2))


def at_origin(keypoints: np.ndarray) -> np.ndarray:
    return (keypoints[..., :2] == 0).all(axis=-1) & (keypoints[..., 2] > 0)


def outside(keypoints: np.ndarray, w: Any, h: Any) -> np.ndarray:
    """Whether labelled keypoints lie beyond an image's sides, which are infinite or None where unknown."""
    x, y, visibility = np.moveaxis(keypoints, -1, 0)
    w, h = (np.inf if side is None else side for side in (w, h))
    with np.errstate(invalid='ignore'):
        return (visibility > 0) & ((x < 0) | (y < 0) | (x > w) | (y > h))


def in_box(keypoints: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Whether labelled keypoints (..., K, 3) lie in boxes (..., 4) x, y, width, height."""
    x, y, w, h = np.moveaxis(np.asarray(boxes, float)[..., None], -2, 0)
    with np.errstate(invalid='ignore'):
        return ((keypoints[..., 2] > 0) & (keypoints[..., 0] >= x) & (keypoints[..., 1] >= y) &
                (keypoints[..., 0] <= x + w) & (keypoints[..., 1] <= y + h))


def is_box(box: Any) -> bool:
    """x, y, w, h with a positive area."""
    return isinstance(box, list) and len(box) == 4 and all(map(is_number, box)) and box[2] > 0 and box[3] > 0


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def is_crowd(annotation: dict) -> bool:
    return annotation.get('iscrowd', 0) in (1, '1', True)
