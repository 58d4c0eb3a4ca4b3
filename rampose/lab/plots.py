"""Plots of what this package measures, as matplotlib figures: the tools save them."""

from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

import matplotlib.lines
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from .experiments.plan import Plan
    from .experiments.results import Results


def plot_attention(weights: Dict[str, np.ndarray]) -> Figure:
    """Draw the mean attention weights of each exchange unit as a table of colours.

    Args:
        weights: As :func:`rampose.layers.record_attention` gives them.

    Returns:
        One panel for each exchange unit, a row for each output resolution, a column for each input. 1 is HRNet's sum.
    """
    columns = min(4, len(weights))
    rows = -(-len(weights) // columns)
    figure = Figure(figsize=(3.0 * columns, 2.8 * rows + 0.6), layout='constrained')
    means = {unit: values.mean(axis=0) for unit, values in weights.items()}
    spreads = {unit: values.std(axis=0) for unit, values in weights.items()}
    reach = max(0.1, max(np.abs(mean - 1).max() for mean in means.values()))
    axes = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for ax in axes[len(means):]:
        ax.set_axis_off()
    for ax, (unit, mean) in zip(axes, means.items()):
        picture = ax.imshow(mean, cmap='RdBu_r', vmin=1 - reach, vmax=1 + reach)
        for (i, h), value in np.ndenumerate(mean):
            dark = abs(value - 1) > 0.6 * reach
            ax.text(h, i, f'{value:.2f}\n±{spreads[unit][i, h]:.2f}', ha='center', va='center', fontsize=7,
                    color='white' if dark else 'black')
        ax.set_title(unit, fontsize=9)
        ax.set_xticks(range(mean.shape[1]), [f'1/{4 * 2**h}' for h in range(mean.shape[1])], fontsize=7)
        ax.set_yticks(range(mean.shape[0]), [f'1/{4 * 2**i}' for i in range(mean.shape[0])], fontsize=7)
        ax.set_xlabel('input resolution', fontsize=8)
        ax.set_ylabel('output resolution', fontsize=8)
    figure.colorbar(picture, ax=axes.tolist(), shrink=0.8, label='mean weight (1: plain sum)')
    number = next(iter(weights.values())).shape[0]
    figure.suptitle(f'Attention weights, mean ± spread over {number} crops', fontsize=10)
    return figure


def plot_attention_of_groups(weights: Dict[str, np.ndarray], groups: Dict[str, np.ndarray]) -> Figure:
    """Draw mean and spread of every attention weight over groups of people.

    Args:
        weights: By exchange unit, ``(N people, N outputs, M inputs)``.
        groups: By name, which people are in the group, ``(N,)`` bool; the first is drawn in grey.

    Returns:
        A panel for each exchange unit; for each pair of output and input a dot at the mean and a bar of one standard
        deviation over the people to each side. 1 is HRNet's plain sum.
    """
    sizes = [values.shape[1] * values.shape[2] for values in weights.values()]
    figure = Figure(figsize=(13, 3.1 * len(weights) + 0.6), layout='constrained')
    panels = figure.subplots(len(weights), 1, squeeze=False)[:, 0]
    for panel, (unit, values), size in zip(panels, weights.items(), sizes):
        for number, (name, members) in enumerate(groups.items()):
            of_group = values[members].reshape(-1, size)
            if not len(of_group):
                continue
            x = np.arange(size) + 0.15 * (number - (len(groups) - 1) / 2)
            panel.errorbar(x, of_group.mean(axis=0), of_group.std(axis=0), fmt='o', markersize=3, linewidth=1,
                           color='0.2' if number == 0 else f'C{number - 1}', label=f'{name} ({len(of_group)})')
        panel.axhline(1, color='0.7', linewidth=0.8, zorder=0)
        pairs = [f'1/{4 * 2**i}\nfrom 1/{4 * 2**h}' for i, h in np.ndindex(values.shape[1:])]
        panel.set_xticks(range(size), pairs, fontsize=7)
        panel.set_title(f'exchange unit {unit}', fontsize=9, loc='left')
        panel.set_ylabel('weight (1: plain sum)', fontsize=8)
        panel.grid(axis='y', alpha=0.3)
    figure.legend(*panels[0].get_legend_handles_labels(), loc='outside upper right', fontsize=8, ncols=len(groups))
    return figure


def plot_people(images: Sequence[Optional[np.ndarray]], bboxes: Sequence[np.ndarray], keypoints: Sequence[np.ndarray],
                labels: Sequence[np.ndarray], titles: Sequence[str], links: Sequence[Tuple[int, int]],
                columns: int = 10) -> Figure:
    """Draw what was found for people over what is labelled.

    Args:
        images: The picture of each, BGR; None for an empty ground.
        bboxes: Their boxes, xyxy in image px: what is shown.
        keypoints: What was found, ``(K, 2)`` in image px.
        labels: ``(K, 3)``: x, y in image px, and 0 where nothing is labelled.
        titles: A word for each.
        links: Pairs of keypoints that are connected.
        columns: People in a row.

    Returns:
        A panel for each: found in orange, labels in blue.
    """
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.6 * columns, 2.3 * rows), layout='constrained')
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    for panel, image, (left, top, right, bottom), found, label, title in zip(panels, images, bboxes, keypoints, labels,
                                                                             titles):
        if image is not None:
            panel.imshow(image[..., ::-1])
        for a, b in links:
            if label[a, 2] > 0 and label[b, 2] > 0:
                panel.plot(label[[a, b], 0], label[[a, b], 1], color='C0', linewidth=1.2)
            panel.plot(found[[a, b], 0], found[[a, b], 1], color='C1', linewidth=1.6)
        side = max(right - left, (bottom - top) * 0.75) * 1.15
        centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
        panel.set_xlim(centre_x - side / 2, centre_x + side / 2)
        panel.set_ylim(centre_y + side / 1.5, centre_y - side / 1.5)
        panel.set_aspect('equal')
        panel.set_title(title, fontsize=8)
    handles = [matplotlib.lines.Line2D([], [], color=color, label=label)
               for color, label in (('C1', 'found'), ('C0', 'labelled'))]
    figure.legend(handles=handles, loc='outside lower center', ncols=2, fontsize=8)
    return figure


