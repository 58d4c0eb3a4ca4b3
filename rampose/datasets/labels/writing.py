"""A data set as MMPose reads it: COCO's annotations by split, a file of metadata, the images."""

import json
import os
import shutil
from pathlib import Path
from typing import Dict, List, Sequence

from ...core.coco_names import SIGMAS
from ...core.files import written_whole
from ..checks.annotations import AREA_OF_BOX
from .labelled import LabelledImage, Labels, box_of

DEFAULT_SIGMA = 0.05  # where nobody measured how far annotators disagree, as a share of the object's size
LEFT, RIGHT, MIDDLE = [0, 255, 0], [255, 128, 0], [51, 153, 255]  # RGB, as MMPose draws COCO's


def write_data_set(labels: Labels, splits: Dict[str, List[LabelledImage]], out: Path,
                   copy: bool = False) -> Dict[str, Path]:
    """Write ``annotations/{split}.json``, ``metainfo.py`` and ``images``.

    Objects without a box get that of their keypoints (:func:`rampose.datasets.labels.labelled.box_of`), those without
    an area a share of their box. Keypoints outside of the image, and objects without a keypoint, are left out.

    Args:
        labels: The data set.
        splits: Its images.
        out: The folder.
        copy: Copy the images, in place of a link to their folder.

    Returns:
        The annotation files by split.

    Raises:
        OSError: Something cannot be written.
    """
    root = Path(os.path.commonpath([image.path.resolve().parent for images in splits.values() for image in images]))
    written = {}
    for split, images in splits.items():
        written[split] = out / 'annotations' / f'{split}.json'
        with written_whole(written[split]) as file:
            file.write(json.dumps(_annotations(labels, images, root)).encode())
    with written_whole(out / 'metainfo.py') as file:
        file.write(metainfo_text(labels, labels.category).encode())
    _place_images(root, [image for images in splits.values() for image in images], out / 'images', copy)
    return written


def _annotations(labels: Labels, images: Sequence[LabelledImage], root: Path) -> dict:
    entries: List[dict] = []
    annotations: List[dict] = []
    for number, image in enumerate(images, 1):
        entries.append(dict(id=number, file_name=image.path.resolve().relative_to(root).as_posix(), width=image.width,
                            height=image.height))
        for one in image.objects:
            keypoints = one.keypoints.copy()
            x, y = keypoints[:, 0], keypoints[:, 1]
            keypoints[(x < 0) | (y < 0) | (x >= image.width) | (y >= image.height) | (keypoints[:, 2] <= 0)] = 0
            labelled = int((keypoints[:, 2] > 0).sum())
            if not labelled:
                continue
            x1, y1, w, h = one.bbox or box_of(keypoints, image.width, image.height)
            x2, y2 = min(x1 + w, image.width), min(y1 + h, image.height)
            x1, y1 = max(x1, 0.), max(y1, 0.)
            bbox = [round(float(value), 2) for value in (x1, y1, x2 - x1, y2 - y1)]
            if min(bbox[2:]) <= 0:
                continue
            annotations.append(dict(
                id=len(annotations) + 1, image_id=number, category_id=1, iscrowd=int(one.is_crowd),
                num_keypoints=labelled, bbox=bbox, area=round(float(one.area or AREA_OF_BOX * bbox[2] * bbox[3]), 2),
                keypoints=[round(float(value), 2) for value in keypoints.ravel()]))
    category = dict(id=1, name=labels.category, supercategory=labels.category, keypoints=labels.keypoints,
                    skeleton=[[a + 1, b + 1] for a, b in labels.links])
    return dict(info=dict(description='converted by rampose'), categories=[category], images=entries,
                annotations=annotations)


def metainfo_text(labels: Labels, name: str) -> str:
    """MMPose's description of the keypoints, a Python file for ``metainfo=dict(from_file=...)``.

    The sigmas are those of repeated labels; else COCO's, where all keypoints are; else :data:`DEFAULT_SIGMA`.
    """
    partner = {a: b for pair in labels.flip_pairs for a, b in (pair, pair[::-1])}
    left = {a for a, _ in labels.flip_pairs}
    right = {b for _, b in labels.flip_pairs}

    def color(number: int) -> List[int]:
        return LEFT if number in left else RIGHT if number in right else MIDDLE

    lines = ['# Written by rampose convert-data. What to look at: swap, the partner of each left or right keypoint.',
             'dataset_info = dict(', f'    dataset_name={name!r},', '    paper_info=dict(),', '    keypoint_info={']
    for number, keypoint in enumerate(labels.keypoints):
        swap = labels.keypoints[partner[number]] if number in partner else ''
        lines.append(f"        {number}: dict(name={keypoint!r}, id={number}, color={color(number)}, type='', "
                     f'swap={swap!r}),')
    lines += ['    },', '    skeleton_info={']
    for number, (a, b) in enumerate(labels.links):
        ends = (labels.keypoints[a], labels.keypoints[b])
        lines.append(f'        {number}: dict(link={ends!r}, id={number}, color={color(a)}),')
    known = SIGMAS if set(labels.keypoints) <= set(SIGMAS) else {}
    measured = labels.repeats.sigmas if labels.repeats else {}
    values = [measured.get(keypoint, known.get(keypoint, DEFAULT_SIGMA)) for keypoint in labels.keypoints]
    lines += ['    },', f'    joint_weights={[1.] * len(labels.keypoints)},',
              f'    # How far annotators disagree, as a share of its size; {DEFAULT_SIGMA} where nobody knows.',
              f'    sigmas={values})']
    return '\n'.join(lines) + '\n'


def _place_images(root: Path, images: Sequence[LabelledImage], target: Path, copy: bool) -> None:
    if target.is_symlink():
        target.unlink()
    if not copy and not target.exists():
        try:
            target.symlink_to(root)
            return
        except OSError:  # a file system, or a Windows, without links
            pass
    for image in images:
        path = target / image.path.resolve().relative_to(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image.path, path)
