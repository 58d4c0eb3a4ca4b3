"""Hostile pickles do nothing and are refused; real checkpoints of MMEngine load."""

import codecs
import http.server
import os
import pickle
import sys
import threading
import zipfile
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader

from rampose.checkpoints import admitted
from rampose.checkpoints import loading as module
from rampose.checkpoints.loading import BrokenCheckpointError, CheckpointError, load_checkpoint_file


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def touch(path):
    return Call(os.system, f'touch {path}')


HOSTILE = {
    'os.system through reduce': (lambda path: touch(path), r'system'),
    'getattr chain': (lambda path: Call(getattr, Call(__import__, 'os'), 'system'), r'builtins\.__import__|__import__'),
    'getattr of a HistoryBuffer': (lambda path: Call(getattr, HistoryBuffer, '__init__'), r'getattr.*__init__'),
    'in message_hub': (lambda path: dict(state_dict={}, message_hub=dict(scalars=dict(loss=touch(path)))), 'system'),
    'in meta': (lambda path: dict(state_dict=OrderedDict(), meta=dict(cfg=[touch(path)])), 'system'),
    'eval': (lambda path: Call(eval, f'open({str(path)!r}, "w")'), 'eval'),
}

@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
@pytest.mark.parametrize(('content', 'offender'), HOSTILE.values(), ids=HOSTILE)
def test_hostile_pickles_do_nothing_and_are_refused(tmp_path, content, offender, zipped):
    trace = tmp_path / 'ran'
    path = tmp_path / 'epoch_1.pth'
    torch.save(content(trace), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=rf'epoch_1\.pth is refused: it names .*{offender}'):
        load_checkpoint_file(path)
    assert not trace.exists()


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
def test_every_protocol_is_refused_by_name(tmp_path, protocol):
    trace, path = tmp_path / 'ran', tmp_path / 'epoch_1.pth'
    torch.save(dict(meta=touch(trace)), path, pickle_protocol=protocol)
    with pytest.raises(CheckpointError, match=r'refused: it names .*system'):
        load_checkpoint_file(path)
    assert not trace.exists()


class State:
    """Pickles as an object that is given a state."""

    def __init__(self, kind, arguments, state):
        self.parts = kind, arguments, state

    def __reduce__(self):
        return self.parts


@pytest.mark.parametrize('content', [
    State(np.dtype, ('O8', False, True), (3, '|', None, None, None, -1, -1, 0)),  # objects that claim to be plain bytes
    State(getattr, (HistoryBuffer, 'mean'), (None, dict(note='changed'))),  # an attribute for a function
], ids=['dtype', 'function'])
def test_a_state_for_anything_else_is_refused(tmp_path, content):
    path = tmp_path / 'epoch_1.pth'
    torch.save(content, path)
    with pytest.raises(CheckpointError):
        load_checkpoint_file(path)
    assert not hasattr(HistoryBuffer.mean, 'note')


@pytest.mark.parametrize('record', ['data.pkl', 'constants.pkl'])
def test_a_hostile_zip_with_a_renamed_record(tmp_path, record):
    """`constants.pkl` makes torch.load take the file for TorchScript."""
    trace = tmp_path / 'ran'
    good, path = tmp_path / 'good.pth', tmp_path / 'renamed.pth'
    torch.save(dict(state_dict=dict(weight=torch.ones(2))), good)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, 'w') as target:
        for name in source.namelist():
            renamed = name.replace('data.pkl', 'data.old') if name.endswith('data.pkl') else name
            target.writestr(renamed.replace('good', 'evil'), source.read(name))
        target.writestr(f'evil/{record}', pickle.dumps(touch(trace), protocol=2))
    with pytest.raises(CheckpointError, match=r'renamed\.pth'):
        load_checkpoint_file(path)
    assert not trace.exists()


def test_the_hostile_pickles_are_hostile(tmp_path):
    """Loaded without the check, they run: the tests above can fail."""
    trace, path = tmp_path / 'ran', tmp_path / 'epoch_1.pth'
    torch.save(touch(trace), path)
    torch.load(path, weights_only=False)
    assert trace.exists()


