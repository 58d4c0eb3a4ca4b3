"""The results of a run in the formats of other tools, from the folder that `rampose predict` left.

Records are read one by one, twice where a format needs it; a file is written whole or not at all.
"""

import csv
import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, TextIO, Tuple
from urllib.parse import quote

import numpy as np

from ..core.files import written_whole

# OpenPose's BODY_25 by COCO's names; two are halfway between two keypoints, the feet are not known.
BODY_25: Tuple[Tuple[str, ...], ...] = (
    ('nose', ), ('left_shoulder', 'right_shoulder'), ('right_shoulder', ), ('right_elbow', ), ('right_wrist', ),
    ('left_shoulder', ), ('left_elbow', ), ('left_wrist', ), ('left_hip', 'right_hip'), ('right_hip', ),
    ('right_knee', ), ('right_ankle', ), ('left_hip', ), ('left_knee', ), ('left_ankle', ), ('right_eye', ),
    ('left_eye', ), ('right_ear', ), ('left_ear', ), *((), ) * 6)
ROWS_A_GROUP = 10_000  # of a Parquet file; what is kept in memory


class Results:
    """What `rampose predict` left in a folder.

    Args:
        folder: The folder.

    Attributes:
        category: COCO's description of what was found: id, name, keypoints, skeleton.

    Raises:
        ValueError: It holds no finished results.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            content = json.loads((folder / 'images.json').read_text(encoding='utf-8'))
            (self.category, ) = content['categories']
            self._ids = [image['id'] for image in content['images']]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{folder} holds no finished results of `rampose predict` ({type(error).__name__}: '
                             f'{error}); finish the run with --resume') from None
        self.keypoints: List[str] = self.category['keypoints']

    def records(self) -> Iterator[Tuple[int, Dict[str, Any]]]:
        """The image id and the record of each image or frame."""
        with (self.folder / 'frames.jsonl').open(encoding='utf-8') as file:
            for image_id, line in zip(self._ids, file):
                yield image_id, json.loads(line)


class GivenResults(Results):
    """Results that are not in a folder.

    Args:
        category: COCO's description of what was found.
        records: Of images, as `frames.jsonl` has them; their ids count from 1.
    """

    def __init__(self, category: Dict[str, Any], records: Sequence[Dict[str, Any]]) -> None:
        self.category, self.keypoints, self._records = category, category['keypoints'], records

    def records(self) -> Iterator[Tuple[int, Dict[str, Any]]]:
        yield from enumerate(self._records, 1)


def convert_results(folder: Path, formats: Sequence[str], out: Optional[Path] = None,
                    min_keypoint_score: float = 0.3) -> List[Path]:
    """Write results in other formats.

    Args:
        folder: That `rampose predict` wrote.
        formats: Names of `FORMATS`.
        out: Where to. Default: None, the same folder.
        min_keypoint_score: Keypoints of lower scores count as not found, in the formats that know this.

    Returns:
        What was written, files or folders.

    Raises:
        ValueError: No such format, a folder without results, or keypoints that a format does not know.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f'got format {unknown[0]!r}; known are {", ".join(FORMATS)}')
    results = Results(folder)
    return [FORMATS[name](results, out or folder, min_keypoint_score) for name in formats]


def write_coco(results: Results, out: Path, min_score: float) -> Path:
    """COCO annotations: keypoints are visible (2) or, below the score, not labelled (0)."""
    path = out / 'annotations.json'
    with _text(path) as file:
        file.write('{"images": [')
        for number, (image_id, record) in enumerate(results.records()):
            file.write(',\n' if number else '\n')
            file.write(json.dumps(dict(id=image_id, file_name=record['name'], width=record['width'],
                                       height=record['height'], **_moment(record))))
        file.write('\n],\n"annotations": [')
        number = 0
        for image_id, record in results.records():
            for one in record['instances']:
                keypoints: List[float] = []
                for (x, y), score in zip(one['keypoints'], one['keypoint_scores']):
                    keypoints += [x, y, 2] if score >= min_score else [0, 0, 0]
                x1, y1, x2, y2 = one['bbox']
                file.write(',\n' if number else '\n')
                number += 1
                file.write(json.dumps(dict(
                    id=number, image_id=image_id, category_id=results.category['id'], iscrowd=0,
                    bbox=[x1, y1, round(x2 - x1, 3), round(y2 - y1, 3)], area=round((x2 - x1) * (y2 - y1), 2),
                    keypoints=keypoints, num_keypoints=sum(v == 2 for v in keypoints[2::3]), score=one['score'],
                    **({'track_id': one['track_id']} if 'track_id' in one else {}))))
        file.write('\n],\n"categories": [' + json.dumps(results.category) + ']}\n')
    return path


