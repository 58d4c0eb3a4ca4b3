"""Loading checkpoints without running what is in them.

A checkpoint is a pickle, and a pickle may call any function. Since torch 2.6, `torch.load` therefore admits tensors
and little else, and refuses MMEngine's own training checkpoints, which also hold `HistoryBuffer` and numpy objects:
stock MMEngine 0.10.7 can neither resume nor test from what it wrote. Before torch 2.6, it loaded everything.

Here the list of what a checkpoint may name is torch's own, widened by what MMEngine writes and by nothing else. With
torch >= 2.6 torch's unpickler enforces it; with an older one, whose list cannot be widened, an unpickler of ours does.
"""

import _codecs
import os
import pickle
import pickletools
import re
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Union
from urllib.parse import urlparse

import mmengine.runner.checkpoint as mmengine_checkpoint
import numpy as np
import torch
from mmengine.dist import barrier, get_rank
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version
from torch._weights_only_unpickler import _get_allowed_globals


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be read, or that names what a checkpoint has no need of."""


def _history_buffer_method(owner: Any, name: str) -> Callable:
    """Stand-in for `getattr`, which pickle calls to name the statistics that a HistoryBuffer keeps."""
    if owner is HistoryBuffer and name in ('current', 'max', 'mean', 'min'):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(f'GLOBAL builtins.getattr (of {owner!r}, {name!r})')


def _admitted_globals() -> Dict[str, Any]:
    """What MMEngine's checkpoints name beyond torch's own list, by the full name that the pickle gives."""
    multiarray = np.zeros(0).__reduce__()[0], np.float64(0).__reduce__()[0]  # _reconstruct, scalar
    admitted = {f'numpy.{core}.multiarray.{function.__name__}': function
                for core in ('core', '_core') for function in multiarray}  # numpy 2 renamed core
    admitted.update({
        # Older versions of torch's list lack these.
        '_codecs.encode': _codecs.encode,
        'builtins.set': set,
        'collections.Counter': Counter,
        'collections.OrderedDict': OrderedDict,
        # What MMEngine adds.
        'builtins.getattr': _history_buffer_method,
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'numpy.dtype': np.dtype,
        'numpy.ndarray': np.ndarray,
    })
    # The classes of the plain number types, which torch asks for when it restores a dtype.
    dtype_classes = {type(np.dtype(code)) for code in np.typecodes['AllInteger'] + np.typecodes['AllFloat'] + '?'}
    admitted.update({f'{cls.__module__}.{cls.__qualname__}': cls for cls in dtype_classes})
    return admitted


class _AdmittedUnpickler(pickle._Unpickler):
    """Unpickler for torch < 2.6 that looks names up in the list instead of importing them.

    It is Python's own, not the one in C, because the state of an object is restored for listed types only: otherwise a
    pickle could set attributes of the functions and classes that it may name, or give a dtype flags that lie.
    """

    dispatch = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        # torch.save writes Python 2's names of builtins.
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full_name = f'{module}.{name}'
        if full_name in _ADMITTED:
            return _ADMITTED[full_name]
        if full_name in _get_allowed_globals():
            return _get_allowed_globals()[full_name]
        raise pickle.UnpicklingError(f'GLOBAL {full_name}')

    def load_build(self) -> None:
        kind = type(self.stack[-2])
        if kind not in (torch.Tensor, torch.nn.Parameter) and kind not in _ADMITTED.values():
            raise pickle.UnpicklingError(f'GLOBAL {kind.__module__}.{kind.__qualname__} (its state)')
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


_ADMITTED = _admitted_globals()
_ADMITTED_PICKLE = SimpleNamespace(
    __name__='rampose_admitted_pickle',
    Unpickler=_AdmittedUnpickler,
    load=lambda file, **kwargs: _AdmittedUnpickler(file, **kwargs).load())


def _load_by_torch(path: Path, map_location: Any) -> Any:
    """torch >= 2.6."""
    admitted = [(value, name) for name, value in _ADMITTED.items()]
    with torch.serialization.safe_globals(admitted):
        return torch.load(path, map_location=map_location, weights_only=True)


def _load_by_admitted_unpickler(path: Path, map_location: Any) -> Any:
    """torch < 2.6, where `weights_only=True` admits no names of ours; the unpickler given does the same check."""
    reader = _zip_reader(path)
    if reader and 'constants.pkl' in reader.get_all_records():
        raise pickle.UnpicklingError('GLOBAL torch.jit (TorchScript)')  # torch.load would hand it over
    return torch.load(path, map_location=map_location, pickle_module=_ADMITTED_PICKLE, weights_only=False)


def _zip_reader(path: Path) -> Optional[Any]:
    """torch's own reader of its zip format, or None for the older format; another reader might see other records."""
    with path.open('rb') as file:
        if file.read(4) != b'PK\x03\x04':
            return None
    return torch._C.PyTorchFileReader(str(path))


