"""Leeds Sports Pose and Leeds Sports Pose Extended, from the authors' files to COCO's format."""

import json
from pathlib import Path
from typing import Dict, Iterable, List, Sequence, Tuple

import cv2
import numpy as np
from scipy.io import loadmat

from ..core.files import written_whole
from .checks.annotations import AREA_OF_BOX
from .labels.labelled import box_of

# The order of joints.mat, and ours, which is CrowdPose's: docs/datasets.md.
LSP_KEYPOINTS = ('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist',
                 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'neck', 'top_head')
KEYPOINTS = ('left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip',
             'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle', 'top_head', 'neck')
SKELETON = [[11, 9], [9, 7], [12, 10], [10, 8], [7, 8], [1, 7], [2, 8], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6],
            [13, 14], [2, 14], [1, 14]]
ORDER = [LSP_KEYPOINTS.index(name) for name in KEYPOINTS]
MIN_KEYPOINTS = 3  # fewer say nothing of a person's size


def read_joints(folder: Path) -> Tuple[np.ndarray, List[Path]]:
    """Read `joints.mat` and the names of the pictures.

    Args:
        folder: Holds ``joints.mat`` and ``images/im0001.jpg`` (LSP) or ``images/im00001.jpg`` (LSPET).

    Returns:
        Keypoints ``(N, 14, 3)`` in our order: x, y in px of the picture with the first pixel at 0, and whether it is
        labelled; the N pictures.

    Raises:
        ValueError: The folder is no copy of either data set.
    """
    mat = folder / 'joints.mat'
    if not mat.is_file():
        raise ValueError(f'{mat} is missing; FOLDER is the unpacked data set, with joints.mat and images/')
    try:
        joints = loadmat(mat).get('joints')
    except Exception as error:  # scipy raises many kinds
        raise ValueError(f'{mat} cannot be read ({error}); unpack it again') from None
    if joints is None or joints.ndim != 3 or {3, 14} != set(joints.shape[:2]):
        got = 'no joints' if joints is None else f'joints of shape {joints.shape}'
        raise ValueError(f'{mat} holds {got}; needed is 3x14xN (LSP) or 14x3xN (LSPET)')
    is_lspet = joints.shape[0] == 14
    joints = joints.transpose(2, 0, 1) if is_lspet else joints.transpose(2, 1, 0)
    keypoints = joints[:, ORDER].astype(float)
    keypoints[..., :2] -= 1  # Matlab's first pixel is 1
    # LSPET's third number says whether a keypoint was labelled. LSP's speaks of visibility, and all are labelled.
    keypoints[..., 2] = keypoints[..., 2] > 0 if is_lspet else 1
    digits = 5 if is_lspet else 4
    paths = [folder / 'images' / f'im{number:0{digits}d}.jpg' for number in range(1, len(keypoints) + 1)]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise ValueError(f'{len(missing)} of {len(paths)} pictures are missing, {missing[0]} the first; '
                         'unpack the whole archive')
    return keypoints, paths


def default_split(paths: Sequence[Path]) -> Dict[str, List[int]]:
    """LSP's own halves, `train` and `test`; of LSPET, which has no test set, every twentieth picture as `val`."""
    numbers = list(range(len(paths)))
    if len(paths[0].stem) == len('im0001'):
        half = len(numbers) // 2
        return dict(train=numbers[:half], test=numbers[half:])
    val = numbers[19::20]
    return dict(train=sorted(set(numbers) - set(val)), val=val)


def annotate(keypoints: np.ndarray, height: int, width: int) -> Dict[str, object]:
    """One person as COCO has it, without its ids.

    Keypoints outside of the picture are left out; the box is that of the others, padded
    (:func:`rampose.datasets.labels.labelled.box_of`), the area :data:`AREA_OF_BOX` of it.

    Args:
        keypoints: ``(14, 3)``: x, y in px of the picture, and whether it is labelled.
        height: Of the picture, px.
        width: Of the picture, px.

    Returns:
        The annotation; empty if fewer than :data:`MIN_KEYPOINTS` keypoints are left.
    """
    x, y, labelled = keypoints.T
    inside = (labelled > 0) & (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)
    if inside.sum() < MIN_KEYPOINTS:
        return {}
    values = np.where(inside[:, None], np.column_stack([x, y, np.full(len(x), 2)]), 0)
    bbox = box_of(values, width, height)
    return dict(category_id=1, iscrowd=0, num_keypoints=int(inside.sum()), bbox=list(bbox),
                keypoints=np.round(values, 2).flatten().tolist(), area=round(float(AREA_OF_BOX * bbox[2] * bbox[3]), 2))


def write_split(path: Path, keypoints: np.ndarray, paths: Sequence[Path], numbers: Iterable[int]) -> Tuple[int, int]:
    """Write the annotations of some pictures, whole or not at all.

    Args:
        path: The JSON.
        keypoints: Of all pictures, ``(N, 14, 3)``.
        paths: All pictures, N.
        numbers: Which to take, counted from 0; ids count from 1 over all.

    Returns:
        Number of people, and of pictures that were left out for want of keypoints.

    Raises:
        ValueError: A picture cannot be read.
    """
    images, annotations, left_out = [], [], 0
    for number in numbers:
        picture = cv2.imread(str(paths[number]))
        if picture is None:
            raise ValueError(f'{paths[number]} cannot be read; unpack it again')
        annotation = annotate(keypoints[number], *picture.shape[:2])
        if not annotation:
            left_out += 1
            continue
        # CrowdPoseDataset's readers ask for crowdIndex.
        images.append(dict(id=number + 1, file_name=paths[number].name, height=picture.shape[0],
                           width=picture.shape[1], crowdIndex=0.))
        annotations.append(dict(annotation, id=number + 1, image_id=number + 1))
    categories = [dict(id=1, name='person', supercategory='person', keypoints=list(KEYPOINTS), skeleton=SKELETON)]
    content = dict(info=dict(description='Leeds Sports Pose, converted by rampose'), categories=categories,
                   images=images, annotations=annotations)
    with written_whole(path) as file:
        file.write(json.dumps(content).encode())
    return len(annotations), left_out
