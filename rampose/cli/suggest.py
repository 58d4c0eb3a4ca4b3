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
from typing import Any, Callable, Iterable, List, Optional, Set, Tuple

from .console import progress, warn
from .statuses import DONE, FOUND, before_the_work, unusable, writing

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
        from ..core.own_folder import check_own
        from ..prediction.inputs import find_sources
        from ..prediction.labelling_task import FILES, write_task
        from ..prediction.suggestion import choose
        check_own(args.out, 'suggested.csv', FILES)
        sources = [source for source in find_sources(args.images)[0] if source.kind == 'picture']
        if not sources:
            raise unusable(f'got {", ".join(args.images)}; needed are images (of a film, its frames as images)')
        model, find_boxes = open_model(args.model, args)
        before = open_model(args.before, args)[0] if args.before else None
        if before is not None and names_of(before) != names_of(model):
            raise unusable(f'{args.before} finds other keypoints than {args.model}; needed is an earlier model of the '
                           'same')
        done = labelled_images(args)
        check_writable(args.out / 'suggested.csv')
    labelled = [Path(source.path) for source in sources if is_among(Path(source.path), done)]
    free = [source for source in sources if Path(source.path) not in labelled]
    with before_the_work((ValueError, )):
        candidates = look(args, [Path(source.path) for source in free], model, find_boxes, before)
        seen = look(args, labelled, model, find_boxes, before) if labelled else []
    named = [(source.name, one) for source, one in zip(free, candidates) if one is not None]
    if not named:
        raise unusable(f'none of {len(free)} images that are not labelled yet can be used')
    chosen = choose([one for _, one in named], [one for one in seen if one is not None], args.count)
    with writing('make room, or name another folder by --out'):
        write_task([named[number] for number in chosen], model.dataset_meta, args.out)
    nobody = len(free) - len(named)
    print(f'{len(chosen)} of {len(named)} images: {args.out / "contact_sheet.jpg"}'
          + (f'; {len(labelled)} are labelled already' if labelled else ''))
    print(f'CVAT: a task of {args.out / "images"}, then upload {args.out / "annotations.json"} as COCO Keypoints 1.0')
    print(f'Label Studio: {args.out / "label_studio.json"}, with {args.out / "label_studio_config.xml"}')
    return FOUND if nobody else DONE


def open_model(place: str, args: argparse.Namespace) -> Tuple[Any, Callable]:
    """The model, and what finds boxes for it."""
    from ..apis import TopdownPredictor
    from ..apis.detectors import open_named_detector
    from ..core.box_file import BoxFile
    folder = Path(place)
    if folder.is_dir() and not (folder / 'model.onnx').is_file():
        raise unusable(f'{place} holds no model.onnx; needed is the folder of a finished `rampose finetune`, an '
                       'exported model or a name')
    detector: Any = open_named_detector(args.detector, args.det_category, args.min_score) if args.detector else None
    predictor = TopdownPredictor(str(folder / 'model.onnx') if folder.is_dir() else place, detector=detector)
    if not getattr(predictor.pose_model, 'gives_heatmaps', False):
        raise unusable(f'{place} gives no heatmaps; needed is what `rampose export` writes without --decode')
    if args.boxes:
        boxes = BoxFile(args.boxes)
        return predictor.pose_model, lambda path, image: above(*boxes.boxes(path), args.min_score)
    if args.detector:
        return predictor.pose_model, lambda path, image: above(*predictor.detect(image), args.min_score)
    return predictor.pose_model, lambda path, image: [[0, 0, image.shape[1], image.shape[0]]]


def above(boxes: Any, scores: Any, least: float) -> Any:
    """Boxes of scores from `least`."""
    return boxes[scores >= least]


def names_of(model: Any) -> List[str]:
    meta = model.dataset_meta
    return [meta['keypoint_id2name'][number] for number in range(int(meta['num_keypoints']))]


def labelled_images(args: argparse.Namespace) -> Set[Tuple[str, int]]:
    """The images that have labels, by name and size in bytes: annotators' tools move them about."""
    from ..datasets.labels.reading import read_labels
    place = args.labelled or (Path(args.model) / 'data' if Path(args.model).is_dir() else None)
    if place is None or (args.labelled is None and not place.is_dir()):
        return set()
    return {(image.path.name, image.path.stat().st_size) for image in read_labels(place).images}


def is_among(path: Path, done: Set[Tuple[str, int]]) -> bool:
    return (path.name, path.stat().st_size) in done


def look(args: argparse.Namespace, paths: List[Path], model: Any, find_boxes: Callable,
         before: Any) -> List[Optional[Any]]:
    """What the model makes of each image; None for those that show nothing or cannot be read, which are named."""
    from ..core.images import UnreadableError
    from ..prediction.suggestion import look_at
    found: List[Optional[Any]] = []
    left_out: List[str] = []
    items: Iterable[Path] = progress(paths, description='Images')
    for path in items:
        try:
            found.append(look_at(path, model, find_boxes, before))
            if found[-1] is None:
                left_out.append(f'{path}: nothing was found in it')
        except UnreadableError as error:
            found.append(None)
            left_out.append(str(error))
    for line in left_out[:SHOWN]:
        warn('suggest', f'left out: {line}')
    if len(left_out) > SHOWN:
        warn('suggest', f'{len(left_out) - SHOWN} more are left out')
    return found
