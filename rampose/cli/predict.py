"""examples:
  rampose predict photos/
  rampose predict photos/ film.mp4 --detector yolox_nano.onnx --out results
  rampose predict photos/ --config model.xml --boxes boxes.json --out results --resume

The model is the one that comes with rampose, a name that `rampose weights` lists, an exported model, or any of
MMPose's top-down configs with its checkpoint. FOLDER gets keypoints.json (COCO keypoint results), images.json (what its
image ids mean), frames.jsonl (a record for each image or frame), rampose_run.json (what made them), drawn images and
videos, and errors.jsonl if something was left out. After status 3, 130 or a kill, the same call with --resume goes on.
"""

import argparse
import contextlib
import os
import signal
import sys
import threading
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from .console import counter, table, warn
from .default_detector import default_detector
from .statuses import DONE, FOUND, STOPPED, before_the_work, writing

if TYPE_CHECKING:
    from ..apis import TopdownPredictor
    from ..core.box_file import BoxFile
    from ..core.frame_boxes import FrameBoxes
    from ..core.profiling import Profile
    from ..prediction.folder import ResultFolder
    from ..prediction.run import PeopleFinder, RunOptions

SHOWN_ERRORS = 10
EXPORTED_SUFFIXES = ('.onnx', '.xml')
WAYS = '--detector NAME, --det-checkpoint FILE, --boxes FILE, --whole-image'  # to say where people are


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('inputs', nargs='+', metavar='INPUT',
                        help='image, folder, pattern in quotes, video, number of a webcam, or address of a stream')
    parser.add_argument('--config', type=Path,
                        help="a name that `rampose weights` lists, what `rampose export` wrote (.onnx, .xml), or any "
                             "of MMPose's top-down configs; default: the model that comes with rampose")
    parser.add_argument('--checkpoint', help="the config's weights")
    parser.add_argument('--out', type=Path, default=Path('predictions'), metavar='FOLDER',
                        help='folder for the results (default: predictions)')
    people = parser.add_argument_group('where the people are (one of these)')
    people.add_argument('--detector', metavar='NAME',
                        help='yolox-nano, yolox-tiny or yolox-s, downloaded once; the file of an exported detector '
                             '(.onnx, .xml): YOLOX, RTMDet; torchvision or torchvision:NAME; transformers or '
                             "transformers:NAME. Default, with rampose's own models: yolox-nano")
    people.add_argument('--det-category', default='person', metavar='NAME',
                        help="with --detector: number or COCO's name of what to find (default: person)")
    people.add_argument('--detect-every', type=int, default=1, metavar='N',
                        help='find the people of a video on every N-th frame, and let their boxes follow their '
                             'keypoints in between (default: 1)')
    people.add_argument('--det-checkpoint',
                        help='weights of a detector; Faster R-CNN unless --det-config names another')
    people.add_argument('--det-config', help="config of a detector of MMDetection's")
    people.add_argument('--boxes', type=Path,
                        help='of images, JSON: COCO detections or annotations, or {"file name": [[x1, y1, x2, y2]]}; '
                             "of videos: an earlier run's frames.jsonl, or MOTChallenge's .txt of one video")
    people.add_argument('--boxes-images', type=Path, metavar='FILE',
                        help='with --boxes: COCO annotations that say which number is which image, where file names '
                        'do not')
    people.add_argument('--category', type=int, metavar='ID',
                        help='the category of --boxes that counts (default: person, or the only one), and of the '
                        'results')
    people.add_argument('--whole-image', action='store_true',
                        help='each image shows one person, from border to border; for a single image the default')
    parser.add_argument('--min-score', type=float, default=0.3, metavar='S',
                        help='leave out boxes of lower scores (default: 0.3)')
    parser.add_argument('--no-flip-test', action='store_true', help='half the time in the network, slightly less exact')
    parser.add_argument('--min-keypoint-score', type=float, metavar='S',
                        help='do not draw keypoints of lower scores; they are written all the same (default: what '
                             'the model says, or 0.3)')
    parser.add_argument('--no-draw', action='store_true', help='no images and videos')
    parser.add_argument('--attention', action='store_true',
                        help="write each person's attention weights, and a chart of them")
    parser.add_argument('--uncertainty', action='store_true',
                        help="write each keypoint's confidence, of a model that `rampose calibrate` has seen, and the "
                             'covariance of its error; for exported models')
    parser.add_argument('--track', action='store_true', help='number the people of a video')
    parser.add_argument('--smooth', action='store_true', help='with --track: smooth their keypoints over time')
    parser.add_argument('--limit', type=int, help='stop after so many images and frames')
    parser.add_argument('--resume', action='store_true', help='resume a run that was stopped')
    parser.add_argument('--profile', action='store_true', help='say afterwards what the time went to')
    parser.add_argument('--batch-size', type=int, default=32, help='people in a batch, at most (default: 32)')
    parser.add_argument('--device', help='cpu, cuda:0, ...; default: a GPU where there is one')
    parser.add_argument('--dtype', choices=['float32', 'bfloat16', 'float16'],
                        help='default: float32, or as the model was exported')


