"""An experiment's results as Markdown."""

from typing import List, Optional

from .comparison import CONFIDENCE, mean_and_std, paired_difference
from .plan import Plan
from .results import Results


def table(plan: Plan, results: Results) -> str:
    """A row for each candidate: mean and standard deviation of the metrics after the last epoch and at their best."""
    metrics = list(plan.metrics)
    first = metrics[0]
    head = ['', 'runs', *metrics, f'best {first}', 'epochs', 'minutes a run']
    rows = []
    for name, candidate in plan.candidates.items():
        done = results.of(name)
        if not done:
            rows.append([candidate.title, f'0 of {len(candidate.seeds)}', *['-'] * (len(head) - 2)])
            continue
        number = len(done) if len(done) == len(candidate.seeds) else f'{len(done)} of {len(candidate.seeds)}'
        rows.append([candidate.title, str(number),
                     *(_with_spread(list(results.values(name, metric).values())) for metric in metrics),
                     _with_spread(list(results.values(name, first, 'best').values())),
                     str(max(result.curve[-1]['epoch'] for result in done.values())),
                     f'{mean_and_std([result.minutes for result in done.values()])[0]:.1f}'])
    return _markdown(head, rows)


def differences(plan: Plan, results: Results) -> str:
    """A row for each comparison: the mean difference of each metric, its interval, and whether it is within noise."""
    metrics = list(plan.metrics)
    head = ['', 'pairs', *(f'{metric} ({CONFIDENCE:.0%} interval)' for metric in metrics), f'by {metrics[0]}']
    rows = []
    for a, b in plan.comparisons:
        found = [paired_difference(results.values(a, metric), results.values(b, metric)) for metric in metrics]
        title = f'{plan.candidates[a].title} - {plan.candidates[b].title}'
        if found[0] is None:
            rows.append([title, '0', *['-'] * len(metrics), '-'])
            continue
        cells = [f'{_signed(difference.mean)} {_interval(difference.interval)}' for difference in found]
        verdict = 'within noise' if found[0].within_noise else 'more' if found[0].mean > 0 else 'less'
        rows.append([title, str(found[0].num_pairs), *cells, verdict])
    return _markdown(head, rows)


def page(plan: Plan, results: Results, command: str) -> str:
    """The whole page: tables, plots, how it came about."""
    done = [result for name in plan.candidates for result in results.of(name).values()]
    hours = sum(result.minutes for result in done) / 60
    machines = ', '.join(dict.fromkeys(result.machine for result in done))
    commits = ', '.join(dict.fromkeys(result.commit for result in done))
    how = (f'Command: `{command}`. {len(done)} of {len(plan.runs())} runs, {hours:.1f} hours of training steps in all. '
           f'Commits: {commits}. On: {machines}.')
    return f"""# {plan.title}

Measured, metrics x 100 after the last epoch: mean ± sample standard deviation over the seeds. "Best" is the best of a
run's validations, which flatters all alike.

{table(plan, results)}
Differences of runs with the same seed, which saw the same samples in the same order; intervals by Student's t over the
pairs. "Within noise": the interval holds 0, or there is a single pair.

{differences(plan, results)}
![Every run, and curves against epochs](comparison.png)

{how}
"""


def _with_spread(values: List[float]) -> str:
    mean, std = mean_and_std(values)
    return f'{100 * mean:.2f}' + (f' ± {100 * std:.2f}' if std is not None else '')


def _signed(value: float) -> str:
    return f'{100 * value:+.2f}'


def _interval(interval: Optional[tuple]) -> str:
    return f'({_signed(interval[0])} to {_signed(interval[1])})' if interval else '(no interval)'


def _markdown(head: List[str], rows: List[List[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return ''.join('| ' + ' | '.join(line) + ' |\n' for line in lines)
