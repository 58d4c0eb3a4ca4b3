"""Files around forged pickles, in both of torch's formats, and real checkpoints that were damaged."""

import io
import pickle
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import torch
from forged_pickles import ADMITTED, FOREIGN
from mmengine.logging import HistoryBuffer

from rampose.checkpoints import torch_files


def zipped(choices, program, contents, used, name='x'):
    """torch's newer format, now and then with a record renamed, missing, compressed, twice, too short or too much."""
    records = [(f'{name}/data.pkl', program), (f'{name}/byteorder', b'big' if choices.maybe(60) else b'little'),
               *((f'{name}/data/{key}', content) for key, content in contents.items()), (f'{name}/version', b'3\n')]
    trick = choices.below(40)
    place = choices.below(len(records))
    if trick == 1:
        records[place] = (choices.of(['../../evil', '/abs', f'{name}/constants.pkl', f'{name}/code/x.py', 'data.pkl',
                                      f'{name}/data/../data.pkl', 'y/data.pkl', 'x/']), records[place][1])
    elif trick == 2:
        del records[place]
    elif trick == 3:
        records.append((records[place][0], choices.bytes()))
    elif trick == 4:
        records[place] = records[place][0], records[place][1][:choices.below(5)]
    elif trick == 5:
        records.append((f'{choices.of("xyz")}/data.pkl', b'cfuzz_trap\nspring\n)R.'))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED if trick == 6 else zipfile.ZIP_STORED) as file:
        for key, content in records:
            file.writestr(key, content)
    return buffer.getvalue()


def legacy(choices, program, contents, used):
    """torch's older format: five pickles, and the bytes of the storages."""
    parts = [pickle.dumps(torch_files._LEGACY_MAGIC, 2), pickle.dumps(torch_files._LEGACY_PROTOCOL, 2),
             pickle.dumps(dict(protocol_version=1001, little_endian=True, type_sizes={}), 2), program,
             pickle.dumps(sorted(used), 2)]
    trick = choices.below(40)
    if trick < 3 and trick:
        parts[choices.below(5)] = choices.of([b'', b'N.', b'cfuzz_trap\nspring\n)R.', program, b']X\x01\0\0\0\xffa.'])
    tail = b''.join(bytes(8) + contents.get(key, b'').ljust(min(max(size, 0), 99), b'A')[:max(size, 0)]
                    for key, size in sorted(used.items()))
    return b''.join(parts) + (tail[:choices.below(40)] if trick == 4 else tail)


def damaged(choices, content):
    """Bytes changed, removed and put in."""
    content = bytearray(content)
    for _ in range(1 + choices.below(4)):
        place = choices.below(min(len(content), 65536)) if content else 0  # most of a file is before that
        kind = choices.below(4)
        if kind == 0:
            content[place:place + 1] = bytes([choices.below(256)])
        elif kind == 1:
            del content[place:place + 1 + choices.below(8)]
        elif kind == 2:
            content[place:place] = choices.bytes(8)
        else:
            name, other = (f'{module}\n{name}'.encode() for module, name in (choices.of(ADMITTED), choices.of(
                FOREIGN if choices.maybe(2) else ADMITTED)))
            content = content.replace(name, other)
    return bytes(content)


def real_checkpoint():
    buffer = HistoryBuffer([0.5, 0.25], [1, 1])
    weight = torch.arange(6.).view(2, 3)
    return dict(
        state_dict=OrderedDict(weight=weight, row=weight[1], half=weight.half(), flag=weight > 2),
        meta=dict(epoch=1, dataset_meta=dict(sigmas=np.ones(3, np.float32), colors=np.eye(2, dtype=np.uint8))),
        message_hub=dict(log_scalars=OrderedDict(loss=buffer), runtime_info=OrderedDict(iter=np.int64(3))),
        optimizer=dict(state={0: dict(step=torch.tensor(3.))}, param_groups=[dict(betas=(0.9, 0.99), params=[0])]),
        param_schedulers=[dict(milestones=Counter([1, 2]))])


def real_programs():
    """The pickles of a real checkpoint in each protocol, and its storages."""
    programs = []
    for protocol in range(2, 6):
        buffer = io.BytesIO()
        torch.save(real_checkpoint(), buffer, pickle_protocol=protocol)
        with zipfile.ZipFile(buffer) as file:
            top = file.namelist()[0].split('/')[0]
            programs.append(file.read(f'{top}/data.pkl'))
            contents = {name.split('/')[-1]: file.read(name) for name in file.namelist() if '/data/' in name}
    return programs, contents
