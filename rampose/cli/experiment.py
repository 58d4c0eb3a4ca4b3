"""example:
  rampose experiment configs/experiments/lspet-128x96.py --out work_dirs/lspet --jobs 2

A plan names configs, seeds and comparisons. Each run is `mim train mmpose`. FOLDER gets, after every run, results.json,
page.md with the tables, and comparison.png. Called again, the command resumes where it was stopped; nothing that is in
results.json is trained again. docs/evidence.md is made by it.
"""

import argparse
import contextlib
import signal
import sys
from pathlib import Path

from .console import status, warn
from .statuses import DONE, FOUND, STOPPED, before_the_work, unusable, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('plan', type=Path, metavar='PLAN', help='such as configs/experiments/lspet-128x96.py')
    parser.add_argument('--out', type=Path, metavar='FOLDER',
                        help='for results, page and plot (default: work_dirs/experiments/PLAN)')
    parser.add_argument('--work-dir', type=Path, metavar='FOLDER',
                        help='for the trainings (default: work_dirs/experiments/PLAN)')
    parser.add_argument('--jobs', type=int, default=1, metavar='N',
                        help='trainings at a time; each gets its share of the cores, GPUs they share (default: 1)')
    parser.add_argument('--only', nargs='+', default=[], metavar='NAME',
                        help='train these candidates of the plan alone')
    parser.add_argument('--gpus', type=int, metavar='N',
                        help='GPUs of each training, by `--launcher pytorch` (default: one, or the CPU)')
    parser.add_argument('--report', action='store_true', help='write page and plot of what is done; train nothing')


def run(args: argparse.Namespace) -> int:
    if args.jobs < 1:
        args.parser.error(f'got --jobs {args.jobs}; needed is at least 1')
    default = Path('work_dirs/experiments') / args.plan.stem
    out, work_dir = args.out or default, args.work_dir or default
    with before_the_work():
        import logging

        from mmengine.logging import MMLogger

        # MMEngine prints each layer of a converted model otherwise.
        MMLogger.get_instance('rampose', log_level=logging.ERROR)
        from ..core.files import check_writable, written_whole
        from ..lab.experiments.page import page
        from ..lab.experiments.plan import read_plan
        from ..lab.experiments.results import Results
        from ..lab.experiments.running import Experiment
        from ..lab.plots import plot_experiment
    # An end that is asked for ends the trainings, too.
    for name in ('SIGTERM', 'SIGHUP'):  # the latter is not known to Windows
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup's
            signal.signal(number, lambda *_: sys.exit(STOPPED))
    command = f'rampose experiment {args.plan}' + f' --gpus {args.gpus}' * bool(args.gpus)

    def report() -> None:
        with written_whole(out / 'page.md') as file:
            file.write(page(plan, results, command).encode())
        with written_whole(out / 'comparison.png') as file:
            plot_experiment(plan, results).savefig(file, format='png', dpi=130)

    try:
        plan = read_plan(args.plan)
        check_writable(out / 'results.json')
        results = Results(out / 'results.json', plan)
        unknown = sorted(set(args.only) - set(plan.candidates))
        if unknown:
            raise ValueError(f'got --only {unknown[0]}; the candidates of {args.plan} are {", ".join(plan.candidates)}')
    except Exception as error:  # a plan and its configs are Python, and may raise anything
        ours = isinstance(error, (ValueError, OSError))
        raise unusable(str(error) if ours else f'{args.plan}: {error!r}') from error
    if results.beyond_the_plan():
        warn('experiment', f'{results.path} also holds {"; ".join(results.beyond_the_plan())}, which {args.plan} does '
                           'not ask for')
    failures = {}
    if not args.report:
        experiment = Experiment(plan, results, work_dir, args.jobs, args.only, args.gpus)
        try:
            with status('starting') as say:

                def on_change(line: str) -> None:
                    print(line, flush=True)
                    if len(results):
                        with contextlib.suppress(OSError):  # a full disk does not end the trainings; see the last one
                            report()

                failures = experiment.run(on_change, say)
        except KeyboardInterrupt:
            print('stopped; the same command resumes from the last checkpoints')
            return STOPPED
        except ValueError as error:
            raise unusable(str(error)) from error
    for name, reason in failures.items():
        warn('experiment', f'{name}: {reason}')
    if not len(results):
        warn('experiment', f'{results.path} holds no result')
        return FOUND
    with writing('make room; --report writes the page alone'):
        report()
    print(f'{out}/page.md, comparison.png, results.json')
    return FOUND if failures else DONE
