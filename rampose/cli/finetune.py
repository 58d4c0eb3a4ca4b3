"""examples:
  rampose finetune annotations.json --images photos/ --out horses
  rampose finetune labelme_folder/ --out tools --minutes 5
  rampose finetune data/mine --out mine --fix
  rampose finetune labels/ --images photos/ --from horses --out horses2    with more labels

Trains a model of your own keypoints from the one that comes with rampose. LABELS is what an annotation tool wrote (see
`rampose convert-data --help`), or a folder that convert-data wrote. The data is checked first, and what would spoil the
training stops it; --fix mends what needs no guessing. FOLDER gets model.onnx, model.pth with config.py, README.md (how
far each keypoint is off), pck.png, worst.png and training.png. After Ctrl-C or a kill the same call goes on.
"""

import argparse
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable

from .console import counter, progress, table, warn
from .convert_data import add_reading_arguments, show_labels
from .statuses import DONE, FOUND, STOPPED, UNUSABLE, CommandError, before_the_work, writing

if TYPE_CHECKING:
    from ..datasets.checking import Report
    from ..lab.finetuning.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('labels', type=Path, metavar='LABELS')
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    add_reading_arguments(parser)
    parser.add_argument('--from', dest='start', metavar='MODEL',
                        help='the model to start from: the folder of an earlier run, or a name that `rampose weights` '
                             'lists (default: the first)')
    parser.add_argument('--metainfo', type=Path, metavar='FILE',
                        help="of the keypoints, as MMPose has it: their order, partners, sigmas (default: the labels' "
                             'metainfo.py, or guessed from the names)')
    parser.add_argument('--minutes', type=float, default=10., metavar='M',
                        help='the most that all of it may take; less where the images are few (default: 10)')
    parser.add_argument('--fix', action='store_true', help='mend what is wrong with the labels, and train')
    parser.add_argument('--fresh', action='store_true', help='start anew, even if a run was stopped or is done there')


def run(args: argparse.Namespace) -> int:
    started = time.time()
    for name, low, high in (('minutes', 0.1, 10_000), ('val', 0.01, 0.99)):
        if not low <= getattr(args, name) <= high:
            args.parser.error(f'got --{name} {getattr(args, name)}; needed is a number from {low} to {high}')
    warnings.simplefilter('ignore')  # of the libraries
    with before_the_work((ValueError, OSError, ImportError)):
        import logging

        from mmengine.logging import MMLogger
        MMLogger.get_instance('rampose', log_level=logging.ERROR)
        from .. import plugin  # noqa: F401  configs name our classes
        from ..checkpoints.zoo import default_name
        from ..lab.finetuning import run as steps
        from ..lab.finetuning.start import find_start
        options = steps.Options(args.labels, args.images, args.category,
                                args.keypoints.split(',') if args.keypoints else None, args.val, args.seed,
                                args.start or default_name(), args.minutes, args.metainfo)
        steps.check_needed()
        find_start(options.start)
        lock = steps.open_folder(args.out, options, args.fresh)
    teller = steps.Teller(lambda text: print(text, flush=True), _progress, show_labels)
    with writing('make room; the same call goes on'):
        try:
            with before_the_work((ValueError, )):
                try:
                    data = steps.prepare_data(options, args.out, args.fix, teller)
                except steps.SpoiledDataError as error:
                    return report_problems(args, error.reports)
                plan = steps.prepare_training(options, args.out, data, teller)
            checkpoint = follow(args, steps, plan)
            numbers = steps.finish(options, args.out, data, plan, checkpoint, started, teller)
        except KeyboardInterrupt:
            warn('finetune', 'stopped; the same call goes on from the last checkpoint')
            return STOPPED
        finally:
            lock.release()
    return report(args, numbers, started)


def _progress(items: Iterable, **options: Any) -> Iterable:
    return progress(items, **options)


def follow(args: argparse.Namespace, steps: Any, plan: 'Plan') -> Path:
    """Train with a live line."""
    done = 0
    with counter('Training', plan.num_steps, unit='steps') as count:
        def on_step(number: int, loss: float) -> None:
            nonlocal done
            if number > done:
                count(number - done, number - done)
                done = number

        def on_evaluation(epoch: int, ap: float) -> None:
            print(f'epoch {epoch} of {plan.epochs}: AP {100 * ap:.1f} on the validation images', flush=True)

        try:
            checkpoint = steps.train_it(args.out, plan, on_step, on_evaluation)
        except RuntimeError as error:
            raise CommandError(UNUSABLE, str(error)) from None
    epochs = steps.trained_epochs(args.out)
    if epochs < plan.epochs:
        print(f'stopped after {epochs} of {plan.epochs} epochs, since AP did not grow any more')
    return checkpoint


def report_problems(args: argparse.Namespace, reports: 'Dict[str, Report]') -> int:
    """What was found in the data."""
    from ..datasets.checking import KINDS
    table(('split', 'problem', 'found', 'for example'),
          [(split, kind, str(found.counts[kind]), found.examples[kind][0]) for split, found in reports.items()
           for kind in KINDS if kind in found.counts])
    for kind in dict.fromkeys(kind for found in reports.values() for kind in found.counts):
        print(f'  {kind}: {KINDS[kind]}')
    warn('finetune', f'nothing was trained: mend {args.labels}, or --fix does what is said above and trains')
    return FOUND


def report(args: argparse.Namespace, numbers: Dict[str, Any], started: float) -> int:
    """What came of it, and what comes next."""
    model, average = numbers['model'], numbers['average_position']
    table(('keypoint', 'labelled', 'median error, px', 'PCK@0.2', 'of the average position'), [
        (name, str(one['labelled']), f'{one["median_px"]:.1f}', f'{100 * one["pck"]:.1f}',
         f'{100 * average["keypoints"][name]["pck"]:.1f}') for name, one in model['keypoints'].items()])
    out = args.out
    print(f'AP {100 * model["AP"]:.1f}, PCK@0.2 {100 * model["PCK@0.2"]:.1f} on the validation images, after '
          f'{(time.time() - started) / 60:.1f} min')
    print(f'{out / "README.md"}, {out / "pck.png"}, {out / "worst.png"}: how good it is')
    print(f'rampose predict IMAGES --config {out / "model.onnx"} --boxes FILE    (or --detector NAME, or '
          '--whole-image where one object fills each image)')
    print(f'mim train mmpose {out / "config.py"}    trains the same with MMPose')
    return DONE
