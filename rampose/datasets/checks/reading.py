"""Annotation files in COCO's format, read."""

import json
from pathlib import Path
from typing import Any


def read_coco(path: Path) -> dict:
    """Read an annotation file in COCO's format.

    Raises:
        ValueError: It is not there, no JSON, or not in the format.
    """
    content = _read_json(path)
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list)
                                                for key in ('images', 'annotations', 'categories')):
        raise ValueError(f"{path} is not in COCO's format: needed are the lists images, annotations and categories")
    for key, needed in (('images', ('id', 'file_name')), ('annotations', ('id', 'image_id', 'category_id')),
                        ('categories', ('id', ))):
        for i, entry in enumerate(content[key]):
            lacking = [name for name in needed if not isinstance(entry, dict) or name not in entry]
            if lacking:
                raise ValueError(f'{path}: {key}[{i}] lacks {" and ".join(lacking)}')
            name = entry.get('file_name', '')
            if key == 'images' and not isinstance(name, str):
                raise ValueError(f'{path}: images[{i}].file_name is {name!r}; needed is the name of a file')
    return content


def read_detections(path: Path) -> list:
    """Read a file of detections in COCO's format. Raises as :func:`read_coco`."""
    content = _read_json(path)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise ValueError(f"{path} is no list of detections in COCO's format")
    return content


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f'{path} cannot be read: {(error.strerror or str(error)).lower()}') from None
    except ValueError as error:
        raise ValueError(f'{path} is no JSON: {error}') from None
