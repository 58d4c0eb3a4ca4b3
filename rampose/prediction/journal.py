"""A file of JSON lines that is appended to, and read again after a kill."""

import contextlib
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from ..core.files import written_whole


def json_line(value: Dict[str, Any]) -> bytes:
    """A line. What is no finite number is an error: JSON has no word for it."""
    return (json.dumps(value, allow_nan=False) + '\n').encode()


class Journal:
    """The records of frames, in `frames.jsonl`.

    Attributes:
        num_people: In all records.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_people = 0
        self._num_frames: Dict[str, int] = {}  # done, by input
        self._offsets: Dict[str, int] = {}  # of an input's first record
        self._file: Optional[Any] = None

    def read(self) -> None:
        """Learn what is done. A line that a kill cut short is dropped."""
        offset = 0
        with self.path.open('a+b') as file:
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

    def open(self) -> None:
        """Get ready to append."""
        self._file = self.path.open('ab')

    def append(self, record: dict) -> None:
        """Append a record; it is on its way to the disk when this returns."""
        assert self._file is not None  # of a folder that is open
        self._file.write(json_line(record))
        self._file.flush()
        self._count(record)

    def _count(self, record: dict) -> None:
        self._num_frames[record['input']] = self._num_frames.get(record['input'], 0) + 1
        self.num_people += len(record['instances'])

    @property
    def num_frames(self) -> int:
        """Number of records so far."""
        return sum(self._num_frames.values())

    def num_frames_of(self, path: str) -> int:
        """Number of records of an input."""
        return self._num_frames.get(path, 0)

    def records(self) -> Iterator[dict]:
        """All records."""
        with self.path.open('rb') as file:
            for line in file:
                yield json.loads(line)

    def records_of(self, path: str) -> Iterator[dict]:
        """The records of an input that an earlier run left."""
        number = self._num_frames.get(path, 0)
        if not number:
            return
        with self.path.open('rb') as file:
            file.seek(self._offsets[path])
            for line in file:
                record = json.loads(line)
                if record['input'] == path:
                    yield record
                    number -= 1
                    if not number:
                        return

    def close(self) -> None:
        """Close the file. Every record was flushed; left is at most one that found no room."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()


class ErrorList:
    """What was left out and why, in `errors.jsonl`.

    Attributes:
        errors: The list: ``input``, ``name``, ``frame_id``, ``bbox``, ``reason`` of each.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: List[dict] = []

    def read(self, journal: Journal) -> None:
        """Keep the errors of what is done; the others will show again."""
        for line in self.path.read_bytes().splitlines() if self.path.exists() else ():
            try:
                error = json.loads(line)
            except ValueError:  # the last line, if a kill cut it short
                continue
            if error['bbox'] is not None and (error['frame_id'] or 0) < journal.num_frames_of(error['input']):
                self.errors.append(error)

    def rewrite(self) -> None:
        """Write the list as it is."""
        with written_whole(self.path) as file:
            file.writelines(map(json_line, self.errors))

    def append(self, error: dict) -> None:
        """Append an entry."""
        self.errors.append(error)
        with self.path.open('ab') as file:
            file.write(json_line(error))

    def finish(self) -> None:
        """Remove the file if nothing was left out."""
        if not self.errors:
            self.path.unlink(missing_ok=True)
