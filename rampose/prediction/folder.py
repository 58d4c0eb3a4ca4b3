"""The folder that results go to, so that a run can be stopped at any moment and resumed.

=====================  ================================================================================================
`frames.jsonl`         a record for each image or frame, as it was done; a run is resumed from here
`keypoints.json`       COCO keypoint results, made from it when all is done
`images.json`          what their image ids mean, as a COCO data set without annotations
`errors.jsonl`         what was left out, and why
`visualizations/`      drawn images and videos
`attention/`           attention weights of each person
`rampose_run.json`     what the run was asked for, and what made its results
=====================  ================================================================================================
"""

import contextlib
import json
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from ..core.files import remove_parts, written_whole
from ..core.locking import FolderLock, LockedError
from .coco_results import write_coco
from .inputs import DRAWN_FOLDERS, RUN_FILE, Source
from .journal import ErrorList, Journal


class ClosedError(RuntimeError):
    """The folder was closed: it may be another run's by now, and takes nothing more."""


class ResultFolder:
    """Where the results of a run go. Threads may share it; once it is closed nobody writes to it.

    Args:
        path: The folder; it is made.
        settings: What the results depend on; a run can be resumed only with the same settings.
        dataset_meta: MMPose's description of the keypoints.
        resume: Resume what is there.
        provenance: What makes the results: versions, weights, device, machine; written to `rampose_run.json`.
        category: Id and name of what is found, for the COCO files. Default: 1, and a name after the model's data set.

    Raises:
        ValueError: There are results, and `resume` is False; or they were made with other settings; or another run
            is writing there.
    """

    def __init__(self, path: Path, settings: dict, dataset_meta: dict, resume: bool,
                 provenance: Optional[dict] = None, category: Tuple[int, Optional[str]] = (1, None)) -> None:
        self.path = path
        self.visualizations, self.attention = (path / name for name in DRAWN_FOLDERS)
        self._settings = settings
        self._meta = dataset_meta
        self._category = category
        self._provenance: Dict = dict(provenance or {}, started=[_now()])
        self._run_file = path / RUN_FILE
        self._finished_videos: List[str] = []
        self._journal = Journal(path / 'frames.jsonl')
        self._errors = ErrorList(path / 'errors.jsonl')
        self._guard = threading.RLock()
        self._closed = False

        if not resume and self._has_begun():
            raise ValueError(f'{path} holds results already; resume them with --resume, or name another folder')
        try:
            self._lock = FolderLock(path).acquire()
        except LockedError:
            raise ValueError(f'another run is writing to {path}; wait for its end, or name another folder') from None
        try:
            self._begin()
        except BaseException:
            self._lock.release()
            raise

    def _has_begun(self) -> bool:
        return self._run_file.exists() or self._journal.path.exists()

    def _begin(self) -> None:
        remove_parts(self.path, below=True)
        if self._has_begun():
            self._check_settings()
            self._journal.read()
            self._errors.read(self._journal)
        self._save_run()
        self._journal.open()
        self._errors.rewrite()

    def _check_settings(self) -> None:
        try:
            run = json.loads(self._run_file.read_text())
            before = run['settings']
            self._finished_videos = run['finished_videos']
            self._provenance['started'] = [*(run.get('provenance') or {}).get('started', ()), _now()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f'{self._run_file} is missing or damaged; begin anew in another folder') from None
        for name in sorted({*before, *self._settings}):
            if before.get(name) != self._settings.get(name):
                raise ValueError(f'{self.path} holds results of another run: {name} was {before.get(name)!r} and now '
                                 f'is {self._settings.get(name)!r}; take the same, or another folder')

    def _save_run(self) -> None:
        run = dict(settings=self._settings, provenance=self._provenance, finished_videos=self._finished_videos)
        with written_whole(self._run_file) as file:
            file.write(json.dumps(run, indent=1).encode())

    @property
    def num_frames(self) -> int:
        """Number of records so far."""
        return self._journal.num_frames

    @property
    def num_people(self) -> int:
        """In all records."""
        return self._journal.num_people

    @property
    def errors(self) -> List[dict]:
        """As they stand in `errors.jsonl`."""
        return self._errors.errors

    def num_done(self, source: Source) -> int:
        """The number of frames of an image or video that is done; 0 if it is not, or not to its end."""
        if source.kind == 'picture' or source.path in self._finished_videos:
            return self._journal.num_frames_of(source.path)
        return 0

    def stored_frames(self, source: Source) -> Iterator[dict]:
        """The records of a video that an earlier run left."""
        return self._journal.records_of(source.path)

    def add(self, record: dict) -> None:
        """Append a record; it is on its way to the disk when this returns."""
        with self._open():
            self._journal.append(record)

    def finish_video(self, source: Source) -> None:
        """Note that all of a video is done."""
        with self._open():
            self._finished_videos.append(source.path)
            self._save_run()

    def add_error(self, source: Source, reason: str, frame_id: Optional[int] = None,
                  bbox: Optional[list] = None) -> None:
        """Note what was left out: a box of an image or frame, or all of a source."""
        with self._open():
            self._errors.append(dict(input=source.path, name=source.name, frame_id=frame_id, bbox=bbox, reason=reason))

    @contextlib.contextmanager
    def _open(self) -> Iterator[None]:
        """While something is written; after a second Ctrl-C the writer's thread may outlive the run."""
        with self._guard:
            if self._closed:
                raise ClosedError(str(self.path))
            yield

    def close(self) -> None:
        """Let others write there, after what is being written."""
        with self._guard:
            self._closed = True
            self._journal.close()
            self._lock.release()

    def finish(self) -> None:
        """Write the COCO files, and when the run ended."""
        write_coco(self.path, self._journal.records, self._meta, *self._category)
        self._errors.finish()
        self._provenance['finished'] = _now()
        self._save_run()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='seconds')
