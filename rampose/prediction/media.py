"""Writing pictures and videos, whole or not at all."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Tuple

import cv2
import numpy as np

from ..core.files import part_of, written_whole

if TYPE_CHECKING:
    from .film import H264Film

MIN_SIDE = 16  # px; the codecs take no less
MAX_SIDE_H264, MAX_SIDE_MPEG4 = 16384, 8191  # px, and no more
OFF_BY = 1.5  # frames by which a film of a fixed rate may run ahead of its clock or behind it


class NotDrawnError(ValueError):
    """A film that cannot be drawn, whatever the disk; the message says why."""


def with_one_of(suffixes: Tuple[str, ...], path: Path) -> Path:
    """The path; the first suffix is added if it has none of them: `a.gif.jpg`, since there may be an `a.jpg`."""
    return path if path.suffix.lower() in suffixes else path.with_name(path.name + suffixes[0])


def save_picture(path: Path, image: np.ndarray) -> None:
    """Write a picture whole or not at all; OpenCV's own writing does not say when the disk is full.

    Args:
        path: Its name; what is no JPEG or PNG becomes a JPEG, `.jpg` being added to the name.
        image: ``(h, w, 3)`` uint8, BGR.
    """
    path = with_one_of(('.jpg', '.jpeg', '.png'), path)
    encoded = cv2.imencode(path.suffix, image)[1]
    with written_whole(path) as file:
        file.write(encoded.tobytes())


class VideoFile:
    """An MP4 that appears when it is complete: H.264 with sound where PyAV is installed, else OpenCV's MPEG-4 without.

    Args:
        path: Its name; `.mp4` is added to others.
        fps: Frames a second.
        sound: The film whose sound goes along. Default: None, silence.
    """

    def __init__(self, path: Path, fps: float, sound: Optional[str] = None) -> None:
        self.path = with_one_of(('.mp4',), path)
        self._part = part_of(self.path)
        self._fps, self._sound = fps, sound
        self._writer: Optional[H264Film | _Mpeg4Film] = None
        self._size: Tuple[int, int] = (0, 0)

    def add(self, image: np.ndarray, time: Optional[float] = None) -> None:
        """Append a frame.

        Args:
            image: ``(h, w, 3)`` uint8 BGR; one of another size than the first is scaled to it.
            time: When it is shown, in seconds, so that a film whose frames last differently long stays as long as it
                was. Default: None, after the frame before it.

        Raises:
            NotDrawnError: The codec does not take such a film.
            OSError: It cannot be written.
        """
        if self._writer is None:
            self._writer = self._open(image)
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size)
        self._writer.add(image, time)

    def _open(self, image: np.ndarray) -> 'H264Film | _Mpeg4Film':
        h264 = has_h264()
        longest = MAX_SIDE_H264 if h264 else MAX_SIDE_MPEG4
        if max(image.shape[:2]) > longest:
            raise NotDrawnError(f'is not drawn: its frames have {image.shape[1]}x{image.shape[0]} px, and the codec '
                                f'takes {longest} px at most; its keypoints are written')
        self._size = max(MIN_SIDE, image.shape[1]), max(MIN_SIDE, image.shape[0])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not h264:
            return _Mpeg4Film(self._part, self._fps, self._size)
        from .film import H264Film
        return H264Film(self._part, self._fps, self._size, self._sound)

    def finish(self) -> None:
        """Close it and give it its name.

        Raises:
            OSError: It lacks frames.
        """
        if self._writer is None:
            return
        try:
            self._writer.close()
        except OSError as error:
            self.discard()
            raise OSError(f'{self.path} could not be written whole ({error}): is there room on the disk?') from error
        os.replace(self._part, self.path)

    def discard(self) -> None:
        """Close it and leave nothing."""
        if self._writer is not None:
            self._writer.abandon()
        self._part.unlink(missing_ok=True)


def has_h264() -> bool:
    """Whether PyAV is there, which writes what browsers play."""
    return find_spec('av') is not None


class _Mpeg4Film:
    """An MP4 of a fixed rate by OpenCV: a frame is repeated until the next one's time."""

    def __init__(self, path: Path, fps: float, size: Tuple[int, int]) -> None:
        self._path = path
        self._num_frames = 0
        self._last: Optional[np.ndarray] = None
        # The codec knows a rate as a fraction of small numbers; then the next that it takes.
        for rate in (fps, round(fps, 2), max(1., float(round(fps)))):
            self._fps = rate
            self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), rate, size)
            if self._writer.isOpened():
                return
        raise OSError(f'{path} cannot be written: is the folder writable, and is there room on the disk?')

    def add(self, image: np.ndarray, time: Optional[float]) -> None:
        slot = self._num_frames if time is None else time * self._fps
        while self._last is not None and slot - self._num_frames >= OFF_BY:
            self._write(self._last)
        if self._num_frames - slot < OFF_BY:
            self._write(image)
        self._last = image

    def _write(self, image: np.ndarray) -> None:
        self._writer.write(image)
        self._num_frames += 1

    def close(self) -> None:
        """Raises OSError if frames are missing: OpenCV does not say when the disk is full."""
        self._writer.release()
        written = cv2.VideoCapture(str(self._path)).get(cv2.CAP_PROP_FRAME_COUNT)
        if written != self._num_frames:
            raise OSError(f'{written:.0f} of {self._num_frames} frames')

    def abandon(self) -> None:
        self._writer.release()
