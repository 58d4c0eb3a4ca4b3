"""Boxes of many images, from a file."""

import json
import os
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from .images import UnreadableError

PERSON = 'person'
FORMS = ('COCO detections [{"image_id", "bbox", "score"}], COCO annotations, or '
         '{"file name": [[x1, y1, x2, y2, score]]}')


class BoxFile:
    """Boxes of many images, from a file.

    Three forms of JSON are known: COCO detections, ``[{"image_id", "bbox": [x, y, w, h], "score", "category_id"}]``,
    as the official detection files have them, where an image's number is that in its file name
    (``000000000785.jpg``); COCO annotations, ``{"images", "annotations"}``, crowds left out; and
    ``{"file name": [[x1, y1, x2, y2, score], ...]}``, the score being optional.

    Of several categories, that called person counts, or COCO's, which is 1; of one, that one, whatever its number.

    Args:
        path: The file.
        images: COCO annotations that say which number belongs to which file name, for detections of images whose
            names are not their numbers. Default: None.
        category: Id of the category that counts. Default: None, as above.

    Attributes:
        category: Id of the category that counts.
        category_name: Its name; None if the file does not say it.
        left_out: Entries that cannot be used, each by a line.

    Raises:
        ValueError: It cannot be read, has none of these forms, or several categories of which none is known to count.
    """

    def __init__(self, path: Union[str, Path], images: Union[str, Path, None] = None,
                 category: Optional[int] = None) -> None:
        self.path = path
        self.category_name: Optional[str] = None
        self.left_out: List[str] = []
        self._rows: Dict[Union[int, str], List[List[float]]] = {}  # x1, y1, x2, y2, score, by number or file name
        self._ids: Dict[str, int] = {}  # numbers by file name, where the file gives them
        self._lists_pictures = True
        content = _read_json(path)
        try:
            if images is not None:
                self._ids = _numbers(_read_json(images), images)
            self.category = self._choose(content, category)
            self._read(content)
        except UnusableBoxes:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f'{path} holds no boxes of a known form ({type(error).__name__}: {error}); needed are '
                             f'{FORMS}') from None
        self._short = _unique_endings([*self._ids, *(key for key in self._rows if isinstance(key, str))])

    def _choose(self, content: Union[dict, list], category: Optional[int]) -> int:
        """The id of the category that counts."""
        entries = content if isinstance(content, list) else content.get('annotations') or ()
        known = sorted({entry.get('category_id', 1) for entry in entries})
        names: Dict[int, str] = {}
        if isinstance(content, dict) and 'annotations' in content:
            names = {one['id']: str(one.get('name')) for one in content.get('categories') or ()}
        people = [number for number, name in names.items() if name.lower() == PERSON]
        if category is None:
            category = (people[0] if people else known[0] if len(known) == 1 else
                        1 if (1 in known and not names) or not known else None)
        if category is None or (known and category not in known and category not in names):
            raise UnusableBoxes(f'{self.path} has boxes of the categories '
                                + ', '.join(f'{number} ({names[number]})' if number in names else str(number)
                                            for number in known) + '; name the one that counts by --category')
        self.category_name = names.get(category)
        return category

    def _read(self, content: Union[dict, list]) -> None:
        if isinstance(content, list):
            self._lists_pictures = bool(self._ids)
            self._read_entries(content)
        elif 'images' in content and 'annotations' in content:
            self._ids = _numbers(content, self.path)
            self._read_entries([entry for entry in content['annotations'] if not entry.get('iscrowd', 0)])
        else:
            for name, rows in content.items():
                self._rows[name] = [[*(float(value) for value in row[:4]), float(row[4]) if len(row) > 4 else 1.0]
                                    for row in rows]
                if any(len(row) not in (4, 5) for row in rows):
                    raise ValueError(f'{name}: a box has four numbers, or five with its score')

    def _read_entries(self, entries: List[dict]) -> None:
        for number, entry in enumerate(entries):
            if entry.get('category_id', 1) != self.category:
                continue
            try:
                x, y, w, h = (float(value) for value in entry['bbox'])
                self._rows.setdefault(_whole(entry['image_id']), []).append(
                    [x, y, x + w, y + h, float(entry.get('score', 1))])
            except (KeyError, TypeError, ValueError) as error:
                self.left_out.append(f'entry {number} (id {entry.get("id", "none")}, image {entry.get("image_id")}): '
                                     f'{"no " if isinstance(error, KeyError) else ""}{error}')
        if self.left_out and not self._rows:
            raise ValueError(self.left_out[0])

    def image_id(self, path: Union[str, Path]) -> Optional[int]:
        """The number of an image: by the file's list of images, or the number in its name; None if it has none."""
        path = Path(path)
        name = self._name(path, self._ids)
        if name is not None:
            return self._ids[name]
        return int(path.stem) if not self._ids and path.stem.isdecimal() else None

    def knows(self, path: Union[str, Path]) -> bool:
        """Whether the file names the image, with boxes or without."""
        return self._key(Path(path)) is not None or self._name(Path(path), self._ids) is not None

    def boxes(self, path: Union[str, Path]) -> Tuple[np.ndarray, np.ndarray]:
        """The boxes of an image.

        Returns:
            ``(N, 4)`` xyxy in image px, and their scores ``(N,)``; float32.

        Raises:
            UnreadableError: The file lists images, and not this one. Detections list none: there, nobody was found.
        """
        if not self.knows(path) and self._lists_pictures:
            raise UnreadableError(f'{path} is not named in {self.path}')
        key = self._key(Path(path))
        rows = np.asarray([] if key is None else self._rows[key], np.float32).reshape(-1, 5)
        return rows[:, :4], rows[:, 4]

    def _key(self, path: Path) -> Optional[Union[int, str]]:
        name = self._name(path, self._rows)
        if name is not None:
            return name
        number = self.image_id(path)
        return number if number in self._rows else None

    def _name(self, path: Path, names: dict) -> Optional[str]:
        """The name under which a file stands among names: its own path or the end of it, or what ends as it does."""
        for ending in _endings(path):
            if ending in names:
                return ending
        return next((name for name in map(self._short.get, _endings(path)) if name in names), None)


