"""What is wrong with a data set in COCO's format."""

import multiprocessing
from pathlib import Path
from typing import Callable, Iterable, Optional, Sequence, Tuple

from .checks.annotations import check_annotations
from .checks.categories import check_categories
from .checks.cleaning import cleaned
from .checks.detections import check_detections
from .checks.ids import check_ids
from .checks.images import check_images, hash_of
from .checks.reading import read_coco, read_detections
from .checks.report import KINDS, Report
from .checks.sides import check_sides

__all__ = ['KINDS', 'Report', 'check', 'check_detections', 'cleaned', 'read_coco', 'read_detections']


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
    check_ids(content, report)
    check_categories(content, num_keypoints, keypoint_names, report)
    hashes = check_images(content, folder, report, workers, progress)
    check_annotations(content, num_keypoints, report)
    check_sides(content, num_keypoints, keypoint_names, flip_pairs, report)
    other_files = list(other_files)
    if not other_files:
        return report
    with multiprocessing.Pool(workers) as pool:
        for path, digest in progress(pool.imap_unordered(hash_of, other_files, 64), total=len(other_files),
                                     description='The other split'):
            if digest in hashes:
                report.add('train and val overlap', f'{hashes[digest]} is {path}')
    return report
