"""Train the configs of a plan with several seeds, and say what their differences are worth.

    python tools/experiment.py PLAN [--out FOLDER] [--jobs N]

A plan (configs/experiments/) names configs, seeds and comparisons. Each run is `mim train mmpose`. FOLDER gets, after
every run, results.json, page.md with the tables, and comparison.png. Called again, the command goes on where it was
stopped; nothing that is in results.json is trained again. docs/evidence.md is made by it.

Exit status: 0 all runs are done; 1 a run failed; 2 the call or the plan cannot be used; 130, 143 or 129 stopped, by
Ctrl-C, SIGTERM, or because the terminal is gone.
"""

import argparse
import contextlib
import signal
import sys
import warnings
from pathlib import Path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f'got --jobs {args.jobs}; needed is at least 1')
    default = Path('work_dirs/experiments') / args.plan.stem
    args.out, args.work_dir = args.out or default, args.work_dir or default
    return args


def main() -> int:
    args = parse_args()
    warnings.simplefilter('ignore')  # of the libraries
    import logging

    from mmengine.logging import MMLogger
    from rich.console import Console

    MMLogger.get_instance('rampose', log_level=logging.ERROR)  # or MMEngine prints each layer of a converted model

    from rampose.core.files import check_writable, written_whole
    from rampose.lab.experiments.page import page
    from rampose.lab.experiments.plan import read_plan
    from rampose.lab.experiments.results import Results
    from rampose.lab.experiments.running import Experiment
    from rampose.lab.plots import plot_experiment
    console = Console(highlight=False, soft_wrap=True)
    # An end that is asked for ends the trainings, too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup's
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    command = f'python tools/experiment.py {args.plan}' + f' --gpus {args.gpus}' * bool(args.gpus)

    def report() -> None:
        with written_whole(args.out / 'page.md') as file:
            file.write(page(plan, results, command).encode())
        with written_whole(args.out / 'comparison.png') as file:
            plot_experiment(plan, results).savefig(file, format='png', dpi=130)

    try:
        plan = read_plan(args.plan)
        check_writable(args.out / 'results.json')
        results = Results(args.out / 'results.json', plan)
        unknown = sorted(set(args.only) - set(plan.candidates))
        if unknown:
            raise ValueError(f'got --only {unknown[0]}; the candidates of {args.plan} are {", ".join(plan.candidates)}')
    except Exception as error:  # a plan and its configs are Python, and may raise anything
        ours = isinstance(error, (ValueError, OSError))
        print(f'experiment.py: {error if ours else f"{args.plan}: {error!r}"}', file=sys.stderr)
        return 2
    if results.beyond_the_plan():
        print(f'experiment.py: {results.path} also holds {"; ".join(results.beyond_the_plan())}, which '
              f'{args.plan} does not ask for', file=sys.stderr)
    failures = {}
    if not args.report:
        experiment = Experiment(plan, results, args.work_dir, args.jobs, args.only, args.gpus)
        try:
            with console.status('starting') as status:

                def on_change(line: str) -> None:
                    console.print(line)
                    if len(results):
                        with contextlib.suppress(OSError):  # a full disk does not end the trainings; see the last one
                            report()

                failures = experiment.run(on_change, status.update)
        except KeyboardInterrupt:
            console.print('stopped; the same command goes on from the last checkpoints')
            return 130
        except ValueError as error:
            print(f'experiment.py: {error}', file=sys.stderr)
            return 2
    for name, reason in failures.items():
        print(f'experiment.py: {name}: {reason}', file=sys.stderr)
    if not len(results):
        print(f'experiment.py: {results.path} holds no result', file=sys.stderr)
        return 1
    try:
        report()
    except OSError as error:
        print(f'experiment.py: the page could not be written: {error}; --report writes it', file=sys.stderr)
        return 1
    console.print(f'{args.out}/page.md, comparison.png, results.json')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
