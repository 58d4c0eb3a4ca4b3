"""examples:
  rampose table1
  rampose table1 --rows hrnet-w32 ours-w32 --sizes 256x192 --out work_dirs/table1

All weights are random: they decide neither parameters, nor multiply-adds, nor times. AP is as reported by the paper;
nothing is trained or evaluated. A time is that of one person's crop through the network in PyTorch eager, without flip
test: the median over rounds in which every system has its turn, and in brackets the quartiles.
"""

import argparse
from pathlib import Path

from .console import progress, table
from .statuses import DONE, before_the_work, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--rows', nargs='+', metavar='SYSTEM', help='default: all')
    parser.add_argument('--sizes', nargs='+', metavar='HxW', help='default: both, 256x192 384x288')
    parser.add_argument('--rounds', type=int, default=20, help='rounds that are timed (default: 20; 0 times nothing)')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='folder for table1.md, table1.csv and table1.png')


def run(args: argparse.Namespace) -> int:
    if args.rounds < 0:
        args.parser.error(f'got --rounds {args.rounds}; needed is at least 0')
    with before_the_work():
        import logging

        import torch
        from mmengine.logging import MMLogger
        MMLogger.get_instance('rampose', log_level=logging.ERROR)
        from .. import models as registered  # noqa: F401
        from ..core.package import shipped
        from ..lab import table1
        from ..lab.machine import describe_machine
        from ..lab.table1_report import COLUMNS, add_ratios, as_record, cells, write
    for name, given, known in (('rows', args.rows, table1.SYSTEMS), ('sizes', args.sizes, table1.SIZES)):
        unknown = sorted(set(given or ()) - set(known))
        if unknown:
            args.parser.error(f'got --{name} {unknown[0]}; known are {" ".join(known)}')
    try:
        chosen = table1.choose(args.rows or table1.SYSTEMS, args.sizes or table1.SIZES)
    except ValueError as error:
        args.parser.error(str(error))
    has_gpu = torch.cuda.is_available()
    where = f'{args.rounds} rounds on ' + describe_machine() + (f'; {torch.cuda.get_device_name()}' if has_gpu else '')
    print(f'{where}, random weights')

    models = {row: table1.build(row, shipped('configs')) for row in progress(chosen, description='Building')}
    costs = {row: table1.cost(row, model) for row, model in models.items()}
    times: dict = {}
    for device in (['cpu', 'cuda'] if has_gpu else ['cpu']) if args.rounds else []:
        title = f'Timing ({device})'
        times[device] = table1.latencies(models, args.rounds, device,
                                         lambda rounds, title=title: progress(rounds, description=title))
    records = [as_record(row, costs[row], *(times.get(device, {}).get(row) for device in ('cpu', 'cuda')))
               for row in chosen]
    add_ratios(records, chosen)
    table(COLUMNS, [cells(record) for record in records], 'Table 1: paper / here', left=2)
    print('AP: reported by the paper, not measured here.')
    if args.out:
        with writing('make room, or name another folder by --out'):
            write(args.out, records, where)
        print(f'{args.out}/table1.md, {args.out}/table1.csv, {args.out}/table1.png')
    return DONE
