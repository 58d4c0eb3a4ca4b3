"""Writing files so that a reader never meets half of one."""

import contextlib
import csv
import errno
import hashlib
import io
import os
import platform
import secrets
import shutil
import time
from pathlib import Path
from typing import BinaryIO, Dict, Iterator, Sequence

PART_PREFIX = '.rampose-part-'
OLD_PART = 3600.  # seconds after which a part is one that a killed process left
_HOST = hashlib.sha256(platform.node().encode()).hexdigest()[:8]  # processes of others cannot be asked for


def part_prefix() -> str:
    """How the names of this process's unfinished files and folders begin."""
    return f'{PART_PREFIX}{_HOST}-{os.getpid()}-'


def part_of(path: Path) -> Path:
    """A name of one's own under which a file is written before it gets its own; in the same folder, so that renaming
    is atomic.

    It has the same suffix, by which OpenCV chooses a format, and is short, where the file's own may not be. No two
    calls give the same: two that write one file at the same time do not write into each other's part.
    """
    return path.with_name(f'{part_prefix()}{secrets.token_hex(6)}{path.suffix}')


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
        with part.open('xb') as file:  # a link that somebody put there is not followed
            yield file
            if durable:
                file.flush()
                _sync(file.fileno())
        os.replace(part, path)
        if durable:
            _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the names of its files to the disk; Windows cannot, and need not."""
    if os.name != 'nt':
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            _sync(descriptor)
        finally:
            os.close(descriptor)


def _sync(descriptor: int) -> None:
    """Wait for the disk, where the file system can; an error of the disk is one, of a file and of a folder alike."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # what those say that cannot
            raise


def check_writable(path: Path) -> None:
    """Raise OSError, which names the file, if it could not be written; its folder is made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(path)
        part.touch(exist_ok=False)
        part.unlink()
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


def remove_parts(folder: Path, below: bool = False) -> None:
    """Remove what killed processes left half-written in a folder.

    A part, file or folder, goes if the process that its name tells is no more; one of another machine, on a disk that
    is shared, if nobody wrote to it for an hour.

    Args:
        folder: The folder.
        below: In the folders below it, too: for one that nobody else writes to. Default: False.
    """
    for part in list((folder.rglob if below else folder.glob)(PART_PREFIX + '*')):
        with contextlib.suppress(OSError):
            if _is_left(part):
                shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()


def _is_left(part: Path) -> bool:
    is_old = time.time() - part.lstat().st_mtime > OLD_PART
    named = part.name[len(PART_PREFIX):].split('-')
    if len(named) < 3 or not named[1].isdecimal():  # of an older rampose
        return True
    if named[0] != _HOST:
        return is_old
    # A number is given to another process some day; a folder is not written to while the files in it are.
    return not _is_running(int(named[1])) or (is_old and not part.is_dir())


def _is_running(process: int) -> bool:
    if os.name == 'nt':  # there, asking for a process ends it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def sha256_of(path: Path) -> str:
    """A file's SHA-256."""
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        for chunk in iter(lambda: file.read(2**20), b''):
            digest.update(chunk)
    return digest.hexdigest()
