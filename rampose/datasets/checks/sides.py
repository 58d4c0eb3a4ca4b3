"""Left and right, by where they lie."""

from typing import Sequence, Tuple

import numpy as np

from .annotations import is_box, keypoints_of
from .report import Report

CONTRADICTIONS = 0.05  # share of people from which on it is suspicious; in photographs of sports it is 0.02


def check_sides(content: dict, num_keypoints: int, names: Sequence[str], flip_pairs: Sequence[Tuple[int, int]],
                 report: Report) -> None:
    """Left and right: of a person, all pairs point the same way across the picture, but for crossed limbs."""
    pairs = [tuple(sorted(pair, key=lambda k: not names[k].startswith('left'))) for pair in flip_pairs]
    if len(pairs) < 2:
        return
    people = [(annotation, keypoints) for annotation in content['annotations']
              for keypoints in [keypoints_of(annotation, num_keypoints)]
              if keypoints is not None and is_box(annotation.get('bbox'))]
    if not people:
        return
    keypoints = np.stack([keypoints for _, keypoints in people])
    widths = np.array([annotation['bbox'][2] for annotation, _ in people])[:, None]
    left, right = (keypoints[:, [pair[side] for pair in pairs]] for side in (0, 1))
    with np.errstate(invalid='ignore'):
        across = (left[..., 0] - right[..., 0]) / widths
        across[(left[..., 2] <= 0) | (right[..., 2] <= 0) | ~(np.abs(across) > 0.1)] = 0  # a side view tells nothing
    signs = np.sign(across)  # (people, pairs)

    others = np.sign(signs.sum(axis=1, keepdims=True) - signs)
    for p, (a, b) in enumerate(pairs):
        tells = (signs[:, p] != 0) & (others[:, p] != 0)
        share = float((signs[tells, p] != others[tells, p]).mean()) if tells.sum() >= 20 else 0.
        if share > 0.5:
            report.add('pair swapped', f'{names[a]} and {names[b]}: {share:.0%} of {int(tells.sum())} people')

    torso = [[p for p, pair in enumerate(pairs) if part in names[pair[0]]] for part in ('shoulder', 'hip')]
    if all(len(found) == 1 for found in torso):
        shoulders, hips = (signs[:, found[0]] for found in torso)
        tells, wrong = (shoulders * hips) != 0, (shoulders * hips) < 0
        if tells.sum() >= 20 and wrong.sum() > CONTRADICTIONS * tells.sum():
            for i in np.flatnonzero(wrong):
                report.add('left and right contradict', f'annotation {people[i][0]["id"]} '
                                                        f'(image {people[i][0]["image_id"]})')