@pytest.fixture
def mmengine_content():
    """What the checkpoint of a training run holds, of every kind that MMEngine writes."""
    hub = MessageHub.get_instance('test')
    hub.update_scalar('train/loss', 0.5)
    hub.update_scalar('train/loss', 0.25)
    hub.update_info('iter', np.int64(3))
    return dict(
        state_dict=OrderedDict(weight=torch.randn(3), half=torch.ones(2, dtype=torch.bfloat16)),
        meta=dict(
            epoch=1,
            dataset_meta=dict(sigmas=np.linspace(0, 1, 3, dtype=np.float32), colors=np.eye(3, dtype=np.uint8))),
        message_hub=hub.state_dict(),
        optimizer=torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]).state_dict(),
        param_schedulers=[dict(milestones=__import__('collections').Counter([1, 2]))])


@pytest.mark.parametrize('protocol', [2, 3, 4, 5])
@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
def test_what_mmengine_writes_loads(tmp_path, mmengine_content, zipped, protocol):
    path = tmp_path / 'epoch_1.pth'
    torch.save(mmengine_content, path, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    loaded = CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
    assert torch.equal(loaded['state_dict']['weight'], mmengine_content['state_dict']['weight'])
    np.testing.assert_array_equal(loaded['meta']['dataset_meta']['sigmas'], [0, 0.5, 1])
    buffer = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer) and buffer.min() == 0.25 and buffer.statistics('mean') == 0.375
    assert loaded['message_hub']['runtime_info']['iter'] == 3


def test_everything_that_a_checkpoint_may_call_is_ours():
    assert len(admitted.CALLABLE) > 15
    assert {function.__module__ for function in admitted.CALLABLE} == {admitted.__name__}


def storage_of(tensor):
    return tensor.untyped_storage() if hasattr(tensor, 'untyped_storage') else tensor.storage()


def safe_globals():
    """Names that torch admits in this process; an older one keeps no list."""
    return getattr(torch.serialization, 'get_safe_globals', list)()


FORGED = b'A' * 8  # read as a pointer, it ends the process
ARGUMENTS = {
    'objects over forged bytes': lambda: Call(np.ndarray, (1, ), np.dtype('O'), FORGED),
    'an array of objects': lambda: np.array([None, 'x'], dtype=object),
    'a shape beyond the data': lambda: State(*np.zeros(2).__reduce__()[:2], (1, (10**6, ), np.dtype('f8'), False, b'')),
    'a negative shape': lambda: State(*np.zeros(2).__reduce__()[:2], (1, (-1, ), np.dtype('f8'), False, b'')),
    'a record type': lambda: np.dtype([('a', 'f4')]),
    'text as numbers': lambda: np.array(['x', 'yy']),
    'another encoding': lambda: Call(codecs.encode, 'x', 'zlib'),
    'a huge bytearray': lambda: Call(bytearray, 10**15),
    'a tensor beyond its storage': lambda: Call(torch._utils._rebuild_tensor_v2, storage_of(torch.ones(2)), 0,
                                                (10**9, ), (1, ), False, OrderedDict()),
    'a tensor before its storage': lambda: Call(torch._utils._rebuild_tensor_v2, storage_of(torch.ones(2)), -8,
                                                (1, ), (1, ), False, OrderedDict()),
    'attributes for an OrderedDict': lambda: State(OrderedDict, (), dict(items=1)),
    'a HistoryBuffer of text': lambda: State(HistoryBuffer, (), dict(_log_history='x', _count_history='y')),
}


@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
@pytest.mark.parametrize('content', ARGUMENTS.values(), ids=ARGUMENTS)
def test_hostile_arguments_of_admitted_names_are_refused(tmp_path, content, zipped):
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(meta=content()), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=r'epoch_1\.pth'):
        load_checkpoint_file(path)


