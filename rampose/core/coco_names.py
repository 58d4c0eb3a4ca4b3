"""COCO's 80 categories, in the order in which detectors number them, and its keypoints."""

from typing import Dict, Union

NAMES = (
    'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat', 'traffic light',
    'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant',
    'bear', 'zebra', 'giraffe', 'backpack', 'umbrella', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard',
    'sports ball', 'kite', 'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle',
    'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange', 'broccoli',
    'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant', 'bed', 'dining table', 'toilet',
    'tv', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink',
    'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear', 'hair drier', 'toothbrush')
# Of the 17 keypoints of a person: how far annotators disagree, as a share of the person's size.
SIGMAS: Dict[str, float] = dict(
    nose=.026, left_eye=.025, right_eye=.025, left_ear=.035, right_ear=.035, left_shoulder=.079, right_shoulder=.079,
    left_elbow=.072, right_elbow=.072, left_wrist=.062, right_wrist=.062, left_hip=.107, right_hip=.107, left_knee=.087,
    right_knee=.087, left_ankle=.089, right_ankle=.089)


def category_name(category: Union[int, str]) -> str:
    """The name of a category, for detectors that number them otherwise.

    Args:
        category: Its number from 0 on in COCO, or a name, which need not be COCO's.

    Raises:
        ValueError: No such number.
    """
    if not isinstance(category, int) and not category.isdecimal():
        return category.lower()
    if int(category) >= len(NAMES):
        raise ValueError(f'got category {category}; COCO has 0 to {len(NAMES) - 1}')
    return NAMES[int(category)]


def category_number(category: Union[int, str]) -> int:
    """The number of a category, from 0 on.

    Args:
        category: Its number, or its name in COCO.

    Raises:
        ValueError: No such name.
    """
    if isinstance(category, int) or category.isdecimal():
        return int(category)
    if category.lower() not in NAMES:
        raise ValueError(f"got category {category!r}; needed is a number, or one of COCO's: {', '.join(NAMES[:9])}")
    return NAMES.index(category.lower())