def check_arguments(args: argparse.Namespace) -> None:
    """Say what does not go together, and fill in the packaged model."""
    error = args.parser.error
    if args.config is None:
        if args.checkpoint:
            error('--checkpoint needs --config, the config that it was trained with')
        args.config, args.named = None, True
    else:
        exported = args.config.suffix in EXPORTED_SUFFIXES
        args.named = not args.config.suffix and not args.config.exists()
        if (exported or args.named) and args.checkpoint:
            error('an exported or a named model has its weights with it: leave --checkpoint out')
        if not exported and not args.named and not args.checkpoint:
            error('--config needs --checkpoint, its weights')
        if exported and args.attention:
            error('--attention needs a config and a checkpoint; exported models do not give their weights')
    if args.uncertainty and args.attention:
        error('--uncertainty needs an exported model, and --attention one that is not; take one of them')
    if args.det_config and not args.det_checkpoint:
        error('--det-config needs --det-checkpoint, its weights')
    if args.det_checkpoint and Path(args.det_checkpoint).suffix in EXPORTED_SUFFIXES:
        error(f'{args.det_checkpoint} is an exported detector: give it by --detector')
    chosen = [bool(args.detector), bool(args.det_checkpoint), bool(args.boxes), args.whole_image]
    if sum(chosen) > 1:
        error(f'more than one thing says where the people are: take one of {WAYS}')
    args.nothing_said = not any(chosen)
    if args.nothing_said and not args.named:
        error(f'nothing says where the people are: take one of {WAYS}')
    if args.smooth and not args.track:
        error('--smooth needs --track, which says who is who')
    for name in ('min_score', 'min_keypoint_score'):
        value = getattr(args, name)
        if value is not None and not 0 <= value <= 1:
            error(f'got --{name.replace("_", "-")} {value}; needed is a number from 0 to 1')
    if args.detect_every < 1:
        error(f'got --detect-every {args.detect_every}; needed is at least 1')
    if args.detect_every > 1 and (args.boxes or args.whole_image):
        error('--detect-every goes with a detector, not with --boxes and --whole-image')
    if args.limit is not None and args.limit < 1:
        error(f'got --limit {args.limit}; needed is at least 1')


def choose_detector(args: argparse.Namespace) -> None:
    """The smallest detector by name, where nothing says where the people are. It is downloaded the first time, but not
    where the variable CI is set. A single image is taken as a whole where it cannot be had.

    Raises:
        ValueError: It cannot be had, and there are several images.
    """
    try:
        args.detector = default_detector('predict')
    except LookupError as why_not:
        if len(args.inputs) > 1 or not os.path.isfile(args.inputs[0]):
            raise ValueError(f'nothing says where the people are ({why_not}): take one of {WAYS}') from None
        warn('predict', f'the whole image is taken for one person, since there is no detector: {why_not}')
        args.whole_image = True


@dataclass
class Parts:
    """Everything that a run needs."""
    sources: list
    num_others: int
    predictor: 'TopdownPredictor'
    find_people: 'PeopleFinder'
    box_file: 'Optional[BoxFile]'
    folder: 'ResultFolder'
    total: Optional[int]
    options: 'RunOptions'


def read_boxes(args: argparse.Namespace, sources: list) -> 'BoxFile':
    """The boxes of images.

    Raises:
        ValueError: The file cannot be read, or the sources are other than images or are none that it names.
    """
    from ..core.box_file import BoxFile
    path = args.boxes
    box_file = BoxFile(path, args.boxes_images, args.category)
    for entry in box_file.left_out[:SHOWN_ERRORS]:
        warn('predict', f'{path}: left out {entry}')
    if len(box_file.left_out) > SHOWN_ERRORS:
        warn('predict', f'{path}: {len(box_file.left_out) - SHOWN_ERRORS} more are left out')
    moving = [source.path for source in sources if source.kind != 'picture']
    if moving:
        raise ValueError(f'{moving[0]} is no image; of a video, --boxes takes the .jsonl or .txt of its frames; or it '
                         'needs a detector or --whole-image')
    if not any(box_file.knows(source.path) for source in sources):
        raise ValueError(f'{path} names none of the {len(sources)} images; it should name them by file name, or, in '
                         'COCO detections, by the number in the file name; where names are no numbers, give the COCO '
                         'annotations that list the images by --boxes-images')
    return box_file


