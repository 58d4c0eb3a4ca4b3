"""A picture of the people and images with the most problems."""

from pathlib import Path

import cv2
import numpy as np

from ..core.files import written_whole
from ..core.images import UnreadableError, read_image
from ..core.mosaic import mosaic
from .checking import Report

TILE = 320  # px
RED, YELLOW, WHITE = (60, 60, 230), (60, 220, 240), (255, 255, 255)


def draw_worst(content: dict, folder: Path, report: Report, path: Path, columns: int = 4, rows: int = 2) -> None:
    """Draw boxes, keypoints and the names of the problems; keypoints outside the picture stand at its border.

    Args:
        content: The annotations.
        folder: Where the pictures are.
        report: What was found in them.
        path: The JPEG to write.
        columns: Tiles beside each other.
        rows: Tiles below each other.
    """
    images = {image['id']: (i, image) for i, image in reversed(list(enumerate(content['images'])))}
    problems = []  # (kinds, image, annotation or None)
    for i, kinds in report.by_annotation.items():
        annotation = content['annotations'][i]
        position, image = images.get(annotation['image_id'], (None, None))
        problems.append((kinds | report.by_image.get(position, set()), image, annotation))
    problems += [(kinds, content['images'][i], None) for i, kinds in report.by_image.items()]
    problems.sort(key=lambda problem: -len(problem[0]))
    tiles = [_tile(folder, *problem) for problem in problems[:rows * columns]]
    with written_whole(path) as file:
        file.write(cv2.imencode('.jpg', mosaic(tiles, columns, background=0))[1].tobytes())


def _tile(folder: Path, kinds: set, image: dict, annotation: dict) -> np.ndarray:
    picture = None
    if image:
        try:
            picture = read_image(folder / image['file_name'])
        except UnreadableError:
            picture = None
    if picture is None:
        picture = np.full((TILE, TILE, 3), 60, np.uint8)
    h, w = picture.shape[:2]
    scale = TILE / max(h, w)
    tile = np.zeros((TILE, TILE, 3), np.uint8)
    resized = cv2.resize(picture, (max(1, round(w * scale)), max(1, round(h * scale))))
    tile[:resized.shape[0], :resized.shape[1]] = resized
    if annotation and image:
        _draw(tile[:resized.shape[0], :resized.shape[1]], annotation, scale)
    lines = [f'image {image["id"]}' if image else 'no such image', *sorted(kinds)]
    if annotation:
        lines[0] += f', annotation {annotation["id"]}'
    for i, line in enumerate(lines):
        at = (6, 16 + 16 * i)
        cv2.putText(tile, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(tile, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, WHITE if i == 0 else YELLOW, 1, cv2.LINE_AA)
    return tile


def _draw(tile: np.ndarray, annotation: dict, scale: float) -> None:
    numbers = [_as_numbers(annotation.get(key)) for key in ('bbox', 'keypoints')]
    if numbers[0].size == 4 and np.isfinite(numbers[0]).all():
        x, y, w, h = numbers[0] * scale
        cv2.rectangle(tile, (round(x), round(y)), (round(x + w), round(y + h)), RED, 1)
    if numbers[1].size % 3 == 0:
        for x, y, visibility in numbers[1].reshape(-1, 3):
            if visibility > 0 and np.isfinite([x, y]).all():
                at = np.clip((x * scale, y * scale), 2, np.array(tile.shape[1::-1]) - 3).round().astype(int)
                cv2.circle(tile, tuple(at.tolist()), 3, YELLOW, -1, cv2.LINE_AA)


def _as_numbers(values: object) -> np.ndarray:
    """Empty for what is no list of numbers, which may be what is wrong with an annotation."""
    try:
        return np.array(values or [], dtype=float).ravel()
    except (TypeError, ValueError):
        return np.zeros(0)
