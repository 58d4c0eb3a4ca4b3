"""example:
  rampose kill-training --kills 45 --out work_dirs/kills

Each training run is `mim train mmpose` with the demo's config on a small sample set, for six epochs of a few
iterations, on the CPU. SIGKILL, SIGTERM and SIGINT come in turn, while an iteration is computed, while a checkpoint is
written, while a validation is running, and at random times. FOLDER/kills.json has every kill. Status 1 unless every run
was resumed and ended with the same weights and optimiser, bit by bit.
"""

import argparse
import json
import os
import random
import shutil
from pathlib import Path

from .console import status
from .statuses import BROKEN, DONE, FOUND, CommandError, unusable

MARKER, MADE = '.rampose-kills', ('sample', 'kills', 'kills.json')  # of a folder that we made, and what is in it
EPOCHS, TRAIN, VAL, BATCH = 6, 24, 8, 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--kills', type=int, default=40, help='how many in all (default: 40)')
    parser.add_argument('--kills-per-training', type=int, default=5, help='at most (default: 5)')
    parser.add_argument('--moments', nargs='+', choices=['iteration', 'saving', 'validation', 'any'],
                        default=['any', 'saving', 'iteration', 'any', 'validation'],
                        help='taken in turn; `any` is a random time, the others wait for an event')
    parser.add_argument('--workers', type=int, default=0, help='of the data loader (default: 0)')
    parser.add_argument('--seed', type=int, default=0, help='of the moments (default: 0)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/kills'), metavar='FOLDER',
                        help='of earlier kills it is emptied first (default: work_dirs/kills)')


def command(work_dir: Path, workers: int) -> list:
    """Of a training run that resumes by itself."""
    from ..core.package import shipped
    from ..lab.training_runs import find_mim
    config = next(shipped('configs/body_2d_keypoint/topdown_heatmap/sample').glob('td-hm_*.py'))
    options = [f'train_cfg.max_epochs={EPOCHS}', 'train_cfg.val_interval=1', 'default_hooks.logger.interval=1',
               f'train_dataloader.batch_size={BATCH}']
    if workers:
        options += [f'train_dataloader.num_workers={workers}', 'train_dataloader.persistent_workers=True']
    return [find_mim(), 'train', 'mmpose', str(config), '--work-dir', str(work_dir), '--resume', '--cfg-options',
            *options]


def run(args: argparse.Namespace) -> int:
    out = args.out.resolve()
    from ..core.own_folder import remove_own
    try:
        remove_own(out, MARKER, MADE)
    except ValueError as error:
        raise unusable(str(error)) from None
    from ..checkpoints.loading import load_checkpoint_file
    from ..core.files import written_whole
    from ..lab.kills import SIGNALS, killed_training, summary, train
    from ..lab.sample import make_sample
    (out / 'kills').mkdir(parents=True)
    (out / MARKER).touch()
    sample = make_sample(out / 'sample', num_train=TRAIN, num_val=VAL)
    env = dict(os.environ, RAMPOSE_SAMPLE=str(sample))

    with status('The run that nobody kills'):
        whole = out / 'kills/whole'
        if train(command(whole, args.workers), whole, env, whole.with_suffix('.log')).returncode:
            raise CommandError(BROKEN, f'the run that nobody killed failed, see {whole}.log')
    reference = load_checkpoint_file((whole / 'last_checkpoint').read_text().strip())
    interval = reference['meta']['iter'] // EPOCHS  # iterations from one checkpoint to the next

    rng = random.Random(args.seed)
    runs: list = []
    while sum(len(run.kills) for run in runs) < args.kills:
        done = sum(len(run.kills) for run in runs)
        work_dir = out / f'kills/{len(runs)}'
        with status(f'{done} of {args.kills} kills, training run {len(runs) + 1}'):
            shift = len(runs) % len(args.moments)
            run = killed_training(
                command(work_dir, args.workers), work_dir, env, reference,
                min(args.kills_per_training, args.kills - done), rng, args.moments[shift:] + args.moments[:shift],
                SIGNALS[done % len(SIGNALS):] + SIGNALS[:done % len(SIGNALS)])
        runs.append(run)
        with written_whole(out / 'kills.json') as file:
            content = dict(summary(runs, interval, args.workers), runs=[run.as_dict() for run in runs])
            file.write(json.dumps(content, indent=1).encode())
        print(f'training run {len(runs)}: {len(run.kills)} kills, '
              + (f'FAILED: {run.failed}' if run.failed else 'not resumed alike' if run.differing else 'equal'))
        if not run.failed:
            shutil.rmtree(work_dir)
    result = summary(runs, interval, args.workers)
    for key, value in result.items():
        print(f'{key:<40} {value}')
    print(f'{out}/kills.json')
    good = result['trainings that ended equal, bit by bit'] == len(runs) and result['last_checkpoint broken'] == 0
    return DONE if good and result['most iterations lost'] <= interval else FOUND
