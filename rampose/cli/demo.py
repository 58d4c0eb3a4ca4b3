"""examples:
  rampose demo
  rampose demo --data /path/to/coco

Without --data a sample set is generated and a small RAM-HRNet + GPR trained on it (5 minutes on 2 cores). With
--data, the real config is trained and tested on COCO in that folder. At the end, the model that comes with rampose,
trained on photographs, is tried on those in --photos. A demo that was stopped is resumed. `make demo` calls this.
"""

import argparse
from pathlib import Path

from .statuses import DONE, UNUSABLE, CommandError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--out', type=Path, help='folder for all it makes; default: work_dirs/demo, or demo_coco')
    parser.add_argument('--data', type=Path, help='folder of COCO 2017; default: generate a sample set')
    parser.add_argument('--photos', type=Path,
                        help='folder of photographs, each cut to one person')
    parser.add_argument('--fresh', action='store_true', help='start over, even if a demo was stopped or is done there')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='passed on to MMPose, key=value')


def run(args: argparse.Namespace) -> int:
    out = args.out or Path('work_dirs/demo_coco' if args.data else 'work_dirs/demo')
    if args.photos and not args.photos.is_dir():
        args.parser.error(f'got --photos {args.photos}; needed is a folder of photographs')
    if args.photos and out.resolve() in (args.photos.resolve(), *args.photos.resolve().parents):
        args.parser.error(f'--photos {args.photos} lies in --out {out}, which the demo may empty; put it elsewhere')
    from ..lab.demo import run_demo
    try:
        run_demo(out, args.data, args.photos, args.fresh, args.cfg_options)
    except SystemExit as error:  # a step says what it needs
        raise CommandError(UNUSABLE, str(error)) from None
    return DONE
