"""Writing files so that a reader never meets half of one."""

import contextlib
import csv
import io
import os
import zlib
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, Sequence

PART_PREFIX = '.rampose-part-'
LOCK_FILE = '.rampose-lock'  # in a folder; held by the system for as long as the process lives


def part_of(path: Path) -> Path:
    """The name under which a file is written before it gets its own; in the same folder, so that renaming is atomic.

    It has the same suffix, by which OpenCV chooses a format, and is short, where the file's own may not be.
    """
    return path.with_name(f'{PART_PREFIX}{zlib.crc32(os.fsencode(path.name)):08x}{path.suffix}')


@contextlib.contextmanager
def written_whole(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name when it is complete, and not at all after an error.

    Args:
        path: Its name; the folder is made.
        durable: Wait until the disk has it, so that it is whole after a power cut, too.

    Yields:
        The file, binary.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        with part.open('wb') as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
        if durable:
            _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the names of its files to the disk; Windows cannot, and need not."""
    if os.name != 'nt':
        with contextlib.suppress(OSError):  # nor do some network file systems
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def check_writable(path: Path) -> None:
    """Raise OSError, which names the file, if it could not be written; its folder is made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part_of(path).touch()
        part_of(path).unlink()
    except OSError as error:
        raise OSError(f'{path} cannot be written: {error}') from None


def write_csv(path: Path, rows: Sequence[Dict[str, object]]) -> None:
    """Write rows with the same columns as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with written_whole(path) as file:
        file.write(text.getvalue().encode())


def remove_parts(folder: Path) -> None:
    """Remove what a killed process left half-written below a folder."""
    for part in folder.rglob(PART_PREFIX + '*'):
        part.unlink(missing_ok=True)
