"""Boxes of many images, from a file."""

import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from .images import UnreadableError


class BoxFile:
    """Boxes of many pictures, from a file.

    Three forms of JSON are known: COCO detections, ``[{"image_id", "bbox": [x, y, w, h], "score", "category_id"}]``,
    as the official detection files have them, where a picture's number is that in its file name
    (``000000000785.jpg``); COCO annotations, ``{"images", "annotations"}``, crowds left out; and
    ``{"file name": [[x1, y1, x2, y2, score], ...]}``, the score being optional.

    Args:
        path: The file.

    Raises:
        ValueError: It cannot be read, or has none of these forms.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = path
        self._rows: Dict[Union[int, str], List[List[float]]] = {}  # x1, y1, x2, y2, score, by number or file name
        self._ids: Dict[str, int] = {}  # numbers by file name, where the file gives them
        self._lists_pictures = True
        try:
            with open(path, encoding='utf-8') as file:
                content = json.load(file)
        except (OSError, ValueError) as error:
            raise ValueError(f'{path} cannot be read as JSON: {error}') from error
        try:
            self._read(content)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{path} holds no boxes of a known form ({type(error).__name__}: {error}); needed are COCO detections '
                '[{"image_id", "bbox", "score"}], COCO annotations, or {"file name": [[x1, y1, x2, y2, score]]}'
            ) from None

    def _read(self, content: Union[dict, list]) -> None:
        if isinstance(content, list):
            self._lists_pictures = False
            for entry in content:
                if entry.get('category_id', 1) == 1:  # COCO's person
                    self._add(int(entry['image_id']), entry['bbox'], float(entry.get('score', 1)))
        elif 'images' in content and 'annotations' in content:
            self._ids = {image['file_name']: int(image['id']) for image in content['images']}
            for entry in content['annotations']:
                if entry.get('category_id', 1) == 1 and not entry.get('iscrowd', 0):
                    self._add(int(entry['image_id']), entry['bbox'], 1.0)
        else:
            for name, rows in content.items():
                self._rows[name] = [[*(float(value) for value in row[:4]), float(row[4]) if len(row) > 4 else 1.0]
                                    for row in rows]
                if any(len(row) not in (4, 5) for row in rows):
                    raise ValueError(f'{name}: a box has four numbers, or five with its score')

    def _add(self, image_id: int, xywh: Sequence[float], score: float) -> None:
        x, y, w, h = (float(value) for value in xywh)
        self._rows.setdefault(image_id, []).append([x, y, x + w, y + h, score])

    def image_id(self, path: Union[str, Path]) -> Optional[int]:
        """The number of a picture: by the file's list of pictures, or the number in its name; None if it has none."""
        path = Path(path)
        for name in _endings(path):
            if name in self._ids:
                return self._ids[name]
        return int(path.stem) if not self._ids and path.stem.isdecimal() else None

    def knows(self, path: Union[str, Path]) -> bool:
        """Whether the file names the picture, with boxes or without."""
        return self._key(Path(path)) is not None or any(name in self._ids for name in _endings(Path(path)))

    def boxes(self, path: Union[str, Path]) -> Tuple[np.ndarray, np.ndarray]:
        """The boxes of a picture.

        Returns:
            ``(N, 4)`` xyxy in image px, and their scores ``(N,)``; float32.

        Raises:
            UnreadableError: The file lists pictures, and not this one. Detections list none: there, nobody was found.
        """
        if not self.knows(path) and self._lists_pictures:
            raise UnreadableError(f'{path} is not named in {self.path}')
        key = self._key(Path(path))
        rows = np.asarray([] if key is None else self._rows[key], np.float32).reshape(-1, 5)
        return rows[:, :4], rows[:, 4]

    def _key(self, path: Path) -> Optional[Union[int, str]]:
        for key in [*_endings(path), self.image_id(path)]:
            if key in self._rows:
                return key
        return None


def _endings(path: Path) -> List[str]:
    """`a/b/c.jpg` and `b/c.jpg` and `c.jpg`: a file of boxes may name pictures by any of them."""
    parts = path.as_posix().split('/')
    return ['/'.join(parts[start:]) for start in range(len(parts))]
