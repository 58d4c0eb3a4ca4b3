"""Kill trainings at random moments, resume them, and compare with one that nobody killed.

    python tools/kill_training.py [--kills 40] [--out work_dirs/kills]

Each is `mim train mmpose` with the demo's config on a small sample set, for six epochs of a few iterations, on the CPU.
SIGKILL, SIGTERM and SIGINT come in turn, while an iteration is computed, while a checkpoint is written, while a
validation goes on, and at random times. FOLDER/kills.json has every kill.

Exit status: 0 every training went on and ended with the same weights and optimiser, bit by bit; 1 not.
"""

import argparse
import json
import os
import random
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIG = (ROOT / 'configs/body_2d_keypoint/topdown_heatmap/sample' /
          'td-hm_ram-hrnet-w16-gpr_1xb16-11e_sample-128x96.py')
EPOCHS, TRAIN, VAL, BATCH = 6, 24, 8, 8


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=40, help='how many in all (default: 40)')
    parser.add_argument('--kills-per-training', type=int, default=5, help='at most (default: 5)')
    parser.add_argument('--moments', nargs='+', choices=['iteration', 'saving', 'validation', 'any'],
                        default=['any', 'saving', 'iteration', 'any', 'validation'],
                        help='taken in turn; `any` is a random time, the others wait for an event')
    parser.add_argument('--workers', type=int, default=0, help='of the data loader (default: 0)')
    parser.add_argument('--seed', type=int, default=0, help='of the moments (default: 0)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/kills'), metavar='FOLDER',
                        help='emptied first (default: work_dirs/kills)')
    return parser.parse_args()


def command(work_dir: Path, workers: int) -> list:
    options = [f'train_cfg.max_epochs={EPOCHS}', 'train_cfg.val_interval=1', 'default_hooks.logger.interval=1',
               f'train_dataloader.batch_size={BATCH}']
    if workers:
        options += [f'train_dataloader.num_workers={workers}', 'train_dataloader.persistent_workers=True']
    from rampose.lab.training_runs import find_mim
    return [find_mim(), 'train', 'mmpose', str(CONFIG), '--work-dir', str(work_dir), '--resume', '--cfg-options',
            *options]


def main() -> int:
    args = parse_args()
    from rich.console import Console

    from rampose.checkpoints.loading import load_checkpoint_file
    from rampose.core.files import written_whole
    from rampose.lab.kills import SIGNALS, killed_training, train
    from rampose.lab.sample import make_sample
    console = Console(highlight=False, soft_wrap=True)
    out = args.out.resolve()
    if out.exists() and any(out.iterdir()) and not (out / 'kills').is_dir():
        print(f'kill_training.py: {out} holds something else; name an empty folder with --out', file=sys.stderr)
        return 2
    shutil.rmtree(out, ignore_errors=True)
    (out / 'kills').mkdir(parents=True)
    sample = make_sample(out / 'sample', num_train=TRAIN, num_val=VAL)
    env = dict(os.environ, RAMPOSE_SAMPLE=str(sample))

    with console.status('The training that nobody kills'):
        whole = out / 'kills/whole'
        if train(command(whole, args.workers), whole, env, whole.with_suffix('.log')).returncode:
            print(f'kill_training.py: the training that nobody killed failed, see {whole}.log', file=sys.stderr)
            return 1
    reference = load_checkpoint_file((whole / 'last_checkpoint').read_text().strip(), map_location='cpu')
    interval = reference['meta']['iter'] // EPOCHS  # iterations from one checkpoint to the next

    rng, runs = random.Random(args.seed), []
    while sum(len(run.kills) for run in runs) < args.kills:
        done = sum(len(run.kills) for run in runs)
        work_dir = out / f'kills/{len(runs)}'
        with console.status(f'{done} of {args.kills} kills, training {len(runs) + 1}'):
            shift = len(runs) % len(args.moments)
            run = killed_training(
                command(work_dir, args.workers), work_dir, env, reference,
                min(args.kills_per_training, args.kills - done), rng, args.moments[shift:] + args.moments[:shift],
                SIGNALS[done % len(SIGNALS):] + SIGNALS[:done % len(SIGNALS)])
        runs.append(run)
        with written_whole(out / 'kills.json') as file:
            content = dict(summary(runs, interval, args.workers), runs=[run.as_dict() for run in runs])
            file.write(json.dumps(content, indent=1).encode())
        console.print(f'training {len(runs)}: {len(run.kills)} kills, '
                      + (f'FAILED: {run.failed}' if run.failed else 'not resumed alike' if run.differing else 'equal'))
        if not run.failed:
            shutil.rmtree(work_dir)
    result = summary(runs, interval, args.workers)
    for key, value in result.items():
        console.print(f'{key:<40} {value}')
    console.print(f'{out}/kills.json')
    good = result['trainings that ended equal, bit by bit'] == len(runs) and result['last_checkpoint broken'] == 0
    return 0 if good and result['most iterations lost'] <= interval else 1


def summary(runs: list, interval: int, workers: int) -> dict:
    from rampose.lab.kills import SIGNALS
    kills = [kill for run in runs for kill in run.kills]
    return {
        'kills': len(kills),
        **{f'by {name}': sum(kill.signal == name for kill in kills) for name in SIGNALS},
        'while a checkpoint was written': sum(kill.wrote for kill in kills),
        'trainings': len(runs),
        'data loader workers': workers,
        'resumes that failed': sum(run.failed is not None for run in runs),
        'most iterations lost': max((kill.lost for kill in kills), default=0),
        'iterations an epoch, the interval': interval,
        'last_checkpoint broken': sum(not kill.intact for kill in kills),
        'trainings that ended equal, bit by bit': sum(run.failed is None and not run.differing for run in runs),
    }


if __name__ == '__main__':
    sys.exit(main())
