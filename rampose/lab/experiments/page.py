"""An experiment's results as Markdown."""

from typing import Dict, List

from .comparison import CONFIDENCE, Difference, mean_and_std, paired_difference
from .plan import Plan
from .results import Results


def table(plan: Plan, results: Results) -> str:
    """A row for each candidate: mean and standard deviation of the metrics after the last epoch and at their best."""
    metrics = list(plan.metrics)
    first = metrics[0]
    head = ['', 'runs', *metrics, f'best {first}', 'training loss', 'epochs', 'minutes a run']
    rows = []
    for name, candidate in plan.candidates.items():
        done = results.of(name)
        if not done:
            rows.append([candidate.title, f'0 of {len(candidate.seeds)}', *['-'] * (len(head) - 2)])
            continue
        number = len(done) if len(done) == len(candidate.seeds) else f'{len(done)} of {len(candidate.seeds)}'
        rows.append([candidate.title, str(number),
                     *(_with_spread(results.values(name, metric), results.scale(metric)) for metric in metrics),
                     _with_spread(results.values(name, first, 'best'), results.scale(first)),
                     f'{mean_and_std(list(results.losses(name).values()))[0]:.4g}',
                     str(max(result.curve[-1]['epoch'] for result in done.values())),
                     f'{mean_and_std([result.minutes for result in done.values()])[0]:.1f}'])
    return _markdown(head, rows)


def differences(plan: Plan, results: Results) -> str:
    """A row for each comparison: mean differences, their intervals, and whether the first metric's is within noise."""
    metrics = list(plan.metrics)
    interval = f'({CONFIDENCE:.0%} interval)'
    head = ['', 'pairs', *(f'{metric} {interval}' for metric in metrics), f'by {metrics[0]}',
            f'training loss, % {interval}']
    rows = []
    for a, b in plan.comparisons:
        found = [paired_difference(results.values(a, metric), results.values(b, metric)) for metric in metrics]
        title = f'{plan.candidates[a].title} - {plan.candidates[b].title}'
        if found[0] is None:
            rows.append([title, '0', *['-'] * (len(metrics) + 2)])
            continue
        cells = [_with_interval(difference, results.scale(metric)) for difference, metric in zip(found, metrics)]
        losses, others = results.losses(a), results.losses(b)
        ratios = {seed: losses[seed] / others[seed] for seed in set(losses) & set(others)}
        loss = _with_interval(paired_difference(ratios, dict.fromkeys(ratios, 1.)), 100)
        verdict = ('one pair' if found[0].interval is None else 'within noise' if found[0].within_noise else
                   'more' if found[0].mean > 0 else 'less')
        rows.append([title, str(found[0].num_pairs), *cells, verdict, loss])
    return _markdown(head, rows)


def page(plan: Plan, results: Results, command: str) -> str:
    """The whole page: tables, plots, how it came about.

    Args:
        plan: The plan.
        results: What is done of it.
        command: By which.
    """
    done = [result for name in plan.candidates for result in results.of(name).values()]
    hours = sum(result.minutes for result in done) / 60
    machines = ', '.join(dict.fromkeys(result.machine for result in done))
    commits = ', '.join(dict.fromkeys(result.commit for result in done))
    how = (f'Command: `{command}`. {len(done)} of {len(plan.runs())} runs, {hours:.1f} hours of training steps in all. '
           f'Commits: {commits}. On: {machines}.')
    return f"""# {plan.title}

Measured after the last epoch: mean ± sample standard deviation over the seeds; metrics that are fractions, x 100.
"Best" is the best of a run's validations, which flatters all alike. The training loss is the mean of the last epoch.

{table(plan, results)}
Differences of runs with the same seed, which under rampose's configs saw the same samples in the same order; intervals
by Student's t over the pairs. "Within noise": the interval holds 0. Losses compare only
where both were trained on the same crops.

{differences(plan, results)}
![Every run, and curves against epochs](comparison.png)

{how}
"""


def _with_spread(values: Dict[int, float], scale: int) -> str:
    mean, std = mean_and_std(list(values.values()))
    return f'{scale * mean:.2f}' + (f' ± {scale * std:.2f}' if std is not None else '')


def _with_interval(difference: Difference, scale: int) -> str:
    interval = ('(no interval)' if difference.interval is None else
                f'({scale * difference.interval[0]:+.2f} to {scale * difference.interval[1]:+.2f})')
    return f'{scale * difference.mean:+.2f} {interval}'


def _markdown(head: List[str], rows: List[List[str]]) -> str:
    lines = [head, ['---'] * len(head), *rows]
    return ''.join('| ' + ' | '.join(line) + ' |\n' for line in lines)
