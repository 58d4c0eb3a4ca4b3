"""A comparison as one HTML file that needs no network."""

import base64
import io
from html import escape
from typing import Any, Dict, List, Optional, Sequence, Tuple

import cv2
import numpy as np
from matplotlib.figure import Figure

from ...core.pose_result import PoseResult
from ...prediction.drawing import PosePainter
from .comparison import SHOWN, Comparison
from .text import Table, markdown, percent, tables, verdict

__all__ = ['html_page', 'markdown']

TILE = 240  # px, the height of a drawing
COLORS = ('#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#999999')  # Okabe and Ito's
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem 0.7rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { position: sticky; top: 0; }
th button { all: unset; cursor: pointer; font-weight: bold; }
th button:focus-visible { outline: 2px solid; }
th[aria-sort=ascending] button::after { content: " \\25B2"; }
th[aria-sort=descending] button::after { content: " \\25BC"; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
.people { display: flex; flex-wrap: wrap; gap: 1rem; }
.people figure { margin: 0; padding: 0.5rem; background: var(--soft); border-radius: 0.4rem; }
.people img { height: 15rem; display: block; } .pair { display: flex; gap: 0.3rem; }
figcaption, .note { font-size: 0.85rem; opacity: 0.85; }
"""
SCRIPT = """
for (const table of document.querySelectorAll('table')) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild.addEventListener('click', () => {
    const down = head.getAttribute('aria-sort') === 'descending';
    heads.forEach(other => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', down ? 'ascending' : 'descending');
    const value = row => { const text = row.cells[column].textContent; const number = parseFloat(text);
                           return isNaN(number) ? text : number; };
    [...table.tBodies[0].rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      const order = typeof x === typeof y ? (x < y ? -1 : x > y ? 1 : 0) : typeof x === 'number' ? 1 : -1;
      return down ? order : -order;
    }).forEach(row => table.tBodies[0].append(row));
  }));
}
"""


def html_page(comparison: Comparison, images: Optional[Any] = None) -> str:
    """The report.

    Args:
        comparison: What was measured.
        images: Gives the image ``(h, w, 3)`` uint8 BGR of a number. Default: None, skeletons are drawn on white.
    """
    report = comparison.report
    verdicts = ''.join(f'<li>{escape(verdict(pair))}</li>' for pair in report['pairs'])
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Comparison of pose models</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">', f'<style>{STYLE}</style></head><body>',
        '<main><h1>Comparison of pose models</h1>', f'<ul>{verdicts}</ul>' if verdicts else '',
        f'<p>{report["people"]} labelled people in {report["images"]} images, {len(report["keypoints"])} keypoints. '
        f'Intervals come from {report["resamples"]} resamples of the images. '
        'A click on a column\'s head sorts a table.</p>']
    plots = {'Errors': _errors_plot, 'Keypoints': _keypoints_plot, 'What errors cost': _oracle_plot}
    for table in tables(report):
        parts.append(f'<section><h2>{escape(table.title)}</h2><p class="note">{escape(table.note)}</p>'
                     + (_svg(plots[table.title](report), table.title) if table.title in plots else '')
                     + _table(table) + '</section>')
    for (a, b), order in comparison.differences.items():
        for better, worse, chosen in ((a, b, order[:SHOWN]), (b, a, order[::-1][:SHOWN])):
            drawn = [_person(comparison, number, (better, worse), images) for number in chosen
                     if comparison.people[better].oks[number] > comparison.people[worse].oks[number]]
            if drawn:
                parts.append(f'<section><h2>People on whom {escape(better)} is better than {escape(worse)}</h2>'
                             f'<div class="people">{"".join(drawn)}</div></section>')
    parts.append(f'</main><script>{SCRIPT}</script></body></html>\n')
    return '\n'.join(parts)


def _table(table: Table) -> str:
    heads = ''.join(f'<th scope="col"><button type="button">{escape(name)}</button></th>' for name in table.columns)
    rows = ''.join('<tr>' + ''.join(
        f'<th scope="row">{escape(cell)}</th>' if i == 0 else f'<td>{escape(cell)}</td>' for i, cell in enumerate(row))
        + '</tr>' for row in table.rows)
    return (f'<div class="scroll" tabindex="0"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
            '</div>')


def _svg(figure: Figure, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', transparent=True, metadata=dict(Date=None))
    text = buffer.getvalue()
    text = text[text.index('<svg'):]
    return f'<figure role="img" aria-label="{escape(title)}, as in the table below">{text}</figure>'


def _axes(width: float, height: float) -> Tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout='constrained')
    axes = figure.add_subplot()
    grey = '#808080'  # legible on light and on dark
    axes.tick_params(colors=grey)
    axes.spines[['top', 'right']].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(grey)
    axes.xaxis.label.set_color(grey)
    axes.yaxis.label.set_color(grey)
    return figure, axes


def _legend(axes: Any, **where: Any) -> None:
    axes.legend(frameon=False, labelcolor='#808080', **where)


def _errors_plot(report: Dict[str, Any]) -> Figure:
    models = report['models']
    figure, axes = _axes(9, 0.9 + 0.45 * len(models))
    left = np.zeros(len(models))
    for number, kind in enumerate(next(iter(models.values()))['errors']):
        shares = np.array([100 * one['errors'][kind]['share'] for one in models.values()])
        axes.barh(range(len(models)), shares, left=left, color=COLORS[number], label=kind)
        left += shares
    axes.set_yticks(range(len(models)), [_plain(name) for name in models])
    axes.invert_yaxis()
    axes.set_xlabel('% of labelled keypoints')
    _legend(axes, ncols=5, loc='lower center', bbox_to_anchor=(0.5, 1))
    return figure


def _keypoints_plot(report: Dict[str, Any]) -> Figure:
    models, names = report['models'], report['keypoints']
    figure, axes = _axes(9, 1.2 + 0.16 * len(names) * (1 + len(models)))
    height = 0.8 / len(models)
    for number, (name, one) in enumerate(models.items()):
        axes.barh(np.arange(len(names)) + number * height, [100 * entry['pck'] for entry in one['keypoints']], height,
                  color=COLORS[number % len(COLORS)], label=_plain(name))
    axes.set_yticks(np.arange(len(names)) + 0.4 - height / 2, [_plain(name) for name in names])
    axes.invert_yaxis()
    axes.set_xlabel(f'{report["pck"]}, %')
    _legend(axes, ncols=3, loc='lower center', bbox_to_anchor=(0.5, 1))
    return figure


def _oracle_plot(report: Dict[str, Any]) -> Figure:
    models = report['models']
    figure, axes = _axes(11, 3.2)
    for number, (name, one) in enumerate(models.items()):
        values = [one['metrics']['AP']['value'], *(step['together'] for step in one['oracle'].values())]
        axes.plot([100 * value for value in values], marker='o', color=COLORS[number % len(COLORS)], label=_plain(name))
    steps = ['as it is', *(f'+ {step}' for step in next(iter(models.values()))['oracle'])]
    axes.set_xticks(range(len(steps)), steps)
    axes.set_ylabel('AP')
    _legend(axes)
    return figure


def _plain(text: str) -> str:
    """As it is: matplotlib would read mathematics between dollar signs, and hide a leading underscore."""
    return '\u200b' + text.replace('$', r'\$')


def _person(comparison: Comparison, number: int, names: Sequence[str], images: Optional[Any]) -> str:
    """A labelled person as two models find him, side by side."""
    of_first = comparison.people[names[0]]
    image_number, person = int(of_first.image[number]), int(of_first.person[number])
    known = comparison.data.labels[image_number]
    x, y, w, h = known.bboxes[person]
    side = 1.25 * max(w, h)
    scale = TILE / side
    to_tile = np.array([[scale, 0, TILE / 2 - scale * (x + w / 2)], [0, scale, TILE / 2 - scale * (y + h / 2)]])
    if images is None:
        background = np.full((TILE, TILE, 3), 255, np.uint8)
    else:
        background = cv2.warpAffine(images(image_number), to_tile, (TILE, TILE), flags=cv2.INTER_AREA,
                                    borderValue=(128, 128, 128))
    meta = dict(num_keypoints=len(comparison.data.keypoints), skeleton_links=comparison.data.links)
    tiles: List[str] = []
    for name in names:
        people = comparison.people[name]
        n = int(people.found[number])
        drawn = background
        if n >= 0:
            points = comparison.found[name][image_number].best().keypoints[n]
            points = points * scale + to_tile[:, 2]
            result = PoseResult(points[None].astype(np.float32), np.ones((1, len(points)), np.float32),
                                np.full((1, 4), -9, np.float32))
            drawn = PosePainter(meta).draw(background, result)
        data = base64.b64encode(cv2.imencode('.jpg', drawn, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]).decode()
        what = f'{name}: OKS {percent(people.oks[number])} %'
        tiles.append(f'<img src="data:image/jpeg;base64,{data}" alt="{escape(what)}" width="{TILE}" height="{TILE}">')
    caption = ' / '.join(f'{escape(name)} {percent(comparison.people[name].oks[number])}' for name in names)
    return (f'<figure><div class="pair">{"".join(tiles)}</div><figcaption>{escape(comparison.data.names[image_number])}'
            f'<br>OKS: {caption}</figcaption></figure>')
