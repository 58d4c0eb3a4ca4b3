"""labelme: a JSON beside each image, with points and rectangles."""

import json
from pathlib import Path
from typing import List, Optional, Sequence

from .grouping import Point, Rectangle, group
from .labelled import LabelledImage, Labels, guess_flip_pairs, size_of


def is_labelme(content: object) -> bool:
    return isinstance(content, dict) and isinstance(content.get('shapes'), list) and 'imagePath' in content


def read_labelme(files: Sequence[Path], images: Sequence[Path] = (),
                 keypoints: Optional[Sequence[str]] = None) -> Labels:
    """Read the files of labelme: a point's label is the keypoint's name, a rectangle's that of the object; what belongs
    together has the same `group_id`, or lies in the same rectangle. A point with the flag or description ``hidden`` or
    ``occluded`` is hidden.

    Args:
        files: The JSONs.
        images: Their images' folders. Default: each beside its JSON.
        keypoints: Their names, in the order that is wanted. Default: None, as they come.

    Raises:
        ValueError: There are no points, or a file cannot be read.
    """
    contents = {}
    for file in files:
        try:
            content = json.loads(file.read_text(encoding='utf-8'))
        except ValueError as error:
            raise ValueError(f'{file} cannot be read as JSON: {error}') from None
        if is_labelme(content):
            contents[file] = content
    found = {shape['label']: None for content in contents.values() for shape in content['shapes']
             if shape.get('shape_type') == 'point'}
    names = list(keypoints or found)
    unknown = [name for name in found if name not in names]
    if unknown or not found:
        raise ValueError(f'{files[0].parent}: ' + (f'points are labelled {", ".join(unknown)}, which --keypoints does '
                                                   'not name' if unknown else 'no point is labelled'))
    labels = Labels(names, 'object', [], flip_pairs=guess_flip_pairs(names))
    for file, content in contents.items():
        name = Path(str(content['imagePath']).replace('\\', '/')).name
        places = [folder / name for folder in images or (file.parent, )]
        path = next((place for place in places if place.is_file()), places[0])
        w, h = size_of(path)
        points: List[Point] = []
        rectangles: List[Rectangle] = []
        for shape in content['shapes']:
            corners, number = shape['points'], shape.get('group_id')
            if shape['shape_type'] == 'point':
                said = [flag for flag, value in (shape.get('flags') or {}).items() if value] + [
                    str(shape.get('description') or '')]
                hidden = any(word.lower() in ('hidden', 'occluded') for word in said)
                points.append(Point(shape['label'], *corners[0], hidden=hidden, group=number))
            elif shape['shape_type'] == 'rectangle':
                (x1, y1), (x2, y2) = corners
                rectangles.append(Rectangle((min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)), number))
                labels.category = shape['label']
        objects, left_out = group(points, rectangles, names, path.name)
        labels.images.append(LabelledImage(path, w, h, objects))
        labels.left_out += left_out
    return labels
