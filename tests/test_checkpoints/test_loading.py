"""Hostile pickles do nothing and are refused; real checkpoints of MMEngine load."""

import http.server
import os
import pickle
import threading
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer, MessageHub
from mmengine.runner import CheckpointLoader

from rampose.checkpoints.loading import CheckpointError, load_checkpoint_file
from rampose.checkpoints import loading as module


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
LOADERS = {'torch >= 2.6': module._load_by_torch, 'torch < 2.6': module._load_by_admitted_unpickler}


@pytest.fixture(params=LOADERS.values(), ids=LOADERS)
def loader(request, monkeypatch):
    monkeypatch.setattr(module, '_load', request.param)


@pytest.mark.usefixtures('loader')
@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
@pytest.mark.parametrize(('content', 'offender'), HOSTILE.values(), ids=HOSTILE)
def test_hostile_pickles_do_nothing_and_are_refused(tmp_path, content, offender, zipped):
    trace = tmp_path / 'ran'
    path = tmp_path / 'epoch_1.pth'
    torch.save(content(trace), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=rf'epoch_1\.pth is refused: it names .*{offender}'):
        load_checkpoint_file(path)
    assert not trace.exists()


@pytest.mark.usefixtures('loader')
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


@pytest.mark.usefixtures('loader')
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


def test_an_older_torchs_list_suffices(tmp_path, mmengine_content, monkeypatch):
    """Torch 1.13's list has neither Counter nor _codecs.encode."""
    older = {name: value for name, value in module._get_allowed_globals().items()
             if not name.startswith(('builtins.', 'collections.', '_codecs.'))}
    monkeypatch.setattr(module, '_get_allowed_globals', lambda: older)
    path = tmp_path / 'epoch_1.pth'
    torch.save(mmengine_content, path)
    assert module._load_by_admitted_unpickler(path, 'cpu')['meta']['epoch'] == 1


@pytest.mark.usefixtures('loader')
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


@pytest.mark.usefixtures('loader')
@pytest.mark.parametrize('zipped', [True, False], ids=['zip', 'legacy'])
def test_what_mmengine_writes_loads(tmp_path, mmengine_content, zipped):
    path = tmp_path / 'epoch_1.pth'
    torch.save(mmengine_content, path, _use_new_zipfile_serialization=zipped)
    loaded = CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
    assert torch.equal(loaded['state_dict']['weight'], mmengine_content['state_dict']['weight'])
    np.testing.assert_array_equal(loaded['meta']['dataset_meta']['sigmas'], [0, 0.5, 1])
    buffer = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer) and buffer.min() == 0.25 and buffer.statistics('mean') == 0.375
    assert loaded['message_hub']['runtime_info']['iter'] == 3


def test_both_loaders_admit_the_same():
    assert {value for value in map(str, module._ADMITTED)} >= {'numpy.dtype', 'numpy._core.multiarray.scalar'}
    assert module._ADMITTED['builtins.getattr'] is not getattr


@pytest.mark.usefixtures('loader')
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
