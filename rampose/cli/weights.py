"""examples:
  rampose weights
  rampose weights NAME --fetch

A name stands for a model in `rampose predict --config NAME` and in TopdownPredictor('NAME').
"""

import argparse
import json

from .console import table
from .statuses import DONE, before_the_work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('name', nargs='?', metavar='NAME', help='tell all about this one')
    parser.add_argument('--fetch', action='store_true',
                        help='see that its files are here: download what is missing, and check all by sha256')


def run(args: argparse.Namespace) -> int:
    from ..checkpoints.zoo import all_weights, default_name, fetch, find_weights
    if args.fetch and not args.name:
        args.parser.error('--fetch needs NAME')
    if not args.name:
        rows = [(weights.name + ' (default)' * (weights.name == default_name()), str(weights.num_keypoints),
                 weights.input_size, f'{weights.megabytes:.1f}', weights.measured_text, weights.place)
                for weights in all_weights()]
        table(('name', 'keypoints', 'input (h x w)', 'MB', 'measured', 'where'), rows)
        return DONE
    with before_the_work((ValueError, OSError)):
        weights = find_weights(args.name)
        if args.fetch:
            for kind in weights.files:
                print(f'{kind}: {fetch(weights, kind)}')
            return DONE
    print(json.dumps(weights.as_dict(), indent=2))
    return DONE
