"""What a comparison says, in sentences and tables that every output shares."""

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

DASH = '-'
METRICS = ('AP', 'AP50', 'AP75', 'AP (M)', 'AP (L)', 'AR')


@dataclass(frozen=True)
class Table:
    """A table of texts, its first column the row's name."""
    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def percent(value: float) -> str:
    """A share in percent, one decimal; a dash where there is none."""
    return DASH if value != value else f'{100 * value:.1f}'


def signed(value: float) -> str:
    """A difference of shares in percent points, with its sign."""
    return DASH if value != value else f'{100 * value:+.1f}'


def verdict(pair: Dict[str, Any]) -> str:
    """Which of two models is better by AP, in a sentence."""
    a, b = pair['models']
    of_ap = pair['metrics']['AP']
    low, high = of_ap['interval']
    if low <= 0 <= high or low != low:
        return (f'No clear difference between {a} and {b}: AP {signed(of_ap["difference"])} '
                f'(95 % interval {signed(low)} to {signed(high)}).')
    better, worse, sign = (a, b, 1) if low > 0 else (b, a, -1)
    bounds = sorted(sign * value for value in (low, high))
    return (f'{better} is better than {worse} by {percent(sign * of_ap["difference"])} AP '
            f'(95 % interval {percent(bounds[0])} to {percent(bounds[1])}).')


def tables(report: Dict[str, Any]) -> List[Table]:
    """All tables of a comparison."""
    models, pairs = report['models'], report['pairs']

    def with_interval(entry: Dict[str, Any]) -> str:
        return f'{percent(entry["value"])} ({percent(entry["interval"][0])} to {percent(entry["interval"][1])})'

    made = [Table('Models', 'AP and AR are COCO\'s, in percent, with 95 % intervals; '
                  f'{report["pck"]} is the share of keypoints within 20 % of the box\'s longer side.',
                  ['model', *METRICS, report['pck'], 'people found'],
                  [[name, *(with_interval(one['metrics'][key]) for key in METRICS), percent(one['pck']),
                    f'{one["found"]} of {report["people"]}'] for name, one in models.items()])]
    costs = ('parameters_m', 'multiply_adds', 'file_mb', 'ms_a_person', 'memory_mb')
    if any(one.get('facts') for one in models.values()):
        made.append(Table('Cost', 'Speed from image to keypoints, models in turns, and the memory of a process with '
                          'the model alone, on the machine that compared them.',
                          ['model', 'parameters (M)', 'multiply-adds / 2^30', 'file (MB)', 'ms a person',
                           'memory (MB)'],
                          [[name, *(str(one.get('facts', {}).get(key, DASH)) for key in costs)]
                           for name, one in models.items()]))
    if pairs:
        made.append(Table(
            'Differences', 'First minus second, in percent points, with 95 % intervals from a paired bootstrap over '
            'images; won and lost: people, and in brackets images, whose OKS differs by more than 0.1.',
            ['first', 'second', *METRICS, 'won', 'lost', 'alike'],
            [[*pair['models'], *(
                f'{signed(pair["metrics"][key]["difference"])} ({signed(pair["metrics"][key]["interval"][0])} to '
                f'{signed(pair["metrics"][key]["interval"][1])})' for key in METRICS),
              *(f'{pair["people"][key]} ({pair["images"][key]})' for key in ('won', 'lost', 'alike'))]
             for pair in pairs]))
        kinds = list(pairs[0]['errors'])
        made.append(Table('Changes of errors', 'First minus second, in percent points of the labelled keypoints.',
                          ['first', 'second', *kinds],
                          [[*pair['models'], *(signed(pair['errors'][kind]) for kind in kinds)] for pair in pairs]))
    kinds = list(next(iter(models.values()))['errors'])
    made.append(Table(
        'Errors', 'Share of the labelled keypoints of people found, in percent. Good: similarity (one term of OKS) of '
        'at least 0.85; jitter: at least 0.5; inversion: the other side\'s keypoint; swap: another person\'s; miss: '
        'none of them.', ['model', *kinds],
        [[name, *(percent(one['errors'][kind]['share']) for kind in kinds)] for name, one in models.items()]))
    steps = list(next(iter(models.values()))['oracle'])
    made.append(Table(
        'What errors cost', 'AP if one kind of error were mended, and in brackets if those before it were, too. With '
        'all mended it is 100.', ['model', 'as it is', *steps],
        [[name, percent(one['metrics']['AP']['value']), *(
            f'{percent(one["oracle"][step]["alone"])} ({percent(one["oracle"][step]["together"])})' for step in steps)]
         for name, one in models.items()]))
    made.append(Table(
        'Keypoints', f'{report["pck"]} in percent, and in brackets the median error in px.',
        ['keypoint', 'labelled', *models],
        [[first['name'], str(first['labelled']), *(
            f'{percent(one["keypoints"][k]["pck"])} ({one["keypoints"][k]["median_px"]:.1f})'
            for one in models.values())] for k, first in enumerate(next(iter(models.values()))['keypoints'])]))
    made.append(Table(
        'People', 'Mean OKS in percent, and in brackets the share of people with an OKS of at least 0.5.',
        ['people', 'number', *models],
        [[first['name'], str(first['people']), *(
            f'{percent(one["groups"][g]["oks"])} ({percent(one["groups"][g]["recall50"])})' for one in models.values())]
         for g, first in enumerate(next(iter(models.values()))['groups'])]))
    return made


def markdown(report: Dict[str, Any]) -> str:
    """The comparison as Markdown."""
    def cell(text: str) -> str:
        return text.replace('|', '\\|').replace('<', '&lt;').replace('\n', ' ')

    parts = ['# Comparison', '', *(f'- {cell(verdict(pair))}' for pair in report['pairs']), '',
             f'{report["people"]} people in {report["images"]} images, {len(report["keypoints"])} keypoints, '
             f'{report["resamples"]} resamples.']
    for table in tables(report):
        parts += ['', f'## {table.title}', '', table.note, '', '| ' + ' | '.join(map(cell, table.columns)) + ' |',
                  '| --- ' + '| ---: ' * (len(table.columns) - 1) + '|',
                  *('| ' + ' | '.join(map(cell, row)) + ' |' for row in table.rows)]
    return '\n'.join(parts) + '\n'
