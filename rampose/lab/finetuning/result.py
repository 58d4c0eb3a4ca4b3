"""What came of a training run: how far keypoints are off, beside what no network would give; the files of the model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Sequence, Tuple

import numpy as np
from matplotlib.figure import Figure

from ...core.files import written_whole
from ...prediction.drawing import MIN_KEYPOINT_SCORE
from ..comparison import contenders
from ..comparison.coco_metric import Found, match, summarize
from ..comparison.data import LabelledImages
from ..comparison.people import People, pair

LEAST_SCORE = 0.02  # below, heatmaps hold noise
SHARES = np.linspace(0, 0.5, 51)  # of the box's longer side


@dataclass(frozen=True)
class Quality:
    """How good keypoints are.

    Attributes:
        numbers: AP and its family, from 0 to 1.
        errors: ``(P, K)``: distances in px, NaN where not labelled.
        sizes: ``(P,)``: the longer side of each object's box, px.
        scores: ``(P, K)``: of the keypoints.
    """
    numbers: Dict[str, float]
    errors: np.ndarray
    sizes: np.ndarray
    scores: np.ndarray

    def pck(self, share: float = 0.2) -> np.ndarray:
        """Of each keypoint, ``(K,)``: how many are off by at most a share of the box's longer side."""
        labelled = ~np.isnan(self.errors)
        right = labelled & (np.nan_to_num(self.errors, nan=np.inf) <= share * self.sizes[:, None])
        return np.where(labelled.any(axis=0), right.sum(axis=0) / np.maximum(labelled.sum(axis=0), 1), np.nan)

    def min_keypoint_score(self) -> float:
        """From which score on to draw keypoints: nine tenths of the right ones have more; at most the usual 0.3."""
        with np.errstate(invalid='ignore'):
            right = self.scores[self.errors <= 0.2 * self.sizes[:, None]]
        return round(float(np.clip(np.quantile(right, 0.1), LEAST_SCORE, MIN_KEYPOINT_SCORE)), 3) if len(right) else (
            LEAST_SCORE)


def mean_shape(labels: LabelledImages) -> np.ndarray:
    """Where each keypoint is in the box, on average: ``(K, 2)``, in shares of its sides."""
    rows: List[np.ndarray] = []
    for known in labels.labels:
        for g in np.flatnonzero(~known.ignored):
            points = known.keypoints[g].copy()
            points[points[:, 2] <= 0] = np.nan
            rows.append((points[:, :2] - known.bboxes[g, :2]) / known.bboxes[g, 2:])
    with np.errstate(invalid='ignore'):
        return np.nan_to_num(np.nanmean(np.array(rows), axis=0), nan=0.5)


def by_mean_shape(shape: np.ndarray, data: LabelledImages) -> List[Found]:
    """What somebody finds who knows the average alone."""
    found = []
    for known in data.labels:
        boxes = known.bboxes[~known.ignored]
        points = boxes[:, None, :2] + shape * boxes[:, None, 2:]
        found.append(Found(points, np.ones(len(boxes)), np.ones(points.shape[:2])))
    return found


def quality(found: Sequence[Found], data: LabelledImages) -> Quality:
    """Compare with labels."""
    people: People = pair(found, data)
    sizes = np.array([max(data.labels[image].bboxes[person, 2:]) for image, person in zip(people.image, people.person)])
    scores = np.array([found[image].best().keypoint_scores[number] if number >= 0 else np.zeros(people.errors.shape[1])
                       for image, number in zip(people.image, people.found)]).reshape(people.errors.shape)
    return Quality(summarize(match(found, data.labels, data.sigmas)), people.errors, sizes, scores)


