"""Images on their way to a predictor: read ahead, and large JPEGs only as finely as they are needed."""

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Sequence, Union

import numpy as np

from ..core.images import UnreadableError, check_image, read_reduced
from ..core.machine import usable_cores

Picture = Union[str, Path, np.ndarray]
IMAGES_AT_ONCE = min(16, max(4, usable_cores()))  # in which people are found beside each other
READERS = max(1, usable_cores() // 2)  # threads: the others are with the networks
SHORTER_SIDE = 640  # px that stay of a large JPEG: more than a detector takes


@dataclass(frozen=True)
class OpenedImage:
    """An image in memory.

    Attributes:
        number: Among those of the call.
        source: What the caller gave.
        image: ``(h, w, 3)`` uint8 BGR.
        factor: By how much it is reduced: 1, 2, 4 or 8.
    """
    number: int
    source: Picture
    image: np.ndarray
    factor: int = 1

    def finer(self, factor: int) -> 'OpenedImage':
        """The same image, reduced by no more than a factor."""
        if factor >= self.factor:
            return self
        image, factor = read_reduced(self.source, SHORTER_SIDE, factor)  # type: ignore[arg-type]  # it is a file
        return OpenedImage(self.number, self.source, image, factor)


@contextlib.contextmanager
def numbered(number: int, total: int) -> Iterator[None]:
    """A ValueError within says which of several images it is about."""
    try:
        yield
    except ValueError as error:
        # As the same kind of error where that takes a text and nothing else.
        kind = UnreadableError if isinstance(error, UnreadableError) else ValueError
        raise kind(f'image {number}: {error}' if total > 1 else str(error)) from error


def opened_in_groups(images: Sequence[Picture], reduce_large: bool = False) -> Iterator[List[OpenedImage]]:
    """Open images a few at a time, the next ones while their predecessors are worked on.

    Args:
        images: Paths, or ``(h, w, 3)`` uint8 BGR.
        reduce_large: Read large JPEGs as coarsely as a detector may see them.

    Raises:
        UnreadableError: A file that cannot be read, by its number.
        ValueError: An array that is no image, likewise.
    """
    def read(number: int) -> OpenedImage:
        picture = images[number]
        with numbered(number, len(images)):
            if isinstance(picture, (str, Path)):
                return OpenedImage(number, picture, *read_reduced(picture, SHORTER_SIDE, 8 if reduce_large else 1))
            check_image(picture)
            return OpenedImage(number, picture, picture)

    starts = range(0, len(images), IMAGES_AT_ONCE)
    if len(images) == 1 or not any(isinstance(picture, (str, Path)) for picture in images):
        for first in starts:
            yield [read(number) for number in range(first, min(first + IMAGES_AT_ONCE, len(images)))]
        return
    with ThreadPoolExecutor(READERS, 'reading') as threads:
        def start(first: int) -> List[Future]:
            return [threads.submit(read, number) for number in range(first, min(first + IMAGES_AT_ONCE, len(images)))]

        coming = start(0)
        for first in starts:
            group, coming = [image.result() for image in coming], start(first + IMAGES_AT_ONCE)
            yield group


def enlarged(points: np.ndarray, factor: int, back: bool = False) -> np.ndarray:
    """Points ``(..., 2)``, or boxes xyxy, of an image that is reduced by a factor, in px of the whole one; or back."""
    if factor == 1:
        return points
    shift = np.float32((factor - 1) / 2)  # the middle of the px that one stands for
    return (points - shift) / np.float32(factor) if back else points * np.float32(factor) + shift
