"""Writing pictures and videos, whole or not at all."""

import os
from pathlib import Path
from typing import Optional, Tuple

import cv2
import numpy as np

from ..core.files import part_of, written_whole

MIN_VIDEO_SIDE, MAX_VIDEO_SIDE = 16, 8191  # px; the codec takes no less and no more
OFF_BY = 1.5  # frames by which a drawn film may run ahead of its clock or behind it


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
    """An MP4 that appears when it is complete.

    Args:
        path: Its name; `.mp4` is added to others.
        fps: Frames a second.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.path = with_one_of(('.mp4',), path)
        self._part = part_of(self.path)
        self._fps = fps
        self._writer: Optional[cv2.VideoWriter] = None
        self._size: Tuple[int, int] = (0, 0)
        self._num_frames = 0
        self._last: Optional[np.ndarray] = None

    def add(self, image: np.ndarray, time: Optional[float] = None) -> None:
        """Append a frame.

        Args:
            image: ``(h, w, 3)`` uint8 BGR; one of another size than the first is scaled to it.
            time: When it is shown, in seconds. The frame before it is repeated until then, so that a film whose frames
                last differently long stays as long as it was. Default: None, after the frame before it.

        Raises:
            NotDrawnError: The codec does not take such a film.
            OSError: It cannot be written.
        """
        if self._writer is None:
            self._writer = self._open(image)
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size)
        slot = self._num_frames if time is None else time * self._fps
        while self._last is not None and slot - self._num_frames >= OFF_BY:
            self._write(self._last)
        if self._num_frames - slot < OFF_BY:
            self._write(image)
        self._last = image

    def _open(self, image: np.ndarray) -> cv2.VideoWriter:
        if max(image.shape[:2]) > MAX_VIDEO_SIDE:
            raise NotDrawnError(f'is not drawn: its frames have {image.shape[1]}x{image.shape[0]} px, and the codec '
                                f'takes {MAX_VIDEO_SIDE} px at most; its keypoints are written')
        self._size = max(MIN_VIDEO_SIDE, image.shape[1]), max(MIN_VIDEO_SIDE, image.shape[0])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The codec knows a rate as a fraction of small numbers; then the next that it takes.
        for fps in (self._fps, round(self._fps, 2), max(1., float(round(self._fps)))):
            writer = cv2.VideoWriter(str(self._part), cv2.VideoWriter.fourcc(*'mp4v'), fps, self._size)
            if writer.isOpened():
                self._fps = fps
                return writer
        raise OSError(f'{self.path} cannot be written: is the folder writable, and is there room on the disk?')

    def _write(self, image: np.ndarray) -> None:
        assert self._writer is not None  # it is open
        self._writer.write(image)
        self._num_frames += 1

    def finish(self) -> None:
        """Close it and give it its name.

        Raises:
            OSError: It lacks frames. OpenCV does not say when the disk is full.
        """
        if self._writer is None:
            return
        self._writer.release()
        written = cv2.VideoCapture(str(self._part)).get(cv2.CAP_PROP_FRAME_COUNT)
        if written != self._num_frames:
            self.discard()
            raise OSError(f'{self.path} could not be written whole ({written:.0f} of {self._num_frames} frames): is '
                          'there room on the disk?')
        os.replace(self._part, self.path)

    def discard(self) -> None:
        """Close it and leave nothing."""
        if self._writer is not None:
            self._writer.release()
        self._part.unlink(missing_ok=True)
