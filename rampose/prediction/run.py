"""Prediction over many images and videos: what `rampose predict` runs."""

import contextlib
import errno
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..apis.opening import IMAGES_AT_ONCE
from ..apis.predictor import TopdownPredictor
from ..core.bboxes import what_is_wrong
from ..core.box_file import BoxFile
from ..core.images import UnreadableError
from ..core.pose_result import PoseResult
from ..core.profiling import stage
from .attention import write_attention
from .drawing import MIN_KEYPOINT_SCORE, PosePainter
from .folder import ResultFolder
from .following import BoxFollower
from .inputs import DEFAULT_FPS, Failure, Frame, Source, VideoEnd
from .media import NotDrawnError, VideoFile, save_picture
from .records import as_instances, as_result, rounded
from .stream import BUDGET_BYTES, WriteBehind, read_ahead
from .tracking import VideoTracks

# Errors that a file's name brings, not the disk.
OF_THE_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ENOTDIR, errno.EISDIR)
# Frames of a batch wait for each other; so many at most, however few people they show.
MAX_FRAMES_A_BATCH = 16
PeopleFinder = Callable[[Frame], Tuple[np.ndarray, np.ndarray]]


class ByDetector:
    """Finds people by a predictor's detector, in several frames at once."""

    def __init__(self, predictor: TopdownPredictor) -> None:
        self._predictor = predictor

    def __call__(self, frame: Frame) -> Tuple[np.ndarray, np.ndarray]:
        return self._predictor.detect(frame.image)

    def find_all(self, frames: Sequence[Frame]) -> List[Tuple[np.ndarray, np.ndarray]]:
        """As calls one by one."""
        return self._predictor.detect_all([frame.image for frame in frames])


def whole_image(frame: Frame) -> Tuple[np.ndarray, np.ndarray]:
    """Take the whole picture for one person."""
    h, w = frame.image.shape[:2]
    return np.array([[0, 0, w, h]], np.float32), np.ones(1, np.float32)


@dataclass
class RunOptions:
    """What a run does beyond keypoints.

    Attributes:
        min_score: Boxes of lower scores are left out.
        draw: Draw pictures and videos.
        attention: Write each person's attention weights.
        track: Number the people of a video.
        smooth: Smooth the keypoints of tracked people.
        min_keypoint_score: Keypoints of lower scores are not drawn; they are written all the same.
        detect_every: People of a film are found on every so many frames, and followed on the others.
        ends_early: A stop ends a film there, as it ends a webcam's, in place of leaving it to be resumed.
    """
    min_score: float = 0.3
    draw: bool = True
    attention: bool = False
    track: bool = False
    smooth: bool = False
    min_keypoint_score: float = MIN_KEYPOINT_SCORE
    detect_every: int = 1
    ends_early: bool = False


@dataclass
class _Found:
    """A frame and the boxes of the people in it; or its `record`, if an earlier run left it; or neither yet."""
    frame: Frame
    bboxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    bbox_scores: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    record: Optional[dict] = None
    is_searched: bool = False


