"""A mended copy of annotations."""

import copy
from typing import Set

import numpy as np

from .annotations import AREA_OF_BOX, at_origin, is_box, is_crowd, not_numbers, outside
from .ids import numbered_anew
from .report import Report

DROPPED_IMAGES = {'missing image', 'unreadable image', 'duplicate image id'}
DROPPED_ANNOTATIONS = {'duplicate annotation id', 'unknown image', 'unknown category', 'wrong number of keypoints',
                       'bad box'}


def cleaned(content: dict, report: Report) -> dict:
    """A copy of the annotations without what `KINDS` says is dropped, and with the rest set right."""
    result = {key: value for key, value in content.items() if key not in ('images', 'annotations')}
    result['images'] = []
    for i, image in enumerate(content['images']):
        if not report.by_image.get(i, set()) & DROPPED_IMAGES:
            image = dict(image)
            if i in report.sizes:
                image['width'], image['height'] = report.sizes[i]
            result['images'].append(image)
    sizes = {image['id']: (image.get('width'), image.get('height')) for image in result['images']}
    result['annotations'] = [
        _mended(annotation, report.by_annotation.get(i, set()), sizes)
        for i, annotation in enumerate(content['annotations'])
        if not report.by_annotation.get(i, set()) & DROPPED_ANNOTATIONS and annotation['image_id'] in sizes]
    return numbered_anew(result) if 'id that is no number' in report.counts else result


def _mended(annotation: dict, kinds: Set[str], sizes: dict) -> dict:
    annotation = copy.deepcopy(annotation)
    if not kinds:
        return annotation
    keypoints = np.array(annotation['keypoints'], dtype=object).reshape(-1, 3)
    coordinates = keypoints.astype(float)
    with np.errstate(invalid='ignore'):
        keypoints[coordinates[:, 2] > 2, 2] = 2
    keypoints[not_numbers(coordinates) | outside(coordinates, *sizes[annotation['image_id']]) |
              at_origin(coordinates) | (coordinates[:, 2] < 0)] = 0
    annotation['keypoints'] = keypoints.ravel().tolist()
    annotation['num_keypoints'] = int((keypoints[:, 2] > 0).sum())
    if 'crowd flag that is no number' in kinds:
        annotation['iscrowd'] = int(is_crowd(annotation))
    if 'area missing or 0' in kinds and is_box(annotation.get('bbox')):
        annotation['area'] = round(AREA_OF_BOX * annotation['bbox'][2] * annotation['bbox'][3], 2)
    return annotation
