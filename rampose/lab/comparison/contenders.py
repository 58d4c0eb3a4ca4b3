"""The models that are compared: what each finds, kept in a file so that it is found only once."""

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import numpy as np

from ...apis.predictor import TopdownPredictor
from ...core.files import sha256_of
from ...core.images import read_image
from ...core.metainfo import keypoint_names
from .coco_metric import Found
from .data import LabelledImages, read_json, read_results

SEPARATOR = ':'  # between a config and its checkpoint


@dataclass
class Contender:
    """A model, or the results of one.

    Attributes:
        name: How it is called in what is written.
        source: What the caller named: a zoo name, an exported file, ``CONFIG.py:CHECKPOINT.pth``, or a JSON file of
            COCO results.
        keypoints: Names of what it finds; None for results, whose keypoints are the labels'.
        predictor: The model; None for results.
        facts: What is known of it: weights' SHA-256, engine, parameters, size of its file.
    """
    name: str
    source: str
    keypoints: Optional[Tuple[str, ...]] = None
    predictor: Optional[TopdownPredictor] = None
    facts: Dict[str, Any] = field(default_factory=dict)


def split_source(source: str) -> Tuple[str, str]:
    """What stands for the config and for the checkpoint, which may be empty; a drive's colon is none of ours."""
    if Path(source).exists() or SEPARATOR not in source:
        return source, ''
    config, _, checkpoint = source.rpartition(SEPARATOR)
    return config, checkpoint


def open_contender(source: str, name: Optional[str] = None, **options: Any) -> Contender:
    """Open what a caller named.

    Args:
        source: As in :class:`Contender`.
        name: Default: None, from the file's name.
        options: Of :class:`rampose.apis.TopdownPredictor`.

    Raises:
        ValueError: It cannot be opened.
    """
    config, checkpoint = split_source(source)
    path = Path(checkpoint or config)
    if path.suffix == '.json':
        if not path.is_file():
            raise ValueError(f'{source}: no such file; needed are COCO keypoint results, a list in JSON')
        return Contender(name or path.stem, source, facts=dict(results_sha256=sha256_of(path)))
    predictor = TopdownPredictor(config, checkpoint or None, **options)
    meta = predictor.dataset_meta
    keypoints = tuple(keypoint_names(meta))
    provenance = predictor.provenance
    facts = {key: provenance[key] for key in ('weights_sha256', 'engine', 'device') if provenance.get(key)}
    if path.is_file():
        files = [path, *([path.with_suffix('.bin')] if path.suffix == '.xml' else [])]
        facts['file_mb'] = round(sum(file.stat().st_size for file in files) / 1e6, 1)
    model = getattr(predictor.pose_model, 'model', None)
    if model is not None and hasattr(model, 'parameters'):
        from ..complexity import complexity
        facts['parameters_m'] = round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 2)
        with contextlib.suppress(ImportError):  # on an older torch multiply-adds are not known
            facts['multiply_adds'] = round(complexity(model, tuple(model.cfg.codec.input_size)).paper_gflops, 3)
    return Contender(name or (path.stem if path.suffix else source), source, keypoints, predictor, facts)


def shared_keypoints(contenders: Sequence[Contender], data: LabelledImages) -> Tuple[str, ...]:
    """The keypoints that are labelled and that every model finds, in the labels' order.

    Raises:
        ValueError: There are none.
    """
    shared = [name for name in data.keypoints
              if all(one.keypoints is None or name in one.keypoints for one in contenders)]
    if not shared:
        of_each = '; '.join(f'{one.name}: {", ".join(one.keypoints[:4])}, ...' for one in contenders if one.keypoints)
        raise ValueError(f'no keypoint is shared by all: labels: {", ".join(data.keypoints[:4])}, ...; {of_each}')
    return tuple(shared)


