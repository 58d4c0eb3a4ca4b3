"""What a visitor takes away: files, and the code and the command that give the same."""

import json
import shlex
from pathlib import Path
from typing import List

from ...core.files import written_whole
from ..coco_results import category_of
from ..formats import GivenResults, write_coco, write_csv
from ..media import save_picture
from ..records import as_instances, rounded
from .photo import Look, Model, Photo, draw, stem_of


def write_files(photo: Photo, number: int, model: Model, look: Look, folder: Path) -> List[Path]:
    """Write ``{image}.json``, a record as of `rampose predict`; ``annotations.json``, COCO's; ``people.csv``; and the
    drawing.

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
    as_json, drawing = folder / f'{stem}.json', folder / f'{stem}_drawn.png'
    with written_whole(as_json) as file:
        file.write(json.dumps(dict(record, keypoints=model.keypoints, made_by=model.predictor.provenance),
                              default=str).encode())
    save_picture(drawing, draw(photo, number, model, look))
    return [as_json, write_coco(results, folder, look.min_keypoint_score),
            write_csv(results, folder, look.min_keypoint_score), drawing]


def code(photo: Photo, model: Model, detector: str) -> str:
    """Python that gives the same keypoints."""
    if photo.found:
        return (f'from rampose.apis import TopdownPredictor\n\n'
                f'predictor = TopdownPredictor({model.name!r}, detector={detector!r})\n'
                f'result, = predictor.predict([{photo.name!r}])\n'
                f'result.keypoints, result.keypoint_scores')
    boxes = [[round(float(value), 1) for value in box] for box in photo.boxes]
    return (f'from rampose.apis import TopdownPredictor\n\n'
            f'predictor = TopdownPredictor({model.name!r})\n'
            f'result, = predictor.predict([{photo.name!r}], [{boxes}])\n'
            f'result.keypoints, result.keypoint_scores')


def command(photo: Photo, model: Model, detector: str, min_keypoint_score: float) -> str:
    """The command that gives the same; for given boxes, with the file that it takes."""
    parts = ['rampose', 'predict', photo.name, '--config', model.name]
    before = ''
    if photo.found:
        parts += ['--detector', detector]
    else:
        boxes = {photo.name: [[round(float(value), 1) for value in box] for box in photo.boxes]}
        before = f'echo {shlex.quote(json.dumps(boxes))} > boxes.json\n'
        parts += ['--boxes', 'boxes.json']
    parts += ['--min-keypoint-score', f'{min_keypoint_score:g}']
    return before + shlex.join(parts)
