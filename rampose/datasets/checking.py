"""What is wrong with a data set in COCO's format."""

import copy
import hashlib
import json
import math
import multiprocessing
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple

import numpy as np

from ..core.images import UnreadableError, read_image

# Each kind of problem, and what `cleaned` does about it.
KINDS = {
    'missing image': 'the file is not there; dropped with its annotations',
    'unreadable image': 'the file is damaged, truncated or no picture; dropped with its annotations',
    'other image size': 'the file has other sides than the JSON says; the JSON is set right',
    'duplicate image id': 'two images have one id; the first is kept',
    'duplicate annotation id': 'two annotations have one id; the first is kept',
    'unknown image': 'an annotation of an image that the JSON does not list; dropped',
    'unknown category': 'an annotation of a category that the JSON does not list; dropped',
    'category without keypoints': 'a category names no keypoints; left as it is',
    'category with other keypoints': "a category has another number of keypoints than the config's metainfo; left",
    'wrong number of keypoints': 'an annotation has too few or too many numbers in keypoints; dropped',
    'keypoint not a number': 'a coordinate is NaN or infinite; the keypoint becomes unlabelled',
    'keypoint outside the image': 'a labelled keypoint lies outside; it becomes unlabelled',
    'num_keypoints disagrees': 'num_keypoints is not the number of labelled keypoints; it is counted anew',
    'bad box': 'the box is missing, empty, negative or not a number; dropped',
    'left and right contradict': 'shoulders and hips point opposite ways in more than 5 % of the people; left',
    'pair swapped': 'a pair of left and right is the other way round in most of the people; left',
    'train and val overlap': 'the same file is in the other split, too; left as it is',
    'detection of unknown image': 'a detection of an image that the JSON does not list; not ours to mend',
    'bad detection': 'a detection without usable box or score; not ours to mend',
    'equal detection scores': 'all scores are equal, so AP cannot rank people; not ours to mend',
}
NUM_EXAMPLES = 10
CONTRADICTIONS = 0.05  # share of people from which on it is suspicious; in photographs of sports it is 0.02


