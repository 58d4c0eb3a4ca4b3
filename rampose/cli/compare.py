"""examples:
  rampose compare old.onnx new.onnx --data images/ val.json --out comparison
  rampose compare config.py:checkpoint.pth movenet.json --data images/ val.json --boxes detections.json
  rampose compare new.onnx old.onnx --data images/ val.json --fail-below "new - old: AP >= -0.5"

A MODEL is a name of `rampose weights`, an exported file (.onnx, .xml), CONFIG.py:CHECKPOINT.pth of any top-down model
of MMPose, or a JSON file of COCO keypoint results by any program. All get the same images and boxes: the labels',
those of --boxes, or what --detector finds. Models with other keypoints are compared on those that all share.

FOLDER gets report.html, comparison.md, comparison.json, keypoints.csv, and what each model found: a model that is added
later costs itself alone, and a run that was stopped goes on.
"""

import argparse
import re
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Tuple

from .console import progress, warn
from .statuses import DONE, FOUND, before_the_work, unusable, writing

FAIL_BELOW = re.compile(r'\s*(?P<first>.+?) - (?P<second>.+?)\s*:\s*(?P<metric>.+?)\s*>=\s*(?P<bound>[-+]?[\d.]+)\s*')
SPEED_IMAGES = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('models', nargs='+', metavar='MODEL')
    parser.add_argument('--data', nargs=2, type=Path, required=True, metavar=('IMAGES', 'ANNOTATIONS'),
                        help="the images' folder and COCO annotations")
    parser.add_argument('--boxes', type=Path, metavar='FILE',
                        help='JSON: COCO detections or annotations, or {"file name": [[x1, y1, x2, y2]]} '
                        '(default: the labels\' boxes)')
    parser.add_argument('--detector', metavar='NAME',
                        help='yolox-nano, yolox-tiny, yolox-s, or an exported detector (.onnx, .xml), which finds the '
                        'boxes, once for all models')
    parser.add_argument('--det-category', default='person', metavar='NAME', help='of --detector (default: person)')
    parser.add_argument('--names', nargs='+', metavar='NAME', help="of the models (default: their files')")
    parser.add_argument('--category', type=int, metavar='ID', help='that is labelled, where there are several')
    parser.add_argument('--metainfo', type=Path, metavar='FILE',
                        help="MMPose's file of the data set's keypoints, for the sigmas of others than COCO's")
    parser.add_argument('--baseline', metavar='NAME', help='compare each other model with this one alone')
    parser.add_argument('--fail-below', nargs='+', default=[], metavar='RULE',
                        help='such as "new - old: AP >= -0.5": exit with status 1 if the whole 95 %% interval of the '
                        'difference, in percent points, lies below')
    parser.add_argument('--resamples', type=int, default=1000, metavar='N', help='of the bootstrap (default: 1000)')
    parser.add_argument('--no-flip-test', action='store_true')
    parser.add_argument('--no-images', action='store_true', help='draw skeletons alone, for a report to publish')
    parser.add_argument('--device', help='of PyTorch models and engines')
    parser.add_argument('--out', type=Path, default=Path('comparison'), metavar='FOLDER', help='default: comparison')


def run(args: argparse.Namespace) -> int:
    if args.boxes and args.detector:
        raise unusable('got --boxes and --detector; needed is one of them, or neither for the boxes of the labels')
    if args.resamples < 10:
        raise unusable(f'got --resamples {args.resamples}; needed are at least 10')
    with before_the_work():
        from ..checkpoints.detector_zoo import detector_file
        from ..core.files import check_writable
        from ..core.images import read_image
        from ..lab.comparison import contenders
        from ..lab.comparison.comparison import compare
        from ..lab.comparison.data import LabelledImages
        from ..lab.comparison.memory import memory_mb
        if args.detector:
            args.detector = detector_file(args.detector)
        images, annotations = args.data
        data = LabelledImages.read(annotations, args.category, _sigmas(args.metainfo))
        names = _names(args)
        rules = [_rule(text, names) for text in args.fail_below]
        if args.baseline and args.baseline not in names:
            raise unusable(f'got --baseline {args.baseline}; the models are {", ".join(names)}')
        missing = [name for name in data.names if not (images / name).is_file()]
        if missing:
            raise unusable(f'{images} lacks {len(missing)} of {len(data.names)} images, such as {missing[0]}')
        check_writable(args.out / 'report.html')
        options: Dict[str, Any] = dict(device=args.device)
        if args.no_flip_test:
            options['flip_test'] = False
        opened = [contenders.open_contender(source, name, **options) for source, name in zip(args.models, names)]
        keypoints = contenders.shared_keypoints(opened, data)
        settings = _settings(args)
        boxes = _boxes(args, data, settings)
    if len(keypoints) < len(data.keypoints):
        warn('compare', f'on the {len(keypoints)} of {len(data.keypoints)} keypoints that all models find: '
             f'{", ".join(keypoints)}')
    found = {}
    with before_the_work((ValueError, )):  # an image or results that cannot be used; what was found stays
        for one in opened:
            found[one.name] = contenders.find(
                one, data, keypoints, images, boxes, settings, args.out / 'found' / f'{_file_name(one.name)}.jsonl',
                partial(progress, description=one.name[:16]))
    compared = compare(found, data.choose_keypoints(keypoints), args.resamples,
                       partial(progress, description='Resamples'), args.baseline)
    speeds = _speeds(opened, data, images, boxes)
    for one in opened:
        facts = dict(source=one.source, **one.facts)
        if one.name in speeds:
            facts['ms_a_person'] = speeds[one.name]
            facts['memory_mb'] = memory_mb(one.source, options)
        compared.report['models'][one.name]['facts'] = facts
    compared.report['settings'] = settings
    with writing('make room, or name another folder by --out'):
        _write(args.out, compared, None if args.no_images else lambda number: read_image(images / data.names[number]))
    from ..lab.comparison.text import verdict
    for pair in compared.report['pairs']:
        print(verdict(pair))
    print(f'{args.out}/: report.html, comparison.md, comparison.json, keypoints.csv')
    broken = [text for text, rule in zip(args.fail_below, rules) if _is_broken(rule, compared.report['pairs'])]
    for text in broken:
        warn('compare', f'not kept, beyond noise: {text}')
    return FOUND if broken else DONE


