"""Boxes of the frames of films, from a file."""

import json
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple, Union

import numpy as np

SUFFIXES = ('.jsonl', '.txt')
FORMS = ('frames.jsonl of an earlier run, or lines "frame, id, x, y, width, height, score" of one film, frames from 1, '
         'as MOTChallenge has them')


class FrameBoxes:
    """Boxes of films, frame by frame.

    Args:
        path: ``frames.jsonl`` that `rampose predict` wrote; or a text file of MOTChallenge's lines, of one film. A
            score that is missing, or -1, is 1.

    Raises:
        ValueError: It cannot be read, or has a line of another form; the message says which.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = path
        self._rows: Dict[Tuple[Optional[str], int], List[List[float]]] = {}  # by the film's name and the frame
        self._names: Set[str] = set()
        try:
            lines = Path(path).read_text(encoding='utf-8').splitlines()
        except (OSError, ValueError) as error:
            raise ValueError(f'{path} cannot be read: {error}') from None
        for number, line in enumerate(lines, 1):
            try:
                if line.strip():
                    self._read_record(line) if Path(path).suffix == '.jsonl' else self._read_mot(line)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                raise ValueError(f'{path}, line {number}: {type(error).__name__} {error}; needed is {FORMS}') from None

    def _read_record(self, line: str) -> None:
        record = json.loads(line)
        if record['frame_id'] is None:
            return
        name = Path(record['name']).name
        self._names.add(name)
        self._rows.setdefault((name, int(record['frame_id'])), []).extend(
            [*map(float, one['bbox']), float(one['bbox_score'])] for one in record['instances'])

    def _read_mot(self, line: str) -> None:
        values = [float(value) for value in line.replace(',', ' ').split()]
        frame, (x, y, w, h) = values[0], values[2:6]
        if frame < 1 or frame != int(frame):
            raise ValueError(f'{frame:g} is no number of a frame')
        score = values[6] if len(values) > 6 and values[6] >= 0 else 1.
        self._rows.setdefault((None, int(frame) - 1), []).append([x, y, x + w, y + h, score])

    def knows(self, path: Union[str, Path]) -> bool:
        """Whether it is of this film; a text file, which names none, is of any."""
        return not self._names or Path(path).name in self._names

    def boxes(self, path: Union[str, Path], frame_id: int) -> Tuple[np.ndarray, np.ndarray]:
        """The boxes of a frame: ``(N, 4)`` xyxy in image px, and their scores ``(N,)``; float32."""
        key = (Path(path).name if self._names else None, frame_id)
        rows = np.asarray(self._rows.get(key, ()), np.float32).reshape(-1, 5)
        return rows[:, :4], rows[:, 4]
