"""Loading checkpoints without running what is in them.

A checkpoint is a pickle, and a pickle may call any function. Since torch 2.6, `torch.load` therefore admits tensors
and little else, and refuses MMEngine's own training checkpoints, which also hold `HistoryBuffer` and numpy objects:
stock MMEngine 0.10.7 can neither resume nor test from what it wrote. Before torch 2.6, it loaded everything.

Here a file is read by an unpickler of our own, alike with every torch (:mod:`rampose.checkpoints.torch_files`), which
knows what MMEngine and torch write and nothing else (:mod:`rampose.checkpoints.admitted`).
"""

import os
from pathlib import Path
from typing import Any, Optional, Union
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_rank
from mmengine.runner import CheckpointLoader

from .admitted import RefusedError, real
from .torch_files import FormatError, read_torch_file


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be read, or that names what a checkpoint does not need."""


class BrokenCheckpointError(CheckpointError):
    """A file that is empty, truncated, damaged or no checkpoint."""


def load_checkpoint_file(filename: Union[str, Path], map_location: Any = None) -> Any:
    """Load a checkpoint file; only names on the list are looked up, nothing else in it is called.

    Args:
        filename: Path of the file, of torch's format or of safetensors; ``~`` is expanded.
        map_location: The device that all tensors go to. Default: None, the CPU, wherever they were saved; anything but
            a device and its name counts as None.

    Returns:
        What the file holds, for MMEngine a dict with ``state_dict``, ``meta``, ``message_hub`` and more; for a file of
        safetensors a dict of tensors.

    Raises:
        FileNotFoundError: No such file.
        BrokenCheckpointError: The file is empty, truncated, damaged or no checkpoint.
        CheckpointError: It names a global that is not on the list, or needs a package that is missing.
        MemoryError: There is no memory for it.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{path} can not be found.')
    size = path.stat().st_size
    if size == 0:
        raise BrokenCheckpointError(f'{path} is empty (0 bytes); save or download it again')
    device = torch.device(map_location) if isinstance(map_location, (str, torch.device)) else None
    if path.suffix == '.safetensors':
        return real(_read_safetensors(path), device)
    try:
        return real(read_torch_file(path), device)
    except RefusedError as error:
        raise CheckpointError(
            f'{path} is refused: it names {error}, which a checkpoint does not need and which may run code '
            'on this machine. Get the file from somebody you trust, saved with tensors and plain values only') from None
    except (FormatError, RecursionError) as error:
        raise BrokenCheckpointError(f'{path} ({size} bytes) cannot be read: {error}. '
                                    'If it is truncated or no checkpoint, save or download it again') from error


def _read_safetensors(path: Path) -> dict:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise CheckpointError(f'{path} needs the package safetensors: pip install safetensors') from None
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise BrokenCheckpointError(f'{path} cannot be read: {error}; download it again') from error


def load_checkpoint(filename: Union[str, Path], map_location: Any = None) -> Any:
    """Load a checkpoint from a file, or from an address that MMEngine knows.

    Raises:
        FileNotFoundError: No such file.
        CheckpointError: As :func:`load_checkpoint_file`.
    """
    text = str(filename)
    if text.startswith(('http://', 'https://')):
        return load_from_http(text, map_location)
    if '://' in text:  # s3, petrel and the model zoos: theirs to fetch
        return CheckpointLoader.load_checkpoint(text, map_location=map_location or 'cpu', logger='silent')
    return load_checkpoint_file(filename, map_location)


def load_from_http(filename: str,
                    map_location: Any = None,
                    model_dir: Optional[str] = None,
                    progress: bool = os.isatty(0)) -> Any:
    """Download to torch's cache, then load like any file; errors as of :func:`download`."""
    return load_checkpoint_file(download(filename, model_dir, progress), map_location)


def download(url: str, model_dir: Optional[str] = None, progress: bool = os.isatty(0)) -> Path:
    """Download to torch's cache what is not there yet, first in process 0 alone.

    Raises:
        CheckpointError: It cannot be downloaded.
    """
    folder = Path(model_dir or os.path.join(torch.hub.get_dir(), 'checkpoints'))
    path = folder / os.path.basename(urlparse(url).path)
    if get_rank() != 0:
        barrier()
    try:
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), progress=progress)
    except OSError as error:  # urllib's are such
        raise CheckpointError(f'{url} cannot be downloaded: {getattr(error, "reason", error)}; with a network try '
                              f'again, or put the file at {path}') from None
    finally:
        if get_rank() == 0:  # after an error, too, or the others would wait
            barrier()
    return path
