"""A data set packed as crops: each labelled person cut out of its image, all of them in one LMDB file.

Reading whole images costs a few ms each, of which a person's crop needs a part, and network disks dislike many small
files. A pack holds each person with the margin that augmentation needs, and a JSON in COCO's format that is about the
crops: keypoints and boxes in px of the crop, areas to match.
"""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

import cv2
import numpy as np

from ..core.files import part_of, written_whole
from ..core.images import read_image

FORMATS = {'jpg': cv2.IMWRITE_JPEG_QUALITY, 'webp': cv2.IMWRITE_WEBP_QUALITY}
META = b'__pack__'
MAP_SIZE = 2**40  # bytes; what a file may grow to, not what it takes
AT_ONCE = 256  # people whose crops are made before they are written
_databases: Dict[Path, Tuple[int, Any]] = {}  # with the process that opened each
_opening = threading.Lock()


@dataclass(frozen=True)
class PackOptions:
    """How people are cut out.

    Attributes:
        padding: Factor from a box to the input of the network, as in the config's `GetBBoxCenterScale`.
        aspect: Width / height of the network's input.
        max_scale: The largest factor by which augmentation widens the input.
        rotate: Whether augmentation turns it.
        max_height: Of the padded box, px; larger people are scaled down to it. 1.5 times the height of the network's
            input leaves room for augmentation that zooms in.
        format: 'webp' or 'jpg'.
        quality: Of the format, 1 to 100.
    """
    padding: float = 1.25
    aspect: float = 0.75
    max_scale: float = 1.35
    rotate: bool = True
    max_height: int = 384
    format: str = 'webp'
    quality: int = 90

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f'got format {self.format!r}; needed is one of {", ".join(FORMATS)}')
        if not 1 <= self.quality <= 100:
            raise ValueError(f'got quality {self.quality}; needed is 1 to 100')


def crop_window(bbox: Any, img_shape: Tuple[int, ...], options: PackOptions) -> Tuple[int, int, int, int, float]:
    """What of an image a person's crop covers.

    Args:
        bbox: x, y, w, h of the person, image px.
        img_shape: (h, w) of the image.
        options: How people are cut out.

    Returns:
        left, top, right, bottom of the window in image px, and the factor by which it is scaled.
    """
    x, y, w, h = (float(value) for value in bbox)
    box_w, box_h = w * options.padding, h * options.padding
    box_w, box_h = max(box_w, box_h * options.aspect), max(box_h, box_w / options.aspect)
    reach = np.array([box_w, box_h]) * options.max_scale / 2
    if options.rotate:
        reach = np.full(2, np.hypot(*reach))
    center = np.array([x + w / 2, y + h / 2])
    low = np.maximum(np.floor(center - reach).astype(int), 0)
    high = np.minimum(np.ceil(center + reach).astype(int) + 1, [img_shape[1], img_shape[0]])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1]), min(1., options.max_height / box_h)


def pack_person(image: np.ndarray, annotation: dict, options: PackOptions) -> Tuple[bytes, dict, dict]:
    """Cut a person out.

    Args:
        image: ``(h, w, 3)`` uint8 BGR.
        annotation: Its annotation in COCO's format.
        options: How.

    Returns:
        The encoded crop; its entry for ``images``; its entry for ``annotations``.
    """
    left, top, right, bottom, scale = crop_window(annotation['bbox'], image.shape, options)
    crop = image[top:bottom, left:right]
    if scale < 1:
        size = max(1, round(crop.shape[1] * scale)), max(1, round(crop.shape[0] * scale))
        factor = np.array(size) / crop.shape[1::-1]
        crop = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    else:
        factor = np.ones(2)
    name = f'{annotation["id"]}.{options.format}'
    content = cv2.imencode(f'.{options.format}', crop, [FORMATS[options.format], options.quality])[1].tobytes()
    keypoints = np.array(annotation['keypoints'], float).reshape(-1, 3)
    labelled = keypoints[:, 2] > 0
    # Coordinates count from the corners of px, so a scaling takes half a px with it.
    keypoints[labelled, :2] = (keypoints[labelled, :2] - (left, top) + 0.5) * factor - 0.5
    x, y, w, h = annotation['bbox']
    box = np.array([(x - left) * factor[0], (y - top) * factor[1], w * factor[0], h * factor[1]])
    packed = dict(annotation, image_id=annotation['id'], bbox=np.round(box, 3).tolist(),
                  keypoints=[round(value, 3) if i % 3 < 2 else int(value) for i, value in enumerate(keypoints.flat)],
                  area=float(annotation.get('area') or w * h) * float(factor.prod()),
                  source_image_id=annotation['image_id'])
    packed.pop('segmentation', None)
    return content, dict(id=annotation['id'], file_name=name, width=crop.shape[1], height=crop.shape[0]), packed


