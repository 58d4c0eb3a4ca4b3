"""Images: there, readable by what trains on them, and as large as the JSON says."""

import hashlib
import multiprocessing
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import cv2
import numpy as np

from ...core.images import UnreadableError, check_regular, read_image
from .annotations import is_positive
from .report import Report

PILLOWS_LIMIT = 89_000_000  # px; of more it suspects an attack, and refuses what training can read


def check_images(content: dict, folder: Path, report: Report, workers: int, progress: Callable) -> Dict[bytes, str]:
    """Read every image. Returns the files' names by their hashes."""
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
            if size != said and all(map(is_positive, said)):
                report.by_image[i].add('other image size')
                report.add('other image size', f'{image["file_name"]} (image {image["id"]}): the file has '
                                               f'{size[0]}x{size[1]} px, the JSON {said[0]}x{said[1]}')
    return hashes


def _read(task: Tuple[int, str]) -> tuple:
    """In a worker: position, kind of problem or None, why, (w, h), hash.

    OpenCV decides, which training reads with; it takes the grey rest of a truncated file for an image, so Pillow looks
    at the file, too.
    """
    i, path = task
    try:
        check_regular(path)
        if not Path(path).is_file():
            return i, 'missing image', path, None, None
        seen = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if Path(path).stat().st_size else None
        if seen is None:
            read_image(path)  # which says what is wrong with a damaged file
            return i, 'unreadable image', f'{path}: OpenCV, which training reads with, does not know it; convert it ' \
                'to JPEG or PNG', None, None
        if seen.shape[0] * seen.shape[1] < PILLOWS_LIMIT:
            read_image(path)
    except UnreadableError as error:
        return i, 'unreadable image', str(error), None, None
    return i, None, None, (seen.shape[1], seen.shape[0]), hash_of(path)[1]


def hash_of(path: Any) -> Tuple[str, bytes]:
    try:
        return str(path), hashlib.blake2b(Path(path).read_bytes(), digest_size=16).digest()
    except OSError:
        return str(path), b''