NESTED = b')' + b'\x85' * 200_000  # a tuple in a tuple in a tuple: hashing it ends the process
RAW = {
    'a nested key': b'\x80\x02}' + NESTED + b'K\x01s.',
    'nested keys': b'\x80\x02}(' + NESTED + b'K\x01u.',
    'a nested key of a dict': b'\x80\x02(' + NESTED + b'K\x01d.',
    'a nested member': b'\x80\x04\x8f(' + NESTED + b'\x90.',
    'a nested frozen member': b'\x80\x04(' + NESTED + b'\x91.',
    'an extension': b'\x80\x02\x82\x01.',
    'a buffer outside of the file': b'\x80\x05\x97.',
    'a persistent id of text': b'Pstorage\n.',
    'an unknown opcode': b'\x80\x02\xff.',
    'nothing on the stack': b'\x80\x02R.',
    'a huge count': b'\x80\x05\x96' + b'\xff' * 7 + b'\x00.',
}


@pytest.mark.parametrize('content', RAW.values(), ids=RAW)
def test_pickles_that_no_pickler_writes_are_refused(tmp_path, content):
    path = tmp_path / 'epoch_1.pth'
    with zipfile.ZipFile(path, 'w') as target:
        target.writestr('epoch_1/data.pkl', content)
    with pytest.raises(CheckpointError, match=r'epoch_1\.pth'):
        load_checkpoint_file(path)


@pytest.mark.parametrize('content', [HistoryBuffer.mean, [Call(getattr, HistoryBuffer, 'max')], np.ndarray])
def test_a_stand_in_is_no_value(tmp_path, content):
    torch.save(dict(meta=content), tmp_path / 'epoch_1.pth')
    with pytest.raises(CheckpointError, match='a class or a function in the place of a value'):
        load_checkpoint_file(tmp_path / 'epoch_1.pth')


def test_a_directory_that_points_before_the_file_is_damage(tmp_path):
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(weight=torch.ones(2)), path)
    content = bytearray(path.read_bytes())
    del content[100:164]  # all places in the directory are too large by it
    path.write_bytes(content)
    with pytest.raises(BrokenCheckpointError, match=r'epoch_1\.pth'):
        load_checkpoint_file(path)


def test_storages_that_claim_more_than_the_older_format_has(tmp_path):
    weights = [torch.zeros(1000) for _ in range(4)]
    torch.save(weights, tmp_path / 'good.pth', _use_new_zipfile_serialization=False)
    content = (tmp_path / 'good.pth').read_bytes()
    assert content.count(b'M\xe8\x03') >= 4  # 1000
    (tmp_path / 'forged.pth').write_bytes(content.replace(b'M\xe8\x03', b'M\xa0\x0f'))
    with pytest.raises(BrokenCheckpointError, match='its storages are larger than the file'):
        load_checkpoint_file(tmp_path / 'forged.pth')


def test_a_storage_that_claims_more_than_the_file_has(tmp_path):
    """torch itself reads beyond the record."""
    good, path = tmp_path / 'good.pth', tmp_path / 'cut.pth'
    torch.save(dict(weight=torch.ones(1000)), good)
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, 'w') as target:
        for name in source.namelist():
            target.writestr(name, source.read(name)[:16 if name.endswith('data/0') else None])
    with pytest.raises(CheckpointError, match='the storage 0 has 16 bytes instead of 4000'):
        load_checkpoint_file(path)


def test_loading_changes_nothing_of_the_process(tmp_path):
    """HistoryBuffer's own `__setstate__` takes statistics from a file for all buffers."""
    buffer = HistoryBuffer([1., 2.], [1, 1])
    state = dict(buffer.__getstate__(), statistics_methods=dict(mean=HistoryBuffer.max))
    torch.save(dict(message_hub=State(HistoryBuffer, (), state)), tmp_path / 'epoch_1.pth')
    before = safe_globals()
    loaded = load_checkpoint_file(tmp_path / 'epoch_1.pth')['message_hub']
    assert loaded.statistics('mean') == 1.5 == HistoryBuffer([1., 2.], [1, 1]).statistics('mean')
    assert safe_globals() == before


