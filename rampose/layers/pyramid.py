"""What the layers that merge a pyramid of maps ask of their input."""

from typing import Sequence

from torch import Tensor


def check_in_channels(in_channels: Sequence[int]) -> None:
    """Raise ValueError unless `in_channels` describes a pyramid of at least two maps."""
    if isinstance(in_channels, int) or len(in_channels) < 2:
        raise ValueError(f'got in_channels={in_channels}; a pyramid needs the channels of at least 2 maps')


def check_pyramid(maps: Sequence[Tensor], in_channels: Sequence[int]) -> None:
    """Check that `maps` go from the highest resolution to the lowest, halving at each step, rounded up.

    Args:
        maps: ``(B, C_k, H_k, W_k)`` for each resolution k.
        in_channels: The channels C_k that are expected.

    Raises:
        ValueError: Another number of maps, other channels, or other sizes than expected.
    """
    channels = [x.shape[1] for x in maps]
    sizes = [tuple(x.shape[2:]) for x in maps]
    if channels != list(in_channels):
        raise ValueError(f'got {len(maps)} maps with {channels} channels and sizes {sizes} (H, W), '
                         f'but in_channels={list(in_channels)} is needed, highest resolution first')
    for (high_h, high_w), (low_h, low_w) in zip(sizes, sizes[1:]):
        if (low_h, low_w) != (-(-high_h // 2), -(-high_w // 2)):
            raise ValueError(f'got maps of sizes {sizes} (H, W); each needs half the size of the one before it, '
                             'rounded up, from the highest resolution to the lowest (is the order of the maps '
                             'reversed?)')