def plot_training(records: Sequence[dict], metric: str = 'coco/AP') -> Figure:
    """Draw the loss, and the metric where it was evaluated, over the epochs.

    Args:
        records: Lines of MMEngine's ``vis_data/scalars.json``.
        metric: Name of the metric.

    Returns:
        A figure with the loss on the left axis and the metric on the right one.
    """
    losses = [(record['step'], record['loss']) for record in records if 'loss' in record]
    epochs = {record['step']: record['epoch'] for record in records if 'epoch' in record}
    metrics = [(record['step'], record[metric]) for record in records if metric in record]
    steps_per_epoch = max(epochs) / max(epochs.values())

    figure = Figure(figsize=(7, 4), layout='constrained')
    ax = figure.subplots()
    ax.plot([step / steps_per_epoch for step, _ in losses], [loss for _, loss in losses], color='C0')
    ax.set_xlabel('epoch')
    ax.set_ylabel('training loss (MSE of heatmaps)', color='C0')
    ax.set_yscale('log')
    ax.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f'{value:.4g}'))
    ax.yaxis.set_minor_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f'{value:.4g}'))
    if metrics:
        right = ax.twinx()
        right.plot(*zip(*metrics), 'o-', color='C1')
        right.set_ylabel(metric, color='C1')
        right.set_ylim(0, 1)
    return figure


