"""Files that somebody forged, loaded by the thousand: python fuzz_loading.py NUMBER SEED FOLDER.

Each file is a pickle over the admitted names, and over some that are not, with arguments of right and wrong types,
sizes and number types, nested calls, states, memo tricks and persistent ids, in protocols 0 to 5 and both of torch's
formats; or one of a real checkpoint with bytes, records or lengths changed. Whatever it is, it loads as plain data or
is a CheckpointError; nothing that is not admitted is called; nothing of the process changes; and what was loaded can
be read to the last byte. Run as a process of its own, since a fault of the wrong kind ends it.
"""

import codecs
import copyreg
import os
import sys
import warnings
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import torch
from forged_files import damaged, legacy, real_programs, zipped
from forged_pickles import Choices, Writer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from mmengine.logging import HistoryBuffer

from rampose.checkpoints import admitted
from rampose.checkpoints.loading import CheckpointError, load_checkpoint_file

CALLED = []  # by what is not admitted


def spring(*args):
    """What a hostile pickle calls."""
    CALLED.append(args)


class Trap:
    """What a hostile pickle makes, or gives a state."""

    def __init__(self, *args):
        CALLED.append(args)

    def __setstate__(self, state):
        CALLED.append(state)


sys.modules['fuzz_trap'] = sys.modules[__name__]
PLAIN = {str, bytes, bytearray, int, float, bool, complex, type(None), torch.dtype, torch.device, torch.Size}


def read_all(value, seen):
    """Look at every byte of what was loaded; AssertionError if it is anything but plain data."""
    if id(value) in seen:
        return
    seen[id(value)] = value
    kind = type(value)
    if kind in PLAIN:
        return
    if kind in (torch.Tensor, torch.nn.Parameter):
        value.detach().clone()
    elif kind is np.ndarray:
        assert value.dtype.kind in 'biufc', value.dtype
        value.tobytes()
    elif isinstance(value, np.dtype):
        assert value.kind in 'biufc', value
    elif isinstance(value, (np.number, np.bool_)):
        value.item()
    elif kind is HistoryBuffer:
        read_all(vars(value), seen)
    elif kind in (list, tuple, set, frozenset):
        for item in value:
            read_all(item, seen)
    elif kind in (dict, OrderedDict, Counter):
        for key, item in value.items():
            read_all(key, seen)
            read_all(item, seen)
        read_all(getattr(value, '_metadata', None), seen)
    else:
        raise AssertionError(f'{kind} was loaded')


def global_state():
    """What a file might change in the process, in a form that can be compared."""
    classes = [HistoryBuffer, OrderedDict, Counter, np.ndarray, np.dtype, torch.Tensor, *admitted.STAND_INS,
               admitted.Name, admitted.Storage, admitted.StorageType]
    return (
        [{key: id(value) for key, value in vars(cls).items()} for cls in classes],
        {name: id(method) for name, method in HistoryBuffer._statistics_methods.items()},
        {name: id(value) for name, value in admitted.NAMES.items()},
        [sorted(vars(value)) if hasattr(value, '__dict__') else None for value in admitted.NAMES.values()],
        np.geterr(), str(np.get_printoptions()), np.random.get_state()[1].tobytes(), torch.get_default_dtype(),
        torch.get_rng_state().numpy().tobytes(), torch.is_grad_enabled(), torch.get_num_threads(),
        len(getattr(torch.serialization, 'get_safe_globals', list)()), len(copyreg.dispatch_table),
        len(sys.modules), sys.getrecursionlimit(), os.getcwd(), len(os.environ))


WATCHED = ('os.', 'subprocess.', 'socket.', 'ctypes.', 'shutil.', 'exec', 'compile', 'import', 'open', 'marshal.',
           'pty.')
ALLOWED = ('os.stat', 'os.listdir')
watching = []  # the file that is loaded


def watch(event, args):
    """Python tells of what it does; a load opens its file, and does nothing else that anybody could notice."""
    if watching and event.startswith(WATCHED) and event not in ALLOWED:
        if event == 'open' and str(args[0]) == watching[0]:
            return
        CALLED.append((event, f'{args!r:.80}'))


def main(number, start, folder):
    warnings.simplefilter('ignore')  # of records that are there twice
    path = Path(folder, 'x.pth')
    programs, contents = real_programs()
    whole = {key: len(content) for key, content in contents.items()}
    counts = Counter()

    def load(content, warm=True):
        path.write_bytes(content)
        before = global_state()
        watching.append(str(path))
        try:
            value = load_checkpoint_file(path)
        except CheckpointError as error:
            counts['refused' if 'is refused' in str(error) else 'broken'] += 1
            return
        finally:
            watching.clear()
            called = CALLED[:]
            CALLED.clear()
            assert not called
            assert warm is False or global_state() == before
        counts['loaded'] += 1
        read_all(value, {})

    for program in programs:  # what is imported at the first load is imported now
        for kind in (zipped, legacy):
            load(kind(Choices(b''), program, contents, whole), warm=False)
    assert counts == {'loaded': 8}, counts
    load(b'nothing', warm=False)
    for codec in ('raw-unicode-escape', 'unicode-escape', 'latin1', 'cp437', 'utf-8', 'ascii'):
        codecs.lookup(codec)
    sys.addaudithook(watch)

    @seed(start)
    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
              suppress_health_check=list(HealthCheck))
    @given(st.binary(min_size=40, max_size=600))
    def forge(data):
        choices = Choices(data)
        used = whole
        if choices.below(4) < 3:
            writer = Writer(choices, contents)
            program, used = writer.program(), writer.used
        else:
            program = damaged(choices, choices.of(programs))
        content = (zipped if choices.below(2) else legacy)(choices, program, contents, used)
        load(damaged(choices, content) if choices.maybe(16) else content)

    forge()
    print(' '.join(f'{name} {counts[name]}' for name in sorted(counts)))
    assert min(counts[kind] for kind in ('loaded', 'refused', 'broken')) > number / 100, 'one of them was hardly tried'


if __name__ == '__main__':
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