def read_frame_boxes(args: argparse.Namespace, sources: list) -> 'FrameBoxes':
    """The boxes of the frames of videos.

    Raises:
        ValueError: The file cannot be read, or the sources are other than videos that it knows.
    """
    from ..core.frame_boxes import FrameBoxes
    boxes = FrameBoxes(args.boxes)
    wrong = [source.path for source in sources if source.kind != 'video' or not boxes.knows(source.path)]
    if wrong:
        raise ValueError(f'{args.boxes} has boxes of the frames of videos, and none of {wrong[0]}')
    if args.boxes.suffix == '.txt' and len(sources) > 1:
        raise ValueError(f'{args.boxes} has boxes of one video; got {len(sources)}')
    return boxes


def open_predictor(args: argparse.Namespace) -> 'TopdownPredictor':
    """The predictor; with the packaged model where none is named."""
    from ..apis import TopdownPredictor
    detector: Any = None
    if args.detector:
        from ..apis.detectors import open_named_detector
        detector = open_named_detector(args.detector, args.det_category, args.min_score, args.device)
    if args.det_checkpoint:
        from ..apis.mmdet_detector import MMDetDetector
        detector = MMDetDetector(args.det_checkpoint, args.det_config, args.device, args.min_score)
    config: Any = args.config
    options = dict(device=args.device, dtype=args.dtype, flip_test=not args.no_flip_test, batch_size=args.batch_size,
                   detector=detector, uncertainty=args.uncertainty)
    if args.named:
        from ..checkpoints.zoo import default_name, find_weights
        name = str(config) if config else default_name()
        weights = find_weights(name)
        if args.min_keypoint_score is None:
            args.min_keypoint_score = weights.min_keypoint_score
        return TopdownPredictor(name, backend='torch' if args.attention else None, **options)
    return TopdownPredictor(config, args.checkpoint, **options)


def prepare(args: argparse.Namespace) -> Parts:
    """Open and check everything, before anything is written."""
    from ..core.frame_boxes import SUFFIXES as FRAME_BOXES
    from ..prediction.folder import ResultFolder
    from ..prediction.inputs import count_frames, find_sources
    from ..prediction.media import has_h264
    from ..prediction.run import ByDetector, RunOptions, whole_image

    sources, num_others = find_sources(args.inputs)
    if any(source.kind == 'webcam' for source in sources):
        if len(sources) > 1:
            raise ValueError('a webcam goes alone, since it ends by Ctrl-C: call twice, with two folders')
        if args.resume:
            raise ValueError('a webcam cannot be resumed: leave --resume out and name another folder')
    if args.nothing_said:
        choose_detector(args)
    by_frame = args.boxes is not None and args.boxes.suffix in FRAME_BOXES
    frame_boxes = read_frame_boxes(args, sources) if by_frame else None
    box_file = read_boxes(args, sources) if args.boxes and not by_frame else None
    if args.track:
        from ..prediction.tracking import check_installed
        check_installed(args.smooth)
    if not args.no_draw and any(source.kind != 'picture' for source in sources) and not has_h264():
        warn('predict', 'films are drawn without sound, by a codec that browsers do not play; with PyAV (pip install '
             'av) they have both')
    predictor = open_predictor(args)
    if args.min_keypoint_score is None:
        info = getattr(predictor.pose_model, 'info', None)
        args.min_keypoint_score = getattr(info, 'min_keypoint_score', None) or 0.3
    if args.attention:
        from ..apis.attention import observable_model
        observable_model(predictor)
    find_people = (whole_image if args.whole_image else
                   (lambda frame: box_file.boxes(frame.source.path)) if box_file else
                   (lambda frame: frame_boxes.boxes(frame.source.path, frame.frame_id)) if frame_boxes else
                   ByDetector(predictor))
    # What makes a result another one, and what says where it is drawn.
    settings = dict(
        names_relative_to=sources[0].path[:-len(sources[0].name)], draw=not args.no_draw,
        config=_version(args.config), checkpoint=_version(args.checkpoint),
        weights=predictor.provenance.get('weights_sha256'),
        dtype=args.dtype or ('float32' if args.checkpoint else None),
        flip_test=not args.no_flip_test, detector=_version(args.detector),
        det_category=args.det_category if args.detector else None, det_config=_version(args.det_config),
        det_checkpoint=_version(args.det_checkpoint), boxes=_version(args.boxes),
        boxes_images=_version(args.boxes_images), category=args.category, whole_image=args.whole_image,
        min_score=args.min_score, min_keypoint_score=args.min_keypoint_score, attention=args.attention,
        track=args.track, smooth=args.smooth, detect_every=args.detect_every, uncertainty=args.uncertainty or None)
    category = (box_file.category, box_file.category_name) if box_file else (args.category or 1, None)
    folder = ResultFolder(args.out, settings, predictor.dataset_meta, args.resume, predictor.provenance, category)
    total = count_frames(sources)
    if args.limit is not None:
        total = args.limit if total is None else min(args.limit, total)
    return Parts(sources, num_others, predictor, find_people, box_file, folder, total,
                 RunOptions(args.min_score, not args.no_draw, args.attention, args.track, args.smooth,
                            args.min_keypoint_score, args.detect_every))


