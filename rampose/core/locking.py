"""A lock on a folder that the system gives back when its holder ends, however it ends."""

import contextlib
import os
import time
from pathlib import Path
from typing import Optional

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

LOCK_FILE = '.rampose-lock'


class LockedError(ValueError):
    """Somebody else holds the lock."""


class FolderLock:
    """Hold ``FOLDER/.rampose-lock``.

    Written here, and not taken from a library, because exported models run where there is none.

    Args:
        folder: The folder; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / LOCK_FILE
        self._descriptor: Optional[int] = None

    def acquire(self, wait: bool = False) -> 'FolderLock':
        """Take the lock.

        Args:
            wait: Wait until it is free. Default: False.

        Raises:
            LockedError: Somebody else holds it.
            OSError: The folder cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                if _try_lock(descriptor) and _is_same_file(descriptor, self.path):  # its holder may have removed it
                    self._descriptor = descriptor
                    return self
            except OSError:
                os.close(descriptor)
                raise
            locked = _is_same_file(descriptor, self.path)
            os.close(descriptor)
            if locked and not wait:
                raise LockedError(f'{self.path.parent} is locked by another process')
            time.sleep(0.05 if wait else 0)

    def release(self) -> None:
        """Give the lock back and remove its file; nothing happens if it is not held."""
        if self._descriptor is None:
            return
        if fcntl:  # while it is held, so that nobody else's is removed; Windows removes no open file
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None
        if not fcntl:
            with contextlib.suppress(OSError):
                self.path.unlink()

    def __enter__(self) -> 'FolderLock':
        return self.acquire(wait=True)

    def __exit__(self, *_: object) -> None:
        self.release()


def _try_lock(descriptor: int) -> bool:
    try:
        if fcntl:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
