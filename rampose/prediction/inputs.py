"""What people point at: pictures, folders, patterns, videos, a webcam; and their frames, one after another."""

import glob
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from ..core.images import IMAGE_SUFFIXES, UnreadableError, check_regular, read_image
from ..core.profiling import stage
from .live import WAITS, LiveCapture

VIDEO_SUFFIXES = ('.3gp', '.avi', '.flv', '.m2ts', '.m4v', '.mjpeg', '.mjpg', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg',
                  '.mts', '.mxf', '.ogv', '.ts', '.webm', '.wmv')
STREAMS = ('http', 'https', 'rtmp', 'rtp', 'rtsp', 'srt', 'tcp', 'udp')  # addresses that OpenCV opens like a webcam
# Containers count their frames roughly; fewer frames are missing than this where a video is whole.
TOLERATED_SHARE, TOLERATED_FRAMES = 0.01, 2
DEFAULT_FPS = 25.0  # of cameras and raw streams that do not say
# By which a folder of results is known.
RUN_FILE, DRAWN_FOLDERS = 'rampose_run.json', ('visualizations', 'attention')
DRAWN_IMAGES, DRAWN_VIDEOS = ('.jpg', '.jpeg', '.png'), ('.mp4', )
Capture = Union[cv2.VideoCapture, LiveCapture]
MAX_NAME_BYTES = 255  # of a file, on every file system in use


@dataclass(frozen=True)
class Source:
    """A picture, a video or a webcam.

    Attributes:
        path: Absolute path; of a webcam, `webcam` and its number; of a stream, its address.
        name: Its path relative to the folder that all inputs share.
        kind: 'picture', 'video' or 'webcam', which streams are, too.
        drawn: Name of its drawing, if that is not `name`: two sources never share one.
    """
    path: str
    name: str
    kind: str
    drawn: Optional[str] = None


@dataclass(frozen=True)
class Frame:
    """A picture, or a frame of a video.

    Attributes:
        source: Where it is from.
        frame_id: Its number in the video, from 0; None for a picture.
        image: ``(h, w, 3)`` uint8, BGR.
        fps: Of the video, on average; None for a picture.
        time: When it is shown, in seconds from the video's start, by the video's own clock; None for a picture.
    """
    source: Source
    frame_id: Optional[int]
    image: np.ndarray
    fps: Optional[float] = None
    time: Optional[float] = None


@dataclass(frozen=True)
class Failure:
    """What could not be read."""
    source: Source
    reason: str


@dataclass(frozen=True)
class VideoEnd:
    """The last frame of a video was read. `complete` is False if a limit was reached before, or it breaks off."""
    source: Source
    complete: bool


def find_sources(inputs: Sequence[str]) -> Tuple[List[Source], int]:
    """Find pictures and videos.

    Args:
        inputs: Files, folders (with all below them), patterns as of a shell (`**` for folders), numbers of webcams,
            addresses of streams. Of folders and patterns, what an earlier run drew is left out.

    Returns:
        The sources in the order of the inputs, those of a folder or pattern sorted, each once; and how many files of
        folders were left out, since by their suffix they are neither.

    Raises:
        ValueError: An input that does not exist, or a folder or pattern without picture or video.
    """
    found: List[Tuple[str, str]] = []  # path, kind
    num_others = 0
    for text in inputs:
        path = Path(text).expanduser()
        if not text:
            raise ValueError('got an empty INPUT; is a variable of the shell unset?')
        if '://' in text:
            found.append((_stream(text), 'webcam'))
            continue
        if path.is_dir():
            files = sorted(_files_below(path))
        elif path.exists():
            found.append((os.path.abspath(path), _kind(path) or 'picture'))
            continue
        elif text.isdecimal():
            found.append((f'webcam{int(text)}', 'webcam'))
            continue
        elif glob.has_magic(text):
            files = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if os.path.isfile(name))
        else:
            raise ValueError(f'{text} does not exist; needed is an image, a video, a folder, a pattern in quotes, or '
                             'the number of a webcam')
        files = [file for file in files if not _is_drawn(file)]
        usable = [(os.path.abspath(file), kind) for file in files for kind in [_kind(file)] if kind]
        num_others += len(files) - len(usable)
        if not usable:
            raise ValueError(f'{text} holds no image and no video ({len(files)} other files); known are '
                             f'{" ".join(IMAGE_SUFFIXES + VIDEO_SUFFIXES)}')
        found += usable
    found = list(dict.fromkeys(found))
    folders = [os.path.dirname(path) for path, kind in found if kind != 'webcam']
    shared = os.path.commonpath(folders) if folders else ''
    names = [_stream_name(path) if kind == 'webcam' else Path(os.path.relpath(path, shared)).as_posix()
             for path, kind in found]
    return [Source(path, name, kind, drawn) for (path, kind), name, drawn
            in zip(found, names, _drawn_names(names, [kind for _, kind in found]))], num_others


