"""examples:
  rampose weights
  rampose weights NAME --fetch
  rampose weights yolox-nano --fetch

A name stands for a model in `rampose predict --config NAME` and in TopdownPredictor('NAME'), and for a detector in
`rampose predict --detector NAME`. Detectors are downloaded once into $RAMPOSE_CACHE, or the user's cache folder.
"""

import argparse
import json
from dataclasses import asdict

from .console import table
from .statuses import DONE, before_the_work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', nargs='?', metavar='NAME', help='tell all about this one')
    parser.add_argument('--fetch', action='store_true',
                        help='see that its files are here: download what is missing, and check all by sha256')


def run(args: argparse.Namespace) -> int:
    from ..checkpoints import detector_zoo
    from ..checkpoints.zoo import all_weights, default_name, fetch, find_weights
    if args.fetch and not args.name:
        args.parser.error('--fetch needs NAME')
    if not args.name:
        rows = [(weights.name + ' (default)' * (weights.name == default_name()), str(weights.num_keypoints),
                 weights.input_size, f'{weights.megabytes:.1f}', weights.measured_text, weights.place)
                for weights in all_weights()]
        table(('name', 'keypoints', 'input (h x w)', 'MB', 'measured', 'where'), rows)
        table(('detector', 'input (h x w)', 'MB', 'published', 'where'), [
            (detector.name, detector.input_size, f'{detector.megabytes:.1f}', detector.published,
             'here' if detector.is_here else 'to be fetched') for detector in detector_zoo.all_detectors()])
        return DONE
    with before_the_work((ValueError, OSError)):
        if args.name in [detector.name for detector in detector_zoo.all_detectors()]:
            detector = detector_zoo.find_detector(args.name)
            print(detector.fetch() if args.fetch else json.dumps(asdict(detector), indent=2))
            return DONE
        weights = find_weights(args.name)
        if args.fetch:
            for kind in weights.files:
                print(f'{kind}: {fetch(weights, kind)}')
            return DONE
    print(json.dumps(weights.as_dict(), indent=2))
    return DONE
