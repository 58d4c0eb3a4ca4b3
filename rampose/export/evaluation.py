"""How much an exported model loses: keypoints against eager PyTorch's, and AP on data given."""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Union

import numpy as np

from ..apis.predictor import TopdownPredictor
from ..core.images import read_image
from ..core.pose_result import person_score


@dataclass(frozen=True)
class Agreement:
    """Two predictors on the same people.

    Attributes:
        num_people: How many.
        mean_shift: Mean distance between their keypoints, image px.
        median_shift: The median of the distances.
        max_shift: The largest.
        mean_shift_sure: Mean over the keypoints whose score is at least a third of the highest one.
        reference_ap: COCO AP of the first.
        ap: COCO AP of the second.
    """
    num_people: int
    mean_shift: float
    median_shift: float
    max_shift: float
    mean_shift_sure: float
    reference_ap: float
    ap: float


class LabelledPeople:
    """Pictures and people of a COCO keypoint file.

    Args:
        images: The folder of the pictures.
        annotations: The file.
        limit: Take so many people, at most, in the order of the file.

    Raises:
        ValueError: The file cannot be read, or labels nobody's keypoints.
    """

    def __init__(self, images: Union[str, Path], annotations: Union[str, Path], limit: Optional[int] = None) -> None:
        from xtcocotools.coco import COCO
        if not Path(annotations).is_file():
            raise ValueError(f'{annotations} is missing')
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.coco = COCO(str(annotations))
        except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
            raise ValueError(f'{annotations} cannot be read as COCO annotations: {error}') from error
        people = [person for person in self.coco.dataset.get('annotations', ())
                  if person.get('num_keypoints', 0) > 0 and not person.get('iscrowd', 0)]
        if not people:
            raise ValueError(f'{annotations} labels nobody\'s keypoints')
        self.people = people[:limit]
        self._images = Path(images)
        first = next(iter(self.pictures()))
        if not first.is_file():
            raise ValueError(f'{annotations} names {first.name}, which is not in {images}: '
                             'give the folder of its pictures')

    def pictures(self) -> Dict[Path, List[dict]]:
        """The people of each picture."""
        grouped: Dict[Path, List[dict]] = {}
        for person in self.people:
            path = self._images / self.coco.imgs[person['image_id']]['file_name']
            grouped.setdefault(path, []).append(person)
        return grouped


def boxes_of(people: Iterable[dict]) -> np.ndarray:
    """Their boxes, ``(N, 4)`` xyxy in image px."""
    xywh = np.array([person['bbox'] for person in people], np.float32)
    return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)


def compare(reference: TopdownPredictor,
            predictor: TopdownPredictor,
            labelled: LabelledPeople,
            progress: Callable[[list], Iterable] = iter) -> Agreement:
    """Run two predictors on labelled people, in the labels' own boxes.

    Args:
        reference: Eager PyTorch.
        predictor: The exported model.
        labelled: The people.
        progress: Wraps the list of pictures, to draw a progress bar.
    """
    order: List[dict] = []
    found: List[List[np.ndarray]] = [[], []]
    scores: List[List[np.ndarray]] = [[], []]
    for path, people in progress(list(labelled.pictures().items())):
        image, bboxes = read_image(path), boxes_of(people)
        order += people
        for number, one in enumerate((reference, predictor)):
            result, = one.predict([image], [bboxes])
            found[number].append(result.keypoints)
            scores[number].append(result.keypoint_scores)
    keypoints = [np.concatenate(of_one) for of_one in found]
    score = [np.concatenate(of_one) for of_one in scores]
    shifts = np.linalg.norm(keypoints[0] - keypoints[1], axis=2)
    sure = score[0] >= score[0].max() / 3
    sigmas = np.asarray(reference.dataset_meta['sigmas'])
    return Agreement(
        len(order), float(shifts.mean()), float(np.median(shifts)), float(shifts.max()), float(shifts[sure].mean()),
        *(average_precision(labelled.coco, order, points, point_scores, sigmas)
          for points, point_scores in zip(keypoints, score)))


def average_precision(coco: Any, people: List[dict], keypoints: np.ndarray, scores: np.ndarray,
                      sigmas: np.ndarray) -> float:
    """COCO's AP of keypoints that were found in people's own boxes.

    Args:
        coco: The labels, an ``xtcocotools.coco.COCO``.
        people: The labels of those that were looked at; the other people of their pictures count as missed.
        keypoints: ``(N, K, 2)``, image px.
        scores: ``(N, K)``; a person's is the mean of those above 0.2, as in MMPose's CocoMetric.
        sigmas: ``(K,)``, the data set's.

    Returns:
        AP, from 0 to 1.
    """
    from xtcocotools.cocoeval import COCOeval
    results = []
    for person, points, point_scores in zip(people, keypoints, scores):
        results.append(dict(
            image_id=person['image_id'], category_id=person.get('category_id', 1), score=person_score(point_scores),
            keypoints=np.concatenate([points, point_scores[:, None]], axis=1).astype(float).flatten().tolist()))
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(coco, coco.loadRes(results), 'keypoints', sigmas)
        evaluation.params.imgIds = sorted({person['image_id'] for person in people})
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])
