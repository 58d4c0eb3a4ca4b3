"""What a checkpoint may name, and what each name does here.

A pickle calls whatever it names, with arguments and a state of its choice. So nothing that it may name is the real
thing: every function below is ours, takes what a checkpoint needs and refuses the rest, and arrays, number types and
history buffers are built as stand-ins, which :func:`real` turns into the objects that they stand for when all of the
file is read. Whatever the arguments, what comes out is tensors, numbers, arrays of numbers, text, and containers of
such.
"""

import re
from collections import Counter, OrderedDict
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

_NUMBER = re.compile(r'[<>=|]?[biufc]\d{1,2}')  # numpy's kinds of numbers, and how many bytes
_ATOMS = (str, bytes, int, float, bool, complex, type(None))


class RefusedError(Exception):
    """A file names, or does, what a checkpoint does not need; the message says what."""


class NumberType:
    """Stands for a `numpy.dtype` of plain numbers."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        if not isinstance(code, str) or not _NUMBER.fullmatch(code):
            raise RefusedError(f'numpy.dtype({_shown(code)})')
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 8 or state[1] not in ('<', '>', '=', '|') \
                or any(part is not None for part in state[2:5]):
            raise RefusedError('numpy.dtype with fields')
        if state[1] in '<>':
            self.dtype = self.dtype.newbyteorder(state[1])


class Array:
    """Stands for a `numpy.ndarray`; a state gives it its numbers."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.value = np.zeros(0)

    def set_state(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise RefusedError('numpy.ndarray with another state')
        shape, dtype, in_fortran_order, data = state[-4:]
        self.value = _array(data, dtype, shape, in_fortran_order is True)


class Buffer:
    """Stands for MMEngine's `HistoryBuffer`."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.state: Dict[str, Any] = {}

    def set_state(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise RefusedError('HistoryBuffer with another state')
        self.state = state

    def real(self) -> HistoryBuffer:
        log, count = (real(self.state.get(name)) for name in ('_log_history', '_count_history'))
        if not all(isinstance(values, np.ndarray) and values.ndim == 1 for values in (log, count)) \
                or len(log) != len(count):
            raise RefusedError('HistoryBuffer without histories')
        buffer = HistoryBuffer(log.tolist(), count.tolist())
        buffer._log_history, buffer._count_history = log, count  # in their own types
        length = self.state.get('max_length')
        buffer.max_length = length if type(length) is int and length > 0 else buffer.max_length
        return buffer


class Name:
    """Stands for a class or a function that a checkpoint mentions and that nothing here calls."""

    __hash__ = None  # type: ignore[assignment]


class StorageType:
    """Stands for torch's storage classes: the type of the numbers in a storage."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


class Storage:
    """The bytes of a storage, ``(nbytes,)`` uint8, and the type of its numbers."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, content: Tensor, dtype: torch.dtype) -> None:
        self.content = content
        self.dtype = dtype


_NDARRAY, _STATISTIC = Name(), Name()
_STATISTICS = ('current', 'max', 'mean', 'min')


def _array(data: Any, dtype: Any, shape: Any, in_fortran_order: bool) -> np.ndarray:
    if isinstance(data, str):  # how protocols before 3 write bytes
        data = data.encode('latin1')
    if not isinstance(dtype, NumberType) or not isinstance(data, (bytes, bytearray)) or not _is_shape(shape, 32):
        raise RefusedError('numpy.ndarray of something else than numbers')
    number = 1
    for side in shape:
        number *= side
    if number * dtype.dtype.itemsize != len(data):
        raise RefusedError(f'numpy.ndarray of shape {_shown(shape)} over {len(data)} bytes')
    return np.frombuffer(bytes(data), dtype.dtype).reshape(shape, order='F' if in_fortran_order else 'C').copy()


def _reconstruct(subtype: Any, shape: Any, code: Any) -> Array:
    if subtype is not _NDARRAY:
        raise RefusedError('a subclass of numpy.ndarray')
    return Array()


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    array = Array()
    array.value = _array(data, dtype, shape, order == 'F')
    return array


def _scalar(dtype: Any, data: Any) -> np.generic:
    return _array(data, dtype, (1, ), False)[0]


def _encode(text: Any, encoding: Any = 'latin1') -> bytes:
    if not isinstance(text, str) or encoding not in ('latin1', 'latin-1'):
        raise RefusedError(f'_codecs.encode to {_shown(encoding)}')
    return text.encode('latin1')


def _getattr(owner: Any, name: Any) -> Name:
    """Stand-in for `getattr`, which pickle calls to name the statistics that a HistoryBuffer keeps."""
    if owner is Buffer and isinstance(name, str) and name in _STATISTICS:
        return _STATISTIC
    raise RefusedError(f'builtins.getattr of {_shown(name)}')


def _set(items: Any = ()) -> set:
    if not isinstance(items, (list, tuple, set, frozenset)):
        raise RefusedError('set of something else than a list')
    for item in items:
        check_key(item)
    return set(items)


def _counter(items: Any = ()) -> Counter:
    counts: Counter = Counter()
    if isinstance(items, dict):
        counts.update({check_key(key): value for key, value in items.items() if type(value) is int})
    elif isinstance(items, (list, tuple)):
        counts.update(map(check_key, items))
    else:
        raise RefusedError('Counter of something else than a dict')
    return counts


def _ordered_dict(items: Any = ()) -> OrderedDict:
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, (list, tuple)) and len(item) == 2
                                                       for item in items):
        raise RefusedError('OrderedDict of something else than pairs')
    return OrderedDict((check_key(key), value) for key, value in items)


def _complex(*parts: Any) -> complex:
    if not all(type(part) in (int, float) for part in parts) or len(parts) > 2:
        raise RefusedError('complex of something else than numbers')
    return complex(*parts)


def _bytearray(*parts: Any) -> bytearray:
    if len(parts) > 1 and parts[1] == 'latin-1' and isinstance(parts[0], str):
        return bytearray(parts[0], 'latin-1')
    if len(parts) > 1 or not all(isinstance(part, (bytes, bytearray)) for part in parts):
        raise RefusedError('bytearray of something else than bytes')  # a number would be a size
    return bytearray(*parts)


def _size(sides: Any = ()) -> torch.Size:
    if not _is_shape(tuple(sides) if isinstance(sides, list) else sides, 64):
        raise RefusedError('torch.Size of something else than sides')
    return torch.Size(sides)


def _device(*parts: Any) -> torch.device:
    if not parts or not isinstance(parts[0], str) or not all(type(part) is int for part in parts[1:]):
        raise RefusedError('torch.device of something else than a name')
    return torch.device(*parts)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, *_: Any) -> Tensor:
    """`torch._utils._rebuild_tensor_v2`, within the bounds of the storage."""
    if not isinstance(storage, Storage) or type(offset) is not int or offset < 0 or not _is_shape(size, 64) \
            or not _is_shape(stride, 64) or len(size) != len(stride):
        raise RefusedError('a tensor of something else than a storage')
    numbers = len(storage.content) // torch.empty(0, dtype=storage.dtype).element_size()
    end = offset + (0 if 0 in size else 1 + sum((side - 1) * step for side, step in zip(size, stride)))
    if end > numbers:
        raise RefusedError(f'a tensor of {end} numbers in a storage of {numbers}')
    values = storage.content.view(storage.dtype)
    source = values.untyped_storage() if hasattr(values, 'untyped_storage') else values.storage()
    tensor = torch.empty(0, dtype=storage.dtype).set_(source, offset, tuple(size), tuple(stride))
    if requires_grad is True and (tensor.is_floating_point() or tensor.is_complex()):
        tensor.requires_grad_()
    return tensor


def _tensor_v1(storage: Any, offset: Any, size: Any, stride: Any) -> Tensor:
    return _tensor(storage, offset, size, stride)


def _tensor_v3(storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, dtype: Any,
               *_: Any) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
        raise RefusedError('a tensor without a type')
    return _tensor(Storage(storage.content, dtype), offset, size, stride, requires_grad)


def _parameter(data: Any, requires_grad: Any = True, *_: Any) -> torch.nn.Parameter:
    if not isinstance(data, Tensor):
        raise RefusedError('a parameter of something else than a tensor')
    wants = requires_grad is True and (data.is_floating_point() or data.is_complex())
    return torch.nn.Parameter(data.detach(), requires_grad=wants)


def _is_shape(value: Any, most: int) -> bool:
    return (isinstance(value, tuple) and len(value) <= most
            and all(type(side) is int and 0 <= side < 2**48 for side in value))


def check_key(key: Any) -> Any:
    """Return a key of a dict or set; refuse any but text, numbers and flat tuples of such.

    Hashing an object of ours may fail, and hashing deeply nested tuples ends the process.
    """
    flat = key if type(key) is tuple else (key, )
    if not all(isinstance(part, (*_ATOMS, np.generic, torch.dtype)) for part in flat):
        raise RefusedError(f'a key of type {type(key).__name__}')
    return key


def _shown(value: Any) -> str:
    """A value for a message; a long or a nested one by its type."""
    flat = isinstance(value, _ATOMS) or (isinstance(value, tuple) and all(isinstance(part, _ATOMS) for part in value))
    return f'{value!r:.60}' if flat else type(value).__name__


def _names() -> Dict[str, Any]:
    names = {
        '_codecs.encode': _encode,
        'builtins.bytearray': _bytearray,
        'builtins.complex': _complex,
        'builtins.getattr': _getattr,
        'builtins.set': _set,
        'collections.Counter': _counter,
        'collections.OrderedDict': _ordered_dict,
        'mmengine.logging.history_buffer.HistoryBuffer': Buffer,
        'numpy.dtype': NumberType,
        'numpy.ndarray': _NDARRAY,
        'torch._utils._rebuild_parameter': _parameter,
        'torch._utils._rebuild_tensor': _tensor_v1,
        'torch._utils._rebuild_tensor_v2': _tensor,
        'torch._utils._rebuild_tensor_v3': _tensor_v3,
        'torch.Size': _size,
        'torch.device': _device,
        'torch.nn.parameter.Parameter': _parameter,
        'torch.storage.UntypedStorage': StorageType(torch.uint8),
        'torch.storage._UntypedStorage': StorageType(torch.uint8),
    }
    for statistic in _STATISTICS:  # of pickle's protocols from 4 on; before, it calls getattr
        names[f'mmengine.logging.history_buffer.HistoryBuffer.{statistic}'] = _STATISTIC
    for core in ('core', '_core'):  # numpy 2 renamed it
        names.update({f'numpy.{core}.multiarray._reconstruct': _reconstruct,
                      f'numpy.{core}.multiarray.scalar': _scalar,
                      f'numpy.{core}.numeric._frombuffer': _from_buffer})
    for name, dtype in vars(torch).items():
        if isinstance(dtype, torch.dtype):
            names[f'torch.{name}'] = dtype
    for name, dtype in dict(Double='float64', Float='float32', Half='float16', BFloat16='bfloat16', Long='int64',
                            Int='int32', Short='int16', Char='int8', Byte='uint8', Bool='bool',
                            ComplexDouble='complex128', ComplexFloat='complex64').items():
        names[f'torch.{name}Storage'] = StorageType(getattr(torch, dtype))
        names[f'torch.cuda.{name}Storage'] = names[f'torch.{name}Storage']
    return names


NAMES = _names()
# What may be called, given a state, and made by `cls.__new__` (a stand-in, or an OrderedDict without items).
CALLABLE: Tuple[Callable, ...] = tuple(value for value in NAMES.values() if callable(value))
STAND_INS = (NumberType, Array, Buffer)


def new(cls: Any, args: tuple) -> Any:
    """What pickle's ``cls.__new__(cls, *args)`` gives."""
    if cls is Buffer and not args:
        return Buffer()
    if cls is _ordered_dict and not args:
        return OrderedDict()
    if cls is _counter and not args:
        return Counter()
    raise RefusedError(f'an object of {getattr(cls, "__name__", type(cls).__name__)}')


def set_state(instance: Any, state: Any) -> None:
    """What pickle's BUILD does."""
    if type(instance) in STAND_INS:
        instance.set_state(state)
    elif type(instance) is OrderedDict and isinstance(state, dict) and state.keys() <= {'_metadata'}:
        vars(instance).update(state)  # torch's notes on the versions of a state_dict
    else:
        raise RefusedError(f'{type(instance).__module__}.{type(instance).__qualname__} (its state)')


def real(value: Any, device: Optional[torch.device] = None, seen: Optional[dict] = None) -> Any:
    """Put real objects in the place of the stand-ins, in containers too, and tensors on a device.

    Args:
        value: What the unpickler made; dicts and lists are changed in place.
        device: Where the tensors go; None leaves them on the CPU.
        seen: What was made real already, by id, so that what was shared stays shared.
    """
    seen = {} if seen is None else seen
    if isinstance(value, _ATOMS):
        return value
    if id(value) in seen:
        return seen[id(value)][1]
    made = value
    if isinstance(value, Array):
        made = value.value
    elif isinstance(value, NumberType):
        made = value.dtype
    elif isinstance(value, Buffer):
        made = value.real()
    elif isinstance(value, Tensor) and device is not None:
        made = value.to(device)
    elif callable(value) or isinstance(value, (Name, Storage, StorageType)):
        raise RefusedError('a class or a function in the place of a value')
    seen[id(value)] = value, made  # the first keeps the id taken
    if isinstance(value, dict):
        for key in value:
            value[key] = real(value[key], device, seen)
        if isinstance(value, OrderedDict) and hasattr(value, '_metadata'):
            value._metadata = real(value._metadata, device, seen)
    elif isinstance(value, list):
        value[:] = [real(item, device, seen) for item in value]
    elif type(value) is tuple:
        made = tuple(real(item, device, seen) for item in value)
        seen[id(value)] = value, made
    return made
