"""Everything that is said of several models on the same labelled images."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

import numpy as np

from .bootstrap import RESAMPLES, bootstrap, interval
from .coco_metric import Found, match, summarize
from .data import LabelledImages
from .errors import KINDS, classify, oracle
from .people import PCK_SHARE, People, groups_of, pair

CLEAR = 0.1  # of OKS: whoever differs by more is counted as won or lost
SHOWN = 6  # people on whom two models differ most


@dataclass(frozen=True)
class Comparison:
    """What was measured.

    Attributes:
        data: The images, with the keypoints that count.
        found: By the model's name, of each image.
        people: By the model's name.
        report: Numbers alone, as they are written to ``comparison.json``.
        differences: By pair of names, people by how much the first is better, as indices into `people`: most first.
    """
    data: LabelledImages
    found: Dict[str, Tuple[Found, ...]]
    people: Dict[str, People]
    report: Dict[str, Any]
    differences: Dict[Tuple[str, str], np.ndarray]


def compare(found: Dict[str, Tuple[Found, ...]], data: LabelledImages, resamples: int = RESAMPLES,
            progress: Callable[[Iterable], Iterable] = iter, baseline: Optional[str] = None) -> Comparison:
    """Compare models.

    Args:
        found: By the model's name, what it found in each image of `data`, with `data`'s keypoints.
        data: The images.
        resamples: Of the bootstrap.
        progress: Wraps its loop.
        baseline: The model that each other one is compared with. Default: None, each with each.
    """
    matches = {name: match(of_model, data.labels, data.sigmas) for name, of_model in found.items()}
    people = {name: pair(of_model, data) for name, of_model in found.items()}
    groups = groups_of(data)
    drawn = bootstrap(matches, resamples, progress=progress)
    models = {name: _of_model(found[name], people[name], data, summarize(matches[name]), drawn[name], groups)
              for name in found}
    pairs: List[dict] = []
    differences: Dict[Tuple[str, str], np.ndarray] = {}
    chosen = combinations(found, 2) if baseline is None else ((name, baseline) for name in found if name != baseline)
    for a, b in chosen:
        change = people[a].oks - people[b].oks
        differences[a, b] = np.argsort(-change, kind='stable')
        pairs.append(dict(
            models=[a, b],
            metrics={key: dict(difference=models[a]['metrics'][key]['value'] - models[b]['metrics'][key]['value'],
                               interval=list(interval(drawn[a][key] - drawn[b][key]))) for key in drawn[a]},
            people=dict(won=int((change > CLEAR).sum()), lost=int((change < -CLEAR).sum()),
                        alike=int((np.abs(change) <= CLEAR).sum())),
            images=_of_images(people[a], change),
            errors={kind: models[a]['errors'][kind]['share'] - models[b]['errors'][kind]['share'] for kind in KINDS}))
    report = dict(
        images=len(data.image_ids), people=len(next(iter(people.values())).oks), keypoints=list(data.keypoints),
        resamples=resamples, pck=f'PCK@{PCK_SHARE}', models=models, pairs=pairs)
    return Comparison(data, found, people, report, differences)


def _of_model(found: Sequence[Found], people: People, data: LabelledImages, metrics: Dict[str, float],
              drawn: Dict[str, np.ndarray], groups: Dict[str, np.ndarray]) -> Dict[str, Any]:
    errors = classify(found, people, data)
    shares = errors.shares()
    known = (errors.kinds >= 0).sum(axis=0)
    total = max(int(known.sum()), 1)
    median = [float(np.median(of_one[np.isfinite(of_one)])) if np.isfinite(of_one).any() else float('nan')
              for of_one in people.errors.T]
    return dict(
        metrics={key: dict(value=value, interval=list(interval(drawn[key]))) for key, value in metrics.items()},
        pck=float(np.nanmean(people.correct)) if people.correct.size else float('nan'),
        found=int((people.found >= 0).sum()),
        keypoints=[dict(name=name, labelled=int((~np.isnan(people.correct[:, k])).sum()), pck=float(people.pck[k]),
                        median_px=median[k], **{kind: float(of_kind[k]) for kind, of_kind in shares.items()})
                   for k, name in enumerate(data.keypoints)],
        groups=[dict(name=name, people=int(members.sum()), oks=float(people.oks[members].mean()),
                     recall50=float((people.oks[members] >= 0.5).mean()),
                     pck=float(np.nanmean(people.correct[members]))) for name, members in groups.items()],
        errors={kind: dict(share=float((errors.kinds == number).sum() / total)) for number, kind in enumerate(KINDS)},
        oracle=oracle(found, people, errors, data))


def _of_images(people: People, change: np.ndarray) -> Dict[str, int]:
    """Images won and lost, by the mean change of their people's OKS."""
    number = np.bincount(people.image)
    mean = np.bincount(people.image, change) / np.maximum(number, 1)
    mean = mean[number > 0]
    return dict(won=int((mean > CLEAR).sum()), lost=int((mean < -CLEAR).sum()),
                alike=int((np.abs(mean) <= CLEAR).sum()))
