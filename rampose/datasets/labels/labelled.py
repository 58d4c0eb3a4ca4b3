"""What every format of labels says: images, the objects in them, their keypoints and boxes."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from PIL import ExifTags, Image

from ...core.images import UnreadableError

# A box round keypoints goes on beyond them, since objects do: on each side by a share of the keypoints' extent, and at
# least by a share of the longer extent, since keypoints in a line have next to no width.
BBOX_PADDING, LEAST_PADDING = 0.125, 0.05
TURNED = (5, 6, 7, 8)  # EXIF orientations that lie on a side


@dataclass
class LabelledObject:
    """An object and its keypoints.

    Attributes:
        keypoints: ``(K, 3)``: x, y in px of the image as it is displayed, and COCO's visibility (0 not labelled,
            1 hidden, 2 seen).
        bbox: x, y, width, height in the same px; None where the labels have no box.
        area: Of the object, px; None where the labels do not say.
        is_crowd: It stands for several.
    """
    keypoints: np.ndarray
    bbox: Optional[Tuple[float, float, float, float]] = None
    area: Optional[float] = None
    is_crowd: bool = False


@dataclass
class LabelledImage:
    """An image and its objects.

    Attributes:
        path: Its file.
        width: px, as it is displayed.
        height: px.
        objects: In it.
        split: 'train', 'val' or 'test' where the labels say so.
    """
    path: Path
    width: int
    height: int
    objects: List[LabelledObject] = field(default_factory=list)
    split: Optional[str] = None


@dataclass(frozen=True)
class Repeats:
    """What labels of the same objects say of each other.

    Attributes:
        pairs: Of labels of an object.
        median: Distance of their keypoints, px.
        sigmas: By keypoint: how far an annotator is off, as a share of the root of the object's area, as COCO has it.
    """
    pairs: int
    median: float
    sigmas: Dict[str, float]


@dataclass
class Labels:
    """A data set.

    Attributes:
        keypoints: Names of the K keypoints.
        category: Name of what the objects are.
        images: All of them.
        links: Pairs of keypoints, counted from 0, that a skeleton connects.
        flip_pairs: Left and right keypoints, counted from 0.
        left_out: What was not taken, a line each.
        repeats: Of objects that were labelled more than once; None where there are none.
    """
    keypoints: List[str]
    category: str
    images: List[LabelledImage]
    links: List[Tuple[int, int]] = field(default_factory=list)
    flip_pairs: List[Tuple[int, int]] = field(default_factory=list)
    left_out: List[str] = field(default_factory=list)
    repeats: Optional[Repeats] = None

    @property
    def num_objects(self) -> int:
        return sum(len(image.objects) for image in self.images)

    def reorder(self, names: Sequence[str]) -> None:
        """Put the keypoints in another order."""
        old = [self.keypoints.index(name) for name in names]
        new = {number: place for place, number in enumerate(old)}
        for image in self.images:
            for one in image.objects:
                one.keypoints = one.keypoints[old]
        self.keypoints = list(names)
        self.links = [(new[a], new[b]) for a, b in self.links]
        self.flip_pairs = [(new[a], new[b]) for a, b in self.flip_pairs]


def box_of(keypoints: np.ndarray, width: int, height: int) -> Tuple[float, float, float, float]:
    """The box round labelled keypoints, padded by :data:`BBOX_PADDING` and cut by the image.

    Args:
        keypoints: ``(K, 3)``, at least one of them labelled.
        width: Of the image, px.
        height: Likewise.

    Returns:
        x, y, width, height in px.
    """
    points = keypoints[keypoints[:, 2] > 0, :2]
    extent = np.ptp(points, axis=0)
    padding = np.maximum(BBOX_PADDING * extent, LEAST_PADDING * extent.max())
    low = np.maximum(points.min(axis=0) - padding, 0)
    high = np.minimum(points.max(axis=0) + padding, [width, height])
    x, y, w, h = (float(value) for value in np.round([*low, *(high - low)], 2))
    return x, y, w, h


def size_of(path: Path) -> Tuple[int, int]:
    """Width and height of an image as it is displayed, from its header.

    Raises:
        UnreadableError: It cannot be read.
    """
    try:
        with Image.open(path) as image:
            w, h = image.size
            return (h, w) if image.getexif().get(ExifTags.Base.Orientation) in TURNED else (w, h)
    except Exception as error:  # Pillow raises many kinds
        raise UnreadableError(f'{path} cannot be read: {error}') from None


# left_hip, hip-left, L_hip, hip.l, LHip, leftHip
_SIDE = re.compile(r'(?:^(?P<start>left|right|[lr])(?=[_\-. ])|(?<=[_\-. ])(?P<end>left|right|[lr])$'
                   r'|^(?P<word>left|right)(?=[a-z0-9])|^(?P<letter>[lr])(?=[A-Z]))', re.IGNORECASE)


def guess_flip_pairs(names: Sequence[str]) -> List[Tuple[int, int]]:
    """Left and right keypoints, by their names: ``left_hip``, ``hip-right``, ``l_hip``, ``LHip``, ``rightHip``.

    Returns:
        Pairs of numbers, the left one first; of keypoints that have a partner of the same name.
    """
    sides = {}
    for number, name in enumerate(names):
        found = _SIDE.search(name)
        if not found or (found['letter'] and not found['letter'].isupper()):
            continue
        rest = (name[:found.start()] + name[found.end():]).strip('_-. ').lower()
        sides.setdefault(rest, {}).setdefault(found[0][0].lower(), number)
    return [(pair['l'], pair['r']) for pair in sides.values() if set(pair) == {'l', 'r'}]