def _stream(text: str) -> str:
    """An address that OpenCV can open.

    Raises:
        ValueError: It is that of an image, or of another protocol.
    """
    protocol, _, rest = text.partition('://')
    if protocol.lower() not in STREAMS:
        raise ValueError(f'{text} is an address of {protocol}; streams of {", ".join(STREAMS)} can be read')
    if Path(rest.split('?')[0]).suffix.lower() in IMAGE_SUFFIXES:
        raise ValueError(f'{text} is the address of an image; download it, and give its file')
    return text


def _stream_name(path: str) -> str:
    """A file name for a webcam or a stream, without the password that an address may hold."""
    address = path.split('://')[-1].split('@')[-1].split('?')[0]
    return ''.join(letter if letter.isalnum() or letter in '.-' else '_' for letter in address).strip('._')


def _drawn_names(names: Sequence[str], kinds: Sequence[str]) -> List[Optional[str]]:
    """Names of drawings where they are not the sources' own: with a suffix that can be written, none longer than a file
    system takes, and none twice."""
    taken = {name for name, kind in zip(names, kinds) if _suffixed(name, kind) == name}
    drawn: List[Optional[str]] = []
    for name, kind in zip(names, kinds):
        wanted, number = _suffixed(name, kind), 1
        if wanted == name:
            drawn.append(None)
            continue
        while wanted in taken:
            number += 1
            wanted = _suffixed(name, kind, f'~{number}')
        taken.add(wanted)
        drawn.append(wanted)
    return drawn


def _suffixed(name: str, kind: str, addition: str = '') -> str:
    path = Path(name)
    suffixes = DRAWN_IMAGES if kind == 'picture' else DRAWN_VIDEOS
    suffix = path.suffix if path.suffix.lower() in suffixes and not addition else suffixes[0]
    stem = path.name[:-len(suffix)] if path.name.endswith(suffix) else path.name
    room = MAX_NAME_BYTES - len(os.fsencode(addition + suffix))
    if len(os.fsencode(stem)) > room:
        digest = f'~{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}'
        stem = os.fsencode(stem)[:room - len(digest)].decode(errors='ignore') + digest
    return path.with_name(stem + addition + suffix).as_posix()


def _is_drawn(file: Path) -> bool:
    """Whether a file lies in a result folder, among what :mod:`rampose.prediction.results` draws there."""
    return any(folder.name in DRAWN_FOLDERS and (folder.parent / RUN_FILE).exists() for folder in file.parents)


def _files_below(folder: Path) -> Iterator[Path]:
    """All files, those of linked folders too, of each folder once."""
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(place, name) for name in names)


def _kind(path: Path) -> Optional[str]:
    suffix = path.suffix.lower()
    return 'picture' if suffix in IMAGE_SUFFIXES else 'video' if suffix in VIDEO_SUFFIXES else None


def count_frames(sources: Sequence[Source]) -> Optional[int]:
    """How many frames there will be, as far as the files say; None if one of them does not say."""
    total = 0
    for source in sources:
        if source.kind == 'webcam':
            return None
        if source.kind == 'picture':
            total += 1
        elif _why_unusable(source) is None:
            capture = cv2.VideoCapture(source.path)
            number = _frame_count(capture)
            if number is None and capture.isOpened():
                return None
            total += number or 0
    return total


def _frame_count(capture: Capture) -> Optional[int]:
    number = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(number) if number > 0 else None