def write_csv(results: Results, out: Path, min_score: float) -> Path:
    """A row for each person: the box, and x, y and score of each keypoint."""
    path = out / 'people.csv'
    with _text(path) as file:
        rows = csv.writer(file)
        rows.writerow(['name', 'frame', 'time', 'person', 'track', 'score', 'x1', 'y1', 'x2', 'y2',
                       *_columns_of(results.keypoints)])
        for _, record in results.records():
            for number, one in enumerate(record['instances']):
                rows.writerow([*_head(record, number, one), *_values_of(one)])
    return path


def write_csv_long(results: Results, out: Path, min_score: float) -> Path:
    """A row for each keypoint."""
    path = out / 'keypoints.csv'
    with _text(path) as file:
        rows = csv.writer(file)
        rows.writerow(['name', 'frame', 'time', 'person', 'track', 'keypoint', 'x', 'y', 'score'])
        for _, record in results.records():
            for number, one in enumerate(record['instances']):
                for name, point, score in zip(results.keypoints, one['keypoints'], one['keypoint_scores']):
                    rows.writerow([*_head(record, number, one), name, *point, score])
    return path


def write_parquet(results: Results, out: Path, min_score: float) -> Path:
    """A row for each person, as in `people.csv`, of typed columns that dataframes and databases read.

    Raises:
        ValueError: pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow.parquet import ParquetWriter
    except ImportError as error:  # or one that does not fit its numpy
        raise ValueError(f'parquet needs pyarrow: pip install pyarrow ({error})') from None
    numbers = ['score', 'x1', 'y1', 'x2', 'y2', *_columns_of(results.keypoints)]
    schema = pyarrow.schema([
        ('name', pyarrow.string()), ('frame', pyarrow.int32()), ('time', pyarrow.float64()),
        ('person', pyarrow.int32()), ('track', pyarrow.int32()), *((name, pyarrow.float32()) for name in numbers)])
    path = out / 'people.parquet'
    with written_whole(path) as file, ParquetWriter(file, schema) as writer:
        rows: List[list] = []

        def flush() -> None:
            columns = [list(column) for column in zip(*rows)] if rows else [[] for _ in schema]
            writer.write_table(pyarrow.table([pyarrow.array(column, field.type)
                                              for column, field in zip(columns, schema)], schema=schema))
            rows.clear()

        for _, record in results.records():
            for number, one in enumerate(record['instances']):
                name, *head = _head(record, number, one)
                readable = name.encode(errors='surrogateescape').decode(errors='replace')  # Parquet knows UTF-8 alone
                rows.append([readable, *head, *_values_of(one)])
            if len(rows) >= ROWS_A_GROUP:
                flush()
        flush()
    return path


def write_yolo_pose(results: Results, out: Path, min_score: float) -> Path:
    """A text file for each image, as Ultralytics trains on it, and data.yaml beside them."""
    folder, seen = out / 'yolo-pose', set()  # type: Tuple[Path, Set[Path]]
    for _, record in results.records():
        w, h = record['width'], record['height']
        lines = []
        for one in record['instances']:
            x1, y1, x2, y2 = one['bbox']
            values = [(x1 + x2) / 2 / w, (y1 + y2) / 2 / h, (x2 - x1) / w, (y2 - y1) / h]
            for (x, y), score in zip(one['keypoints'], one['keypoint_scores']):
                values += [x / w, y / h, 2] if score >= min_score else [0, 0, 0]
            lines.append('0 ' + ' '.join(f'{value:.6g}' for value in values) + '\n')
        with _text(_own(folder / 'labels' / _stem(record), '.txt', seen)) as file:
            file.writelines(lines)
    with _text(folder / 'data.yaml') as file:
        file.write(f'kpt_shape: [{len(results.keypoints)}, 3]\nnames:\n  0: {json.dumps(results.category["name"])}\n'
                   f'kpt_names:\n  0: {json.dumps(results.keypoints)}\n')
    return folder


def write_openpose(results: Results, out: Path, min_score: float) -> Path:
    """A JSON file for each image or frame, with OpenPose's BODY_25; its feet stay empty."""
    missing = [name for name in (f'{side}_{part}' for side in ('left', 'right')
                                 for part in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'))
               if name not in results.keypoints]
    if missing:
        raise ValueError(f'openpose needs COCO\'s keypoints; the model has no {", ".join(missing)}')
    rows = [[results.keypoints.index(name) for name in names if name in results.keypoints] for names in BODY_25]
    folder, seen = out / 'openpose', set()  # type: Tuple[Path, Set[Path]]
    for _, record in results.records():
        people = []
        for one in record['instances']:
            points, scores = np.array(one['keypoints']), np.array(one['keypoint_scores'])
            flat: List[float] = []
            for chosen in rows:
                flat += ([*points[chosen].mean(axis=0).round(3).tolist(), float(scores[chosen].min())] if chosen
                         else [0, 0, 0])
            people.append(dict(person_id=[one.get('track_id', -1)], pose_keypoints_2d=flat))
        with _text(_own(folder / _stem(record, 12), '_keypoints.json', seen)) as file:
            json.dump(dict(version=1.3, people=people), file)
    return folder


def write_label_studio(results: Results, out: Path, min_score: float, address: str = '') -> Path:
    """A task with predictions for each image; `image` is its name; or, quoted, the end of an address that
    begins with `address`, that of your storage."""
    path = out / 'label_studio.json'
    with _text(path) as file:
        file.write('[')
        for number, (_, record) in enumerate(results.records()):
            w, h = record['width'], record['height']
            size = dict(original_width=w, original_height=h, to_name='image')
            result: List[dict] = []
            for person, one in enumerate(record['instances']):
                x1, y1, x2, y2 = one['bbox']
                box = f'person{person}'
                value = dict(
                    x=100 * x1 / w, y=100 * y1 / h, width=100 * (x2 - x1) / w, height=100 * (y2 - y1) / h,
                    rectanglelabels=[results.category['name']])
                result.append(dict(size, id=box, type='rectanglelabels', from_name='box', score=one['score'],
                                   value=value))
                for name, (x, y), score in zip(results.keypoints, one['keypoints'], one['keypoint_scores']):
                    if score >= min_score:
                        result.append(dict(size, id=f'{box}-{name}', type='keypointlabels', from_name='keypoint',
                                           parentID=box, score=score, value=dict(
                                               x=100 * x / w, y=100 * y / h, width=0.5, keypointlabels=[name])))
            file.write(',\n' if number else '\n')
            image = address + quote(record['name']) if address else record['name']
            file.write(json.dumps(dict(data=dict(image=image, **_moment(record)), predictions=[
                dict(model_version='rampose', result=result)])))
        file.write('\n]\n')
    return path


FORMATS: Dict[str, Callable[[Results, Path, float], Path]] = {
    'coco': write_coco, 'csv': write_csv, 'csv-long': write_csv_long, 'parquet': write_parquet,
    'yolo-pose': write_yolo_pose, 'openpose': write_openpose, 'label-studio': write_label_studio}


def _moment(record: dict) -> dict:
    """Frame and time of a record, where it has them."""
    return {key: record[key] for key in ('frame_id', 'time') if record.get(key) is not None}


def _head(record: dict, number: int, one: dict) -> list:
    """Name, frame, time, person and track; None, which CSV leaves empty, for what there is not."""
    return [record['name'], record.get('frame_id'), record.get('time'), number, one.get('track_id')]


def _columns_of(keypoints: Sequence[str]) -> List[str]:
    return [f'{name}_{what}' for name in keypoints for what in ('x', 'y', 'score')]


def _values_of(one: dict) -> List[float]:
    """Score, box and keypoints of a person, as a row has them."""
    return [one['score'], *one['bbox'], *(value for point, score in zip(one['keypoints'], one['keypoint_scores'])
                                          for value in (*point, score))]


def _stem(record: dict, digits: int = 6) -> Path:
    """A record's path without suffix; of a frame with its number."""
    path = Path(record['name'])
    frame = record.get('frame_id')
    return path.with_name(path.stem + ('' if frame is None else f'_{frame:0{digits}d}'))


def _own(path: Path, suffix: str, seen: Set[Path]) -> Path:
    if path in seen:
        raise ValueError(f'two images are called {path.name} but for their suffix; rename one, since the format names '
                         'files so')
    seen.add(path)
    return path.with_name(path.name + suffix)


class _text:
    """A text file that is written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path, self._stack = path, ExitStack()

    def __enter__(self) -> TextIO:
        binary = self._stack.enter_context(written_whole(self._path))
        self._file = io.TextIOWrapper(binary, encoding='utf-8', newline='')
        return self._file

    def __exit__(self, *error: Any) -> None:
        if error[0] is None:
            self._file.flush()
        self._file.detach()
        self._stack.__exit__(*error)
