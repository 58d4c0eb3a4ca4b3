"""Label Studio's JSON: tasks with rectangles and keypoints in percent of the image."""

from pathlib import Path
from typing import Callable, List, Optional, Sequence
from urllib.parse import parse_qs, unquote, urlparse

from .grouping import Point, Rectangle, group
from .labelled import LabelledImage, Labels, guess_flip_pairs, size_of


def is_label_studio(content: object) -> bool:
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and 'data' in content[0] and (
        'annotations' in content[0] or 'completions' in content[0])


def read_label_studio(content: list, find: Callable[[str], Path], keypoints: Optional[Sequence[str]] = None) -> Labels:
    """Read tasks: keypoint labels are names of keypoints. A keypoint is of the rectangle that it names as its parent,
    or of the smallest that holds it; without rectangles, all of an image are of one object.

    Args:
        content: What is in the file.
        find: The image of the name that a task gives.
        keypoints: Their names, in the order that is wanted. Default: None, as they come.

    Raises:
        ValueError: There are no keypoints.
    """
    tasks = [(task, results) for task in content for results in [_results(task)] if results is not None]
    found = {result['value']['keypointlabels'][0]: None for _, results in tasks for result in results
             if result.get('type') == 'keypointlabels'}
    names = list(keypoints or found)
    unknown = [name for name in found if name not in names]
    if unknown or not found:
        raise ValueError(f'points are labelled {", ".join(unknown)}, which --keypoints does not name' if unknown else
                         "no task has keypoints; Label Studio's export must be JSON")
    labels = Labels(names, 'object', [], flip_pairs=guess_flip_pairs(names))
    for task, results in tasks:
        path = find(_file_name(task['data']))
        w, h = size_of(path)
        points: List[Point] = []
        rectangles: List[Rectangle] = []
        for result in results:
            value = result.get('value') or {}
            if result.get('type') == 'keypointlabels':
                points.append(Point(value['keypointlabels'][0], value['x'] / 100 * w, value['y'] / 100 * h,
                                    group=result.get('parentID')))
            elif result.get('type') == 'rectanglelabels':
                corner_and_size = (value['x'] / 100 * w, value['y'] / 100 * h, value['width'] / 100 * w,
                                   value['height'] / 100 * h)
                named = any(other.get('parentID') == result['id'] for other in results)
                rectangles.append(Rectangle(corner_and_size, result['id'] if named else None))
                labels.category = value['rectanglelabels'][0]
        objects, left_out = group(points, rectangles, names, path.name)
        labels.images.append(LabelledImage(path, w, h, objects))
        labels.left_out += left_out
    return labels


def _results(task: dict) -> Optional[list]:
    """What the last annotator said; None for a task that nobody did."""
    done = [one for one in task.get('annotations') or task.get('completions') or () if not one.get('was_cancelled')]
    return done[-1].get('result') or [] if done else None


def _file_name(data: dict) -> str:
    address = str(data.get('image') or data.get('img') or next(iter(data.values())))
    parts = urlparse(address)
    local = parse_qs(parts.query).get('d')  # /data/local-files/?d=folder/photo.jpg
    return local[0] if local else unquote(parts.path)  # a query is unquoted already