class PredictionRun:
    """One pass over frames: find people, estimate their keypoints, write what was found.

    Args:
        predictor: Estimates keypoints.
        find_people: Boxes and scores of a frame: :func:`whole_image`, :class:`ByDetector`, or those of a file.
        folder: Where results go.
        options: What else to do.
        box_file: The file that the boxes are from, for its picture numbers.
        on_frame: Called with the number of new people after each frame is written, in another thread.
    """

    def __init__(self,
                 predictor: TopdownPredictor,
                 find_people: PeopleFinder,
                 folder: ResultFolder,
                 options: RunOptions,
                 box_file: Optional[BoxFile] = None,
                 on_frame: Callable[[int], None] = lambda num_people: None) -> None:
        self._predictor = predictor
        self._find_people = find_people
        self._folder = folder
        self._options = options
        self._box_file = box_file
        self._on_frame = on_frame
        self._painter = PosePainter(predictor.dataset_meta, options.min_keypoint_score) if options.draw else None
        self._writer = WriteBehind()
        self._group: List[_Found] = []
        # Of the video that is being read:
        self._stored: Iterator[dict] = iter(())
        self._tracks: Optional[VideoTracks] = None
        self._follower: Optional[BoxFollower] = None
        # Of the one that is being written, in the writer's thread:
        self._video: Optional[VideoFile] = None
        self._undrawn: Optional[Source] = None

    def __call__(self,
                 items: Iterator[Union[Frame, Failure, VideoEnd]],
                 should_stop: Callable[[], bool] = lambda: False) -> None:
        """Go through all frames.

        Args:
            items: As :func:`rampose.prediction.inputs.read_frames` gives them.
            should_stop: Asked before each; after a stop what is done is on the disk, and the folder can be gone on
                with.

        Raises:
            OSError: Results could not be written.
        """
        ahead = read_ahead(items, lambda item: item.image.nbytes if isinstance(item, Frame) else 0)
        try:
            with self._writer, contextlib.closing(ahead):
                for item in ahead:
                    if should_stop():
                        if item.source.kind != 'webcam' and not self._options.ends_early:
                            break
                        if isinstance(item, Frame):  # read before the stop; what matters is that the end gets through
                            continue
                    self._take(item)
                self._estimate()
        finally:
            # A second Ctrl-C leaves the thread behind; what it was writing is removed by the next run.
            if self._video is not None and not self._writer.is_running:
                self._video.discard()

    def _take(self, item: Union[Frame, Failure, VideoEnd]) -> None:
        if isinstance(item, Frame):
            self._follow(item)
            self._group.append(self._look_up(item) or _Found(item))
            waiting = sum(found.record is None and not found.is_searched for found in self._group)
            if (item.source.kind == 'webcam' or self._follower is not None or waiting >= IMAGES_AT_ONCE
                    or not hasattr(self._find_people, 'find_all')):
                self._find()
            if item.source.kind == 'webcam' or self._group_is_full():
                self._estimate()
            return
        self._estimate()
        if isinstance(item, Failure):
            self._writer.submit(partial(self._leave_out, item.source, item.reason))
        else:
            self._writer.submit(partial(self._end_video, item))

    def _group_is_full(self) -> bool:
        num_people = sum(len(found.bboxes) for found in self._group)
        num_bytes = sum(found.frame.image.nbytes for found in self._group)
        return (num_people >= self._predictor.batch_size or len(self._group) >= MAX_FRAMES_A_BATCH
                or num_bytes >= BUDGET_BYTES)

    def _look_up(self, frame: Frame) -> Optional[_Found]:
        """What an earlier run found in a frame of a video that it did not finish."""
        if frame.source.kind != 'video':
            return None
        if frame.frame_id == 0:
            self._stored = self._folder.stored_frames(frame.source)
        record = next(self._stored, None)
        return None if record is None else _Found(frame, record=record)

    def _follow(self, frame: Frame) -> None:
        """Get ready to follow people: what was found before must be known."""
        if frame.frame_id is None or self._options.detect_every == 1:
            self._follower = None
            return
        if frame.frame_id == 0 or self._follower is None:
            self._estimate()  # of what came before the film
            self._follower = BoxFollower(self._options.detect_every, self._options.min_keypoint_score)
        if not self._follower.is_due(frame.frame_id):
            self._estimate()

    def _find(self) -> None:
        """Find the people of the frames that wait for it."""
        waiting = [found for found in self._group if found.record is None and not found.is_searched]
        if not waiting:
            return
        last = waiting[-1].frame
        if self._follower is not None and last.frame_id is not None and not self._follower.is_due(last.frame_id):
            boxes = [self._follower.boxes]
        elif len(waiting) > 1:
            boxes = self._find_people.find_all([found.frame for found in waiting])  # type: ignore[attr-defined]
        else:
            try:
                boxes = [self._find_people(last)]
            except UnreadableError as error:  # the file of boxes does not know the picture
                self._writer.submit(partial(self._leave_out, last.source, str(error)))
                self._group.pop()  # the last, since those of a file are looked up one by one
                return
        for found, (bboxes, scores) in zip(waiting, boxes):
            found.bboxes, found.bbox_scores = self._usable(found.frame, bboxes, scores)
            found.is_searched = True

    def _usable(self, frame: Frame, bboxes: np.ndarray, scores: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """The boxes that are wanted and show somebody; others are noted."""
        wanted = ~(scores < self._options.min_score)  # what is no number goes on to be reported
        bboxes, scores = bboxes[wanted], scores[wanted]
        usable = np.ones(len(bboxes), dtype=bool)
        for index, bbox in enumerate(bboxes):
            reason = what_is_wrong(bbox, frame.image.shape)
            reason = reason or (None if np.isfinite(scores[index]) else 'has a score that is no number')
            if reason:
                usable[index] = False
                self._writer.submit(
                    partial(self._folder.add_error, frame.source, f'box {bbox.tolist()} {reason}', frame.frame_id,
                            [str(value) for value in bbox.tolist()]))  # as text: JSON knows no NaN
        return bboxes[usable], scores[usable]

    def _estimate(self) -> None:
        """Estimate the keypoints of the frames that wait, and hand them to the writer."""
        self._find()
        group, self._group = self._group, []
        new = [found for found in group if found.record is None]
        estimates = iter(self._results_of(new))
        for found in group:
            if found.record is not None:
                result = as_result(found.record['instances'], self._predictor.num_keypoints)
                self._see(found.frame, result)
                self._track(found.frame, result)  # so that it sees what it saw in the earlier run
                task = partial(self._draw, found.frame, result)
            else:
                result = rounded(next(estimates))
                self._see(found.frame, result)
                self._track(found.frame, result)
                task = partial(self._write, found.frame, result)
            self._writer.submit(task, found.frame.image.nbytes)

    def _see(self, frame: Frame, result: PoseResult) -> None:
        if self._follower is not None and frame.frame_id is not None:
            self._follower.see(result)

    def _results_of(self, new: List[_Found]) -> List[PoseResult]:
        images, bboxes = [found.frame.image for found in new], [found.bboxes for found in new]
        if self._options.attention:
            from ..apis.attention import predict_results_with_attention
            results = predict_results_with_attention(self._predictor, images, bboxes)
        else:
            results = self._predictor.predict(images, bboxes)
        for found, result in zip(new, results):
            result.bbox_scores = found.bbox_scores
        return [self._numbers_only(found.frame, result) for found, result in zip(new, results)]

    def _numbers_only(self, frame: Frame, result: PoseResult) -> PoseResult:
        """The people whose keypoints and scores are numbers; a network that overflows gives others."""
        usable = np.isfinite(result.keypoints).all(axis=(1, 2)) & np.isfinite(result.keypoint_scores).all(axis=1)
        for bbox in result.bboxes[~usable]:
            self._writer.submit(partial(
                self._folder.add_error, frame.source, f'the model gives keypoints that are no numbers for the box '
                f'{bbox.tolist()}', frame.frame_id, [str(value) for value in bbox.tolist()]))
        return result if usable.all() else result.choose(usable)

    def _record_of(self, frame: Frame, result: PoseResult) -> dict:
        h, w = frame.image.shape[:2]
        image_id = None if self._box_file is None else self._box_file.image_id(frame.source.path)
        record: Dict[str, Any] = dict(
            input=frame.source.path, name=frame.source.name, frame_id=frame.frame_id, width=w, height=h,
            image_id=image_id, instances=as_instances(result))
        if frame.time is not None:
            record['time'] = frame.time
        return record

    def _track(self, frame: Frame, result: PoseResult) -> None:
        if not self._options.track or frame.frame_id is None:
            return
        if self._tracks is None or frame.frame_id == 0:
            self._tracks = VideoTracks(frame.fps or DEFAULT_FPS, self._options.smooth)
        self._tracks(frame.frame_id, result)

    # What follows runs in the writer's thread.

    def _leave_out(self, source: Source, reason: str) -> None:
        self._folder.add_error(source, reason)
        if source.kind == 'picture':
            self._on_frame(0)

    def _write(self, frame: Frame, result: PoseResult) -> None:
        self._draw(frame, result)
        if self._options.attention:
            path = self._folder.attention / (frame.source.drawn or frame.source.name)
            with self._noting(frame.source):
                write_attention(path if frame.frame_id is None else path / f'{frame.frame_id:06d}', frame.image, result)
        with stage('write'):
            self._folder.add(self._record_of(frame, result))  # last: what has a record is not done again
        self._on_frame(result.num_people)

    def _draw(self, frame: Frame, result: PoseResult) -> None:
        if self._painter is None:
            return
        if frame.source == self._undrawn:
            return
        path = self._folder.visualizations / (frame.source.drawn or frame.source.name)
        with stage('draw'):
            drawn = self._painter.draw(frame.image, result)
        if frame.frame_id is None:
            with self._noting(frame.source), stage('write'):
                save_picture(path, drawn)
            return
        if self._video is None:
            sound = frame.source.path if frame.source.kind == 'video' else None
            self._video = VideoFile(path, frame.fps or DEFAULT_FPS, sound)
        with self._noting(frame.source), stage('write'):
            self._video.add(drawn, frame.time)

    @contextlib.contextmanager
    def _noting(self, source: Source) -> Iterator[None]:
        """What goes wrong with the drawing of one source is noted; the run goes on."""
        try:
            yield
        except NotDrawnError as error:
            self._undrawn, self._video = source, None
            self._folder.add_error(source, str(error))
        except OSError as error:
            if error.errno not in OF_THE_NAME:
                raise
            self._folder.add_error(source, f'is not drawn: {error.strerror}')

    def _end_video(self, end: VideoEnd) -> None:
        if self._video is not None:
            self._video.finish()
            self._video = None
        if end.complete:
            self._folder.finish_video(end.source)
