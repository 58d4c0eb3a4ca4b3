"""Reading pictures of every kind that people have."""

from pathlib import Path
from typing import Tuple, Union

import cv2
import numpy as np

try:
    from PIL import Image, ImageOps, UnidentifiedImageError
except ImportError:  # where exported models run, it need not be
    Image = None  # type: ignore[assignment]

IMAGE_SUFFIXES = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
MAX_SIDE = 32766  # px; OpenCV's warpAffine, which cuts the crops, takes no more
_16_BIT_MODES = ('I', 'I;16', 'I;16B', 'I;16L')


class UnreadableError(ValueError):
    """A picture or video that cannot be read; the message names the file and the reason."""


def read_image(path: Union[str, Path]) -> np.ndarray:
    """Read a picture as it is displayed.

    It is turned as its EXIF says. Transparency is dropped, 16 bits become 8, of an animation the first picture is
    taken. Of a JPEG, MMPose (by way of OpenCV) reads the same values. Where OpenCV gives grey for the part that a
    truncated file lacks, this refuses the file. Where Pillow is not installed, OpenCV reads, and does not.

    Args:
        path: A file of a format that Pillow reads.

    Returns:
        ``(h, w, 3)`` uint8, BGR, as MMPose takes it.

    Raises:
        UnreadableError: No such file, an empty or truncated one, no picture, one of floating-point values, or one with
            a side of more than 32,766 px.
    """
    try:
        if Image is None:
            return _decode_with_opencv(path)
        with Image.open(path) as image:
            if image.mode == 'F':
                raise UnreadableError(f'{path} holds floating-point values; save it with 8 or 16 bits')
            _check_sides(path, *image.size)
            image = ImageOps.exif_transpose(image)  # decodes, too
            if image.mode in _16_BIT_MODES:
                grey = np.clip(np.asarray(image).astype(np.int32) >> 8, 0, 255).astype(np.uint8)
                return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
            pixels = np.array(image.convert('RGB'))
    except UnreadableError:
        raise
    except Exception as error:  # a decoder may raise anything for a damaged file
        raise UnreadableError(f'{path} cannot be read: {_reason(error, Path(path))}') from error
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR, dst=pixels)


def _decode_with_opencv(path: Union[str, Path]) -> np.ndarray:
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError('it is no picture of a format that OpenCV knows')
    _check_sides(path, image.shape[1], image.shape[0])
    return image


def _check_sides(path: Union[str, Path], w: int, h: int) -> None:
    if max(w, h) > MAX_SIDE:
        raise UnreadableError(f'{path} has {w}x{h} px; no side may exceed {MAX_SIDE} px')


def _reason(error: Exception, path: Path) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()  # no such file, permission denied, is a directory
    if path.stat().st_size == 0:
        return 'it is empty (0 bytes)'
    if Image is not None and isinstance(error, UnidentifiedImageError):
        return 'it is no picture of a format that Pillow knows'
    return str(error).strip().split('\n')[0] or type(error).__name__


def check_image(image: np.ndarray) -> Tuple[int, int]:
    """Check a picture that a caller holds in memory.

    Returns:
        Its (h, w).

    Raises:
        ValueError: It is not ``(h, w, 3)`` uint8, or has a side of more than 32,766 px.
    """
    if not isinstance(image, np.ndarray):
        raise ValueError(f'got a picture of type {type(image).__name__}; '
                         'needed is a path, or a numpy array (h, w, 3) of uint8 in BGR order')
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f'got a picture of shape {image.shape} and type {image.dtype}; needed is (h, w, 3) uint8 in '
                         'BGR order: rampose.apis.read_image(path) gives that, cv2.cvtColor turns grey or RGBA into it')
    if max(image.shape) > MAX_SIDE:
        raise ValueError(f'got a picture of {image.shape[1]}x{image.shape[0]} px; no side may exceed {MAX_SIDE} px')
    return image.shape[0], image.shape[1]
