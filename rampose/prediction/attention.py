"""Each person's attention weights: a file of numbers for a frame, a chart for a person."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Sequence

import numpy as np

from ..core.files import written_whole
from ..core.pose_result import PoseResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_attention(path: Path, image: np.ndarray, result: PoseResult) -> None:
    """Write ``{path}.json`` and ``{path}.person{N}.png``.

    Args:
        path: What the files' names begin with.
        image: The frame, ``(h, w, 3)`` uint8, BGR.
        result: Its people, with their attention.
    """
    people = [{unit: of_unit[number] for unit, of_unit in (result.attention or {}).items()}
              for number in range(result.num_people)]
    boxes = np.round(result.bboxes.astype(float), 3).tolist()
    for number, (bbox, weights) in enumerate(zip(boxes, people)):
        figure = plot_person_attention(image, bbox, weights)
        with written_whole(path.with_name(f'{path.name}.person{number}.png')) as file:
            figure.savefig(file, format='png', dpi=100)
    content = [dict(bbox=bbox, weights={unit: np.round(matrix.astype(float), 5).tolist()
                                        for unit, matrix in weights.items()})
               for bbox, weights in zip(boxes, people)]
    with written_whole(path.with_name(f'{path.name}.json')) as file:
        file.write(json.dumps(content).encode())


def plot_person_attention(image: np.ndarray, bbox: Sequence[float], weights: Dict[str, np.ndarray]) -> 'Figure':
    """Draw the attention weights of one person beside the person.

    Args:
        image: The picture, ``(h, w, 3)`` uint8, BGR.
        bbox: The person's box, xyxy in image px.
        weights: By exchange unit, ``(N outputs, M inputs)``.

    Returns:
        The person on the left, a table of colours for each exchange unit on the right. 1 is HRNet's sum.
    """
    from matplotlib.figure import Figure
    h, w = image.shape[:2]
    left, top = (int(np.clip(value, 0, limit - 1)) for value, limit in zip(bbox[:2], (w, h)))
    right, bottom = (int(np.clip(np.ceil(value), start + 1, limit))
                     for value, start, limit in zip(bbox[2:], (left, top), (w, h)))
    reach = max(0.1, max(np.abs(matrix - 1).max() for matrix in weights.values()))
    columns = 1 + min(4, len(weights))
    rows = -(-len(weights) // (columns - 1))
    figure = Figure(figsize=(1.5 * columns, 1.5 * rows + 0.4), layout='constrained')
    grid = figure.add_gridspec(rows, columns)
    person = figure.add_subplot(grid[:, 0])
    person.imshow(image[top:bottom, left:right, ::-1])
    person.set_axis_off()
    for number, (unit, matrix) in enumerate(weights.items()):
        ax = figure.add_subplot(grid[number // (columns - 1), 1 + number % (columns - 1)])
        ax.imshow(matrix, cmap='RdBu_r', vmin=1 - reach, vmax=1 + reach)
        for (i, h_in), value in np.ndenumerate(matrix):
            ax.text(h_in, i, f'{value:.2f}', ha='center', va='center', fontsize=5,
                    color='white' if abs(value - 1) > 0.6 * reach else 'black')
        ax.set_title(unit, fontsize=7, pad=2)
        ax.set_xticks([])
        ax.set_yticks([])
    figure.suptitle('Attention weights: outputs down, inputs across, highest resolution first', fontsize=7)
    return figure
