"""What a model finds for the labelled people of its val split: best, worst, and what attention weighs for whom."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional

import numpy as np
from mmengine import Config

from ..apis import TopdownPredictor
from ..apis.attention import predict_with_attention
from ..core.files import write_csv, written_whole
from ..core.images import UnreadableError, read_image
from ..core.metainfo import keypoint_names
from ..export.evaluation import LabelledPeople, boxes_of
from .labelled import attention_of_groups, by_rank, groups_of, similarity
from .plots import plot_attention_of_groups, plot_people


def labelled_people_of(config: Config, limit: Optional[int] = None) -> LabelledPeople:
    """The labelled people of a config's val split."""
    data = config.val_dataloader.dataset
    return LabelledPeople(Path(data.data_root, data.data_prefix.img), Path(data.data_root, data.ann_file), limit)


@dataclass
class LabelledPredictions:
    """What was found for labelled people, one by one.

    Attributes:
        people: Their labels, COCO's annotations.
        images: The image of each.
        keypoints: What was found, ``(K, 2)`` each, image px.
        weights: Of each image, its people's attention weights by exchange unit; empty for a model without attention.
        similarities: Object keypoint similarity (OKS) of each.
        left_out: Why images were left out.
    """
    people: List[dict]
    images: List[Path]
    keypoints: List[np.ndarray]
    weights: List[dict]
    similarities: List[float]
    left_out: List[str]


def predict_labelled(predictor: TopdownPredictor, labelled: LabelledPeople, with_attention: bool,
                     progress: Callable[[list], Iterable] = iter) -> LabelledPredictions:
    """Find the keypoints of labelled people, in the labels' own boxes."""
    found = LabelledPredictions([], [], [], [], [], [])
    for path, people in progress(list(labelled.pictures().items())):
        try:
            image, bboxes = read_image(path), boxes_of(people)
        except UnreadableError as error:
            found.left_out.append(str(error))
            continue
        if with_attention:
            (keypoints, ), _, (of_image, ) = predict_with_attention(predictor, [image], [bboxes])
            found.weights.append(of_image)
        else:
            keypoints, _ = predictor(image, bboxes)
        found.people += people
        found.images += [path] * len(people)
        found.keypoints += list(keypoints)
    sigmas = np.asarray(predictor.dataset_meta['sigmas'])
    found.similarities = [similarity(keypoints, label, person['area'], sigmas) for keypoints, label, person
                          in zip(found.keypoints, labels_of(found.people), found.people)]
    return found


def labels_of(people: List[dict]) -> List[np.ndarray]:
    """``(K, 3)`` of each: x, y in image px and COCO's visibility."""
    return [np.array(person['keypoints'], float).reshape(-1, 3) for person in people]


def write_report(found: LabelledPredictions, meta: dict, out: Path, number: int) -> List[str]:
    """Write people.csv, best.png, worst.png, skeletons.png and, with attention, attention.png and attention.csv.

    Args:
        found: What was found.
        meta: MMPose's description of the keypoints.
        out: The folder.
        number: Of best and of worst.

    Returns:
        Names of what was written.
    """
    write_csv(out / 'people.csv', [
        dict(annotation=person['id'], picture=path.name, oks=round(oks, 4))
        for person, path, oks in zip(found.people, found.images, found.similarities)])

    def save(name: str, figure: Any) -> None:
        with written_whole(out / name) as file:
            figure.savefig(file, format='png', dpi=130)

    boxes, labels, chosen = boxes_of(found.people), labels_of(found.people), by_rank(found.similarities, number)
    both = [index for which in ('best', 'worst') for index in chosen[which]]
    for name, numbers, with_photographs, columns in (
            ('best.png', chosen['best'], True, 5), ('worst.png', chosen['worst'], True, 5),
            ('skeletons.png', both, False, number)):
        save(name, plot_people(
            [read_image(found.images[i]) if with_photographs else None for i in numbers], [boxes[i] for i in numbers],
            [found.keypoints[i] for i in numbers], [labels[i] for i in numbers],
            [f'OKS {found.similarities[i]:.2f}' for i in numbers], meta['skeleton_links'], columns=columns))
    written = ['people.csv', 'best.png', 'worst.png', 'skeletons.png']
    if found.weights:
        names = keypoint_names(meta)
        units = {unit: np.concatenate([of_image[unit] for of_image in found.weights]) for unit in found.weights[0]}
        groups = groups_of(labels, names)
        write_csv(out / 'attention.csv', attention_of_groups(units, groups))
        save('attention.png', plot_attention_of_groups(units, groups))
        written += ['attention.csv', 'attention.png']
    return written
