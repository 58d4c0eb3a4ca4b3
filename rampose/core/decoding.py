"""From heatmaps to keypoints as MMPose's codecs `MSRAHeatmap` and `UDPHeatmap` do, in numpy, many crops at once."""

from typing import Dict, List, Tuple, Union

import cv2
import numpy as np

CODECS = ('MSRAHeatmap', 'UDPHeatmap')


def check_codec(codec: Dict) -> None:
    """Raise ValueError unless heatmaps of this codec can be decoded here."""
    if codec['type'] not in CODECS or codec.get('heatmap_type', 'gaussian') != 'gaussian':
        raise ValueError(f'got codec {codec["type"]} {codec.get("heatmap_type", "")}; exported models decode '
                         f'{" and ".join(CODECS)} (gaussian)')


def turned_back(flipped: np.ndarray, flip_indices: List[int], shift_heatmap: bool) -> np.ndarray:
    """Heatmaps of mirrored crops as those of the crops.

    Args:
        flipped: Of the mirrored crops, ``(B, K, H, W)``.
        flip_indices: The keypoint that each becomes in a mirrored image.
        shift_heatmap: Whether to move them by one cell to the right.
    """
    flipped = flipped[:, flip_indices, :, ::-1]
    return np.concatenate([flipped[..., :1], flipped[..., :-1]], axis=-1) if shift_heatmap else flipped


def decode(heatmaps: np.ndarray, codec: Dict) -> Tuple[np.ndarray, np.ndarray]:
    """Decode heatmaps.

    Args:
        heatmaps: ``(B, K, H, W)`` float32.
        codec: MMPose's config of the codec.

    Returns:
        Keypoints ``(B, K, 2)`` in crop px, and scores ``(B, K)``, the heatmaps' maxima; float32. Where a heatmap has
        nothing above 0, the cell (-1, -1).
    """
    batch, num_keypoints, h, w = heatmaps.shape
    flat = np.ascontiguousarray(heatmaps, np.float32).reshape(-1, h, w)
    cells, scores = _maxima(flat)
    if codec['type'] == 'UDPHeatmap':
        cells = _refine_udp(cells, flat, codec.get('blur_kernel_size', 11))
        keypoints = cells / (w - 1, h - 1) * codec['input_size']
    else:
        refine = _refine_dark if codec.get('unbiased', False) else _refine_quarter
        cells = refine(cells, flat, codec.get('blur_kernel_size', 11))
        keypoints = cells * (np.array(codec['input_size']) / (w, h)).astype(np.float32)
    return keypoints.astype(np.float32).reshape(batch, num_keypoints, 2), scores.reshape(batch, num_keypoints)


