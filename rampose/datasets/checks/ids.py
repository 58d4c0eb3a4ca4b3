"""Ids that COCO's tools can take, and sizes."""

from typing import Any, Set

from .annotations import is_positive
from .report import Report


def check_ids(content: dict, report: Report) -> None:
    """Report ids that are no whole numbers; looked at first, since nothing else can be sorted by them."""
    for what, key in (('images', 'id'), ('annotations', 'id'), ('annotations', 'image_id'),
                      ('annotations', 'category_id'), ('categories', 'id')):
        for i, entry in enumerate(content[what]):
            if not is_id(entry[key]):
                report.add('id that is no number', f'{what}[{i}].{key}: {entry[key]!r}')


def check_image_entries(content: dict, report: Report) -> None:
    """Report images that are listed twice or without their size."""
    seen: Set[Any] = set()
    for i, image in enumerate(content['images']):
        name = f'{image["file_name"]} (image {image["id"]})'
        if image['id'] in seen:
            report.by_image[i].add('duplicate image id')
            report.add('duplicate image id', f'images[{i}], {name}')
        seen.add(image['id'])
        if not is_positive(image.get('width')) or not is_positive(image.get('height')):
            report.by_image[i].add('image without size')
            report.add('image without size', name)


def is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def numbered_anew(content: dict) -> dict:
    """A copy with ids from 1 on for images and annotations, and for categories whose own are no numbers."""
    images = {entry['id']: number for number, entry in enumerate(content['images'], 1)}
    known = all(is_id(entry['id']) for entry in content['categories'])
    categories = {entry['id']: entry['id'] if known else number
                  for number, entry in enumerate(content['categories'], 1)}
    return dict(
        content,
        images=[dict(entry, id=images[entry['id']]) for entry in content['images']],
        categories=[dict(entry, id=categories[entry['id']]) for entry in content['categories']],
        annotations=[dict(entry, id=number, image_id=images[entry['image_id']],
                          category_id=categories[entry['category_id']])
                     for number, entry in enumerate(content['annotations'], 1)])
