"""A generated data set in COCO's format, for trying things out where COCO itself is not at hand.

One to three figures in a picture, with exact keypoints, occlusion and truncation, in front of textured backgrounds. A
picture depends on the seed, its split and its number alone.
"""

import json
import tempfile
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

import cv2
import numpy as np
from rich.progress import track

from ..core.files import part_prefix
from ..core.own_folder import check_own, remove_own
from .figure import KEYPOINTS, Canvas, draw_figure, keypoints_of, pose_figure

SKELETON = ((16, 14), (14, 12), (17, 15), (15, 13), (12, 13), (6, 12), (7, 13), (6, 7), (6, 8), (7, 9), (8, 10),
            (9, 11), (2, 3), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 7))  # COCO's, counted from 1
STAMP = 'sample.json'  # in each sample set: the numbers that it was made from
_VERSION = 1  # of what is drawn: raise it with every change, lest an older set be taken for the new one
_FIRST_ID = {'train': 1, 'val': 100001}
_MIN_AREA = 300  # px; less than this is seen of a figure only if another one hides it


def make_sample(root: Union[str, Path], num_train: int = 1000, num_val: int = 100, seed: int = 0) -> Path:
    """Write the sample set, or leave it alone if it is already there, made from the same numbers.

    One that was made from other numbers is replaced, unless there is something else in its folder.

    Args:
        root: Folder to write: ``train/``, ``val/`` and ``annotations/person_keypoints_{train,val}.json``.
        num_train: Number of pictures in the train split.
        num_val: Number of pictures in the val split.
        seed: Seed of everything that is random.

    Returns:
        The folder.

    Raises:
        ValueError: A split without pictures, or a folder that holds anything that no sample set has.
    """
    root = Path(root)
    if num_train < 1 or num_val < 1:
        raise ValueError(f'got num_train={num_train}, num_val={num_val}; each split needs at least one picture')
    recipe = dict(version=_VERSION, num_train=num_train, num_val=num_val, seed=seed)
    there = _recipe(root)
    if there == recipe:
        return root
    own = [] if there is None else _files(there)
    check_own(root, STAMP, own)  # before any work
    # Written beside, then renamed: a sample set is there whole or not at all.
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=part_prefix(), dir=root.parent) as folder:
        unfinished = Path(folder, root.name)
        for split, number in (('train', num_train), ('val', num_val)):
            _write_split(unfinished, split, number, seed)
        (unfinished / STAMP).write_text(json.dumps(recipe))
        remove_own(root, STAMP, own)
        unfinished.rename(root)
    return root


def _recipe(root: Path) -> Optional[Dict[str, int]]:
    """The numbers that the sample set in a folder was made from; None if there is none."""
    try:
        recipe = json.loads((root / STAMP).read_text())
    except (OSError, ValueError):
        return None
    names = {'version', 'num_train', 'num_val', 'seed'}
    ours = isinstance(recipe, dict) and set(recipe) == names and all(type(number) is int for number in recipe.values())
    return recipe if ours else None


def _files(recipe: Dict[str, int]) -> List[str]:
    """What belongs to a sample set that was made from these numbers."""
    return [f'annotations/person_keypoints_{split}.json' for split in _FIRST_ID] + [
        f'{split}/{_image_name(first + number)}' for split, first in _FIRST_ID.items()
        for number in range(recipe[f'num_{split}'])]


def _image_name(image_id: int) -> str:
    return f'{image_id:012d}.jpg'