def _boxes(args: argparse.Namespace, data: Any, settings: Dict[str, Any]) -> Any:
    """What gives the boxes of an image by its number, the same for all models."""
    from ..lab.comparison import contenders
    if args.detector:
        from ..apis.detectors.exported import ExportedDetector
        from ..lab.comparison.detected import detect_all
        detector = ExportedDetector(args.detector, args.det_category, min_score=0.05, device=args.device)
        chosen = {key: settings[key] for key in ('annotations_sha256', 'detector_sha256', 'det_category')}
        file = detect_all(detector, data, args.data[0], chosen, args.out / 'found' / 'boxes.json',
                          partial(progress, description='Boxes'))
        return contenders.file_boxes(file, data)
    return contenders.file_boxes(args.boxes, data) if args.boxes else contenders.label_boxes(data)


def _names(args: argparse.Namespace) -> List[str]:
    from ..lab.comparison.contenders import split_source
    files = [Path(split_source(source)[1] or source) for source in args.models]
    names = args.names or [path.stem if path.suffix else str(path) for path in files]
    folders = [path.resolve().parent.name for path in files]
    if not args.names and len(set(names)) < len(names) == len(set(folders)):  # horses/model.onnx, dogs/model.onnx
        names = folders
    if len(names) != len(args.models):
        raise unusable(f'got {len(args.models)} models and {len(names)} --names; needed is one for each')
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise unusable(f'two models are called {twice[0]}; tell them apart by --names A B')
    return names


def _rule(text: str, names: List[str]) -> Tuple[str, str, str, float]:
    from ..lab.comparison.text import METRICS
    parts = FAIL_BELOW.fullmatch(text)
    if not parts or parts['first'] not in names or parts['second'] not in names or parts['metric'] not in METRICS:
        raise unusable(f'got --fail-below {text!r}; needed is "A - B: METRIC >= NUMBER" with two of the models '
                       f'{", ".join(names)} and a metric of {", ".join(METRICS)}')
    return parts['first'], parts['second'], parts['metric'], float(parts['bound'])


def _is_broken(rule: Tuple[str, str, str, float], pairs: List[dict]) -> bool:
    first, second, metric, bound = rule
    for pair in pairs:
        low, high = (100 * value for value in pair['metrics'][metric]['interval'])
        if pair['models'] == [first, second]:
            return high < bound
        if pair['models'] == [second, first]:
            return -low < bound
    raise unusable(f'{first} and {second} were not compared: one of them is to be the --baseline')


def _sigmas(path: Any) -> Any:
    if path is None:
        return None
    from ..datasets.metainfo import parse_metainfo
    return parse_metainfo(dict(from_file=str(path)))['sigmas']


def _settings(args: argparse.Namespace) -> Dict[str, Any]:
    from .. import __version__
    from ..core.files import sha256_of
    return dict(rampose=__version__, annotations_sha256=sha256_of(args.data[1]),
                boxes_sha256=sha256_of(args.boxes) if args.boxes else None,
                detector_sha256=sha256_of(args.detector) if args.detector else None,
                det_category=args.det_category if args.detector else None, flip_test=not args.no_flip_test)


def _file_name(name: str) -> str:
    return re.sub(r'[^\w.-]', '_', name)[:100]


def _speeds(opened: list, data: Any, images: Path, boxes: Any) -> Dict[str, float]:
    """Milliseconds a person from image to keypoints, models in turns."""
    from ..core.images import read_image
    from ..lab.latency import time_interleaved
    some = [(read_image(images / data.names[number]), boxes(number)[:, :4]) for number in range(len(data.names))
            if len(boxes(number))][:SPEED_IMAGES]
    models = {one.name: one.predictor for one in opened if one.predictor is not None}
    people = sum(len(rows) for _, rows in some)
    if not people or not models:
        return {}
    loaded, rows = [image for image, _ in some], [of_image for _, of_image in some]
    timings = time_interleaved({name: partial(model.predict, loaded, rows)
                                for name, model in models.items()}, rounds=7)
    return {name: round(1000 * timings[name].median / people, 2) for name in models}


def _write(out: Path, compared: Any, images: Any) -> None:
    import json

    from ..core.files import write_csv, written_whole
    from ..lab.comparison.page import html_page
    from ..lab.comparison.text import markdown
    for name, text in (('report.html', html_page(compared, images)), ('comparison.md', markdown(compared.report)),
                       ('comparison.json', json.dumps(compared.report, indent=1) + '\n')):
        with written_whole(out / name) as file:
            file.write(text.encode())
    write_csv(out / 'keypoints.csv', [
        dict(model=name, **{key: round(value, 4) if isinstance(value, float) else value
                            for key, value in entry.items()})
        for name, one in compared.report['models'].items() for entry in one['keypoints']])