def plot_latencies(rows: Sequence[dict], where: str) -> Figure:
    """Times relative to a baseline, one panel for each part of a benchmark.

    Args:
        rows: ``part``, ``candidate``, ``ratio``, ``quartile_1``, ``quartile_3``, ``milliseconds`` of each candidate; of
            each part, the first is the baseline.
        where: The machine.
    """
    parts: Dict[str, List[dict]] = {}
    for row in rows:
        parts.setdefault(row['part'], []).append(row)
    heights = [len(of_part) + 1 for of_part in parts.values()]
    figure = Figure(figsize=(9, 1 + 0.42 * sum(heights)), layout='constrained')
    figure.suptitle(f'Time relative to the first bar of each panel; thin lines: quartiles over the rounds\n{where}',
                    fontsize=9)
    panels = figure.subplots(len(parts), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, (title, of_part) in zip(panels, parts.items()):
        ratios = [row['ratio'] for row in of_part]
        spread = [[max(0, row['ratio'] - row['quartile_1']) for row in of_part],
                  [max(0, row['quartile_3'] - row['ratio']) for row in of_part]]
        panel.barh(range(len(of_part)), ratios, xerr=spread, color=['0.6'] + ['C0'] * (len(of_part) - 1),
                   error_kw=dict(linewidth=1))
        for y, row in enumerate(of_part):
            panel.text(row['quartile_3'] + 0.02, y, f'{row["ratio"]:.2f}  ({row["milliseconds"]:.0f} ms)', va='center',
                       fontsize=8)
        panel.set_yticks(range(len(of_part)), [row['candidate'] for row in of_part], fontsize=8)
        panel.invert_yaxis()
        panel.set_xlim(0, 1.35 * max(ratios))
        panel.set_title(title, fontsize=9, loc='left')
    return figure


def plot_table1(records: Sequence[dict], where: str) -> Figure:
    """Draw Table 1: AP against multiply-adds, and against the time on a CPU where it was measured.

    Args:
        records: ``system``, ``size``, ``multiply_adds_here``, ``cpu_ms_here``, ``ap_val_reported`` of each row; rows
            without an AP on val2017 are left out.
        where: The machine.
    """
    records = [record for record in records if record['ap_val_reported']]
    colors = {system: f'C{i}' for i, system in enumerate(dict.fromkeys(record['system'] for record in records))}
    markers = {size: marker for size, marker in zip(dict.fromkeys(record['size'] for record in records), 'os')}
    figure = Figure(figsize=(10, 4.4), layout='constrained')
    figure.suptitle(f'AP as reported by the paper, not measured here. Times: {where}', fontsize=9)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, key, label in zip(panels, ('multiply_adds_here', 'cpu_ms_here'),
                                 ('multiply-adds / 2^30', 'time a person on the CPU, ms')):
        for record in records:
            if record[key]:
                panel.plot(record[key], record['ap_val_reported'], markers[record['size']],
                           color=colors[record['system']], markersize=8)
        panel.set_xlabel(label)
        panel.set_xlim(left=0)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel('AP on COCO val2017, reported by the paper')
    handles = [matplotlib.lines.Line2D([], [], color=color, marker='o', linestyle='', label=system)
               for system, color in colors.items()]
    handles += [matplotlib.lines.Line2D([], [], color='0.4', marker=marker, linestyle='', label=size)
                for size, marker in markers.items()]
    figure.legend(handles=handles, loc='outside right center', fontsize=8)
    return figure


def plot_experiment(plan: 'Plan', results: 'Results') -> Figure:
    """Draw an experiment: every run's last value of the first metric, and its curves.

    Args:
        plan: The plan.
        results: What is done of it; candidates without a result are left out.

    Returns:
        On the left a row for each candidate, a mark a run, a bar at the mean; on the right, with the same marks, the
        mean over the seeds against epochs, with the range of the runs.
    """
    metric = next(iter(plan.metrics))
    scale = results.scale(metric)
    unit = metric + ' x 100' * (scale == 100)
    names = [name for name in plan.candidates if results.of(name)]
    figure = Figure(figsize=(11, max(4.2, 0.34 * len(names))), layout='constrained')
    dots, curves = figure.subplots(1, 2)
    for y, name in enumerate(names):
        # Ten colours, then their lighter shades.
        color, marker = matplotlib.colormaps['tab20']((2 * y + y // 10) % 20), 'os'[y // 10 % 2]
        values = [scale * value for value in results.values(name, metric).values()]
        dots.plot(values, [y] * len(values), marker, color=color, alpha=0.6)
        dots.plot([np.mean(values)], [y], '|', color=color, markersize=22, markeredgewidth=2)
        by_epoch: Dict[int, List[float]] = {}
        for result in results.of(name).values():
            for point in result.curve:
                by_epoch.setdefault(point['epoch'], []).append(scale * point[metric])
        epochs = sorted(by_epoch)
        curves.plot(epochs, [np.mean(by_epoch[epoch]) for epoch in epochs], f'{marker}-', color=color, markersize=4)
        curves.fill_between(epochs, [min(by_epoch[epoch]) for epoch in epochs],
                            [max(by_epoch[epoch]) for epoch in epochs], color=color, alpha=0.12)
    dots.set_yticks(range(len(names)), [plan.candidates[name].title for name in names], fontsize=8)
    dots.invert_yaxis()
    dots.set_xlabel(f'{unit} after the last epoch; a mark a run, a bar at the mean')
    dots.grid(alpha=0.3)
    curves.set_xlabel('epoch of the run; marks as on the left, shaded: all runs')
    curves.set_ylabel(unit)
    curves.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    curves.set_xlim(left=0)
    curves.grid(alpha=0.3)
    return figure


def plot_calibration(report: dict) -> Figure:
    """Draw how often keypoints are right against how sure the model says that they are.

    Args:
        report: As :func:`rampose.lab.confidence.judge` gives it.

    Returns:
        A panel for the confidences, before and after calibrating, with a bar for the keypoints in each bin; and one for
        the ellipses, by how many keypoints they hold.
    """
    figure = Figure(figsize=(10, 4.6), layout='constrained')
    sure, ellipses = figure.subplots(1, 2)
    for panel in (sure, ellipses):
        panel.plot([0, 1], [0, 1], color='0.6', linewidth=1, label='as it should be')
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1)
        panel.grid(alpha=0.3)
    for color, name in (('C1', 'before'), ('C0', 'after')):
        of_name = report[name]
        said = [one['confidence'] for one in of_name['bins']]
        sure.plot(said, [one['right'] for one in of_name['bins']], 'o-', color=color, markersize=4,
                  label=f'{name}: error {of_name["ece"]:.3f}')
        shares = [float(share) for share in of_name['coverage']]
        ellipses.plot(shares, list(of_name['coverage'].values()), 'o-', color=color, markersize=4, label=name)
    after = report['after']['bins']
    sure.bar([one['confidence'] for one in after], [one['number'] / report['keypoints'] for one in after], width=0.04,
             color='C0', alpha=0.25, label='share of keypoints, after')
    sure.set_xlabel('confidence')
    sure.set_ylabel('share of keypoints that are right')
    ellipses.set_xlabel('share of keypoints that the ellipse should hold')
    ellipses.set_ylabel('share that it holds')
    for panel in (sure, ellipses):
        panel.legend(fontsize=8)
    figure.suptitle(f'{report["keypoints"]} labelled keypoints, other ones than it was fitted on', fontsize=10)
    return figure
