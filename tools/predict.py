"""Find the keypoints of people in pictures, folders, patterns, videos, or of a webcam.

    python tools/predict.py INPUT... (--config CONFIG --checkpoint FILE | --config MODEL.xml) --out FOLDER
                            (--det-checkpoint FILE [--det-config CONFIG] | --boxes FILE | --whole-image)

FOLDER gets keypoints.json (COCO keypoint results), images.json (what its image ids mean), frames.jsonl (a record for
each picture or frame), drawn pictures and videos, and errors.jsonl if something was left out.

Exit status: 0 all done; 1 something was left out, as errors.jsonl says; 2 the call cannot be used; 3 results could not
be written; 4 an error of the program's own; 130 stopped by Ctrl-C. After 3, 130 or a kill, the same call with --resume
goes on.
"""

import argparse
import os
import signal
import sys
import threading
import traceback
import warnings
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import List, Optional

# OpenCV's and FFmpeg's own messages about damaged videos; errors.jsonl says the same, by file.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
ALL_DONE, LEFT_OUT, UNUSABLE, NOT_WRITTEN, BROKEN, STOPPED = 0, 1, 2, 3, 4, 130
SHOWN_ERRORS = 10


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('inputs', nargs='+', metavar='INPUT',
                        help='picture, folder, pattern, video, or number of a webcam')
    parser.add_argument('--config', required=True, type=Path,
                        help="any of MMPose's top-down configs, or what tools/export.py wrote (.onnx, .xml)")
    parser.add_argument('--checkpoint', help="the config's weights")
    parser.add_argument('--out', required=True, type=Path, help='folder for the results')
    people = parser.add_argument_group('where the people are (one of these)')
    people.add_argument('--det-checkpoint',
                        help='weights of a detector; Faster R-CNN unless --det-config names another')
    people.add_argument('--det-config', help="config of a detector of MMDetection's")
    people.add_argument('--boxes', type=Path,
                        help='JSON: COCO detections or annotations, or {"file name": [[x1, y1, x2, y2]]}')
    people.add_argument('--whole-image', action='store_true',
                        help='each picture shows one person, from border to border')
    parser.add_argument('--min-score', type=float, default=0.3, help='leave out boxes of lower scores (default: 0.3)')
    parser.add_argument('--no-flip-test', action='store_true', help='half the time in the network, slightly less exact')
    parser.add_argument('--min-keypoint-score', type=float, default=0.3, metavar='S',
                        help='do not draw keypoints of lower scores; they are written all the same (default: 0.3)')
    parser.add_argument('--no-draw', action='store_true', help='no pictures and videos')
    parser.add_argument('--attention', action='store_true',
                        help="write each person's attention weights, and a chart of them")
    parser.add_argument('--track', action='store_true', help='number the people of a video')
    parser.add_argument('--smooth', action='store_true', help='with --track: smooth their keypoints over time')
    parser.add_argument('--limit', type=int, help='stop after so many pictures and frames')
    parser.add_argument('--resume', action='store_true', help='go on where an earlier run was stopped')
    parser.add_argument('--batch-size', type=int, default=32, help='people in a batch, at most (default: 32)')
    parser.add_argument('--device', help='cpu, cuda:0, ...; default: a GPU where there is one')
    parser.add_argument('--dtype', choices=['float32', 'bfloat16', 'float16'],
                        help='default: float32, or as the model was exported')
    args = parser.parse_args(argv)

    from rampose.apis.exported_model import EXPORTED_SUFFIXES
    exported = args.config.suffix in EXPORTED_SUFFIXES
    if exported == bool(args.checkpoint):
        parser.error('an exported model has its weights in it: leave --checkpoint out' if exported else
                     '--config needs --checkpoint, its weights')
    if exported and args.attention:
        parser.error('--attention needs a config and a checkpoint; exported models do not give their weights')
    if args.det_config and not args.det_checkpoint:
        parser.error('--det-config needs --det-checkpoint, its weights')
    chosen = [bool(args.det_checkpoint), bool(args.boxes), args.whole_image]
    if sum(chosen) != 1:
        what = 'more than one thing says' if any(chosen) else 'nothing says'
        parser.error(f'{what} where the people are: take one of --det-checkpoint FILE, --boxes FILE, --whole-image')
    if args.smooth and not args.track:
        parser.error('--smooth needs --track, which says who is who')
    if not 0 <= args.min_score <= 1:
        parser.error(f'got --min-score {args.min_score}; needed is a number from 0 to 1')
    if not 0 <= args.min_keypoint_score <= 1:
        parser.error(f'got --min-keypoint-score {args.min_keypoint_score}; needed is a number from 0 to 1')
    if args.limit is not None and args.limit < 1:
        parser.error(f'got --limit {args.limit}; needed is at least 1')
    return args


