"""example:
  rampose publish work_dirs/w32/epoch_240.pth checkpoints/ram-hrnet-w32-gpr --half

writes OUT-{hash}_{date}.pth. Optimizer, schedule, log and config, which names folders of this machine, stay behind.
"""

import argparse
from pathlib import Path

from .statuses import DONE, before_the_work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='IN', type=Path, help='checkpoint of a training run')
    parser.add_argument('out', metavar='OUT', help='what to call it, before hash and date')
    parser.add_argument('--half', action='store_true', help='store weights as fp16, for half the size')


def run(args: argparse.Namespace) -> int:
    checkpoint = args.checkpoint.expanduser()
    with before_the_work():
        from ..checkpoints.publishing import publish
        path = publish(checkpoint, args.out, half=args.half)
    before, after = (file.stat().st_size / 1e6 for file in (checkpoint, path))
    print(f'{path} written: {after:.1f} MB of {before:.1f} MB')
    return DONE
