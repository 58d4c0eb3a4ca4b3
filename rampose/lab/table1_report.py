"""Table 1 as people read it, and as a CSV."""

from pathlib import Path
from typing import Any, Dict, List

from ..core.files import write_csv, written_whole
from .plots import plot_table1

BASELINE = 'hrnet-w32'
# Of the table that people read; the CSV has a column for each number.
COLUMNS = ('system', 'input (h x w)', 'parameters, M', 'multiply-adds / 2^30', 'CPU time, ms', 'CPU time / HRNet W32',
           'GPU time, ms', 'AP reported: val, test-dev')


def as_record(row: Any, cost: Any, cpu: Any, gpu: Any) -> Dict[str, object]:
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
    def both(paper: Any, here: Any) -> str:
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


def write(out: Path, records: List[Dict[str, object]], where: str) -> None:
    """table1.md, table1.csv and table1.png."""
    write_csv(out / 'table1.csv', records)
    with written_whole(out / 'table1.md') as file:
        file.write(as_markdown(records, where).encode())
    with written_whole(out / 'table1.png') as file:
        plot_table1(records, where).savefig(file, format='png', dpi=120)