def write_pack(content: dict, folder: Path, out: Path, options: PackOptions,
               progress: Callable[[List[Any]], Iterable] = iter, threads: int = 2) -> Tuple[int, int]:
    """Pack the labelled people of a data set.

    Args:
        content: Annotations in COCO's format.
        folder: Of its images.
        out: The LMDB file to write; the annotations are written beside it, with the suffix ``.json``.
        options: How people are cut out.
        progress: Wraps the list of images, to draw a progress bar.
        threads: Threads that read and cut.

    Returns:
        Number of people, and bytes of the file.

    Raises:
        ImportError: lmdb is not installed.
        UnreadableError: An image cannot be read.
        OSError: The pack cannot be written.
    """
    lmdb = _lmdb()
    by_image: Dict[Any, List[dict]] = {}
    for annotation in content['annotations']:
        if annotation.get('num_keypoints', 0) > 0 and not annotation.get('iscrowd', 0):
            by_image.setdefault(annotation['image_id'], []).append(annotation)
    images = [image for image in content['images'] if image['id'] in by_image]

    def people_of(image: dict) -> List[Tuple[bytes, dict, dict]]:
        pixels = read_image(folder / image['file_name'])
        return [pack_person(pixels, annotation, options) for annotation in by_image[image['id']]]

    out.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(out)
    compact = part_of(out)
    new_images: List[dict] = []
    new_annotations: List[dict] = []
    try:
        with lmdb.open(str(part), map_size=MAP_SIZE, subdir=False, lock=False) as database, \
                ThreadPoolExecutor(threads) as pool:
            results = iter(progress(images))
            while True:
                chunk = [image for _, image in zip(range(AT_ONCE), results)]
                if not chunk:
                    break
                with database.begin(write=True) as transaction:
                    for people in pool.map(people_of, chunk):
                        for encoded, image, annotation in people:
                            transaction.put(image['file_name'].encode(), encoded)
                            new_images.append(image)
                            new_annotations.append(annotation)
            with database.begin(write=True) as transaction:
                transaction.put(META, json.dumps(dict(asdict(options), people=len(new_images))).encode())
            # LMDB grows by steps and leaves room; the copy has none.
            database.copy(str(compact), compact=True)
        with written_whole(out.with_suffix('.json')) as file:
            file.write(json.dumps(dict(
                info=dict(description=f'crops of people, packed by rampose in {out.name}'), images=new_images,
                annotations=new_annotations, categories=content['categories'])).encode())
        os.replace(compact, out)
    finally:
        part.unlink(missing_ok=True)
        compact.unlink(missing_ok=True)
    return len(new_images), out.stat().st_size


class PackReader:
    """Reads crops from a pack, in any process and thread.

    Args:
        path: The LMDB file.

    Raises:
        ImportError: lmdb is not installed.
        ValueError: It is not there, or no pack.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        if self._get(META) is None:
            raise ValueError(f'{self.path} is no pack of rampose; rampose pack writes one')

    def _get(self, key: bytes) -> Optional[bytes]:
        with _database(self.path.absolute()).begin() as transaction:
            return transaction.get(key)

    def read(self, name: str) -> np.ndarray:
        """Read a crop, ``(h, w, 3)`` uint8 BGR.

        Raises:
            OSError: It is not there, or damaged.
        """
        content = self._get(name.encode())
        image = None if content is None else cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise OSError(f'{name} is {"missing" if content is None else "damaged"} in {self.path}; pack it again')
        return image


def _database(path: Path) -> Any:
    """The open database of a file. LMDB opens no file twice in a process, and a worker must not use its parent's."""
    lmdb = _lmdb()
    with _opening:
        pid, database = _databases.get(path, (None, None))
        if pid != os.getpid():
            if database is not None:
                database.close()
            try:
                database = lmdb.open(str(path), readonly=True, lock=False, subdir=False, readahead=False)
            except lmdb.Error as error:
                raise ValueError(f'{path} cannot be read: {error}; rampose pack writes one') from None
            _databases[path] = os.getpid(), database
    return database


def _lmdb() -> Any:
    try:
        import lmdb
    except ImportError:
        raise ImportError('packs need the package lmdb: pip install lmdb') from None
    return lmdb