def _write_split(root: Path, split: str, number: int, seed: int) -> None:
    (root / split).mkdir(parents=True)
    (root / 'annotations').mkdir(exist_ok=True)
    images, annotations = [], []
    for image_id in track(range(_FIRST_ID[split], _FIRST_ID[split] + number), f'Sample set, {split}'):
        image, figures = make_picture(np.random.default_rng((seed, image_id)))
        file_name = _image_name(image_id)
        cv2.imwrite(str(root / split / file_name), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
        images.append(dict(id=image_id, file_name=file_name, height=image.shape[0], width=image.shape[1]))
        for figure in figures:
            annotations.append(dict(figure, id=len(annotations) + 1, image_id=image_id, category_id=1, iscrowd=0))
    person = dict(id=1, name='person', supercategory='person', keypoints=KEYPOINTS, skeleton=SKELETON)
    info = dict(description='Generated figures', version='1.0', year=2026, contributor='rampose')
    content = dict(info=info, licenses=[], images=images, annotations=annotations, categories=[person])
    (root / 'annotations' / f'person_keypoints_{split}.json').write_text(json.dumps(content))


def make_picture(rng: np.random.Generator) -> tuple:
    """Draw one picture.

    Returns:
        The picture (h, w, 3), BGR, and a list of what COCO says of each figure: ``keypoints``, ``num_keypoints``,
        ``bbox`` (x, y, w, h), ``area`` and ``segmentation`` of what is seen of it, in image space, px.
    """
    h, w = ((240, 320), (320, 240), (288, 288))[rng.integers(3)]
    canvas = Canvas(_background(rng, h, w))
    number = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    heights = np.sort(rng.uniform(0.50, 0.95, number)) * h  # nearer figures are taller and stand in front
    lefts = rng.permutation(number)
    figures = []
    for index, (height, left) in enumerate(zip(heights, lefts)):
        points = pose_figure(rng)
        pelvis = ((left + rng.uniform(0.35, 0.65)) * w / number, h * rng.uniform(0.48, 0.62))
        if rng.random() < 0.1:  # cut off by the border
            pelvis = (pelvis[0], h * rng.uniform(0.75, 0.95))
        draw_figure(canvas, points, pelvis, height, index, rng)
        figures.append((points, pelvis, height, index))
    if rng.random() < 0.12:
        _draw_obstacle(canvas, rng)
    annotations = [_annotate(canvas, *figure) for figure in figures]
    noise = 4 * rng.standard_normal(canvas.image.shape, dtype=np.float32)
    image = np.clip(cv2.GaussianBlur(canvas.image, (3, 3), 0.6) + noise, 0, 255).astype(np.uint8)
    return image, [annotation for annotation in annotations if annotation['area'] >= _MIN_AREA]


def make_crops(input_size: Tuple[int, int], number: int = 8) -> np.ndarray:
    """Images of generated people, scaled to `input_size` (w, h): ``(number, h, w, 3)`` uint8 BGR."""
    return np.stack([cv2.resize(make_picture(np.random.default_rng((0, i)))[0], input_size) for i in range(number)])


def _annotate(canvas: Canvas, points: dict, pelvis: tuple, height: float, index: int) -> dict:
    keypoints = keypoints_of(canvas, points, pelvis, height, index)
    mask = (canvas.owner // 32 == index).astype(np.uint8)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outlines = [cv2.approxPolyDP(outline, 1.0, closed=True) for outline in outlines]
    return dict(
        keypoints=[round(float(value), 2) if i % 3 < 2 else int(value) for i, value in enumerate(keypoints.flat)],
        num_keypoints=int((keypoints[:, 2] > 0).sum()),
        bbox=[float(value) for value in cv2.boundingRect(mask)],
        area=float(mask.sum()),
        segmentation=[outline.flatten().tolist() for outline in outlines if len(outline) >= 3])


def _background(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
    """Noise of several grain sizes over a colour gradient, with a few shapes that are no figures."""
    corners = rng.uniform(30, 225, (2, 2, 3)).astype(np.float32)
    image = cv2.resize(corners, (w, h))
    for grain in (4, 16, 64):
        noise = rng.normal(0, 14, (max(2, h // grain), max(2, w // grain), 1)).astype(np.float32)
        tint = rng.uniform(0.6, 1.4, 3).astype(np.float32)
        image += cv2.resize(noise * tint, (w, h), interpolation=cv2.INTER_CUBIC)
    image = np.clip(image, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(3, 9)):
        colour = rng.uniform(20, 235, 3).tolist()
        start, end = (tuple(int(value) for value in rng.uniform(0, (w, h))) for _ in range(2))
        if rng.random() < 0.5:
            cv2.line(image, start, end, colour, int(rng.integers(2, 14)), cv2.LINE_AA)
        else:
            cv2.ellipse(image, start, tuple(int(value) for value in rng.uniform(5, 40, 2)), rng.uniform(0, 180), 0, 360,
                        colour, -1, cv2.LINE_AA)
    return image


def _draw_obstacle(canvas: Canvas, rng: np.random.Generator) -> None:
    """Something that stands in front of the figures: a box, a post or a rail."""
    h, w = canvas.owner.shape
    kind = rng.choice(['box', 'post', 'rail'])
    size = {'box': (0.3 * w, 0.3 * h), 'post': (0.07 * w, 1.2 * h), 'rail': (1.2 * w, 0.06 * h)}[kind]
    centre = np.array([rng.uniform(0, w), rng.uniform(0.4, 1.0) * h])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * np.array(size) * rng.uniform(0.35, 0.65, 2)
    angle = np.deg2rad(rng.normal(0, 8))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    canvas.paint((centre + corners @ turn.T).astype(np.float32), rng.uniform(20, 235, 3), owner=-2)


def describe(annotation_file: Union[str, Path]) -> List[str]:
    """One line on each count that a reader of a COCO keypoint file wants to know first."""
    content = json.loads(Path(annotation_file).read_text())
    values = np.array([annotation['keypoints'][2::3] for annotation in content['annotations']])
    shares = [f'{100 * (values == v).mean():.0f} % {meaning}'
              for v, meaning in ((2, 'visible'), (1, 'covered'), (0, 'outside'))]
    numbers = f'{len(content["images"])} pictures, {len(content["annotations"])} persons'
    return [numbers, 'keypoints: ' + ', '.join(shares)]