class UnusableBoxes(ValueError):
    """A file of boxes that needs a word of the caller's; the message says which."""


def _read_json(path: Union[str, Path]) -> Union[dict, list]:
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise UnusableBoxes(f'{path} cannot be read as JSON: {error}') from error


def _numbers(content: Union[dict, list], path: Union[str, Path]) -> Dict[str, int]:
    if not isinstance(content, dict) or 'images' not in content:
        raise UnusableBoxes(f'{path} lists no images; needed are COCO annotations, '
                            '{"images": [{"id", "file_name"}]}')
    try:
        return {os.fspath(image['file_name']): _whole(image['id']) for image in content['images']}
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableBoxes(f'{path}: an image has no usable id and file_name: {error}') from None


def _whole(value: object) -> int:
    """A number of an image; what is no whole number is another image's, or none."""
    number = int(value)  # type: ignore[call-overload]
    if number != float(value):  # type: ignore[arg-type]
        raise ValueError(f'{value!r} is no whole number of an image')
    return number


def _unique_endings(names: Sequence[str]) -> Dict[str, str]:
    """`c.jpg` and `b/c.jpg` of `a/b/c.jpg`, where no other name ends so."""
    endings: Dict[str, List[str]] = {}
    for name in dict.fromkeys(names):
        for ending in _endings(Path(name))[1:]:
            endings.setdefault(ending, []).append(name)
    return {ending: of_it[0] for ending, of_it in endings.items() if len(of_it) == 1}


def _endings(path: Path) -> List[str]:
    """`a/b/c.jpg` and `b/c.jpg` and `c.jpg`: a file of boxes may name images by any of them."""
    parts = path.as_posix().split('/')
    return ['/'.join(parts[start:]) for start in range(len(parts))]
