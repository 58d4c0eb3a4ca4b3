"""Folders that we make and may make anew: what is removed in them is ours, and nothing else."""

import contextlib
import shutil
from pathlib import Path
from typing import Iterable, List


def check_own(folder: Path, marker: str, own: Iterable[str]) -> None:
    """Raise ValueError if a folder holds what we did not put there; it may be missing or empty.

    Args:
        folder: The folder.
        marker: Name of the file that lies in each folder that we made.
        own: What we write there, files and whole folders, relative to it.
    """
    if not folder.exists():
        return
    ours = {marker, *own}
    foreign = [path for path in _files(folder) if not any(
        str(place) in ours for place in (path.relative_to(folder), *path.relative_to(folder).parents))]
    if foreign:
        raise ValueError(f'{folder} holds something that we did not make, {min(foreign).relative_to(folder)}, so it is '
                         'left alone: move that elsewhere, or name another folder')
    if not (folder / marker).exists() and next(folder.iterdir(), None) is not None:
        raise ValueError(f'{folder} was not made by us (it has no {marker}), so it is left alone: name another folder')


def remove_own(folder: Path, marker: str, own: Iterable[str]) -> None:
    """Remove a folder that we made, if :func:`check_own` finds nothing else in it.

    Raises:
        ValueError: As :func:`check_own`; nothing is removed.
    """
    own = list(own)
    check_own(folder, marker, own)
    for name in (*own, marker):  # the marker last, so that what a kill left can be removed, too
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    for path in sorted(folder.rglob('*'), reverse=True):  # folders that are empty now
        with contextlib.suppress(OSError):
            path.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _files(folder: Path) -> List[Path]:
    """All below it but folders; a link counts as a file."""
    return [path for path in folder.rglob('*') if path.is_symlink() or not path.is_dir()]