def test_threads_load_at_the_same_time(tmp_path, mmengine_content):
    path = tmp_path / 'epoch_1.pth'
    torch.save(mmengine_content, path)
    torch.save(touch(tmp_path / 'ran'), tmp_path / 'evil.pth')

    def load(number):
        if number % 5:
            return load_checkpoint_file(path)['meta']['epoch']
        with pytest.raises(CheckpointError, match='refused'):
            load_checkpoint_file(tmp_path / 'evil.pth')
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(load, range(160))) == {1}
    assert not (tmp_path / 'ran').exists()


def test_a_tensor_of_another_device_comes_to_the_cpu(tmp_path):
    """A checkpoint of a GPU, loaded on a machine without one."""
    path, forged = tmp_path / 'cpu.pth', tmp_path / 'cuda.pth'
    torch.save(dict(weight=torch.arange(3.)), path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(forged, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith('data.pkl'):
                assert b'X\x03\x00\x00\x00cpu' in content
                content = content.replace(b'X\x03\x00\x00\x00cpu', b'X\x06\x00\x00\x00cuda:0')
            target.writestr(name, content)
    assert load_checkpoint_file(forged)['weight'].tolist() == [0, 1, 2]


def test_safetensors(tmp_path):
    from safetensors.torch import save_file
    save_file(dict(weight=torch.arange(3.)), tmp_path / 'model.safetensors')
    assert load_checkpoint_file(tmp_path / 'model.safetensors')['weight'].tolist() == [0, 1, 2]
    (tmp_path / 'broken.safetensors').write_bytes(b'x' * 100)
    with pytest.raises(CheckpointError, match=r'broken\.safetensors cannot be read'):
        load_checkpoint_file(tmp_path / 'broken.safetensors')


def test_safetensors_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    (tmp_path / 'model.safetensors').write_bytes(b'x')
    with pytest.raises(CheckpointError, match=r'model\.safetensors needs the package safetensors: pip install saf'):
        load_checkpoint_file(tmp_path / 'model.safetensors')


def test_what_tensors_share_stays_shared(tmp_path):
    weight = torch.arange(6.).view(2, 3)
    torch.save(dict(a=weight, b=weight, row=weight[1], turned=weight.t(), half=weight.half(), flag=weight > 2,
                    parameter=torch.nn.Parameter(weight.clone()), empty=torch.zeros(0, 3)), tmp_path / 'x.pth')
    loaded = load_checkpoint_file(tmp_path / 'x.pth')
    assert loaded['a'] is loaded['b'] and loaded['row'].data_ptr() == loaded['a'][1].data_ptr()
    assert torch.equal(loaded['turned'], weight.t()) and loaded['half'].dtype == torch.float16
    assert loaded['flag'].dtype == torch.bool and loaded['empty'].shape == (0, 3)
    assert isinstance(loaded['parameter'], torch.nn.Parameter) and loaded['parameter'].requires_grad


@pytest.mark.parametrize(('cut', 'message'), [(0, r'is empty \(0 bytes\)'), (10, 'cannot be read'),
                                              (1000, 'cannot be read'), (-200, 'cannot be read')])
@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
def test_truncated_and_empty_files(tmp_path, cut, message, zipped):
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(weight=torch.randn(10000)), path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CheckpointError, match=rf'epoch_1\.pth.*{message}.*save or download it again'):
        load_checkpoint_file(path)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth can not be found'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'nowhere.pth'))


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / 'www'
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):

        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(folder), **kwargs)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{httpd.server_port}'
        httpd.shutdown()


def test_http_is_checked_too(tmp_path, server, mmengine_content, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch_home'))
    folder, url = server
    trace = tmp_path / 'ran'
    torch.save(mmengine_content, folder / 'good.pth')
    torch.save(touch(trace), folder / 'evil.pth')
    assert 'state_dict' in CheckpointLoader.load_checkpoint(f'{url}/good.pth', map_location='cpu')
    with pytest.raises(CheckpointError, match=r'evil\.pth is refused.*system'):
        CheckpointLoader.load_checkpoint(f'{url}/evil.pth', map_location='cpu')
    assert not trace.exists()


def test_the_model_zoos_of_mmengine_use_it():
    import mmengine.runner.checkpoint as mmengine_checkpoint
    assert mmengine_checkpoint.load_from_torchvision.__globals__['load_from_http'] is module.load_from_http
