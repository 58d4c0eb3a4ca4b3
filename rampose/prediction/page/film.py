"""A film on the page: drawn while one looks on, stopped at will."""

import json
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from ..folder import ResultFolder
from ..inputs import Failure, Frame, Source, VideoEnd, count_frames, read_frames
from ..run import ByDetector, PredictionRun, RunOptions, whole_image
from .photo import Model

EVERY_S = 0.5  # how often progress is told


class FilmJob:
    """The people of a film, found in another thread.

    Args:
        model: What finds their keypoints.
        path: The film.
        folder: An empty one for the results.
        track: Number people.
        max_frames: After which it ends.
        min_score: Boxes of lower scores are left out.
        min_keypoint_score: Keypoints of lower scores are not drawn.
    """

    def __init__(self, model: Model, path: Path, folder: Path, track: bool, max_frames: int, min_score: float,
                 min_keypoint_score: float) -> None:
        self._model, self._folder, self._max_frames = model, folder, max_frames
        self._source = Source(str(path), path.name, 'video')
        self._options = RunOptions(min_score, track=track, min_keypoint_score=min_keypoint_score, ends_early=True)
        self.total: Optional[int] = count_frames([self._source])
        if self.total is not None:
            self.total = min(self.total, max_frames)
        self.frames = self.people = 0
        self.was_stopped = False
        self._stop = threading.Event()
        self._error: Optional[BaseException] = None
        self._failures: List[str] = []

    def stop(self) -> None:
        """End the film after the frame that is being done."""
        self._stop.set()

    def __call__(self) -> Iterator[str]:
        """Run it.

        Yields:
            How far it is, twice a second.

        Raises:
            ValueError: Nothing of it can be read.
        """
        thread = threading.Thread(target=self._run, name='film', daemon=True)
        started = time.monotonic()
        thread.start()
        try:
            while thread.is_alive():
                thread.join(EVERY_S)
                yield self._progress(time.monotonic() - started)
        finally:  # whoever looked on has gone
            self._stop.set()
            thread.join()
        if self._error is not None:
            raise self._error
        if not self.frames:
            raise ValueError(self._failures[0] if self._failures else f'{self._source.name} has no frames')

    def _progress(self, seconds: float) -> str:
        of = '' if self.total is None else f' of {self.total}'
        rate = self.frames / max(seconds, 1e-6)
        left = f', {(self.total - self.frames) / rate:.0f} s left' if self.total and rate else ''
        return f'{self.frames}{of} frames, {self.people} people, {rate:.1f} frames a second{left}'

    def _run(self) -> None:
        try:
            predictor = self._model.predictor
            folder = ResultFolder(self._folder, dict(film=self._source.name), predictor.dataset_meta, False)
            try:
                find = ByDetector(predictor) if predictor.has_detector else whole_image
                run = PredictionRun(predictor, find, folder, self._options, on_frame=self._count)
                run(self._items(), self._stop.is_set)
                folder.finish()
                self._failures = [error['reason'] for error in folder.errors]
            finally:
                folder.close()
        except BaseException as error:  # shown in the thread that looks on
            self._error = error

    def _items(self) -> Iterator[Union[Frame, Failure, VideoEnd]]:
        for item in read_frames([self._source], self._max_frames):
            if self._stop.is_set() and isinstance(item, Frame):
                self.was_stopped = True
                yield VideoEnd(self._source, False)
                return
            yield item

    def _count(self, people: int) -> None:
        self.frames += 1
        self.people += people

    @property
    def drawn(self) -> Path:
        """The drawn film."""
        return next((self._folder / 'visualizations').iterdir())

    @property
    def records(self) -> Path:
        """A record for each frame."""
        return self._folder / 'frames.jsonl'

    def tracks(self) -> List[Tuple[int, float, float, int]]:
        """Of each person who was tracked: number, when first and last seen in seconds, and in how many frames."""
        seen: Dict[int, List[Any]] = {}
        with self.records.open() as file:
            for line in file:
                record = json.loads(line)
                for one in record['instances']:
                    if one.get('track_id', -1) >= 0:
                        seen.setdefault(one['track_id'], []).append(record.get('time') or 0.)
        return [(number, round(times[0], 2), round(times[-1], 2), len(times)) for number, times in sorted(seen.items())]
