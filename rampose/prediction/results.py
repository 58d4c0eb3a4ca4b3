"""The folder that results go to, so that a run can be stopped at any moment and gone on with.

=====================  ================================================================================================
`frames.jsonl`         a record for each picture or frame, as it was done; a run goes on from here
`keypoints.json`       COCO keypoint results, made from it when all is done
`images.json`          what their image ids mean, as a COCO data set without annotations
`errors.jsonl`         what was left out, and why
`visualizations/`      drawn pictures and videos
`attention/`           attention weights of each person
`rampose_run.json`     what the run was asked for
=====================  ================================================================================================

A record is ``{"input", "name", "frame_id", "width", "height", "image_id", "instances"}``; `frame_id` is null for a
picture, `image_id` null where none is known. An instance is a person: ``{"bbox": [x1, y1, x2, y2], "bbox_score",
"keypoints": [[x, y], ...], "keypoint_scores", "score"}`` in image px; with tracking, ``track_id``, -1 for nobody known;
with smoothing, ``keypoints_unsmoothed``.
"""

import contextlib
import json
from pathlib import Path
from typing import Dict, Iterator, List, Optional

import numpy as np
from filelock import FileLock, Timeout

from ..core.files import LOCK_FILE, remove_parts, written_whole
from .inputs import DRAWN_FOLDERS, RUN_FILE, Source

MIN_KEYPOINT_SCORE_COUNTED = 0.2  # CocoMetric's keypoint_score_thr
DECIMALS = 3


def make_instances(bboxes: np.ndarray, bbox_scores: np.ndarray, keypoints: np.ndarray,
                   keypoint_scores: np.ndarray) -> List[dict]:
    """Describe N people.

    A person's score is the box's times the mean of the keypoints' that exceed 0.2, as in MMPose's `CocoMetric`.

    Args:
        bboxes: ``(N, 4)`` xyxy in image px.
        bbox_scores: ``(N,)``.
        keypoints: ``(N, K, 2)`` in image px.
        keypoint_scores: ``(N, K)``.
    """
    instances = []
    for bbox, bbox_score, points, scores in zip(bboxes, bbox_scores, keypoints, keypoint_scores):
        counted = scores[scores > MIN_KEYPOINT_SCORE_COUNTED]
        score = float(bbox_score) * (float(counted.mean()) if len(counted) else 0.0)
        instances.append(
            dict(
                bbox=_rounded(bbox),
                bbox_score=round(float(bbox_score), 5),
                keypoints=_rounded(points),
                keypoint_scores=_rounded(scores),
                score=round(score, 5)))
    return instances


def _rounded(values: np.ndarray) -> list:
    return np.round(values.astype(np.float64), DECIMALS).tolist()


