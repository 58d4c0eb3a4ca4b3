"""COCO's files: `keypoints.json`, keypoint results, and `images.json`, what their image ids mean."""

import json
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from ..core.files import written_whole
from ..core.metainfo import keypoint_names

OF_PEOPLE = {'left_shoulder', 'left_wrist', 'left_ankle', 'left_hip', 'thumb1', 'left_knee'}  # MMPose's names


def write_coco(folder: Path, records: Callable[[], Iterator[dict]], dataset_meta: dict, category_id: int = 1,
               category_name: Optional[str] = None) -> None:
    """Write both files, whole or not at all. Records are read one by one, however many they are.

    Args:
        folder: Where to.
        records: Gives the records anew at each call.
        dataset_meta: MMPose's description of the keypoints.
        category_id: Of what was found; that of the labels, where results are to be evaluated.
        category_name: Default: None, 'person' for a model of people, else the name of its data set.
    """
    numbers = _image_numbers(records)
    category = category_of(dataset_meta, category_id, category_name)
    with written_whole(folder / 'keypoints.json') as results, written_whole(folder / 'images.json') as images:
        results.write(b'[')
        images.write(b'{"images": [')
        num_results = 0
        for index, record in enumerate(records()):
            image_id = index + 1 if numbers is None else numbers[index]
            image = dict(id=image_id, file_name=record['name'], width=record['width'], height=record['height'])
            if record['frame_id'] is not None:
                image['frame_id'] = record['frame_id']
            images.write((',\n' if index else '\n').encode() + json.dumps(image, allow_nan=False).encode())
            for instance in record['instances']:
                triples = [value for point, score in zip(instance['keypoints'], instance['keypoint_scores'])
                           for value in (*point, score)]
                result = dict(image_id=image_id, category_id=category_id, keypoints=triples, score=instance['score'])
                results.write((',\n' if num_results else '\n').encode() + json.dumps(result, allow_nan=False).encode())
                num_results += 1
        results.write(b'\n]\n')
        images.write(b'\n],\n"annotations": [],\n"categories": [' + json.dumps(category).encode() + b']}\n')


def category_of(dataset_meta: dict, category_id: int = 1, category_name: Optional[str] = None) -> Dict[str, Any]:
    """COCO's description of what a model finds; arguments as of :func:`write_coco`."""
    keypoints = keypoint_names(dataset_meta)
    name = category_name or ('person' if OF_PEOPLE & set(keypoints) else
                             str(dataset_meta.get('dataset_name', 'object')))
    return dict(id=category_id, name=name, supercategory=name, keypoints=keypoints,
                skeleton=[[int(a) + 1, int(b) + 1] for a, b in dataset_meta.get('skeleton_links', [])])


def _image_numbers(records: Callable[[], Iterator[dict]]) -> Optional[List[int]]:
    """Image ids as the file of boxes gave them, or as the file names do; None if neither gives all, each once."""
    from_boxes: List[Optional[int]] = []
    from_names: List[Optional[int]] = []
    for record in records():
        stem = Path(record['name']).stem
        from_boxes.append(record['image_id'])
        from_names.append(int(stem) if stem.isdecimal() and record['frame_id'] is None else None)
    for numbers in (from_boxes, from_names):
        known = [number for number in numbers if number is not None]
        if len(known) == len(numbers) == len(set(known)):
            return known
    return None
