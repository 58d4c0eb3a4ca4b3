"""Predictions for labelled people: how close they are, and who the people are."""

from typing import Dict, List, Sequence

import numpy as np


def similarity(keypoints: np.ndarray, labels: np.ndarray, area: float, sigmas: np.ndarray) -> float:
    """COCO's object keypoint similarity (OKS) of one person.

    Args:
        keypoints: What was found, ``(K, 2)``, image px.
        labels: ``(K, 3)``: x, y in image px and COCO's visibility; 0 is not labelled.
        area: Of the person, px.
        sigmas: ``(K,)``, the data set's.

    Returns:
        From 0 to 1; NaN if nothing is labelled.
    """
    labelled = labels[:, 2] > 0
    if not labelled.any():
        return float('nan')
    squared = ((keypoints - labels[:, :2])**2).sum(axis=1)[labelled]
    variances = (2 * np.asarray(sigmas)[labelled])**2
    return float(np.exp(-squared / variances / (area + np.spacing(1)) / 2).mean())


def groups_of(labels: Sequence[np.ndarray], names: Sequence[str]) -> Dict[str, np.ndarray]:
    """Sort people by posture and by how much of them is in the picture.

    Args:
        labels: The labels of each person, ``(K, 3)``.
        names: Of the K keypoints.

    Returns:
        By group, which people are in it, ``(N,)`` bool. ``all``: everybody. ``fully labelled`` and ``partly labelled``:
        all keypoints are, or not, for they are hidden or outside of the picture. ``upright`` and ``inverted``: labelled
        shoulders above, below the labelled hips; not there for a data set without ``left_shoulder``,
        ``right_shoulder``, ``left_hip`` or ``right_hip``.
    """
    labels = np.asarray(labels)
    whole = (labels[..., 2] > 0).all(axis=1)
    everybody = dict(all=np.ones(len(labels), bool))
    by_extent = {'fully labelled': whole, 'partly labelled': ~whole}
    parts = {part: (f'left_{part}', f'right_{part}') for part in ('shoulder', 'hip')}
    if not set(names).issuperset(name for pair in parts.values() for name in pair):
        return {**everybody, **by_extent}

    def height(part: str) -> np.ndarray:
        of_part = labels[:, [names.index(name) for name in parts[part]]]
        weights = of_part[..., 2] > 0
        mean = (of_part[..., 1] * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1)
        return np.where(weights.any(axis=1), mean, np.nan)

    shoulders, hips = height('shoulder'), height('hip')
    return dict(everybody, upright=shoulders < hips, inverted=shoulders > hips, **by_extent)


def attention_of_groups(weights: Dict[str, np.ndarray], groups: Dict[str, np.ndarray]) -> List[Dict[str, object]]:
    """Mean and standard deviation of every attention weight over each group that has any people.

    Args:
        weights: By exchange unit, ``(N people, N outputs, M inputs)``.
        groups: As :func:`groups_of` gives them.

    Returns:
        A row for each unit, output, input and group; resolutions as 1/4 ... 1/32 of the input's.
    """
    return [dict(exchange_unit=unit, output=f'1/{4 * 2**i}', input=f'1/{4 * 2**h}', group=name,
                 people=int(members.sum()), mean=round(float(values[members, i, h].mean()), 4),
                 std=round(float(values[members, i, h].std()), 4))
            for unit, values in weights.items() for i, h in np.ndindex(values.shape[1:])
            for name, members in groups.items() if members.any()]


def by_rank(similarities: Sequence[float], number: int) -> Dict[str, List[int]]:
    """Indices of the `best` and the `worst` by similarity, best or worst first; equal ones in their order."""
    values = np.asarray(similarities)
    known = [index for index in range(len(values)) if not np.isnan(values[index])]
    best = sorted(known, key=lambda index: -values[index])[:number]
    worst = sorted(known, key=lambda index: values[index])[:number]
    return dict(best=best, worst=worst)