def _maxima(heatmaps: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """The cell (x, y) of the maximum of each of ``(N, H, W)``, and its value."""
    flat = heatmaps.reshape(len(heatmaps), -1)
    index = flat.argmax(axis=1)
    scores = np.take_along_axis(flat, index[:, None], axis=1)[:, 0]
    y, x = np.divmod(index, heatmaps.shape[2])
    cells = np.stack([x, y], axis=1).astype(np.float32)
    cells[scores <= 0] = -1
    return cells, scores


def _refine_quarter(cells: np.ndarray, heatmaps: np.ndarray, _: int) -> np.ndarray:
    """A quarter of a cell towards the higher neighbour; not at the border, with MMPose's idea of where that is."""
    n, x, y = _indices(cells)
    h, w = heatmaps.shape[1:]
    offsets = np.zeros_like(cells)
    inside = (x > 1) & (x < w - 1) & (y > 0)
    k, i, j = n[inside], x[inside], y[inside]
    offsets[inside, 0] = heatmaps[k, j, i + 1] - heatmaps[k, j, i - 1]
    inside = (y > 1) & (y < h - 1) & (x > 0)
    k, i, j = n[inside], x[inside], y[inside]
    offsets[inside, 1] = heatmaps[k, j + 1, i] - heatmaps[k, j - 1, i]
    return cells + 0.25 * np.sign(offsets)


def _refine_dark(cells: np.ndarray, heatmaps: np.ndarray, kernel: int) -> np.ndarray:
    """DarkPose: a step of Newton's method on the logarithm of the blurred heatmap, by differences of two cells."""
    logs = np.log(np.maximum(_blur(heatmaps, kernel), 1e-10))
    n, x, y = _indices(cells)
    h, w = heatmaps.shape[1:]
    chosen = (x > 1) & (x < w - 2) & (y > 1) & (y < h - 2)
    n, x, y = n[chosen], x[chosen], y[chosen]
    dx = 0.5 * (logs[n, y, x + 1] - logs[n, y, x - 1])
    dy = 0.5 * (logs[n, y + 1, x] - logs[n, y - 1, x])
    dxx = 0.25 * (logs[n, y, x + 2] - 2 * logs[n, y, x] + logs[n, y, x - 2])
    dyy = 0.25 * (logs[n, y + 2, x] - 2 * logs[n, y, x] + logs[n, y - 2, x])
    dxy = 0.25 * (logs[n, y + 1, x + 1] - logs[n, y - 1, x + 1] - logs[n, y + 1, x - 1] + logs[n, y - 1, x - 1])
    solvable = dxx * dyy - dxy**2 != 0
    refined = cells.copy()
    refined[np.flatnonzero(chosen)[solvable]] -= _solve(dxx, dxy, dyy, dx, dy, solvable)
    return refined


def _refine_udp(cells: np.ndarray, heatmaps: np.ndarray, kernel: int) -> np.ndarray:
    """UDP's form of it, by differences of one cell, at the border too."""
    logs = np.log(np.clip(_blur(heatmaps, kernel), 1e-3, 50))
    logs = np.pad(logs, ((0, 0), (1, 1), (1, 1)), mode='edge')
    found = cells[:, 0] >= 0  # elsewhere MMPose reads beyond the heatmap, into its neighbour
    n, x, y = (index[found] for index in _indices(cells + 1))
    rows, down = logs.reshape(-1), logs.shape[2]
    at = n * logs.shape[1] * down + y * down + x

    def value(offset: int) -> np.ndarray:
        return rows[at + offset]

    center = value(0)
    dx = 0.5 * (value(1) - value(-1))
    dy = 0.5 * (value(down) - value(-down))
    dxx = value(1) - 2 * center + value(-1)
    dyy = value(down) - 2 * center + value(-down)
    dxy = 0.5 * (value(down + 1) - value(1) - value(down) + center + center - value(-1) - value(-down) +
                 value(-down - 1))
    eps = np.finfo(np.float32).eps
    refined = cells.copy()
    refined[found] -= _solve(dxx + np.float64(eps), dxy, dyy + np.float64(eps), dx, dy, slice(None))
    return refined


def _solve(dxx: np.ndarray, dxy: np.ndarray, dyy: np.ndarray, dx: np.ndarray, dy: np.ndarray,
           chosen: Union[np.ndarray, slice]) -> np.ndarray:
    """The Hessians' inverses times the gradients, ``(N, 2)``."""
    hessians = np.stack([dxx, dxy, dxy, dyy], axis=1)[chosen].reshape(-1, 2, 2)
    try:  # as MMPose does it: where a Hessian is nearly singular, another way would round to another keypoint
        inverses = np.linalg.inv(hessians)
    except np.linalg.LinAlgError:
        inverses = np.linalg.pinv(hessians)
    return np.einsum('nij,nj->ni', inverses, np.stack([dx, dy], axis=1)[chosen])


def _blur(heatmaps: np.ndarray, kernel: int) -> np.ndarray:
    """Blur each of ``(N, H, W)``, with zeros around it, and scale it to the maximum that it had."""
    border = (kernel - 1) // 2
    padded = np.pad(heatmaps, ((0, 0), (border, border), (border, border)))
    # One below the other in a single image: between two of them there are more zeros than the kernel reaches.
    column = cv2.GaussianBlur(padded.reshape(-1, padded.shape[2]), (kernel, kernel), 0).reshape(padded.shape)
    blurred = np.ascontiguousarray(column[:, border:-border, border:-border])
    maxima = blurred.max(axis=(1, 2))
    scales = np.divide(heatmaps.max(axis=(1, 2)), maxima, out=np.ones_like(maxima), where=maxima != 0)
    blurred *= scales[:, None, None]  # of a heatmap of zeros MMPose makes NaN
    return blurred


def _indices(cells: np.ndarray) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.arange(len(cells)), cells[:, 0].astype(int), cells[:, 1].astype(int)