def evaluate(model: Path, data: Path, sigmas: np.ndarray, kept: Path,
             progress: Callable[[Iterable], Iterable] = iter) -> Tuple[LabelledImages, Quality, Quality]:
    """Measure an exported model on the validation images, in the labels' boxes, and the average of the training images
    on the same.

    Args:
        model: The model.
        data: Folder of annotations/ and images/.
        sigmas: Of the K keypoints.
        kept: Where what it finds is kept.
        progress: Wraps the images.

    Returns:
        The validation labels, the model's quality, and the average's.
    """
    val = LabelledImages.read(data / 'annotations/val.json', sigmas=sigmas)
    train = LabelledImages.read(data / 'annotations/train.json', sigmas=sigmas)
    contender = contenders.open_contender(str(model))
    found = contenders.find(contender, val, val.keypoints, data / 'images', contenders.label_boxes(val), {}, kept,
                            progress)
    return val, quality(found, val), quality(by_mean_shape(mean_shape(train), val), val)


def as_numbers(names: Sequence[str], model: Quality, average: Quality) -> Dict[str, Any]:
    """For JSON."""
    def of(one: Quality) -> Dict[str, Any]:
        labelled = ~np.isnan(one.errors)
        return dict(
            **{name: round(value, 4) for name, value in one.numbers.items() if np.isfinite(value)},
            **{'PCK@0.2': round(float(np.nanmean(one.pck())), 4)},
            keypoints={name: dict(labelled=int(labelled[:, k].sum()), median_px=_round(np.nanmedian(one.errors[:, k])),
                                  mean_share=_round(np.nanmean(one.errors[:, k] / one.sizes), 4),
                                  pck=_round(one.pck()[k], 4))
                       for k, name in enumerate(names) if labelled[:, k].any()})
    return dict(model=of(model), average_position=of(average))


def _round(value: float, digits: int = 2) -> float:
    return round(float(value), digits)


def plot_pck(model: Quality, average: Quality, names: Sequence[str]) -> Figure:
    """How many keypoints are off by at most what share of the box."""
    figure = Figure(figsize=(7, 4.2), layout='constrained')
    ax = figure.subplots()
    for k, name in enumerate(names):
        ax.plot(SHARES, [model.pck(share)[k] for share in SHARES], lw=1, alpha=0.6, label=name if len(names) <= 10 else
                None)
    ax.plot(SHARES, [np.nanmean(model.pck(share)) for share in SHARES], 'k', lw=2.5, label='all')
    ax.plot(SHARES, [np.nanmean(average.pck(share)) for share in SHARES], 'k--', lw=1.2, label='average position')
    ax.axvline(0.2, color='0.7', lw=0.8)
    ax.set_xlabel("error, as a share of the box's longer side")
    ax.set_ylabel('keypoints that are off by no more')
    ax.set_xlim(0, 0.5)
    ax.set_ylim(0, 1)
    ax.legend(fontsize=8, loc='lower right')
    return figure


def card(name: str, names: Sequence[str], numbers: Dict[str, Any], facts: Dict[str, str]) -> str:
    """What to know of the model, in Markdown."""
    model, average = numbers['model'], numbers['average_position']
    lines = [f'# {name}', '', '| | |', '| --- | --- |', *(f'| {key} | {value} |' for key, value in facts.items()), '',
             "On the validation images, in the labels' boxes. No checkpoint was chosen on them; they say when training "
             'stops.', '',
             '| | this model | average position of the training images |', '| --- | ---: | ---: |']
    for key in ('AP', 'AP50', 'AP75', 'PCK@0.2'):
        lines.append(f'| {key} | {100 * model[key]:.1f} | {100 * average[key]:.1f} |')
    lines += ['', 'PCK@0.2: off by at most 0.2 of the box\'s longer side. AP is COCO\'s; how strict it is depends on '
              'the sigmas in metainfo.py.', '',
              '| keypoint | labelled | median error, px | mean error, share of the box | PCK@0.2 |',
              '| --- | ---: | ---: | ---: | ---: |']
    for keypoint in names:
        if keypoint in model['keypoints']:
            one = model['keypoints'][keypoint]
            lines.append(f'| {keypoint} | {one["labelled"]} | {one["median_px"]} | {one["mean_share"]:.3f} | '
                         f'{100 * one["pck"]:.1f} |')
    lines += ['', '![PCK](pck.png)', '', '![The worst validation images](worst.png)', '']
    return '\n'.join(lines)


def write_json(path: Path, content: Any) -> None:
    with written_whole(path) as file:
        file.write(json.dumps(content, indent=2).encode())
