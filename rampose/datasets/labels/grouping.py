"""Points and rectangles that an annotator drew one by one, put together to objects."""

from dataclasses import dataclass
from typing import Dict, Hashable, List, Optional, Sequence, Tuple

import numpy as np

from .labelled import LabelledObject


@dataclass
class Point:
    """A point that was drawn: its name, x and y in px, whether it is hidden, and the object that it says it is of."""
    name: str
    x: float
    y: float
    hidden: bool = False
    group: Optional[Hashable] = None


@dataclass
class Rectangle:
    """A rectangle that was drawn: x, y, width, height in px, and the object that it says it is of."""
    bbox: Tuple[float, float, float, float]
    group: Optional[Hashable] = None


def group(points: Sequence[Point], rectangles: Sequence[Rectangle], names: Sequence[str],
          where: str) -> Tuple[List[LabelledObject], List[str]]:
    """Put points together to objects: by what they say, else by the smallest rectangle that holds them; where there is
    no rectangle, all that say nothing are of one object.

    Args:
        points: Of an image.
        rectangles: Of the same.
        names: Of the K keypoints.
        where: The image, for messages.

    Returns:
        The objects, and what was left out.
    """
    groups: Dict[Hashable, List[Point]] = {}
    boxes: Dict[Hashable, Tuple[float, float, float, float]] = {}
    free: Dict[Hashable, Tuple[float, float, float, float]] = {}
    left_out: List[str] = []
    for number, rectangle in enumerate(rectangles):
        key = ('rectangle', number) if rectangle.group is None else rectangle.group
        boxes[key] = rectangle.bbox
        if rectangle.group is None:
            free[key] = rectangle.bbox
    for point in points:
        key = point.group
        if key is None and free:
            inside = [key for key, (x, y, w, h) in free.items() if x <= point.x <= x + w and y <= point.y <= y + h]
            if not inside:
                left_out.append(f'{where}: {point.name} lies in no rectangle')
                continue
            key = min(inside, key=lambda key: free[key][2] * free[key][3])
        groups.setdefault(key, []).append(point)
    objects = []
    for key, members in groups.items():
        keypoints = np.zeros((len(names), 3))
        for point in members:
            row = keypoints[names.index(point.name)]
            if row[2]:
                left_out.append(f'{where}: a second {point.name} of the same object; give points a group, or draw a '
                                'rectangle round each object')
                continue
            row[:] = point.x, point.y, 1 if point.hidden else 2
        objects.append(LabelledObject(keypoints, boxes.get(key)))
    return objects, left_out
