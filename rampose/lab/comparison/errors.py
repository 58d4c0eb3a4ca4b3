"""What kind of errors a model makes, and what each kind costs.

After Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation", ICCV 2017, Sec. 3.
"""

from dataclasses import dataclass, replace
from typing import Dict, List, Sequence, Tuple

import numpy as np

from .coco_metric import Found, Matches, average_precision, match, similarities
from .data import LabelledImages
from .people import People

KINDS = ('good', 'jitter', 'inversion', 'swap', 'miss')
GOOD, NEAR = 0.85, 0.5  # a keypoint's similarity: from GOOD on it is right, from NEAR on it is that keypoint
MIN_OKS = 0.1  # of a person, for keypoints to be compared at all


@dataclass(frozen=True)
class Errors:
    """What is wrong with each keypoint of each labelled person.

    Attributes:
        kinds: ``(P, K)``: index into `KINDS`; -1 where the keypoint is not labelled or nobody was found.
    """
    kinds: np.ndarray

    def shares(self) -> Dict[str, np.ndarray]:
        """Of each kind its share among the labelled keypoints of people found, ``(K,)``."""
        known = np.maximum((self.kinds >= 0).sum(axis=0), 1)
        return {kind: (self.kinds == number).sum(axis=0) / known for number, kind in enumerate(KINDS)}


def mirrored(names: Sequence[str]) -> List[int]:
    """The number of each keypoint's left-right partner, by ``left`` and ``right`` in the names; its own without one."""
    numbers = {name: number for number, name in enumerate(names)}
    other = {'left': 'right', 'right': 'left'}
    partners = []
    for number, name in enumerate(names):
        side = next((side for side in other if side in name), None)
        partners.append(numbers.get(name.replace(side, other[side]), number) if side else number)
    return partners


def classify(found: Sequence[Found], people: People, data: LabelledImages) -> Errors:
    """Say what each keypoint is.

    With ks a keypoint's similarity, i.e. one term of OKS: *good*, ks of at least 0.85; *jitter*, at least 0.5;
    otherwise the nearest in ks of at least 0.5 decides: *inversion*, the same person's keypoint of the other side;
    *swap*, that keypoint or its partner of somebody else; *miss*, none of them.
    """
    partners, variances = np.array(mirrored(data.keypoints)), (2 * data.sigmas)**2
    best = [one.best() for one in found]
    kinds = np.full(people.errors.shape, -1)
    for row, (number, person, n, oks) in enumerate(zip(people.image, people.person, people.found, people.oks)):
        if n < 0 or oks < MIN_OKS:
            continue
        known = data.labels[number]
        points = best[number].keypoints[n]  # (K, 2)
        # (G, 2, K): nearness to everybody's keypoint of the same name, and to its partner.
        targets = np.stack([known.keypoints, known.keypoints[:, partners]], axis=1)
        squared = ((targets[..., :2] - points)**2).sum(axis=3)
        of_target = np.stack([variances, variances[partners]])
        near = np.exp(-squared / of_target / (known.areas[:, None, None] + np.spacing(1)) / 2) * (targets[..., 2] > 0)
        own, inverted = near[person]
        inverted = np.where(partners == np.arange(len(partners)), 0, inverted)
        swapped = np.delete(near, person, axis=0).max(axis=(0, 1), initial=0)
        kind = np.select([own >= GOOD, own >= NEAR, (inverted >= NEAR) & (inverted >= swapped), swapped >= NEAR],
                         range(4), 4)
        kinds[row] = np.where(known.keypoints[person, :, 2] > 0, kind, -1)
    return Errors(kinds)


def mend(found: Sequence[Found], people: People, errors: Errors, data: LabelledImages,
         kinds: Sequence[str]) -> Tuple[Found, ...]:
    """The people found, with the keypoints of some kinds of errors put where they are labelled."""
    wanted = [KINDS.index(kind) for kind in kinds]
    mended = [replace(one.best(), keypoints=one.best().keypoints.copy()) for one in found]
    for row, (number, person, n) in enumerate(zip(people.image, people.person, people.found)):
        wrong = np.isin(errors.kinds[row], wanted)
        if n >= 0 and wrong.any():
            mended[number].keypoints[n, wrong] = data.labels[number].keypoints[person, wrong, :2]
    return tuple(mended)


def rescore(found: Sequence[Found], data: LabelledImages) -> Tuple[Found, ...]:
    """The people found, each with the best score: the OKS with the most similar labelled person who counts."""
    return tuple(replace(one, scores=np.where(known.ignored, 0, similarities(one.keypoints, known, data.sigmas)).max(
        axis=1, initial=0)) for one, known in zip(found, data.labels))


def without_false_positives(matches: Matches) -> Matches:
    """As if nobody had been found who is not there."""
    return replace(matches, wrong=np.zeros_like(matches.wrong))


def without_false_negatives(matches: Matches) -> Matches:
    """As if nobody were labelled who is not found."""
    num_images = matches.num_people.shape[1]
    return replace(matches, num_people=np.array([
        np.bincount(matches.image[right], minlength=num_images) for right in matches.right]))


def oracle(found: Sequence[Found], people: People, errors: Errors, data: LabelledImages) -> Dict[str, Dict[str, float]]:
    """What AP would be if errors were mended.

    Returns:
        For each kind of error `alone`, mended by itself, and `together`, with those before it; from 0 to 1. The last is
        1 if anybody was found: all is mended.
    """
    def ap(of: Sequence[Found], *changes) -> float:
        matches = match(of, data.labels, data.sigmas)['all']
        for change in changes:
            matches = change(matches)
        # At a threshold at which nobody is found, nobody is left once false negatives are taken out.
        return float(np.nanmean(average_precision(matches)[0]))

    rows: Dict[str, Dict[str, float]] = {}
    mended: List[str] = []
    for kind in ('miss', 'swap', 'inversion', 'jitter'):
        mended.append(kind)
        rows[kind] = dict(alone=ap(mend(found, people, errors, data, [kind])),
                          together=ap(mend(found, people, errors, data, mended)))
    placed = mend(found, people, errors, data, mended)
    scored = rescore(placed, data)
    rows['score'] = dict(alone=ap(rescore(found, data)), together=ap(scored))
    rows['false positives'] = dict(alone=ap(found, without_false_positives),
                                   together=ap(scored, without_false_positives))
    rows['false negatives'] = dict(alone=ap(found, without_false_negatives),
                                   together=ap(scored, without_false_positives, without_false_negatives))
    return rows