class ResultFolder:
    """Where the results of a run go.

    Attributes:
        num_people: In all records.
        errors: As they stand in `errors.jsonl`.

    Args:
        path: The folder; it is made.
        settings: What the results depend on; a run is gone on with under the same settings only.
        dataset_meta: MMPose's description of the keypoints.
        resume: Go on with what is there.

    Raises:
        ValueError: There are results, and `resume` is False; or they were made under other settings; or another run
            is writing there.
    """

    def __init__(self, path: Path, settings: dict, dataset_meta: dict, resume: bool) -> None:
        self.path = path
        self.visualizations, self.attention = (path / name for name in DRAWN_FOLDERS)
        self._settings = settings
        self._meta = dataset_meta
        self._run_file, self._records_file = path / RUN_FILE, path / 'frames.jsonl'
        self._finished_videos: List[str] = []
        self._num_frames: Dict[str, int] = {}  # done, by input
        self._offsets: Dict[str, int] = {}  # of an input's first record
        self.num_people = 0
        self.errors: List[dict] = []

        begun = self._run_file.exists() or self._records_file.exists()
        if begun and not resume:
            raise ValueError(f'{path} holds results already; go on with them by --resume, or name another folder')
        path.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path / LOCK_FILE, timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise ValueError(f'another run is writing to {path}; wait for its end, or name another folder') from None
        remove_parts(path)
        if begun:
            self._check_settings()
            self._read_records()
            self._read_errors()
        self._save_run()
        self._records = self._records_file.open('ab')
        with written_whole(path / 'errors.jsonl') as file:
            file.writelines(_json_line(error) for error in self.errors)

    def _check_settings(self) -> None:
        try:
            run = json.loads(self._run_file.read_text())
            before = run['settings']
            self._finished_videos = run['finished_videos']
        except (OSError, ValueError, KeyError, TypeError):
            raise ValueError(f'{self._run_file} is missing or damaged; begin anew in another folder') from None
        for name in sorted({*before, *self._settings}):
            if before.get(name) != self._settings.get(name):
                raise ValueError(f'{self.path} holds results of another run: {name} was {before.get(name)!r} and now '
                                 f'is {self._settings.get(name)!r}; take the same, or another folder')

    def _read_records(self) -> None:
        """Learn what is done. A line that a kill cut short is dropped."""
        offset = 0
        with self._records_file.open('a+b') as file:
            file.seek(0)
            for line in file:
                try:
                    record = json.loads(line) if line.endswith(b'\n') else None
                except ValueError:
                    record = None
                if record is None:
                    break
                self._offsets.setdefault(record['input'], offset)
                self._count(record)
                offset += len(line)
            file.truncate(offset)

    def _read_errors(self) -> None:
        """Keep the errors of what is done; the others will show again."""
        path = self.path / 'errors.jsonl'
        for line in path.read_bytes().splitlines() if path.exists() else ():
            with contextlib.suppress(ValueError):  # the last line, if a kill cut it short
                error = json.loads(line)
                if error['bbox'] is not None and (error['frame_id'] or 0) < self._num_frames.get(error['input'], 0):
                    self.errors.append(error)

    def _save_run(self) -> None:
        run = dict(settings=self._settings, finished_videos=self._finished_videos)
        with written_whole(self._run_file) as file:
            file.write(json.dumps(run, indent=1).encode())

    @property
    def num_frames(self) -> int:
        """Number of records so far."""
        return sum(self._num_frames.values())

    def num_done(self, source: Source) -> int:
        """The number of frames of a picture or video that is done; 0 if it is not, or not to its end."""
        if source.kind == 'picture' or source.path in self._finished_videos:
            return self._num_frames.get(source.path, 0)
        return 0

    def stored_frames(self, source: Source) -> Iterator[dict]:
        """The records of a video that an earlier run left."""
        number = self._num_frames.get(source.path, 0)
        if not number:
            return
        with self._records_file.open('rb') as file:
            file.seek(self._offsets[source.path])
            for line in file:
                record = json.loads(line)
                if record['input'] == source.path:
                    yield record
                    number -= 1
                    if not number:
                        return

    def add(self, record: dict) -> None:
        """Append a record; it is on its way to the disk when this returns."""
        self._records.write(_json_line(record))
        self._records.flush()
        self._count(record)

    def _count(self, record: dict) -> None:
        self._num_frames[record['input']] = self._num_frames.get(record['input'], 0) + 1
        self.num_people += len(record['instances'])

    def finish_video(self, source: Source) -> None:
        """Note that all of a video is done."""
        self._finished_videos.append(source.path)
        self._save_run()

    def add_error(self, source: Source, reason: str, frame_id: Optional[int] = None,
                  bbox: Optional[list] = None) -> None:
        """Note what was left out: a box of a picture or frame, or all of a source."""
        error = dict(input=source.path, name=source.name, frame_id=frame_id, bbox=bbox, reason=reason)
        self.errors.append(error)
        with (self.path / 'errors.jsonl').open('ab') as file:
            file.write(_json_line(error))

    def close(self) -> None:
        """Let others write there."""
        with contextlib.suppress(OSError):  # every record was flushed; left is at most one that found no room
            self._records.close()
        (self.path / LOCK_FILE).unlink(missing_ok=True)
        self._lock.release()

    def finish(self) -> None:
        """Write the COCO files. Frames are read back one by one, however many they are."""
        numbers = self._image_numbers()
        category = dict(
            id=1,
            name='person',
            supercategory='person',
            keypoints=[self._meta['keypoint_id2name'][index] for index in range(int(self._meta['num_keypoints']))],
            skeleton=[[int(a) + 1, int(b) + 1] for a, b in self._meta.get('skeleton_links', [])])
        with written_whole(self.path / 'keypoints.json') as results, written_whole(self.path / 'images.json') as images:
            results.write(b'[')
            images.write(b'{"images": [')
            num_results = 0
            for index, record in enumerate(self._all_records()):
                image_id = index + 1 if numbers is None else numbers[index]
                image = dict(id=image_id, file_name=record['name'], width=record['width'], height=record['height'])
                if record['frame_id'] is not None:
                    image['frame_id'] = record['frame_id']
                images.write((',\n' if index else '\n').encode() + _json_line(image).strip())
                for instance in record['instances']:
                    triples = [value for point, score in zip(instance['keypoints'], instance['keypoint_scores'])
                               for value in (*point, score)]
                    result = dict(image_id=image_id, category_id=1, keypoints=triples, score=instance['score'])
                    results.write((',\n' if num_results else '\n').encode() + _json_line(result).strip())
                    num_results += 1
            results.write(b'\n]\n')
            images.write(b'\n],\n"annotations": [],\n"categories": [' + _json_line(category).strip() + b']}\n')
        if not self.errors:
            (self.path / 'errors.jsonl').unlink()

    def _all_records(self) -> Iterator[dict]:
        with self._records_file.open('rb') as file:
            for line in file:
                yield json.loads(line)

    def _image_numbers(self) -> Optional[List[int]]:
        """Image ids as the file of boxes gave them, or as the file names do; None if neither gives all, each once."""
        from_boxes, from_names = [], []
        for record in self._all_records():
            stem = Path(record['name']).stem
            from_boxes.append(record['image_id'])
            from_names.append(int(stem) if stem.isdecimal() and record['frame_id'] is None else None)
        for numbers in (from_boxes, from_names):
            if None not in numbers and len(set(numbers)) == len(numbers):
                return numbers
        return None


def _json_line(value: dict) -> bytes:
    return (json.dumps(value) + '\n').encode()
