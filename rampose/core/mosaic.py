"""Pictures beside and below each other."""

from typing import Sequence

import numpy as np


def mosaic(tiles: Sequence[np.ndarray], columns: int, background: int = 255) -> np.ndarray:
    """Put tiles of the same shape in rows; what the last row lacks is of one grey.

    Args:
        tiles: At least one, ``(h, w, 3)`` uint8.
        columns: Tiles beside each other.
        background: The grey.

    Returns:
        ``(rows h, columns w, 3)`` uint8.
    """
    filled = [*tiles, *[np.full_like(tiles[0], background)] * (-len(tiles) % columns)]
    return np.vstack([np.hstack(filled[i:i + columns]) for i in range(0, len(filled), columns)])
