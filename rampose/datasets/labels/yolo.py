"""Ultralytics' YOLO-pose: data.yaml, and a text file of normalized numbers for each image."""

from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np
import yaml

from ...core.images import IMAGE_SUFFIXES
from .labelled import LabelledImage, LabelledObject, Labels, guess_flip_pairs, size_of

SPLITS = ('train', 'val', 'test')


def read_yolo(file: Path, category: Optional[str] = None, keypoints: Optional[Sequence[str]] = None) -> Labels:
    """Read a data set of YOLO-pose.

    Args:
        file: data.yaml.
        category: Name of what counts. Default: None, the only one.
        keypoints: Their names, in the files' order. Default: None, `kpt_names` of data.yaml, or numbers.

    Raises:
        ValueError: It is no such data set.
    """
    try:
        said = yaml.safe_load(file.read_text(encoding='utf-8'))
        num_keypoints, num_values = (int(value) for value in said['kpt_shape'])
        names = dict(enumerate(said['names'])) if isinstance(said['names'], list) else dict(said['names'])
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f'{file} is no data.yaml of YOLO-pose, which has kpt_shape and names: {error}') from None
    wanted = [number for number, name in names.items() if category in (None, name)]
    if len(wanted) != 1:
        raise ValueError(f'{file} has the categories {", ".join(map(str, names.values()))}; name the one that counts '
                         'by --category')
    of_category = said.get('kpt_names') or {}
    known = of_category.get(wanted[0]) if isinstance(of_category, dict) else of_category
    points = [str(name) for name in keypoints or known or [f'keypoint_{k}' for k in range(num_keypoints)]]
    if len(points) != num_keypoints:
        raise ValueError(f'{file} has {num_keypoints} keypoints; got {len(points)} names')
    flip = [int(number) for number in said.get('flip_idx') or ()]
    pairs = ([(a, b) for a, b in enumerate(flip) if a < b] if len(flip) == num_keypoints else guess_flip_pairs(points))
    labels = Labels(points, str(names[wanted[0]]), [], flip_pairs=pairs)
    root = file.parent / str(said.get('path') or '.')
    if not root.is_dir():  # of another machine
        root = file.parent
    for split in SPLITS:
        for path in _images(root, said.get(split)):
            _add(labels, path, split, wanted[0], num_values)
    if not labels.images:
        raise ValueError(f'{file} names no image that is there; its path is {said.get("path")!r}')
    return labels


def _images(root: Path, places: object) -> List[Path]:
    found: List[Path] = []
    for place in places if isinstance(places, list) else [places] if places else []:
        path = root / str(place)
        if not path.exists():  # Roboflow writes ../train/images, which is meant from elsewhere
            path = root / str(place).replace('../', '')
        if path.suffix == '.txt' and path.is_file():
            found += [path.parent / line.strip() for line in path.read_text().splitlines() if line.strip()]
        elif path.is_dir():
            found += sorted(one for one in path.rglob('*') if one.suffix.lower() in IMAGE_SUFFIXES)
    return found


def _add(labels: Labels, path: Path, split: str, category: int, num_values: int) -> None:
    parts = list(path.parts)
    if 'images' in parts:  # the last folder of that name
        parts[len(parts) - 1 - parts[::-1].index('images')] = 'labels'
    file = Path(*parts).with_suffix('.txt')
    w, h = size_of(path)
    image = LabelledImage(path, w, h, split=split)
    labels.images.append(image)
    for number, line in enumerate(file.read_text().splitlines() if file.is_file() else (), 1):
        try:
            values = np.array([float(value) for value in line.split()])
        except ValueError:
            values = np.zeros(0)
        if not len(values):
            continue
        num_keypoints = len(labels.keypoints)
        if len(values) != 5 + num_keypoints * num_values:
            labels.left_out.append(f'{file}, line {number}: {len(values)} numbers; needed are '
                                   f'{5 + num_keypoints * num_values}')
            continue
        if int(values[0]) != category:
            continue
        x, y, box_w, box_h = values[1:5] * [w, h, w, h]
        points = values[5:].reshape(num_keypoints, num_values)
        visible = points[:, 2] if num_values == 3 else np.where(points.any(axis=1), 2, 0)
        keypoints = np.column_stack([points[:, :2] * [w, h], visible])
        keypoints[keypoints[:, 2] <= 0] = 0
        image.objects.append(LabelledObject(keypoints, (x - box_w / 2, y - box_h / 2, box_w, box_h)))