def _names_not_admitted(path: Path) -> List[str]:
    """List the globals that a pickle names and the list does not, without running it, to tell a user."""
    reader = _zip_reader(path)
    content = reader.get_record('data.pkl') if reader else path.read_bytes()
    names, strings = [], []
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == 'GLOBAL':
                names.append(argument.replace(' ', '.'))
            elif opcode.name == 'STACK_GLOBAL':
                names.append('.'.join(strings[-2:]))
            elif isinstance(argument, str):
                strings.append(argument)
    except ValueError:  # the end of the pickle in an older file, or of a truncated one
        pass
    return [name for name in names if name not in _ADMITTED and name not in _get_allowed_globals()]


_load = _load_by_torch if digit_version(torch.__version__) >= digit_version('2.6.0') else _load_by_admitted_unpickler


def load_checkpoint_file(filename: Union[str, Path], map_location: Any = None) -> Any:
    """Load a checkpoint file; only names on the list are looked up, nothing else in it is called.

    Args:
        filename: Path of the file; ``~`` is expanded.
        map_location: As :func:`torch.load`.

    Returns:
        What the file holds, for MMEngine a dict with ``state_dict``, ``meta``, ``message_hub`` and more.

    Raises:
        FileNotFoundError: No such file.
        CheckpointError: The file is empty, truncated or no checkpoint, or names a global that is not on the list.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'{path} can not be found.')
    if path.stat().st_size == 0:
        raise CheckpointError(f'{path} is empty (0 bytes); save or download it again')
    try:
        return _load(path, map_location)
    except Exception as error:
        offender = _offender(error, path) if isinstance(error, pickle.UnpicklingError) else None
        if offender:
            raise CheckpointError(
                f'{path} is refused: it names {offender}, which a checkpoint has no need of and which may run code '
                'on this machine. Get the file from somebody you trust, saved with tensors and plain values only'
            ) from None
        raise CheckpointError(f'{path} ({path.stat().st_size} bytes) cannot be read: {_first_line(error)}. '
                              'If it is truncated or no checkpoint, save or download it again') from error


def _offender(error: pickle.UnpicklingError, path: Path) -> Optional[str]:
    """The global for which a file was refused, or None if it is merely broken."""
    said = re.search(r'GLOBAL (.+?)(?: was not an allowed| whose module|\n|$)', str(error))
    return said[1] if said else next(iter(_names_not_admitted(path)), None)


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):  # torch's old reader met a byte that it does not know
        return "it is not in torch's format"
    return str(error).strip().split('\n')[0].rstrip('.') or type(error).__name__


def load_from_local(filename: str, map_location: Any = None) -> Any:
    return load_checkpoint_file(filename, map_location)


def load_from_http(filename: str,
                    map_location: Any = None,
                    model_dir: Optional[str] = None,
                    progress: bool = os.isatty(0)) -> Any:
    """Download to torch's cache, first in process 0 alone, then load like any file."""
    folder = Path(model_dir or os.path.join(torch.hub.get_dir(), 'checkpoints'))
    path = folder / os.path.basename(urlparse(filename).path)
    if get_rank() != 0:
        barrier()
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(filename, str(path), progress=progress)
    if get_rank() == 0:
        barrier()
    return load_checkpoint_file(path, map_location)


def install_safe_loading() -> None:
    """Make MMEngine load checkpoints from files, http and its model zoos through :func:`load_checkpoint_file`."""
    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), loader=load_from_http, force=True)
    # MMEngine's loaders for torchvision://, openmmlab:// and mmcls:// call this function of their module.
    mmengine_checkpoint.load_from_http = load_from_http
