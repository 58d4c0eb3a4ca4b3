"""examples:
  rampose suggest horses photos/ --whole-image --count 50 --out next
  rampose suggest horses photos/ --boxes boxes.json --before horses_of_monday --out next
  rampose suggest model.onnx photos/ --detector yolox-nano --labelled labels/ --out next

Says which images to label next, and writes them as a task with what the model found, to be corrected. MODEL is the
folder of `rampose finetune`, an exported model, or a name that `rampose weights` lists. An image comes early if the
model is unsure of it, as its heatmaps spread, or say something else of the mirrored image or than an earlier model; and
if it is unlike those that are labelled or come before it. FOLDER gets images/, annotations.json (CVAT: COCO Keypoints
1.0), label_studio.json with label_studio_config.xml, suggested.csv, and contact_sheet.jpg to look at. What comes back
from the annotators goes to `rampose finetune`, with the earlier labels in one folder.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from .console import progress, warn
from .statuses import DONE, FOUND, before_the_work, unusable, writing

if TYPE_CHECKING:
    import numpy as np

    from ..apis import TopdownPredictor
    from ..prediction.suggestion import Candidate

SHOWN = 10  # of images that were left out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('model', metavar='MODEL')
    parser.add_argument('images', nargs='+', metavar='IMAGES', help='images, folders, patterns in quotes')
    parser.add_argument('--count', type=int, default=50, metavar='N', help='of images to suggest (default: 50)')
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    places = parser.add_argument_group('where the objects are (one of these)').add_mutually_exclusive_group(
        required=True)
    places.add_argument('--whole-image', action='store_true', help='each image shows one, from border to border')
    places.add_argument('--boxes', type=Path, metavar='FILE', help='JSON, as of `rampose predict`')
    places.add_argument('--detector', metavar='NAME', help='as of `rampose predict`')
    parser.add_argument('--det-category', default='person', metavar='NAME',
                        help="with --detector: number or COCO's name of what to find (default: person)")
    parser.add_argument('--min-score', type=float, default=0.3, metavar='S',
                        help='leave out boxes of lower scores (default: 0.3)')
    parser.add_argument('--before', metavar='MODEL', help='an earlier model: where the two disagree, more is to learn')
    parser.add_argument('--labelled', type=Path, metavar='LABELS',
                        help='what is labelled already, as `rampose finetune` takes it (default: what MODEL was '
                             'trained and validated on, where that is a folder)')


def run(args: argparse.Namespace) -> int:
    if args.count < 1:
        args.parser.error(f'got --count {args.count}; needed is at least 1')
    if not 0 <= args.min_score <= 1:
        args.parser.error(f'got --min-score {args.min_score}; needed is a number from 0 to 1')
    with before_the_work():
        from ..core.files import check_writable
        from ..core.metainfo import keypoint_names
        from ..core.own_folder import check_own
        from ..prediction.inputs import find_sources
        from ..prediction.labelling_task import FILES, MARKER, write_task
        from ..prediction.suggestion import choose
        check_own(args.out, MARKER, FILES)
        sources = [source for source in find_sources(args.images)[0] if source.kind == 'picture']
        if not sources:
            raise unusable(f'got {", ".join(args.images)}; needed are images (of a film, its frames as images)')
        inside = [source for source in sources if args.out.resolve() in Path(source.path).resolve().parents]
        if inside:
            raise unusable(f'{inside[0].path} lies in {args.out}, which is written anew; name another --out')
        predictor = open_predictor(args.model, args)
        model, find_boxes = predictor.pose_model, box_finder(predictor, args)
        before = open_predictor(args.before, args).pose_model if args.before else None
        if before is not None and keypoint_names(before.dataset_meta) != keypoint_names(model.dataset_meta):
            raise unusable(f'{args.before} finds other keypoints than {args.model}; needed is an earlier model of the '
                           'same')
        labelled, category = read_labelled(args)
        check_writable(args.out / MARKER)
    known = contents_of(labelled)
    free = [source for source in sources if not is_among(Path(source.path), known)]
    candidates = look(args, [Path(source.path) for source in free], model, find_boxes, before)
    named = [(source.name, one) for source, one in zip(free, candidates) if one is not None]
    if not named:
        raise unusable(f'none of {len(sources)} images is unlabelled and can be used')
    seen = look(args, [path for path in labelled if len(labelled[path])], model, lambda path, _: labelled[path], before)
    chosen = choose([one for _, one in named], [one for one in seen if one is not None], args.count)
    with writing('make room, or name another folder by --out'):
        write_task([named[number] for number in chosen], model.dataset_meta, args.out, category)
    print(f'{len(chosen)} of {len(named)} images: {args.out / "contact_sheet.jpg"}'
          + (f'; {len(sources) - len(free)} are labelled already' if len(free) < len(sources) else ''))
    print(f'CVAT: a task of {args.out / "images"}, then upload {args.out / "annotations.json"} as COCO Keypoints 1.0')
    print(f'Label Studio: {args.out / "label_studio.json"}, with {args.out / "label_studio_config.xml"}')
    return FOUND if len(named) < len(free) else DONE


def open_predictor(place: str, args: argparse.Namespace) -> 'TopdownPredictor':
    """The model, with the detector if it is the one whose images are looked at."""
    from ..apis import TopdownPredictor
    from ..apis.detectors import open_named_detector
    folder = Path(place)
    if folder.is_dir() and not (folder / 'model.onnx').is_file():
        raise unusable(f'{place} holds no model.onnx; needed is the folder of a finished `rampose finetune`, an '
                       'exported model or a name')
    detector: Any = None
    if args.detector and place == args.model:
        detector = open_named_detector(args.detector, args.det_category, args.min_score)
    predictor = TopdownPredictor(str(folder / 'model.onnx') if folder.is_dir() else place, detector=detector)
    if not getattr(predictor.pose_model, 'gives_heatmaps', False):
        raise unusable(f'{place} gives no heatmaps; needed is what `rampose export` writes without --decode')
    return predictor


def box_finder(predictor: 'TopdownPredictor', args: argparse.Namespace) -> Callable[[Path, 'np.ndarray'], Any]:
    """What gives the boxes of an image."""
    if args.boxes:
        from ..core.box_file import BoxFile
        boxes = BoxFile(args.boxes)
        for entry in boxes.left_out[:SHOWN]:
            warn('suggest', f'{args.boxes}: left out {entry}')
        return lambda path, image: above(*boxes.boxes(path), args.min_score)
    if args.detector:
        return lambda path, image: above(*predictor.detect(image), args.min_score)
    return lambda path, image: [[0, 0, image.shape[1], image.shape[0]]]


def above(boxes: 'np.ndarray', scores: 'np.ndarray', least: float) -> 'np.ndarray':
    """Boxes of scores from `least`."""
    return boxes[scores >= least]


def read_labelled(args: argparse.Namespace) -> Tuple[Dict[Path, list], Optional[str]]:
    """The images that have labels, with the boxes xyxy of the objects in each; and what the objects are called."""
    from ..datasets.labels.labelled import box_of
    from ..datasets.labels.reading import read_labels
    place = args.labelled or (Path(args.model) / 'data' if Path(args.model).is_dir() else None)
    if place is None or (args.labelled is None and not place.is_dir()):
        return {}, None
    roots = [Path(one) for one in args.images if Path(one).is_dir()]
    try:
        labels = read_labels(place)
    except ValueError:
        if not roots or not place.exists():
            raise
        labels = read_labels(place, roots)  # beside the images that are to be looked at
    found: Dict[Path, list] = {}
    for image in labels.images:
        boxes = [one.bbox or box_of(one.keypoints, image.width, image.height) for one in image.objects
                 if one.bbox or one.keypoints[:, 2].any()]
        found[image.path] = [[x, y, x + w, y + h] for x, y, w, h in boxes if w > 0 and h > 0]
    return found, labels.category


def contents_of(paths: Iterable[Path]) -> Dict[int, Set[str]]:
    """SHA-256 of files, by size: annotators' tools rename them and move them about."""
    from ..core.files import sha256_of
    by_size: Dict[int, Set[str]] = {}
    for path in paths:
        by_size.setdefault(path.stat().st_size, set()).add(sha256_of(path))
    return by_size


def is_among(path: Path, contents: Dict[int, Set[str]]) -> bool:
    from ..core.files import sha256_of
    size = path.stat().st_size
    return size in contents and sha256_of(path) in contents[size]


def look(args: argparse.Namespace, paths: List[Path], model: Any, find_boxes: Callable,
         before: Any) -> 'List[Optional[Candidate]]':
    """What the model makes of each image; None for those that show nothing or cannot be used, which are named."""
    from ..prediction.suggestion import look_at
    found: List[Optional[Candidate]] = []
    left_out: List[str] = []
    for path in progress(paths, description='Images') if paths else ():
        try:
            found.append(look_at(path, model, find_boxes, before))
            if found[-1] is None:
                left_out.append(f'{path}: nothing was found in it')
        except ValueError as error:
            found.append(None)
            left_out.append(str(error) if str(path) in str(error) else f'{path}: {error}')
    for line in left_out[:SHOWN]:
        warn('suggest', f'left out: {line}')
    if len(left_out) > SHOWN:
        warn('suggest', f'{len(left_out) - SHOWN} more are left out')
    return found
