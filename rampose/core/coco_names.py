"""The 80 categories of COCO, in the order in which detectors number them."""

from typing import Union

NAMES = (
    'person', 'bicycle', 'car', 'motorcycle', 'airplane', 'bus', 'train', 'truck', 'boat', 'traffic light',
    'fire hydrant', 'stop sign', 'parking meter', 'bench', 'bird', 'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant',
    'bear', 'zebra', 'giraffe', 'backpack', 'umbrella', 'handbag', 'tie', 'suitcase', 'frisbee', 'skis', 'snowboard',
    'sports ball', 'kite', 'baseball bat', 'baseball glove', 'skateboard', 'surfboard', 'tennis racket', 'bottle',
    'wine glass', 'cup', 'fork', 'knife', 'spoon', 'bowl', 'banana', 'apple', 'sandwich', 'orange', 'broccoli',
    'carrot', 'hot dog', 'pizza', 'donut', 'cake', 'chair', 'couch', 'potted plant', 'bed', 'dining table', 'toilet',
    'tv', 'laptop', 'mouse', 'remote', 'keyboard', 'cell phone', 'microwave', 'oven', 'toaster', 'sink',
    'refrigerator', 'book', 'clock', 'vase', 'scissors', 'teddy bear', 'hair drier', 'toothbrush')


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