def _version(path: Any) -> Optional[str]:
    """A file by its path and what changes when it does; an address or a name as it is."""
    if not path or not os.path.exists(path):
        return path and str(path)
    stat = os.stat(path)
    changed = datetime.fromtimestamp(stat.st_mtime).isoformat(' ', 'milliseconds')
    return f'{os.path.abspath(path)} ({stat.st_size} bytes, changed {changed})'


def go_through(args: argparse.Namespace, parts: Parts, stop: threading.Event) -> None:
    """All frames, with a progress bar."""
    from ..prediction.inputs import read_frames
    from ..prediction.run import PredictionRun

    folder = parts.folder
    with counter('Frames', parts.total, folder.num_frames, 'people') as count:
        frames = read_frames(
            parts.sources, args.limit, folder.num_done, stop.is_set, lambda number, of, seconds: warn(
                'predict', f'the stream broke off; it is opened again in {seconds:g} s (try {number} of {of})'))
        one_pass = PredictionRun(parts.predictor, parts.find_people, folder, parts.options, parts.box_file,
                                 lambda people: count(1, people))
        one_pass(frames, stop.is_set)


def show_profile(profile: 'Profile', num_frames: int) -> None:
    """Print a table of the stages."""
    stages = sorted(profile.stages, key=lambda one: -one.seconds)
    table(['stage', 'seconds', 'of the time', 'calls', 'ms a call', 'ms an image'],
          [[one.name, f'{one.seconds:.2f}', f'{one.seconds / profile.seconds:.0%}', str(one.calls),
            f'{1e3 * one.seconds / one.calls:.2f}', f'{1e3 * one.seconds / max(num_frames, 1):.2f}'] for one in stages],
          f'{num_frames} images and frames in {profile.seconds:.2f} s; read and write run beside the rest')


def report(args: argparse.Namespace, parts: Parts) -> int:
    """Say what was done and what was left out; the exit status."""
    folder = parts.folder
    print(f'{folder.num_people} people in {folder.num_frames} images and frames: {args.out / "keypoints.json"}')
    if not args.no_draw and folder.num_frames:
        print(f'Drawn: {folder.visualizations}')
    if parts.num_others:
        print(f'{parts.num_others} files of other kinds were passed over')
    if not folder.errors:
        return DONE
    print(f'Left out: {len(folder.errors)}, listed in {args.out / "errors.jsonl"}', file=sys.stderr)
    for error in folder.errors[:SHOWN_ERRORS]:
        print(f'  {error["name"]}: {error["reason"]}', file=sys.stderr)
    if len(folder.errors) > SHOWN_ERRORS:
        print(f'  and {len(folder.errors) - SHOWN_ERRORS} more', file=sys.stderr)
    return FOUND


def run(args: argparse.Namespace) -> int:
    # OpenCV's and FFmpeg's own messages about damaged videos; errors.jsonl says the same, by file.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
    check_arguments(args)
    warnings.filterwarnings('default', message='this CPU has no bfloat16')
    with before_the_work():
        parts = prepare(args)

    stop = threading.Event()

    def on_interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C stops at once
        stop.set()

    signal.signal(signal.SIGINT, on_interrupt)
    folder = parts.folder
    from ..core.profiling import Profile
    try:
        with writing(f'{folder.num_frames} images and frames were done before; make room, and the same call with '
                     '--resume goes on'):
            before = folder.num_frames
            with Profile() if args.profile else contextlib.nullcontext() as profile:
                go_through(args, parts, stop)
            if profile is not None:
                show_profile(profile, folder.num_frames - before)
            # A webcam ends by Ctrl-C, everything else ends by itself.
            if not stop.is_set() or parts.sources[0].kind == 'webcam':
                folder.finish()
                return report(args, parts)
    except KeyboardInterrupt:
        pass
    finally:
        folder.close()
    warn('predict', f'stopped; {folder.num_frames} images and frames are done, and the same call with --resume goes on')
    return STOPPED


