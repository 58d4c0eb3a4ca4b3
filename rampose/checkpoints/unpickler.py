"""An unpickler that knows the names of :mod:`rampose.checkpoints.admitted` and no others."""

import io
import pickle
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict
from typing import Any, BinaryIO, Callable, Optional, Union

from .admitted import CALLABLE, NAMES, RefusedError, check_key, new, set_state


class _Bounded:
    """A file that reserves no memory for more than it has."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.readline = file.readline

    def read(self, number: int) -> bytes:
        content = self._file.read(number) if number <= self._size else b''
        if len(content) < number:
            raise EOFError('it is truncated')
        return content

    def readinto(self, buffer: Any) -> int:
        content = self.read(len(buffer))
        buffer[:] = content
        return len(content)


class AdmittedUnpickler(pickle._Unpickler):
    """Python's own unpickler, written in Python, whose opcodes call, build and change admitted things alone.

    It keeps no state outside of itself, so threads may load at the same time, and it works alike with every torch.

    Args:
        file: What to read: bytes, or a file.
        size: Bytes of the file; nothing in it can be longer.
        load_storage: Gives the storage for a persistent id. Default: None, persistent ids are refused.
    """

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: Union[bytes, BinaryIO], size: int = 0,
                 load_storage: Optional[Callable[[Any], Any]] = None) -> None:
        size = len(file) if isinstance(file, bytes) else size
        super().__init__(_Bounded(io.BytesIO(file) if isinstance(file, bytes) else file, size), encoding='utf-8')
        self._load_storage = load_storage

    def find_class(self, module: str, name: str) -> Any:
        # torch.save writes Python 2's names of builtins.
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        try:
            return NAMES[f'{module}.{name}']
        except KeyError:
            raise RefusedError(f'{module}.{name}') from None

    def persistent_load(self, pid: Any) -> Any:
        if self._load_storage is None:
            raise RefusedError('a persistent id')
        return self._load_storage(pid)

    def get_extension(self, code: int) -> None:
        raise RefusedError(f'the extension {code}')

    def _call(self, function: Any, args: Any) -> Any:
        if not any(function is admitted for admitted in CALLABLE) or not isinstance(args, tuple):
            raise RefusedError(f'a call of {getattr(function, "__name__", type(function).__name__)}')
        return function(*args)

    def _instantiate(self, klass: Any, args: tuple) -> None:  # of the opcodes INST and OBJ
        self.append(self._call(klass, tuple(args)))

    def load_reduce(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = self._call(self.stack[-1], args)

    def load_newobj(self) -> None:
        args = self.stack.pop()
        self.stack[-1] = new(self.stack[-1], args)

    def load_newobj_ex(self) -> None:
        kwargs, args = self.stack.pop(), self.stack.pop()
        if kwargs:
            raise RefusedError('an object made by keywords')
        self.stack[-1] = new(self.stack[-1], args)

    def load_build(self) -> None:
        state = self.stack.pop()
        set_state(self.stack[-1], state)

    def load_append(self) -> None:
        value = self.stack.pop()
        self._top(list).append(value)

    def load_appends(self) -> None:
        items = self.pop_mark()
        self._top(list).extend(items)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._top(dict, OrderedDict, Counter)[check_key(key)] = value

    def load_setitems(self) -> None:
        items = self.pop_mark()
        target = self._top(dict, OrderedDict, Counter)
        for key, value in zip(items[::2], items[1::2]):
            target[check_key(key)] = value

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.append({check_key(key): value for key, value in zip(items[::2], items[1::2])})

    def load_additems(self) -> None:
        items = self.pop_mark()
        self._top(set).update(map(check_key, items))

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        self.append(frozenset(map(check_key, items)))

    def load_bytearray8(self) -> None:
        size, = struct.unpack('<Q', self.read(8))
        self.append(bytearray(self.read(size)))

    def load_buffers(self) -> None:
        raise RefusedError('a buffer outside of the file')

    def _top(self, *kinds: type) -> Any:
        if type(self.stack[-1]) not in kinds:
            raise RefusedError(f'items for a {type(self.stack[-1]).__name__}')
        return self.stack[-1]

    for _opcode, _method in ((pickle.REDUCE, load_reduce), (pickle.NEWOBJ, load_newobj),
                             (pickle.NEWOBJ_EX, load_newobj_ex), (pickle.BUILD, load_build),
                             (pickle.APPEND, load_append), (pickle.APPENDS, load_appends),
                             (pickle.SETITEM, load_setitem), (pickle.SETITEMS, load_setitems),
                             (pickle.DICT, load_dict), (pickle.ADDITEMS, load_additems),
                             (pickle.FROZENSET, load_frozenset), (pickle.BYTEARRAY8, load_bytearray8),
                             (pickle.NEXT_BUFFER, load_buffers), (pickle.READONLY_BUFFER, load_buffers)):
        dispatch[_opcode[0]] = _method
    del _opcode, _method
