"""Reading images of every kind that people have."""

import io
import stat
from pathlib import Path
from typing import Any, Optional, Tuple, Union

import cv2
import numpy as np

from .profiling import stage

try:
    from PIL import Image, ImageOps, UnidentifiedImageError
except ImportError:  # where exported models run, it need not be
    Image = None  # type: ignore[assignment]

IMAGE_SUFFIXES = ('.avif', '.bmp', '.gif', '.heic', '.heif', '.jfif', '.jpe', '.jpeg', '.jpg', '.png', '.ppm', '.tif',
                  '.tiff', '.webp')
HEIF_SUFFIXES = ('.heic', '.heif')  # Pillow reads them by a plugin
_ORIENTATION = 0x0112  # of EXIF
MAX_SIDE = 32766  # px; OpenCV's warpAffine, which cuts the crops, takes no more
# Pillow's names of their formats. It knows more, some of which run other programs: Ghostscript for EPS.
FORMATS = ('AVIF', 'BMP', 'DIB', 'GIF', 'HEIF', 'JPEG', 'JPEG2000', 'MPO', 'PNG', 'PPM', 'TIFF', 'WEBP')
_16_BIT_MODES = ('I', 'I;16', 'I;16B', 'I;16L')


class UnreadableError(ValueError):
    """A picture or video that cannot be read; the message names the file and the reason."""


class TooLargeError(UnreadableError):
    """An image of more pixels than its reader allows."""


def check_regular(path: Union[str, Path]) -> None:
    """Raise UnreadableError for what is no file to read: opening a named pipe would wait for ever."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return  # whoever opens it says why
    if not stat.S_ISREG(mode):
        kind = ('a folder' if stat.S_ISDIR(mode) else 'a named pipe' if stat.S_ISFIFO(mode) else
                'a socket' if stat.S_ISSOCK(mode) else 'a device')
        raise UnreadableError(f'{path} cannot be read: it is {kind}, not a regular file')


def read_image(path: Union[str, Path, bytes], max_pixels: Optional[int] = None) -> np.ndarray:
    """Read an image as it is displayed.

    It is turned as its EXIF says. Transparency is dropped, 16 bits become 8, of an animation the first picture is
    taken. Of a JPEG, MMPose (by way of OpenCV) reads the same values. Where OpenCV gives grey for the part that a
    truncated file lacks, this refuses the file. Where Pillow is not installed, OpenCV reads, and does not.

    Args:
        path: A file of one of Pillow's formats that are in `FORMATS`; or the bytes of one.
        max_pixels: An image of more is not decoded. Default: None, none is too large.

    Returns:
        ``(h, w, 3)`` uint8, BGR, as MMPose takes it.

    Raises:
        UnreadableError: No path, no such file, an empty or truncated one, no picture, one of floating-point values, or
            one with a side of more than 32,766 px.
        TooLargeError: It has more than `max_pixels`.
    """
    if not isinstance(path, (str, Path, bytes, bytearray)):
        raise UnreadableError(f'got {type(path).__name__}; needed is the path of a file, or its bytes')
    with stage('read'):
        return _read(path, max_pixels)


def read_reduced(path: Union[str, Path], shorter_side: int, most: int = 8) -> Tuple[np.ndarray, int]:
    """Read a large JPEG at a half, a quarter or an eighth of its size, in a fraction of the time.

    Its decoder leaves out the finest waves, so each px is the mean of those that it stands for.

    Args:
        path: A file as of :func:`read_image`; what is no JPEG, or is not large, is read as it is.
        shorter_side: That stays, px, at least.
        most: By how much it may be reduced.

    Returns:
        The image, as of :func:`read_image`, and by how much it is reduced: 1, 2, 4 or 8.

    Raises:
        UnreadableError: As of :func:`read_image`.
    """
    if Image is None or most == 1:
        return read_image(path), 1
    check_regular(path)
    try:
        with _open(path) as image:
            is_jpeg, (w, h) = image.format == 'JPEG', image.size
            is_turned = image.getexif().get(_ORIENTATION, 1) != 1
    except Exception:  # read_image says what is wrong
        is_jpeg, is_turned, w, h = False, False, 0, 0
    # A px that is reduced from less than a whole one may lie at the beginning once an image is turned.
    factor = max((factor for factor in (2, 4, 8) if is_jpeg and factor <= most and min(w, h) >= factor * shorter_side
                  and not (is_turned and (w % factor or h % factor))), default=1)
    with stage('read'):
        return _read(path, None, factor), factor


def _read(path: Union[str, Path, bytes], max_pixels: Optional[int], factor: int = 1) -> np.ndarray:
    content, path = (path, 'the image') if isinstance(path, (bytes, bytearray)) else (None, path)
    if content is None:
        check_regular(path)
    try:
        if Image is None:
            return _decode_with_opencv(path, content, max_pixels)
        if Path(path).suffix.lower() in HEIF_SUFFIXES:
            _register_heif(path)
        with _open(path if content is None else io.BytesIO(content)) as image:
            if image.mode == 'F':
                raise UnreadableError(f'{path} holds floating-point values; save it with 8 or 16 bits')
            _check_sides(path, image.width, image.height, max_pixels)
            if factor > 1:
                image.draft('RGB', (image.width // factor, image.height // factor))
            image = ImageOps.exif_transpose(image)  # decodes, too
            if image.mode in _16_BIT_MODES:
                grey = np.clip(np.asarray(image).astype(np.int32) >> 8, 0, 255).astype(np.uint8)
                return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
            pixels = np.array(image.convert('RGB'))
    except UnreadableError:
        raise
    except Exception as error:  # a decoder may raise anything for a damaged file
        if Image is not None and isinstance(error, Image.DecompressionBombError):
            raise TooLargeError(f'{path} cannot be read: it has more pixels than Pillow decodes') from error
        size = len(content) if content is not None else Path(path).stat().st_size if Path(path).exists() else -1
        raise UnreadableError(f'{path} cannot be read: {_reason(error, str(path), size)}') from error
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR, dst=pixels)


def _open(file: Any) -> Any:
    Image.init()
    return Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])


def _register_heif(path: Union[str, Path]) -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise UnreadableError(f'{path} cannot be read: HEIF needs a plugin, pip install pillow-heif') from None
    register_heif_opener()


def _decode_with_opencv(path: Union[str, Path], content: Optional[bytes], max_pixels: Optional[int]) -> np.ndarray:
    data = np.fromfile(path, np.uint8) if content is None else np.frombuffer(content, np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError('it is no image of a format that OpenCV knows')
    _check_sides(path, image.shape[1], image.shape[0], max_pixels)
    return image


def _check_sides(path: Union[str, Path], w: int, h: int, max_pixels: Optional[int]) -> None:
    if max_pixels is not None and w * h > max_pixels:
        raise TooLargeError(f'{path} has {w}x{h} px, more than {max_pixels / 1e6:g} million')
    if max(w, h) > MAX_SIDE:
        raise UnreadableError(f'{path} has {w}x{h} px; no side may exceed {MAX_SIDE} px')


def _reason(error: Exception, path: str, size: int) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()  # no such file, permission denied, is a directory
    if not size:
        return 'it is empty (0 bytes)'
    if Image is not None and isinstance(error, UnidentifiedImageError):
        return 'it is no image of a format that Pillow knows' + (
            '; from 11.3 on it may know AVIF' if path.lower().endswith('.avif') else '')
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