@dataclass
class Report:
    """What was found.

    Attributes:
        counts: Number of problems by kind.
        examples: A few of each, as text.
        by_annotation: Kinds of problems of each annotation, by its position in the file.
        by_image: Kinds of problems of each image, likewise.
        sizes: (w, h) that the files have, by the image's position in the file.
    """
    num_images: int = 0
    num_annotations: int = 0
    counts: Dict[str, int] = field(default_factory=dict)
    examples: Dict[str, List[str]] = field(default_factory=dict)
    by_annotation: Dict[int, Set[str]] = field(default_factory=lambda: defaultdict(set))
    by_image: Dict[int, Set[str]] = field(default_factory=lambda: defaultdict(set))
    sizes: Dict[int, Tuple[int, int]] = field(default_factory=dict)

    def add(self, kind: str, example: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < NUM_EXAMPLES:
            examples.append(example)

    def as_dict(self) -> Dict[str, Any]:
        """For JSON."""
        return dict(images=self.num_images, annotations=self.num_annotations, problems={
            kind: dict(count=self.counts[kind], meaning=KINDS[kind], examples=self.examples[kind])
            for kind in KINDS if kind in self.counts})


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


def check(content: dict, folder: Path, num_keypoints: int, keypoint_names: Sequence[str],
          flip_pairs: Sequence[Tuple[int, int]], other_files: Iterable[Path] = (), workers: int = 2,
          progress: Optional[Callable[..., Iterable]] = None) -> Report:
    """Go through every image and every annotation.

    Args:
        content: What :func:`read_coco` gives.
        folder: Where `file_name` starts from.
        num_keypoints: K of the metainfo.
        keypoint_names: Their names, K.
        flip_pairs: Indices of left and right keypoints.
        other_files: The pictures of the other split, which must not be the same.
        workers: Number of processes that read pictures.
        progress: Wraps an iterable of given `total` and `description`, to draw a progress bar.

    Returns:
        The report.
    """
    progress = progress or (lambda items, **_: items)
    report = Report(len(content['images']), len(content['annotations']))
    _check_categories(content, num_keypoints, report)
    hashes = _check_images(content, folder, report, workers, progress)
    _check_annotations(content, num_keypoints, report)
    _check_sides(content, num_keypoints, keypoint_names, flip_pairs, report)
    other_files = list(other_files)
    if not other_files:
        return report
    with multiprocessing.Pool(workers) as pool:
        for path, digest in progress(pool.imap_unordered(_hash, other_files, 64), total=len(other_files),
                                     description='The other split'):
            if digest in hashes:
                report.add('train and val overlap', f'{hashes[digest]} is {path}')
    return report


def check_detections(detections: list, content: dict, report: Report) -> None:
    """Look at the detections that a test takes its boxes from; adds to the report."""
    known = {image['id'] for image in content['images']}
    scores = set()
    for i, entry in enumerate(detections):
        score = entry.get('score')
        if entry.get('image_id') not in known:
            report.add('detection of unknown image', f'detections[{i}] of image {entry.get("image_id")}')
        if not _is_box(entry.get('bbox')) or not isinstance(score, (int, float)) or not math.isfinite(score):
            report.add('bad detection', f'detections[{i}]: box {entry.get("bbox")}, score {score}')
        else:
            scores.add(score)
    if len(detections) > 1 and len(scores) == 1:
        report.add('equal detection scores', f'all {len(detections)} have {scores.pop()}')


def cleaned(content: dict, report: Report) -> dict:
    """A copy of the annotations without what :data:`KINDS` says is dropped, and with the rest set right."""
    bad_image = {'missing image', 'unreadable image', 'duplicate image id'}
    bad_annotation = {'duplicate annotation id', 'unknown image', 'unknown category', 'wrong number of keypoints',
                      'bad box'}
    result = {key: value for key, value in content.items() if key not in ('images', 'annotations')}
    result['images'] = []
    for i, image in enumerate(content['images']):
        if not report.by_image.get(i, set()) & bad_image:
            image = dict(image)
            if i in report.sizes:
                image['width'], image['height'] = report.sizes[i]
            result['images'].append(image)
    sizes = {image['id']: (image.get('width'), image.get('height')) for image in result['images']}
    result['annotations'] = []
    for i, annotation in enumerate(content['annotations']):
        kinds = report.by_annotation.get(i, set())
        if kinds & bad_annotation or annotation['image_id'] not in sizes:
            continue
        annotation = copy.deepcopy(annotation)
        if kinds:
            keypoints = np.array(annotation['keypoints'], dtype=object).reshape(-1, 3)
            coordinates = keypoints.astype(float)
            keypoints[_not_numbers(coordinates) | _outside(coordinates, *sizes[annotation['image_id']])] = 0
            annotation['keypoints'] = keypoints.ravel().tolist()
            annotation['num_keypoints'] = int((keypoints[:, 2] > 0).sum())
        result['annotations'].append(annotation)
    return result


def _check_categories(content: dict, num_keypoints: int, report: Report) -> None:
    for category in content['categories']:
        name = f'category {category["id"]} ({category.get("name")})'
        if not category.get('keypoints'):
            report.add('category without keypoints', name)
        elif len(category['keypoints']) != num_keypoints:
            report.add('category with other keypoints',
                       f'{name}: {len(category["keypoints"])} instead of {num_keypoints}')


def _check_images(content: dict, folder: Path, report: Report, workers: int, progress: Callable) -> Dict[bytes, str]:
    """Read every picture. Returns the files' names by their hashes."""
    seen: Set[int] = set()
    for i, image in enumerate(content['images']):
        if image['id'] in seen:
            report.by_image[i].add('duplicate image id')
            report.add('duplicate image id', f'images[{i}] ({image["file_name"]}): id {image["id"]}')
        seen.add(image['id'])
    hashes = {}
    tasks = [(i, str(folder / image['file_name'])) for i, image in enumerate(content['images'])]
    with multiprocessing.Pool(workers) as pool:
        for i, kind, why, size, digest in progress(pool.imap_unordered(_read, tasks, 32), total=len(tasks),
                                                   description='Images'):
            image = content['images'][i]
            if kind:
                report.by_image[i].add(kind)
                report.add(kind, why)
                continue
            hashes[digest] = image['file_name']
            said = image.get('width'), image.get('height')
            if size != said:
                report.sizes[i] = size
            if size != said and None not in said:  # a JSON need not say
                report.by_image[i].add('other image size')
                report.add('other image size', f'{image["file_name"]} (image {image["id"]}): the file has '
                                               f'{size[0]}x{size[1]} px, the JSON {said[0]}x{said[1]}')
    return hashes


def _read(task: Tuple[int, str]) -> tuple:
    """In a worker: position, kind of problem or None, why, (w, h), hash."""
    i, path = task
    if not Path(path).is_file():
        return i, 'missing image', path, None, None
    try:
        h, w = read_image(path).shape[:2]
    except UnreadableError as error:
        return i, 'unreadable image', str(error), None, None
    return i, None, None, (w, h), _hash(path)[1]


def _hash(path: Any) -> Tuple[str, bytes]:
    try:
        return str(path), hashlib.blake2b(Path(path).read_bytes(), digest_size=16).digest()
    except OSError:
        return str(path), b''


def _check_annotations(content: dict, num_keypoints: int, report: Report) -> None:
    images = {}
    for i, image in enumerate(content['images']):
        images.setdefault(image['id'], report.sizes.get(i, (image.get('width'), image.get('height'))))
    categories = {category['id'] for category in content['categories']}
    seen: Set[Any] = set()
    for i, annotation in enumerate(content['annotations']):
        name = f'annotation {annotation["id"]} (image {annotation["image_id"]})'

        def add(kind: str, why: str = '', i: int = i, name: str = name) -> None:
            report.by_annotation[i].add(kind)
            report.add(kind, name + (f': {why}' if why else ''))

        if annotation['id'] in seen:
            add('duplicate annotation id')
        seen.add(annotation['id'])
        if annotation['image_id'] not in images:
            add('unknown image')
        if annotation['category_id'] not in categories:
            add('unknown category', f'category {annotation["category_id"]}')
        if not annotation.get('iscrowd') and not _is_box(annotation.get('bbox')):
            add('bad box', f'{annotation.get("bbox")}')
        keypoints = _keypoints(annotation, num_keypoints)
        if keypoints is None:
            given = annotation.get('keypoints')
            add('wrong number of keypoints', f'{len(given) if isinstance(given, list) else given} numbers instead of '
                                             f'{3 * num_keypoints}')
            continue
        if _not_numbers(keypoints).any():
            add('keypoint not a number', f'keypoint {np.flatnonzero(_not_numbers(keypoints))[0]}')
        outside = _outside(keypoints, *images.get(annotation['image_id'], (None, None)))
        if outside.any():
            k = np.flatnonzero(outside)[0]
            add('keypoint outside the image', f'keypoint {k} at ({keypoints[k, 0]:g}, {keypoints[k, 1]:g})')
        labelled = int((keypoints[:, 2] > 0).sum())
        if annotation.get('num_keypoints', labelled) != labelled:
            add('num_keypoints disagrees', f'{annotation["num_keypoints"]}, labelled are {labelled}')


def _check_sides(content: dict, num_keypoints: int, names: Sequence[str], flip_pairs: Sequence[Tuple[int, int]],
                 report: Report) -> None:
    """Left and right: of a person, all pairs point the same way across the picture, but for crossed limbs."""
    pairs = [tuple(sorted(pair, key=lambda k: not names[k].startswith('left'))) for pair in flip_pairs]
    if len(pairs) < 2:
        return
    people = [(annotation, keypoints) for annotation in content['annotations']
              for keypoints in [_keypoints(annotation, num_keypoints)]
              if keypoints is not None and _is_box(annotation.get('bbox'))]
    if not people:
        return
    keypoints = np.stack([keypoints for _, keypoints in people])
    widths = np.array([annotation['bbox'][2] for annotation, _ in people])[:, None]
    left, right = (keypoints[:, [pair[side] for pair in pairs]] for side in (0, 1))
    with np.errstate(invalid='ignore'):
        across = (left[..., 0] - right[..., 0]) / widths
        across[(left[..., 2] <= 0) | (right[..., 2] <= 0) | ~(np.abs(across) > 0.1)] = 0  # a side view tells nothing
    signs = np.sign(across)  # (people, pairs)

    others = np.sign(signs.sum(axis=1, keepdims=True) - signs)
    for p, (a, b) in enumerate(pairs):
        tells = (signs[:, p] != 0) & (others[:, p] != 0)
        share = float((signs[tells, p] != others[tells, p]).mean()) if tells.sum() >= 20 else 0.
        if share > 0.5:
            report.add('pair swapped', f'{names[a]} and {names[b]}: {share:.0%} of {int(tells.sum())} people')

    torso = [[p for p, pair in enumerate(pairs) if part in names[pair[0]]] for part in ('shoulder', 'hip')]
    if all(len(found) == 1 for found in torso):
        shoulders, hips = (signs[:, found[0]] for found in torso)
        tells, wrong = (shoulders * hips) != 0, (shoulders * hips) < 0
        if tells.sum() >= 20 and wrong.sum() > CONTRADICTIONS * tells.sum():
            for i in np.flatnonzero(wrong):
                report.add('left and right contradict', f'annotation {people[i][0]["id"]} '
                                                        f'(image {people[i][0]["image_id"]})')


def _keypoints(annotation: dict, num_keypoints: int) -> Optional[np.ndarray]:
    """(K, 3) of x, y, visibility; None where there are not as many."""
    given = annotation.get('keypoints')
    if not isinstance(given, list) or len(given) != 3 * num_keypoints:
        return None
    try:
        return np.array(given, dtype=float).reshape(-1, 3)  # null becomes NaN
    except (TypeError, ValueError):
        return np.full((num_keypoints, 3), np.nan)


def _not_numbers(keypoints: np.ndarray) -> np.ndarray:
    return ~np.isfinite(keypoints).all(axis=1)


def _outside(keypoints: np.ndarray, w: Optional[int], h: Optional[int]) -> np.ndarray:
    x, y, visibility = keypoints.T
    with np.errstate(invalid='ignore'):
        return (visibility > 0) & ((x < 0) | (y < 0) | (x > (w or np.inf)) | (y > (h or np.inf)))


def _is_box(box: Any) -> bool:
    """x, y, w, h with a positive area."""
    return (isinstance(box, list) and len(box) == 4
            and all(isinstance(value, (int, float)) and math.isfinite(value) for value in box)
            and box[2] > 0 and box[3] > 0)
