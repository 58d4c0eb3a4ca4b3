"""examples:
  rampose gpu --minutes 8 --out work_dirs/gpu
  rampose gpu --minutes 8 --pack people/train.lmdb --train CONFIG --out work_dirs/gpu

Runs the tests that are marked gpu, the benchmark of W32 with 1, 8 and 64 crops and of a training step, and trains
CONFIG for as many epochs as are left, on the people of a pack. Everything is written into FOLDER, step by step, with
the device's name in gpu.json.
"""

import argparse
import sys
from pathlib import Path
from typing import List

from .statuses import DONE, FOUND

STEPS = ('tests', 'benchmark', 'training')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--minutes', type=float, default=8., help='for all of it (default: 8)')
    parser.add_argument('--steps', nargs='+', choices=STEPS, default=list(STEPS), help='default: all')
    parser.add_argument('--train', type=Path, nargs='+', default=[], metavar='CONFIG',
                        help='configs to train, each for an equal share of what is left')
    parser.add_argument('--pack', type=Path, metavar='FILE', help='pack of the people to train on (rampose pack)')
    parser.add_argument('--workers', type=int, default=8, metavar='N', help='of data loaders (default: 8)')
    parser.add_argument('--amp', action='store_true', help='train in bfloat16')
    parser.add_argument('--no-validation', action='store_true', help='where the val split is not at hand')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='for all configs')
    parser.add_argument('--device', choices=['cpu', 'cuda'], help='default: a GPU where there is one')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/gpu'), metavar='FOLDER',
                        help='default: work_dirs/gpu')


def run(args: argparse.Namespace) -> int:
    from ..core.package import shipped
    from ..lab.gpu import Step, run_steps
    python = sys.executable
    steps: List[Step] = []
    if 'tests' in args.steps:
        marked = [str(path) for path in sorted(shipped('tests').rglob('test_*.py')) if 'mark.gpu' in path.read_text()]
        steps.append(Step('tests', [python, '-m', 'pytest', '-q', '-m', 'gpu', *marked], 0.4))
    if 'benchmark' in args.steps:
        steps.append(Step('benchmark', [python, '-m', 'rampose.lab.gpu_benchmark', str(args.out),
                                        args.device or 'cuda'], 0.5 if args.train else 1.))
    if 'training' in args.steps:
        options = [f'train_dataloader.num_workers={args.workers}', *args.cfg_options]
        if args.pack:
            pack = args.pack.resolve()
            options += ['train_dataloader.dataset.type=PackedCocoDataset', f'train_dataloader.dataset.pack={pack}',
                        f'train_dataloader.dataset.ann_file={pack.with_suffix(".json")}',
                        'train_dataloader.dataset.data_root=', 'train_dataloader.dataset.data_prefix.img=']
        if args.amp:
            options += ['optim_wrapper.type=AmpOptimWrapper', 'optim_wrapper.dtype=bfloat16']
        options += ['--no-validation'] * args.no_validation
        for number, config in enumerate(args.train):
            steps.append(Step(f'train-{config.stem}', [
                python, '-m', 'rampose.lab.gpu', str(config), '{seconds}', str(args.out / config.stem), *options],
                1 / (len(args.train) - number)))
    outcomes = run_steps(steps, 60 * args.minutes, args.out, lambda text: print(text, flush=True))
    print(f'{args.out}: {", ".join(outcomes)}')
    return DONE if len(outcomes) == len(steps) and all(not outcome.status for outcome in outcomes.values()) else FOUND
