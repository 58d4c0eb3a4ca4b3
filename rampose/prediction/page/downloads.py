"""What a visitor takes away: files, and the code and the command that give the same."""

import json
import shlex
from pathlib import Path
from typing import List, NamedTuple

from ...core.files import written_whole
from ..coco_results import category_of
from ..formats import GivenResults, write_coco, write_csv
from ..media import save_picture
from ..records import as_instances, rounded
from .photo import Look, Model, Photo, draw, stem_of


class Detection(NamedTuple):
    """How people are found: as `rampose predict` takes it."""
    name: str
    category: str = 'person'
    min_score: float = 0.3


def write_files(photo: Photo, number: int, model: Model, look: Look, folder: Path) -> List[Path]:
    """Write ``{image}_keypoints.json``, a record as of `rampose predict`; ``annotations.json``, COCO's; ``people.csv``;
    and the drawing.

    Args:
        photo: Analysed.
        number: Of the model.
        model: The same.
        look: Of the drawing.
        folder: Where to.

    Returns:
        The files.
    """
    h, w = photo.image.shape[:2]
    stem = stem_of(photo.name)
    record = dict(name=photo.name, width=w, height=h, instances=as_instances(rounded(photo.results[number])))
    results = GivenResults(category_of(model.predictor.dataset_meta), [record])
    as_json, drawing = folder / f'{stem}_keypoints.json', folder / f'{stem}_drawn.png'
    with written_whole(as_json) as file:
        file.write(json.dumps(dict(record, keypoints=model.keypoints, made_by=model.predictor.provenance),
                              default=str).encode())
    save_picture(drawing, draw(photo, number, model, look))
    return [as_json, write_coco(results, folder, look.min_keypoint_score),
            write_csv(results, folder, look.min_keypoint_score), drawing]


def code(photo: Photo, model: Model, detector: Detection) -> str:
    """Python that gives the same keypoints."""
    lines = ['from rampose.apis import TopdownPredictor']
    options = ''.join(f', {name}={value!r}' for name, value in model.options.items())
    given = ''
    if photo.found:
        lines.append('from rampose.apis.detectors import open_named_detector')
        options += f', detector=open_named_detector{(detector.name, detector.category, detector.min_score)!r}'
    else:
        given = f', [{_boxes(photo)}]'
    return '\n'.join([*lines, '', f'predictor = TopdownPredictor({model.name!r}{options})',
                      f'result, = predictor.predict([{photo.name!r}]{given})',
                      'result.keypoints, result.keypoint_scores'])


def command(photo: Photo, model: Model, detector: Detection, min_keypoint_score: float) -> str:
    """The command that gives the same; for given boxes, with the file that it takes."""
    parts = ['rampose', 'predict', photo.name, '--config', model.name]
    before = ''
    if photo.found:
        parts += ['--detector', detector.name, '--det-category', detector.category, '--min-score',
                  f'{detector.min_score:g}']
    else:
        before = f'echo {shlex.quote(json.dumps({photo.name: _boxes(photo)}))} > boxes.json\n'
        parts += ['--boxes', 'boxes.json']
    parts += ['--attention'] * (model.options.get('backend') == 'torch')
    parts += ['--uncertainty'] * ('uncertainty' in model.options)
    return before + shlex.join([*parts, '--min-keypoint-score', f'{min_keypoint_score:g}'])


def _boxes(photo: Photo) -> List[List[float]]:
    return [[round(float(value), 1) for value in box] for box in photo.boxes]
