"""Drawn films by PyAV: H.264 with the original's sound, each frame shown when the original shows it."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

import av
import numpy as np

# Sound that an MP4 takes as it is; other sound is encoded as AAC.
SOUND_OF_MP4 = ('aac', 'ac3', 'alac', 'eac3', 'mp3', 'opus')
CLOCK = Fraction(1, 90_000)  # s, MPEG's own
# Without frames that refer to later ones, whose order would blur when each is shown.
QUALITY = {'crf': '20', 'preset': 'veryfast', 'bf': '0'}


class H264Film:
    """An MP4 that browsers play.

    Args:
        path: Where it is written.
        fps: Frames a second, where no times are given.
        size: Width, height in px; a row or column is repeated where one is odd, since the codec halves the colors.
        sound: The film whose sound goes along. Default: None, silence.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, fps: float, size: Tuple[int, int], sound: Optional[str] = None) -> None:
        self._fps, self._size = fps, (size[0] + size[0] % 2, size[1] + size[1] % 2)
        self._waiting: Optional[av.VideoFrame] = None  # the last frame; it lasts until the next
        self._step = 0
        self._durations: Dict[int, int] = {}  # of the frames in the encoder, by their times
        self._file = av.open(str(path), 'w', format='mp4', options={'movflags': 'faststart'})
        self._film = self._file.add_stream('libx264', rate=Fraction(fps).limit_denominator(1001), options=QUALITY)
        self._film.width, self._film.height = self._size
        self._film.pix_fmt = 'yuv420p'
        self._film.codec_context.time_base = CLOCK
        self._sound = _Sound(self._file, sound) if sound else None

    def add(self, image: np.ndarray, time: Optional[float]) -> None:
        """Append a frame, ``(h, w, 3)`` uint8 BGR, shown at `time` in seconds; None: after the one before it."""
        w, h = self._size
        image = np.pad(image, ((0, h - image.shape[0]), (0, w - image.shape[1]), (0, 0)), 'edge')
        frame = av.VideoFrame.from_ndarray(image, format='bgr24')
        before, step = self._waiting, max(1, round(1 / (self._fps * CLOCK)))
        first = 0 if before is None else before.pts + 1
        after = 0 if before is None else before.pts + step
        frame.pts, frame.time_base = max(first, after if time is None else round(time / CLOCK)), CLOCK
        if before is not None:
            step = frame.pts - before.pts
            self._write(before, step)
        self._step = step  # the last one lasts as long as that before it
        self._waiting = frame

    def _write(self, frame: Optional['av.VideoFrame'], duration: int = 0) -> None:
        if frame is not None:
            self._durations[frame.pts] = duration
        for packet in self._film.encode(frame):
            packet.duration = self._durations.pop(packet.pts)  # the encoder's is that of an even rate
            self._file.mux(packet)
        if frame is not None and self._sound is not None:
            self._sound.write_until(float((frame.pts + duration) * CLOCK))

    def close(self) -> None:
        """Write what is left. Raises OSError where that fails."""
        try:
            if self._waiting is not None:
                self._write(self._waiting, self._step)
            self._write(None)
            if self._sound is not None:
                self._sound.finish()
            self._file.close()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the files, whatever state they are in."""
        with contextlib.suppress(av.FFmpegError):
            self._file.close()
        if self._sound is not None:
            self._sound.close()


class _Sound:
    """The sound of another film, copied packet by packet, or encoded where MP4 does not take it."""

    def __init__(self, target: 'av.container.OutputContainer', path: str) -> None:
        self._target = target
        self._next: Optional[av.Packet] = None
        self._stream: Any = None
        try:
            self._source = av.open(path)
        except (av.FFmpegError, OSError):  # OpenCV reads its frames by other means
            self._source = None
            return
        if not self._source.streams.audio:
            return
        sound = self._source.streams.audio[0]
        self._start = max((_start(film) for film in self._source.streams.video[:1]), default=0.)
        self._copies = sound.codec_context.name in SOUND_OF_MP4
        self._stream = (target.add_stream_from_template(sound) if self._copies else
                        target.add_stream('aac', rate=sound.codec_context.sample_rate))
        self._packets: Iterator[av.Packet] = self._source.demux(sound)
        self._step()

    def write_until(self, time: float) -> None:
        """Write what is heard before a time, in seconds from the film's first frame."""
        while self._next is not None and float(self._next.pts * self._next.time_base) - self._start < time:
            packet = self._next
            for item in [packet] if self._copies else packet.decode():
                # The film's own clock may not start at 0; the drawn one does.
                shift = round(self._start / item.time_base)
                item.pts -= shift
                if self._copies:
                    item.dts -= shift
                    item.stream = self._stream
                self._target.mux(item if self._copies else self._stream.encode(item))
            self._step()

    def finish(self) -> None:
        if self._stream is not None and not self._copies:
            self._target.mux(self._stream.encode(None))

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

    def _step(self) -> None:
        try:
            self._next = next((packet for packet in self._packets if packet.pts is not None), None)
        except av.FFmpegError:  # it breaks off
            self._next = None


def _start(stream: 'av.stream.Stream') -> float:
    """Seconds."""
    return float((stream.start_time or 0) * stream.time_base)