def read_frames(sources: Sequence[Source],
                limit: Optional[int] = None,
                num_done: Callable[[Source], int] = lambda source: 0,
                should_stop: Callable[[], bool] = lambda: False,
                on_wait: Callable[[int, int, float], None] = lambda *_: None
                ) -> Iterator[Union[Frame, Failure, VideoEnd]]:
    """Read one frame after another.

    Args:
        sources: What to read.
        limit: Number of frames, counting those of sources that are done, after which to stop.
        num_done: The number of frames of a source that need not be read again, since all of it is done; 0 if it is not.
        should_stop: Asked before each frame.
        on_wait: Called before a stream that broke off is opened again, with the number of the try, of how many, and the
            seconds before it.

    Yields:
        Frames; for a source that cannot be read, or breaks off, a failure; after a video's frames, its end.
    """
    left = float('inf') if limit is None else limit
    for source in sources:
        if left <= 0 or should_stop():
            return
        done = num_done(source)
        if done:
            left -= done
        elif source.kind == 'picture':
            left -= 1
            try:
                yield Frame(source, None, read_image(source.path))
            except UnreadableError as error:
                yield Failure(source, str(error))
        else:
            for item in _read_video(source, left, should_stop, on_wait):
                left -= isinstance(item, Frame)
                yield item


def _read_video(source: Source, limit: float, should_stop: Callable[[], bool],
                on_wait: Callable[[int, int, float], None]) -> Iterator[Union[Frame, Failure, VideoEnd]]:
    reason = _why_unusable(source)
    if reason:
        yield Failure(source, reason)
        return
    is_stream = '://' in source.path and source.kind == 'webcam'
    capture: Capture = (LiveCapture(source.path, on_wait, should_stop) if is_stream else
                        cv2.VideoCapture(int(source.path[len('webcam'):]) if source.kind == 'webcam' else source.path))
    try:
        if not capture.isOpened():
            yield Failure(source, f'{source.path} cannot be opened; is it there, and does another program use it?'
                          if source.kind == 'webcam' else
                          f'{source.path} cannot be read: no video that OpenCV knows, or its header is missing')
            return
        fps = capture.get(cv2.CAP_PROP_FPS)
        fps = fps if 0 < fps < 1000 else DEFAULT_FPS
        expected = _frame_count(capture)
        clock = _Clock(capture, source.kind, fps)
        number = 0
        while number < limit and not should_stop():
            # Frames of another size than the first are scaled to it by OpenCV; turned videos are turned.
            with stage('read'):
                more, image = capture.read()
            if not more:
                break
            yield Frame(source, number, image, fps, clock.time_of(number))
            number += 1
        else:
            yield VideoEnd(source, complete=source.kind == 'webcam')
            return
        if is_stream and not expected and not should_stop():
            yield Failure(source, f'{source.name} breaks off after {number} frames and could not be opened again '
                          f'within {sum(WAITS):g} s')
            yield VideoEnd(source, complete=False)
            return
        missing = (expected or 0) - number
        # Of a film whose frames last differently long, the number is only an estimate: its duration times the rate.
        if number == 0 or (missing > max(TOLERATED_FRAMES, TOLERATED_SHARE * number) and
                           clock.end < (1 - TOLERATED_SHARE) * (expected or 0) / fps):
            number_expected = expected or 'an unknown number of'
            yield Failure(source, f'{source.path} breaks off after {number} of {number_expected} frames')
            yield VideoEnd(source, complete=False)
        else:
            yield VideoEnd(source, complete=True)
    finally:
        capture.release()


class _Clock:
    """When frames are shown, in seconds.

    Attributes:
        end: When the last frame ends, if it lasts as long as the longest before it.
    """

    def __init__(self, capture: Capture, kind: str, fps: float) -> None:
        self._capture, self._fps = capture, fps
        self._started = time.monotonic() if kind == 'webcam' else None
        self._last = self._longest = self.end = 0.

    def time_of(self, number: int) -> float:
        """Of the frame that was read last."""
        if self._started is not None:
            return round(time.monotonic() - self._started, 3) if number else 0.
        now = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if number and not now > self._last:  # a container without times
            now = self._last + 1 / self._fps
        now = now if number else max(now, 0.)
        self._longest = max(self._longest, now - self._last if number else 0.)
        self._last, self.end = now, now + max(self._longest, 1 / self._fps)
        return round(now, 5)  # at 240 frames a second, a millisecond is a quarter of a frame


def _why_unusable(source: Source) -> Optional[str]:
    """What can be said of a video before OpenCV opens it."""
    if source.kind == 'webcam':
        return None
    try:
        source.path.encode()
    except UnicodeEncodeError:
        return f'{os.fsencode(source.path)!r} cannot be read: OpenCV needs names in UTF-8; rename it'
    try:
        check_regular(source.path)
        return None if os.path.getsize(source.path) else f'{source.path} cannot be read: it is empty (0 bytes)'
    except UnreadableError as error:
        return str(error)
    except OSError as error:
        return f'{source.path} cannot be read: {str(error.strerror).lower()}'
