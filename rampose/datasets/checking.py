"""What is wrong with a data set in COCO's format."""

import multiprocessing
from pathlib import Path
from typing import Callable, Dict, Iterable, Optional, Sequence, Tuple

from .checks.annotations import check_annotations
from .checks.categories import check_categories
from .checks.cleaning import cleaned
from .checks.detections import check_detections
from .checks.ids import check_ids, check_image_entries
from .checks.images import check_images, hash_of
from .checks.reading import read_coco, read_detections
from .checks.report import KINDS, Report
from .checks.sides import check_sides

__all__ = ['KINDS', 'Report', 'check', 'check_annotation_file', 'check_detections', 'cleaned', 'read_coco',
           'read_detections']


def check_annotation_file(content: dict, num_keypoints: int, keypoint_names: Sequence[str],
                          flip_pairs: Sequence[Tuple[int, int]],
                          sizes: Optional[Dict[int, Tuple[int, int]]] = None) -> Report:
    """Go through all that an annotation file says; no image is opened.

    Args:
        content: What :func:`read_coco` gives.
        num_keypoints: K of the metainfo.
        keypoint_names: Their names, K.
        flip_pairs: Indices of left and right keypoints.
        sizes: (w, h) of images by their position in the file, where it says something else or nothing.

    Returns:
        The report.
    """
    report = Report(len(content['images']), len(content['annotations']), sizes=dict(sizes or {}))
    check_ids(content, report)
    check_image_entries(content, report)
    check_categories(content, num_keypoints, keypoint_names, report)
    check_annotations(content, num_keypoints, report)
    check_sides(content, num_keypoints, keypoint_names, flip_pairs, report)
    return report


def check(content: dict, folder: Path, num_keypoints: int, keypoint_names: Sequence[str],
          flip_pairs: Sequence[Tuple[int, int]], other_files: Iterable[Path] = (), workers: int = 2,
          progress: Optional[Callable[..., Iterable]] = None, thorough: bool = False) -> Report:
    """Go through the annotations, which takes seconds, and, if nothing in them spoils a training run, every image.

    Args:
        content: What :func:`read_coco` gives.
        folder: Where `file_name` starts from.
        num_keypoints: K of the metainfo.
        keypoint_names: Their names, K.
        flip_pairs: Indices of left and right keypoints.
        other_files: The images of the other split, which must not be the same.
        workers: Number of processes that read images.
        progress: Wraps an iterable of given `total` and `description`, to draw a progress bar.
        thorough: Open the images even so, as mending needs it. Default: False.

    Returns:
        The report.
    """
    progress = progress or (lambda items, **_: items)
    report = check_annotation_file(content, num_keypoints, keypoint_names, flip_pairs)
    if report.spoiling() and not thorough:
        return report
    of_images = Report()
    hashes = check_images(content, folder, of_images, workers, progress)
    if of_images.sizes:  # once more, since what lies outside depends on them
        report = check_annotation_file(content, num_keypoints, keypoint_names, flip_pairs, of_images.sizes)
    report.add_images(of_images)
    other_files = list(other_files)
    if not other_files:
        return report
    with multiprocessing.Pool(workers) as pool:
        for path, digest in progress(pool.imap_unordered(hash_of, other_files, 64), total=len(other_files),
                                     description='The other split'):
            if digest in hashes:
                report.add('train and val overlap', f'{hashes[digest]} is {path}')
    return report
