"""Files by address and SHA-256: downloaded once into the user's cache, checked each time."""

import contextlib
import os
import urllib.error
import urllib.request
from pathlib import Path

from ..core.files import PART_PREFIX, sha256_of
from ..core.locking import FolderLock

TIMEOUT = 30.  # seconds without an answer
CHUNK = 2**20  # bytes


def cache_folder() -> Path:
    """Where downloaded weights are kept."""
    if os.environ.get('RAMPOSE_CACHE'):
        return Path(os.environ['RAMPOSE_CACHE'])
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'rampose'


def cached_path(url: str, sha256: str) -> Path:
    """Where the cache keeps a file."""
    return cache_folder() / f'{sha256[:16]}-{os.path.basename(url)}'


def fetch_file(url: str, sha256: str, size: int) -> Path:
    """A file from the cache, downloaded if it is not there. An interrupted download is resumed.

    Args:
        url: Its address.
        sha256: Its hash.
        size: Bytes.

    Raises:
        ValueError: It is another file than the hash says.
        OSError: It cannot be downloaded.
    """
    path = cached_path(url, sha256)
    with FolderLock(path.parent):
        if not path.is_file():
            _download(url, path, sha256, size)
        check_file(path, sha256, f'remove {path} to download it again')
    return path


def check_file(path: Path, sha256: str, remedy: str) -> None:
    """Compare a file with its hash.

    Raises:
        ValueError: It is another file; `remedy` says what to do.
    """
    found = sha256_of(path)
    if found != sha256:
        raise ValueError(f'{path} is damaged: its SHA-256 is {found[:16]}..., not {sha256[:16]}...; {remedy}')


def _download(url: str, path: Path, sha256: str, size: int) -> None:
    part = path.with_name(f'{PART_PREFIX}{path.name}')  # of one name, so that the next call goes on with it
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={'Range': f'bytes={have}-'} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            resumes = have and answer.status == 206
            with part.open('ab' if resumes else 'wb') as file:
                for chunk in iter(lambda: answer.read(CHUNK), b''):
                    file.write(chunk)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # all of it is there
            raise OSError(f'{url} cannot be downloaded: {error}; fetch it by hand and give the file by its '
                          'path') from None
    except (urllib.error.URLError, TimeoutError) as error:
        raise OSError(f'{url} cannot be downloaded: {getattr(error, "reason", error)}; with a network the next call '
                      'goes on, or fetch it by hand and give the file by its path') from None
    if part.stat().st_size < size:
        raise OSError(f'{url} broke off after {part.stat().st_size} of {size} bytes; the next call resumes it')
    if sha256_of(part) != sha256:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ValueError(f'{url} gives another file than the one that was published; try again, or tell us')
    os.replace(part, path)
