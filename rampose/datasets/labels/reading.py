"""Labels of whatever format: which one it is, and where the images are."""

import json
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Union

from ...core.images import IMAGE_SUFFIXES
from .coco import is_coco, read_coco_labels
from .label_studio import is_label_studio, read_label_studio
from .labelled import Labels
from .labelme import is_labelme, read_labelme
from .repeats import merge_repeats
from .yolo import read_yolo

SPLITS = {'train': 'train', 'val': 'val', 'valid': 'val', 'validation': 'val', 'test': 'test'}
KNOWN = ("COCO's JSON (CVAT, Roboflow), Label Studio's JSON, labelme's folder of JSONs, or the folder or data.yaml of "
         'YOLO-pose')


def read_labels(place: Path, images: Union[Path, Sequence[Path], None] = None, category: Optional[str] = None,
                keypoints: Optional[Sequence[str]] = None) -> Labels:
    """Read labels.

    Args:
        place: A file or folder of :data:`KNOWN`.
        images: The folder of the images, or several. Default: None, where the format has them.
        category: What counts, where there are several.
        keypoints: Names of the keypoints, in the order of the file; where a format has names but no order, in the order
            that is wanted.

    Raises:
        ValueError: It is none of these, or an image is missing; the message says which.
    """
    if not place.exists():
        raise ValueError(f'{place} does not exist; needed is {KNOWN}')
    folders = [images] if isinstance(images, Path) else list(images or ())
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f'got --images {folder}; needed is a folder')
    if place.suffix in ('.yaml', '.yml'):
        labels = read_yolo(place, category, keypoints)
    elif place.is_dir():
        labels = _read_folder(place, folders, category, keypoints)
    else:
        labels = _read_json(place, _load(place), folders, category, keypoints)
    merge_repeats(labels)
    return labels


def _read_folder(place: Path, images: List[Path], category: Optional[str],
                 keypoints: Optional[Sequence[str]]) -> Labels:
    for file in (place / 'data.yaml', place / 'dataset.yaml'):
        if file.is_file():
            return read_yolo(file, category, keypoints)
    files = sorted(place.rglob('*.json'))
    contents = {file: _load(file) for file in files}
    if any(is_labelme(content) for content in contents.values()):
        return read_labelme(files, images, keypoints)
    known = {file: content for file, content in contents.items() if is_coco(content) or is_label_studio(content)}
    if not known:
        raise ValueError(f'{place} holds no labels ({len(files)} JSONs); needed is {KNOWN}')
    parts = []
    for file, content in known.items():
        part = _read_json(file, content, images, category, keypoints)
        split = _split_of(file.relative_to(place))
        for image in part.images:
            image.split = split
        parts.append(part)
    names = parts[0].keypoints
    for number, (file, content) in enumerate(known.items()):
        part = parts[number]
        if part.keypoints != names and is_label_studio(content):  # which has them in the order of what was drawn
            again = _read_json(file, content, images, category, names)
            for image, same in zip(again.images, part.images):
                image.split = same.split
            part = parts[number] = again
        elif part.keypoints != names and set(part.keypoints) == set(names):
            part.reorder(names)
        if part.keypoints != names:
            raise ValueError(f'{file} has other keypoints than {next(iter(known))}: {", ".join(part.keypoints)}; '
                             f'needed are {", ".join(parts[0].keypoints)}')
        if part is not parts[0]:
            parts[0].images += part.images
            parts[0].left_out += part.left_out
    return parts[0]


def _read_json(file: Path, content: object, images: List[Path], category: Optional[str],
               keypoints: Optional[Sequence[str]]) -> Labels:
    find = _finder(file, images)
    try:
        if is_labelme(content):
            return read_labelme([file], images, keypoints)
        if is_coco(content):
            return read_coco_labels(content, str(file), find, category, keypoints)  # type: ignore[arg-type]
        if is_label_studio(content):
            return read_label_studio(content, find, keypoints)  # type: ignore[arg-type]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f'{file} is damaged, or of a version that is not known: {type(error).__name__} {error}'
                         ) from None
    except ValueError as error:
        raise ValueError(str(error) if str(file) in str(error) else f'{file}: {error}') from None
    raise ValueError(f'{file} is of no format that is known; needed is {KNOWN}')


def _load(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ValueError(f'{file} cannot be read as JSON: {error}') from None


def _split_of(file: Path) -> Optional[str]:
    """By the words in the file's path: ``train/_annotations.coco.json``, ``person_keypoints_val2017.json``."""
    words = ''.join(letter if letter.isalpha() else ' ' for letter in str(file).lower()).split()
    return next((SPLITS[word] for word in words if word in SPLITS), None)


def _finder(file: Path, images: List[Path]) -> Callable[[str], Path]:
    """Where an image is: below `images`; else in the folder that the labels' name ends in, as COCO has it, beside the
    labels, or in images/ beside them or one folder up. By its path, and then by its name alone, since tools put numbers
    or folders of their own before it."""
    above = file.parent.parent
    split = file.stem.rpartition('_')[2]  # of annotations/person_keypoints_train2017.json
    roots = images or [
        *(place for place in (above / split, above / 'images' / split) if place.is_dir()), file.parent,
        file.parent / 'images', above, above / 'images']
    by_name: Dict[str, List[Path]] = {}

    def find(name: str) -> Path:
        name = name.replace('\\', '/').lstrip('/')
        for root in roots:
            for tried in (root / name, root / Path(name).name):
                if tried.is_file():
                    return tried
        if not by_name:
            for root in roots if images else roots[-1:]:
                for path in root.rglob('*') if root.is_dir() else ():
                    if path.suffix.lower() in IMAGE_SUFFIXES:
                        by_name.setdefault(path.name, []).append(path)
        # Label Studio puts eight letters and a dash before the names of uploads.
        for last in (Path(name).name, Path(name).name.partition('-')[2]):
            if len(by_name.get(last, ())) == 1:
                return by_name[last][0]
        raise ValueError(f'{file}: the image {name} is not in {" or ".join(map(str, roots))}; give its folder by '
                         '--images')

    return find