def find(contender: Contender, data: LabelledImages, keypoints: Sequence[str], images: Path,
         boxes: Callable[[int], np.ndarray], settings: Dict[str, Any], kept: Path,
         progress: Callable[[Iterable], Iterable] = iter) -> Tuple[Found, ...]:
    """What a model finds in every image.

    Args:
        contender: The model, or its results.
        data: The images, with all their keypoints.
        keypoints: Names of those that count.
        images: The folder of the image files.
        boxes: Gives the boxes ``(N, 4)`` xyxy, or ``(N, 5)`` with scores, of an image by its number.
        settings: What the results depend on beside the model; results in `kept` that were found otherwise are not used.
        kept: A file of JSON lines, one an image, which is gone on with if it is there.
        progress: Wraps the images, to show how far it is.

    Returns:
        For each image of `data`, the chosen keypoints.

    Raises:
        ValueError: An image is missing, or results do not belong to these images.
    """
    chosen = data.choose_keypoints(keypoints)
    if contender.predictor is None:
        content = read_json(contender.source)
        names = data.keypoints
        if isinstance(content, list) and content and len(content[0].get('keypoints', ())) == 3 * len(keypoints):
            names = tuple(keypoints)
        return read_results(contender.source, chosen, names)
    columns = [contender.keypoints.index(name) for name in keypoints]  # type: ignore[union-attr]
    settings = dict(settings, **contender.facts)
    done = _read_kept(kept, settings)
    missing = [number for number, image_id in enumerate(data.image_ids) if image_id not in done]
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open('a' if done else 'w', encoding='utf-8') as file:
        if not done:
            file.write(json.dumps(dict(settings=settings)) + '\n')
        for number in progress(missing):
            rows = np.asarray(boxes(number), np.float32)
            people: List[dict] = []
            if len(rows):
                result, = contender.predictor.predict([read_image(images / data.names[number])], [rows[:, :4]])
                if rows.shape[1] == 5:
                    result.bbox_scores = rows[:, 4]
                people = [dict(keypoints=points.round(3).tolist(), keypoint_scores=of_points.round(5).tolist(),
                               score=round(float(score), 6))
                          for points, of_points, score in zip(*result, result.scores)]
            done[data.image_ids[number]] = people
            file.write(json.dumps(dict(image_id=data.image_ids[number], people=people)) + '\n')
            file.flush()
    num_keypoints = len(contender.keypoints or ())
    return tuple(Found(
        np.array([one['keypoints'] for one in done[image_id]], float).reshape(-1, num_keypoints, 2)[:, columns],
        np.array([one['score'] for one in done[image_id]], float),
        np.array([one['keypoint_scores'] for one in done[image_id]], float).reshape(-1, num_keypoints)[:, columns])
        for image_id in data.image_ids)


def _read_kept(path: Path, settings: Dict[str, Any]) -> Dict[int, List[dict]]:
    """What an earlier run found by the same settings; a line that a kill cut off, and what follows it, is dropped."""
    if not path.is_file():
        return {}
    done: Dict[int, List[dict]] = {}
    end = 0
    with path.open('rb') as file:
        for line in file:
            try:
                content = json.loads(line) if line.endswith(b'\n') else None
            except ValueError:
                content = None
            if content is None:
                break
            if end == 0:
                if content.get('settings') != json.loads(json.dumps(settings)):
                    return {}
            else:
                done[content['image_id']] = content['people']
            end += len(line)
    if done:
        with path.open('rb+') as file:
            file.truncate(end)
    return done


def label_boxes(data: LabelledImages) -> Callable[[int], np.ndarray]:
    """The boxes of the labelled people who count, xyxy."""
    def of_image(number: int) -> np.ndarray:
        known = data.labels[number]
        xywh = known.bboxes[~known.ignored]
        return np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return of_image


def file_boxes(path: Union[str, Path], data: LabelledImages) -> Callable[[int], np.ndarray]:
    """The boxes of a file that :class:`rampose.core.box_file.BoxFile` reads, xyxy with scores."""
    from ...core.box_file import BoxFile
    boxes = BoxFile(path)

    def of_image(number: int) -> np.ndarray:
        rows, scores = boxes.boxes(data.names[number])
        return np.column_stack([rows, scores]) if len(rows) else np.zeros((0, 5), np.float32)
    return of_image