def read_boxes(path: Path, sources: list):
    """The boxes of pictures.

    Raises:
        ValueError: The file cannot be read, or the sources are other than pictures or are none that it names.
    """
    from rampose.core.bboxes import BoxFile
    box_file = BoxFile(path)
    moving = [source.path for source in sources if source.kind != 'picture']
    if moving:
        raise ValueError(f'{moving[0]} is no picture; --boxes is for pictures, a video needs a detector or '
                         '--whole-image')
    if not any(box_file.knows(source.path) for source in sources):
        raise ValueError(f'{path} names none of the {len(sources)} pictures; it should name them by file name, or, in '
                         'COCO detections, by the number in the file name')
    return box_file


def prepare(args: argparse.Namespace) -> SimpleNamespace:
    """Everything that a run needs.

    Raises:
        Exception: The call cannot be used. A config is Python and may raise anything.
    """
    from rampose.apis import TopdownPredictor
    from rampose.apis.attention import record_attention
    from rampose.apis.mmdet_detector import MMDetDetector
    from rampose.prediction.inputs import count_frames, find_sources
    from rampose.prediction.results import ResultFolder
    from rampose.prediction.run import RunOptions, whole_image
    from rampose.prediction.tracking import check_installed

    sources, num_others = find_sources(args.inputs)
    if any(source.kind == 'webcam' for source in sources):
        if len(sources) > 1:
            raise ValueError('a webcam goes alone, since it ends by Ctrl-C: call twice, with two folders')
        if args.resume:
            raise ValueError('a webcam cannot be gone on with: leave --resume out and name another folder')
    box_file = read_boxes(args.boxes, sources) if args.boxes else None
    if args.track:
        check_installed()
    detector = None
    if args.det_checkpoint:
        detector = MMDetDetector(args.det_checkpoint, args.det_config, args.device, args.min_score)
    predictor = TopdownPredictor(
        args.config, args.checkpoint, device=args.device, dtype=args.dtype, flip_test=not args.no_flip_test,
        batch_size=args.batch_size, detector=detector)
    if args.attention:
        with record_attention(predictor.pose_model.model):  # says if there is none to record
            pass
    find_people = (whole_image if args.whole_image else
                   (lambda frame: box_file.boxes(frame.source.path)) if box_file else
                   (lambda frame: predictor.detect(frame.image)))
    # What makes a result another one, and what says where it is drawn.
    settings = dict(
        names_relative_to=sources[0].path[:-len(sources[0].name)], draw=not args.no_draw,
        config=_version(args.config), checkpoint=_version(args.checkpoint),
        dtype=args.dtype or ('float32' if args.checkpoint else None),
        flip_test=not args.no_flip_test, det_config=_version(args.det_config),
        det_checkpoint=_version(args.det_checkpoint), boxes=_version(args.boxes), whole_image=args.whole_image,
        min_score=args.min_score, min_keypoint_score=args.min_keypoint_score, attention=args.attention,
        track=args.track, smooth=args.smooth)
    folder = ResultFolder(args.out, settings, predictor.dataset_meta, args.resume)
    total = count_frames(sources)
    if args.limit is not None:
        total = args.limit if total is None else min(args.limit, total)
    return SimpleNamespace(
        sources=sources, num_others=num_others, predictor=predictor, find_people=find_people, box_file=box_file,
        folder=folder, total=total,
        options=RunOptions(args.min_score, not args.no_draw, args.attention, args.track, args.smooth,
                           args.min_keypoint_score))


