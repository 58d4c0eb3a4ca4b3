"""Categories and the names of their keypoints."""

from typing import Sequence

from .report import Report


def check_categories(content: dict, num_keypoints: int, names: Sequence[str], report: Report) -> None:
    wanted = list(map(_plain, names))
    for category in content['categories']:
        name = f'category {category["id"]} ({category.get("name")})'
        given = category.get('keypoints')
        if not given:
            report.add('category without keypoints', name)
            continue
        if len(given) != num_keypoints:
            report.add('category with other keypoints', f'{name}: {len(given)} instead of {num_keypoints}')
            continue
        said = list(map(_plain, given))
        k = next((k for k, pair in enumerate(zip(said, wanted)) if pair[0] != pair[1]), None)
        if k is not None:
            kind = 'keypoints in another order' if sorted(said) == sorted(wanted) else 'keypoints of other names'
            report.add(kind, f'{name}: keypoint {k} is {given[k]}, in the metainfo {names[k]}')


def _plain(name: object) -> str:
    """A name without what programs write differently."""
    return ''.join(letter for letter in str(name).lower() if letter.isalnum())
