"""Labelled images, and what models found in them, as COCO's files say it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ...core.coco_names import SIGMAS as COCO_SIGMAS
from .coco_metric import Found, Labels


@dataclass(frozen=True)
class LabelledImages:
    """Images with labelled people, in the order of their ids.

    Attributes:
        image_ids: Of I images.
        names: Their files' names.
        sizes: Their widths and heights, px; empty if the file does not say them all.
        labels: Of each image.
        keypoints: Names of the K keypoints.
        links: Pairs of keypoints that a skeleton connects.
        sigmas: ``(K,)``.
        category: Id of the category that is labelled.
    """
    image_ids: Tuple[int, ...]
    names: Tuple[str, ...]
    sizes: Tuple[Tuple[int, int], ...]
    labels: Tuple[Labels, ...]
    keypoints: Tuple[str, ...]
    links: Tuple[Tuple[int, int], ...]
    sigmas: np.ndarray
    category: int

    @classmethod
    def read(cls, path: Union[str, Path], category: Optional[int] = None,
             sigmas: Optional[Sequence[float]] = None) -> 'LabelledImages':
        """Read COCO annotations.

        Args:
            path: The file.
            category: Id of the category that counts. Default: None, the only one with keypoints.
            sigmas: Of its K keypoints. Default: None, COCO's, by the keypoints' names.

        Raises:
            ValueError: The file cannot be used; the message says what is missing.
        """
        content = read_json(path)
        try:
            images = sorted(content['images'], key=lambda image: image['id'])
            unnamed = [image['id'] for image in images if not isinstance(image.get('file_name'), str)]
            if unnamed:
                raise ValueError(f'{path}: image {unnamed[0]} has no file_name')
            annotations = [one for one in content['annotations'] if one.get('keypoints')]
            categories = {one['id']: one for one in content['categories']}
            labelled = sorted({one['category_id'] for one in annotations if np.any(one['keypoints'][2::3])})
            if category is None and len(labelled) != 1:
                raise ValueError(f'{path} labels keypoints of the categories {labelled}; name the one that counts')
            category = labelled[0] if category is None else category
            if category not in categories:
                raise ValueError(f'{path} has the categories {sorted(categories)}, not {category}')
            names = [str(name) for name in categories[category].get('keypoints') or ()]
            num_keypoints = len(annotations[0]['keypoints']) // 3 if annotations else len(names)
            if (sigmas is None and not set(names) <= COCO_SIGMAS.keys()) or not names:
                if num_keypoints != len(COCO_SIGMAS) or names:
                    raise ValueError(f'{path} has keypoints whose sigmas are not known: {", ".join(names[:3])}, ...; '
                                     'give the metainfo of its data set')
                names = list(COCO_SIGMAS)
            by_image: Dict[int, List[dict]] = {image['id']: [] for image in images}
            for one in annotations:
                if one['category_id'] == category:
                    by_image[one['image_id']].append(one)
            labels = tuple(_labels(by_image[image['id']], len(names)) for image in images)
            links = tuple((int(a) - 1, int(b) - 1) for a, b in categories[category].get('skeleton') or ())
            sizes = tuple((int(image['width']), int(image['height'])) for image in images
                          if image.get('width') and image.get('height'))
            return cls(tuple(image['id'] for image in images), tuple(str(image['file_name']) for image in images),
                       sizes if len(sizes) == len(images) else (), labels, tuple(names), links,
                       np.array([COCO_SIGMAS[name] for name in names] if sigmas is None else sigmas, float), category)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is not in COCO's format of annotations: {type(error).__name__} {error}") from None
        except ValueError as error:
            raise ValueError(str(error) if str(path) in str(error) else f'{path}: {error}') from None

    def choose_keypoints(self, names: Sequence[str]) -> 'LabelledImages':
        """Only some keypoints; who has none of them labelled no longer counts."""
        if tuple(names) == self.keypoints:
            return self
        kept = [self.keypoints.index(name) for name in names]
        labels = tuple(replace(one, keypoints=one.keypoints[:, kept], ignored=one.ignored | ~(
            one.keypoints[:, kept, 2] > 0).any(axis=1)) for one in self.labels)
        numbers = {old: new for new, old in enumerate(kept)}
        links = tuple((numbers[a], numbers[b]) for a, b in self.links if a in numbers and b in numbers)
        return replace(self, labels=labels, keypoints=tuple(names), links=links, sigmas=self.sigmas[kept])

    def choose_images(self, chosen: Sequence[int]) -> 'LabelledImages':
        """Only some images, by their numbers in order."""
        return replace(self, **{name: tuple(getattr(self, name)[number] for number in chosen)
                                for name in ('image_ids', 'names', 'sizes', 'labels') if getattr(self, name)})


def _labels(annotations: Sequence[dict], num_keypoints: int) -> Labels:
    rows = [_label(one, num_keypoints) for one in annotations]
    keypoints = np.array([points for points, _, _ in rows]).reshape(-1, num_keypoints, 3)
    crowd = np.array([bool(one.get('iscrowd', 0)) for one in annotations], bool)
    nothing = np.array([not one.get('num_keypoints', int((points[:, 2] > 0).sum()))
                        for one, points in zip(annotations, keypoints)], bool)
    return Labels(keypoints, np.array([bbox for _, bbox, _ in rows]).reshape(-1, 4),
                  np.array([area for _, _, area in rows], float), crowd | nothing, crowd)


def _label(annotation: dict, num_keypoints: int) -> Tuple[np.ndarray, np.ndarray, float]:
    """Keypoints, box and area of an annotation; ValueError, which names it, where they are no numbers."""
    try:
        return (np.array([float(value) for value in annotation['keypoints']]).reshape(num_keypoints, 3),
                np.array([float(value) for value in annotation['bbox']]).reshape(4), float(annotation['area']))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'annotation {annotation.get("id")} has no usable keypoints, bbox and area '
                         f'({type(error).__name__}: {error}); rampose check-data finds all such') from None


def read_json(path: Union[str, Path]) -> object:
    """What is in a JSON file; ValueError, which names it, if that cannot be read."""
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ValueError(f'{path} cannot be read as JSON: {error}') from None


def read_results(path: Union[str, Path], data: LabelledImages,
                 names: Optional[Sequence[str]] = None) -> Tuple[Found, ...]:
    """Read COCO keypoint results, of whatever program.

    Args:
        path: A list of ``image_id``, ``category_id``, ``keypoints`` and ``score``.
        data: The images. Results of other images and categories are left out.
        names: Of the results' keypoints, of which `data`'s must be a part. Default: None, `data`'s.

    Returns:
        For each image of `data`, in its order.

    Raises:
        ValueError: The file is no such list, has another number of keypoints, or is of other images.
    """
    content = read_json(path)
    names = tuple(names or data.keypoints)
    kept = [names.index(name) for name in data.keypoints]
    people: Dict[int, List[Tuple[np.ndarray, float, float]]] = {image_id: [] for image_id in data.image_ids}
    try:
        with_boxes = bool(content and content[0].get('bbox'))
        for one in content:
            points = np.array(one['keypoints'], float).reshape(-1, 3)
            if len(points) != len(names):
                raise ValueError(f'{path} has {len(points)} keypoints a person, needed are {len(names)}: '
                                 f'{", ".join(names)}')
            if one['category_id'] == data.category and one['image_id'] in people:
                area = float(one['bbox'][2] * one['bbox'][3]) if with_boxes else np.nan
                people[one['image_id']].append((points[kept], float(one['score']), area))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is not in COCO\'s format of keypoint results, a list of image_id, category_id, '
                         f'keypoints and score: {type(error).__name__} {error}') from None
    if content and not any(people.values()):
        raise ValueError(f'{path} has no result of the labelled images and category {data.category}: its first is of '
                         f'image {content[0]["image_id"]}, category {content[0]["category_id"]}')
    return tuple(_found(people[image_id], len(kept)) for image_id in data.image_ids)


def _found(people: Sequence[Tuple[np.ndarray, float, float]], num_keypoints: int) -> Found:
    points = np.array([points for points, _, _ in people]).reshape(-1, num_keypoints, 3)
    areas = np.array([area for _, _, area in people], float)
    return Found(points[..., :2], np.array([score for _, score, _ in people], float), points[..., 2],
                 None if np.isnan(areas).any() or not len(areas) else areas)