def _version(path) -> Optional[str]:
    """A file by its path and what changes when it does; an address as it is."""
    if not path or not os.path.exists(path):
        return path and str(path)
    stat = os.stat(path)
    changed = datetime.fromtimestamp(stat.st_mtime).isoformat(' ', 'milliseconds')
    return f'{os.path.abspath(path)} ({stat.st_size} bytes, changed {changed})'


def run(args: argparse.Namespace, parts: SimpleNamespace, stop: threading.Event) -> None:
    """Go through all frames with a progress bar.

    Raises:
        OSError: Results could not be written.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from rampose.prediction.inputs import read_frames
    from rampose.prediction.run import PredictionRun

    folder = parts.folder
    with Progress(
            TextColumn('Frames'), BarColumn(), MofNCompleteColumn(), TextColumn('{task.fields[people]}'),
            TimeElapsedColumn(), TextColumn('left'), TimeRemainingColumn()) as progress:
        task = progress.add_task('', total=parts.total, completed=folder.num_frames, people='')
        num_people = 0

        def on_frame(people: int) -> None:
            nonlocal num_people
            num_people += people
            seconds = progress.tasks[0].elapsed or 0
            progress.update(task, advance=1, people=f'{num_people / seconds:.1f} people/s' if seconds > 1 else '')

        frames = read_frames(parts.sources, args.limit, folder.num_done, stop.is_set)
        one_pass = PredictionRun(parts.predictor, parts.find_people, folder, parts.options, parts.box_file, on_frame)
        one_pass(frames, stop.is_set)


def report(args: argparse.Namespace, parts: SimpleNamespace) -> int:
    """Say what was done and what was left out; the exit status."""
    folder = parts.folder
    print(f'{folder.num_people} people in {folder.num_frames} pictures and frames: {args.out / "keypoints.json"}')
    if not args.no_draw and folder.num_frames:
        print(f'Drawn: {folder.visualizations}')
    if parts.num_others:
        print(f'{parts.num_others} files of other kinds were passed over')
    if not folder.errors:
        return ALL_DONE
    print(f'Left out: {len(folder.errors)}, listed in {args.out / "errors.jsonl"}', file=sys.stderr)
    for error in folder.errors[:SHOWN_ERRORS]:
        print(f'  {error["name"]}: {error["reason"]}', file=sys.stderr)
    if len(folder.errors) > SHOWN_ERRORS:
        print(f'  and {len(folder.errors) - SHOWN_ERRORS} more', file=sys.stderr)
    return LEFT_OUT


def main() -> int:
    args = parse_args()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors='backslashreplace')  # file names may hold what a terminal cannot show
    warnings.simplefilter('ignore')  # of the libraries; what concerns the user is printed below
    warnings.filterwarnings('default', message='this CPU has no bfloat16')
    try:
        parts = prepare(args)
    except Exception as error:
        lines = str(error).strip().splitlines()
        kind = '' if isinstance(error, (ImportError, RuntimeError, ValueError)) else f'{type(error).__name__}: '
        print(f'predict.py: {kind}{lines[0] if lines else ""}', file=sys.stderr)
        return UNUSABLE

    stop = threading.Event()

    def on_interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second Ctrl-C stops at once
        stop.set()

    signal.signal(signal.SIGINT, on_interrupt)
    folder = parts.folder
    try:
        run(args, parts, stop)
        # A webcam ends by Ctrl-C, everything else ends by itself.
        if not stop.is_set() or parts.sources[0].kind == 'webcam':
            folder.finish()
            return report(args, parts)
    except OSError as error:
        print(f'predict.py: results could not be written: {error}. {folder.num_frames} pictures and frames are done; '
              'make room, and the same call with --resume goes on', file=sys.stderr)
        return NOT_WRITTEN
    except KeyboardInterrupt:
        pass
    except Exception:
        traceback.print_exc()
        return BROKEN
    finally:
        folder.close()
    print(f'predict.py: stopped; {folder.num_frames} pictures and frames are done, and the same call with --resume '
          'goes on', file=sys.stderr)
    return STOPPED


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print('predict.py: stopped before the first picture', file=sys.stderr)
        sys.exit(STOPPED)
