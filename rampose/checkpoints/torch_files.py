"""torch's two file formats, read by Python alone.

`torch.load` would do, if it did the same in every version: before 2.6 it cannot be told what MMEngine writes, 1.13 runs
whatever is in a file, the list that later ones take is one for the whole process, and none compares the size of a
tensor with the bytes that the file has for it.
"""

import contextlib
import errno
import io
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator

import torch

from .admitted import RefusedError, Storage, StorageType
from .unpickler import AdmittedUnpickler

_LEGACY_MAGIC, _LEGACY_PROTOCOL = 0x1950a86a20f9469cfc6c, 1001


class FormatError(ValueError):
    """A file that is not, or no longer, in one of torch's formats."""


def read_torch_file(path: Path) -> Any:
    """Read a file that `torch.save` wrote: its objects with stand-ins (:func:`rampose.checkpoints.admitted.real`).

    All tensors lie in the CPU's memory, wherever they were when they were saved.

    Raises:
        RefusedError: It names, or does, what a checkpoint does not need.
        FormatError: It is in another format, truncated or damaged.
        OSError: It cannot be read.
    """
    with path.open('rb') as file:
        start = file.read(4)
        file.seek(0)
        if start == b'PK\x03\x04':
            return _read_zip(file)
        if tarfile.is_tarfile(path):  # of torch before 0.1.10; reading it would unpack files
            raise RefusedError('a tar archive of torch before 0.1.10')
        return _read_legacy(file, path.stat().st_size)


def _read_zip(file: BinaryIO) -> Any:
    with _damage():
        archive = zipfile.ZipFile(file)
    with archive:
        names = {info.filename: info for info in archive.infolist()}
        top = next((name[:-len('data.pkl')] for name in names if name.endswith('/data.pkl')), None)
        if f'{top}constants.pkl' in names or any('/code/' in name for name in names):
            raise RefusedError('torch.jit (TorchScript)')
        if top is None:
            raise FormatError('it has no data.pkl')
        storages: Dict[str, Storage] = {}

        def record(name: str) -> bytes:
            info = names.get(name)
            if info is None:
                raise FormatError(f'it has no {name}')
            if info.compress_type != zipfile.ZIP_STORED:  # torch compresses nothing; what is small may unpack to much
                raise FormatError(f'{name} is compressed')
            with _damage():
                return archive.read(info)

        def load_storage(pid: Any) -> Storage:
            kind, key, number = _checked(pid)
            if key not in storages:
                content = record(f'{top}data/{key}')
                if len(content) < number * kind.itemsize:
                    raise FormatError(f'the storage {key} has {len(content)} bytes instead of {number * kind.itemsize}')
                storages[key] = Storage(_as_bytes(content), kind.dtype)
            return Storage(storages[key].content, kind.dtype)

        if f'{top}byteorder' in names and record(f'{top}byteorder') != b'little':
            raise FormatError('it was saved on a big-endian machine')
        return _unpickled(AdmittedUnpickler(record(f'{top}data.pkl'), load_storage=load_storage))


@contextlib.contextmanager
def _damage() -> Iterator[None]:
    """What zipfile raises of damaged archives, as a FormatError; an error of the disk is none."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a place before the beginning of the file
            raise
        raise FormatError('its directory is damaged') from None
    except (zipfile.BadZipFile, EOFError, struct.error, RuntimeError, ValueError, OverflowError) as error:
        raise FormatError(str(error)) from None


def _read_legacy(file: BinaryIO, size: int) -> Any:
    """A sequence of pickles: a magic number, a version, the machine, the object, its storages' keys; then the bytes."""
    if [_unpickled(AdmittedUnpickler(file, size)) for _ in range(2)] != [_LEGACY_MAGIC, _LEGACY_PROTOCOL]:
        raise FormatError("it is not in torch's format")
    machine = _unpickled(AdmittedUnpickler(file, size))
    if not isinstance(machine, dict) or machine.get('little_endian') is not True:
        raise FormatError('it was saved on a big-endian machine')
    storages: Dict[str, Storage] = {}
    left = size  # bytes that there can be for storages

    def load_storage(pid: Any) -> Storage:
        nonlocal left
        kind, key, number = _checked(pid)
        if isinstance(pid, tuple) and len(pid) > 5 and pid[5] is not None:
            raise RefusedError('a view of a storage, as torch before 0.4 wrote it')
        if key not in storages:
            left -= number * kind.itemsize
            if left < 0:
                raise FormatError('its storages are larger than the file')
            storages[key] = Storage(_memory(number * kind.itemsize).zero_(), kind.dtype)
        return storages[key]

    result = _unpickled(AdmittedUnpickler(file, size, load_storage))
    keys = _unpickled(AdmittedUnpickler(file, size))
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in storages for key in keys):
        raise FormatError('it lists storages that it does not have')
    for key in keys:
        storage = storages[key]
        head = file.read(8)
        content = file.read(len(storage.content))
        if len(head) < 8 or len(content) < len(storage.content):
            raise FormatError('it is truncated')
        storage.content.copy_(_as_bytes(content))
    if set(keys) != set(storages):
        raise FormatError('it lacks storages')
    return result


class _Kind:

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.itemsize = torch.empty(0, dtype=dtype).element_size()


def _checked(pid: Any) -> tuple:
    """Type, key and length of the storage that a persistent id names."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != 'storage' or not isinstance(pid[1], StorageType) \
            or not isinstance(pid[2], str) or type(pid[4]) is not int or not 0 <= pid[4] < 2**48:
        raise RefusedError('a persistent id that is no storage')
    return _Kind(pid[1].dtype), pid[2], pid[4]


def _as_bytes(content: bytes) -> torch.Tensor:
    """A copy in memory that is aligned for any type."""
    copy = _memory(len(content))
    if content:
        copy.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
    return copy


def _memory(nbytes: int) -> torch.Tensor:
    try:
        return torch.empty(nbytes, dtype=torch.uint8)
    except RuntimeError as error:  # torch has no MemoryError; a file is not broken because there is no memory for it
        raise MemoryError(str(error)) from None


def _unpickled(unpickler: AdmittedUnpickler) -> Any:
    try:
        return unpickler.load()
    except (RefusedError, FormatError, MemoryError):
        raise
    except KeyError:  # an opcode that does not exist
        raise FormatError("it is not in torch's format") from None
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, TypeError, AttributeError, OverflowError,
            RecursionError, RuntimeError, struct.error, UnicodeError, io.UnsupportedOperation) as error:
        raise FormatError(str(error).strip().split('\n')[0].rstrip('.') or type(error).__name__) from error
