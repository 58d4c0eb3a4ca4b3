"""Images to label next, as CVAT and Label Studio take them: with what a model found, to be corrected."""

import csv
import io
import math
import shutil
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple
from xml.sax.saxutils import quoteattr

import cv2
import numpy as np

from ..core.files import written_whole
from ..core.images import read_image
from ..core.mosaic import mosaic
from ..core.own_folder import remove_own
from .coco_results import category_of
from .drawing import PosePainter
from .formats import GivenResults, write_coco, write_label_studio
from .media import save_picture
from .records import as_instances, rounded
from .suggestion import Candidate

MARKER = 'suggested.csv'  # in a folder that we made, from the first
FILES = ('images', 'annotations.json', 'label_studio.json', 'label_studio_config.xml', 'contact_sheet.jpg')
SERVED = '/data/local-files/?d=images/'  # how Label Studio addresses a file below its root
TILE, GAP, COLUMNS, MOST_TILES = 240, 6, 6, 60
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def write_task(images: Sequence[Tuple[str, Candidate]], dataset_meta: dict, out: Path,
               category_name: Optional[str] = None) -> List[Path]:
    """Write the images and what was found in them.

    Args:
        images: What to label, the most wanted first: a name, relative, and the image.
        dataset_meta: MMPose's description of the keypoints.
        out: The folder: ``images/``, ``annotations.json`` (COCO, for CVAT), ``label_studio.json`` with
            ``label_studio_config.xml``, ``suggested.csv``, ``contact_sheet.jpg``.
        category_name: What annotators call the objects. Default: None, 'person', or the data set's name.

    Returns:
        What was written.

    Raises:
        OSError: Something cannot be written.
    """
    category = category_of(dataset_meta, category_name=category_name)
    results = GivenResults(category, [
        dict(name=name, width=one.width, height=one.height, instances=as_instances(rounded(one.result)))
        for name, one in images])
    remove_own(out, MARKER, FILES)  # an earlier task
    lines = io.StringIO(newline='')
    csv.writer(lines).writerows([('rank', 'image', 'doubt', 'objects'), *(
        (rank, name, f'{one.doubt:.4f}', len(one.doubts)) for rank, (name, one) in enumerate(images, 1))])
    with written_whole(out / MARKER) as file:
        file.write(lines.getvalue().encode(errors='surrogateescape'))
    for name, one in images:
        path = out / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(one.path, path)
    write_coco(results, out, 0)
    write_label_studio(results, out, 0, SERVED)
    with written_whole(out / 'label_studio_config.xml') as file:
        file.write(_config(category).encode())
    save_picture(out / 'contact_sheet.jpg', contact_sheet([one for _, one in images], dataset_meta))
    return [out / name for name in (MARKER, *FILES)]


def _config(category: Dict[str, Any]) -> str:
    """Label Studio's labelling interface."""
    def labels(names: Sequence[str]) -> List[str]:
        return [f'    <Label value={quoteattr(name)}/>' for name in names]

    return '\n'.join([
        '<View>', '  <Image name="image" value="$image" zoom="true" zoomControl="true"/>',
        '  <RectangleLabels name="box" toName="image">', *labels([category['name']]), '  </RectangleLabels>',
        '  <KeyPointLabels name="keypoint" toName="image">', *labels(category['keypoints']), '  </KeyPointLabels>',
        '</View>', ''])


def contact_sheet(images: Sequence[Candidate], dataset_meta: dict) -> np.ndarray:
    """The first images beside each other, with what was found, and how unsure that is.

    Returns:
        ``(h, w, 3)`` uint8 BGR.
    """
    painter = PosePainter(dataset_meta, min_keypoint_score=0)
    tiles = [_tile(one, painter, rank) for rank, one in enumerate(images[:MOST_TILES], 1)]
    return np.pad(mosaic(tiles, min(COLUMNS, len(tiles))), ((GAP, 0), (GAP, 0), (0, 0)), constant_values=255)


def _tile(one: Candidate, painter: PosePainter, rank: int) -> np.ndarray:
    drawn = painter.draw(read_image(one.path), one.result)
    scale = TILE / max(drawn.shape[:2])
    size = [max(1, math.floor(side * scale)) for side in drawn.shape[1::-1]]
    drawn = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tile = np.full((TILE + GAP, TILE + GAP, 3), 255, np.uint8)
    tile[:size[1], :size[0]] = drawn
    for color, width in ((BLACK, 3), (WHITE, 1)):
        cv2.putText(tile, f'{rank}  {100 * one.doubt:.1f} %', (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, width,
                    cv2.LINE_AA)
    return tile
