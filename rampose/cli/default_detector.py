"""The detector of those who name none."""

import os

from .console import warn


def default_detector(command: str) -> str:
    """The name of the smallest detector, whose file is here afterwards.

    It is downloaded the first time, after a line that says so; but not where the variable CI is set.

    Args:
        command: Whose line it is.

    Raises:
        LookupError: It cannot be had; the text says why.
    """
    from ..checkpoints.detector_zoo import DEFAULT, find_detector
    detector = find_detector(DEFAULT)
    if detector.is_here:
        return DEFAULT
    if os.environ.get('CI'):
        raise LookupError(f'where CI is set, {DEFAULT} is fetched only for --detector {DEFAULT}')
    warn(command, f'people are found by {DEFAULT} ({detector.megabytes:.1f} MB, {detector.licence}), which is '
         f'downloaded once from {detector.file["url"]}')
    try:
        detector.fetch()
    except (OSError, ValueError) as error:
        raise LookupError(str(error)) from error
    return DEFAULT
