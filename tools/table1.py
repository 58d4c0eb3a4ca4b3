"""The paper's Table 1: what it reports, and beside it what is counted and timed here, of every system on one code path.

    python tools/table1.py [--rows SYSTEM ...] [--sizes 256x192 384x288] [--rounds 20] [--out FOLDER]

All weights are random: they decide neither parameters, nor multiply-adds, nor times. AP is as reported by the paper;
nothing is trained or evaluated. A time is that of one person's crop through the network in PyTorch eager, without flip
test: the median over rounds in which every system has its turn, and in brackets the quartiles.
"""

import argparse
import sys
from pathlib import Path
from typing import Dict, List, Optional

ROOT = Path(__file__).resolve().parents[1]
BASELINE = 'hrnet-w32'
# Of the table that people read; the CSV has a column for each number.
COLUMNS = ('system', 'input (h x w)', 'parameters, M', 'multiply-adds / 2^30', 'CPU time, ms', 'CPU time / HRNet W32',
           'GPU time, ms', 'AP reported: val, test-dev')


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    from rampose.lab.table1 import SIZES, SYSTEMS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', nargs='+', default=list(SYSTEMS), choices=SYSTEMS, metavar='SYSTEM',
                        help=f'default: all, {" ".join(SYSTEMS)}')
    parser.add_argument('--sizes', nargs='+', default=list(SIZES), choices=SIZES, metavar='HxW',
                        help=f'default: both, {" ".join(SIZES)}')
    parser.add_argument('--rounds', type=int, default=20, help='rounds that are timed (default: 20; 0 times nothing)')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='folder for table1.md, table1.csv and table1.png')
    args = parser.parse_args(argv)
    if args.rounds < 0:
        parser.error(f'got --rounds {args.rounds}; needed is at least 0')
    try:
        from rampose.lab.table1 import choose
        args.chosen = choose(args.rows, args.sizes)
    except ValueError as error:
        parser.error(str(error))
    return args


def as_record(row, cost, cpu, gpu) -> Dict[str, object]:
    """A line of the CSV: what the paper reports and what was measured; empty where there is nothing."""
    record = dict(
        system=row.title, size=row.size, config=row.config,
        parameters_paper=row.parameters, parameters_here=round(cost.parameters / 1e6, 2),
        multiply_adds_paper=row.gflops, multiply_adds_here=round(cost.paper_gflops, 3))
    for device, reported, measured in (('cpu', row.cpu_ms, cpu), ('gpu', row.gpu_ms, gpu)):
        quartiles = measured.quartiles if measured else (None, None)
        record[f'{device}_ms_paper'] = reported
        for name, value in zip(('', '_quartile_1', '_quartile_3'), (measured and measured.median, *quartiles)):
            record[f'{device}_ms_here{name}'] = round(1e3 * value, 2) if value else None
    record.update(ap_val_reported=row.ap_val, ap_test_dev_reported=row.ap_test_dev)
    return record


def add_ratios(records: List[Dict[str, object]], chosen: List) -> None:
    """CPU times relative to HRNet-W32 at the same size, the paper's and ours; machines differ less in these."""
    for key in ('cpu_ms_paper', 'cpu_ms_here'):
        baseline = {row.size: record[key] for row, record in zip(chosen, records) if row.system == BASELINE}
        for record in records:
            known = record[key] and baseline.get(record['size'])
            record[key.replace('ms', 'ratio')] = round(record[key] / baseline[record['size']], 2) if known else None


def cells(record: Dict[str, object]) -> List[str]:
    """A line of the table: the paper's value, then ours."""
    def both(paper, here) -> str:
        return f'{"-" if paper is None else paper} / {"-" if here is None else here}'

    def time(device: str) -> str:
        here = [record[f'{device}_ms_here{which}'] for which in ('', '_quartile_1', '_quartile_3')]
        digits = 0 if here[0] and here[0] >= 10 else 1
        spread = '{:.{d}f} ({:.{d}f} - {:.{d}f})'.format(*here, d=digits) if here[0] else None
        return both(record[f'{device}_ms_paper'], spread)

    aps = [record[key] for key in ('ap_val_reported', 'ap_test_dev_reported')]
    return [record['system'], record['size'], both(record['parameters_paper'], f'{record["parameters_here"]:.2f}'),
            both(record['multiply_adds_paper'], f'{record["multiply_adds_here"]:.3f}'), time('cpu'),
            both(record['cpu_ratio_paper'], record['cpu_ratio_here']), time('gpu'),
            ', '.join('-' if ap is None else str(ap) for ap in aps)]


def as_markdown(records: List[Dict[str, object]], where: str) -> str:
    lines = [f'Paper / here. Here: {where}. AP: reported by the paper, not measured here.', '']
    lines += ['| ' + ' | '.join(line) + ' |' for line in (COLUMNS, ['---'] * len(COLUMNS), *map(cells, records))]
    return '\n'.join(lines) + '\n'


def show(records: List[Dict[str, object]], console) -> None:
    from rich.table import Table
    table = Table(title='Table 1: paper / here')
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify='left' if number < 2 else 'right', no_wrap=number < 2)
    for record in records:
        table.add_row(*cells(record))
    console.print(table)
    console.print('AP: reported by the paper, not measured here.')


def write(out: Path, records: List[Dict[str, object]], where: str) -> None:
    """table1.md, table1.csv and table1.png."""
    from rampose.core.files import write_csv, written_whole
    from rampose.lab.plots import plot_table1
    write_csv(out / 'table1.csv', records)
    with written_whole(out / 'table1.md') as file:
        file.write(as_markdown(records, where).encode())
    with written_whole(out / 'table1.png') as file:
        plot_table1(records, where).savefig(file, format='png', dpi=120)


def main() -> int:
    args = parse_args()
    import logging
    import warnings
    from functools import partial

    import torch
    from mmengine.logging import MMLogger
    from rich.console import Console
    from rich.progress import track
    warnings.simplefilter('ignore')  # of the libraries
    MMLogger.get_instance('rampose', log_level=logging.ERROR)

    import rampose.plugin  # noqa: F401
    from rampose.lab import table1
    from rampose.lab.machine import describe_machine
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    has_gpu = torch.cuda.is_available()
    where = f'{args.rounds} rounds on ' + describe_machine() + (f'; {torch.cuda.get_device_name()}' if has_gpu else '')
    console.print(f'{where}, random weights')

    models = {row: table1.build(row, ROOT / 'configs')
              for row in track(args.chosen, 'Building', console=console)}
    costs = {row: table1.cost(row, model) for row, model in models.items()}
    times = {}
    for device in (['cpu', 'cuda'] if has_gpu else ['cpu']) if args.rounds else []:
        progress = partial(track, description=f'Timing ({device})', console=console)
        times[device] = table1.latencies(models, args.rounds, device, progress)
    records = [as_record(row, costs[row], *(times.get(device, {}).get(row) for device in ('cpu', 'cuda')))
               for row in args.chosen]
    add_ratios(records, args.chosen)
    show(records, console)
    if args.out:
        try:
            write(args.out, records, where)
        except OSError as error:
            print(f'table1.py: {args.out} cannot be written: {error}', file=sys.stderr)
            return 2
        console.print(f'{args.out}/table1.md, {args.out}/table1.csv, {args.out}/table1.png')
    return 0


if __name__ == '__main__':
    sys.exit(main())
