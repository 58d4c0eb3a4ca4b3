"""Detectors by name: fetched once, and the one that is taken where nothing says where people are."""

import hashlib
import http.server
import json
import threading
from functools import partial

import cv2
import numpy as np
import pytest

from rampose.apis import TopdownPredictor
from rampose.apis.detectors.exported import ExportedDetector
from rampose.checkpoints import detector_zoo
from rampose.checkpoints.zoo import default_name
from rampose.cli.main import main


@pytest.fixture
def published(grid, tmp_path, monkeypatch):
    """The smallest detector, as a server of this machine has it; what was asked for."""
    (tmp_path / 'served').mkdir()
    served = grid.replace(tmp_path / 'served/yolox_nano.onnx')
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):

        def log_message(self, *args):
            asked.append(self.path)

    monkeypatch.setenv('RAMPOSE_CACHE', str(tmp_path / 'cache'))
    monkeypatch.delenv('CI', raising=False)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), partial(Handler, directory=tmp_path / 'served')) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        file = dict(url=f'http://127.0.0.1:{httpd.server_port}/yolox_nano.onnx', bytes=served.stat().st_size,
                    sha256=hashlib.sha256(served.read_bytes()).hexdigest())
        one = detector_zoo.NamedDetector('yolox-nano', '64x96', file, 'nothing', 'ours')
        monkeypatch.setattr(detector_zoo, 'all_detectors', lambda: [one])
        yield asked
        httpd.shutdown()


@pytest.fixture
def photos(tmp_path, photo):
    (tmp_path / 'photos').mkdir()
    for name in 'ab':
        cv2.imwrite(str(tmp_path / f'photos/{name}.jpg'), photo)
    return tmp_path / 'photos'


def people(out) -> int:
    return len(json.loads((out / 'keypoints.json').read_text()))


def test_the_list_is_complete():
    for detector in detector_zoo.all_detectors():
        assert detector.file['url'].startswith('https://') and len(detector.file['sha256']) == 64
        assert detector.file['bytes'] > 1e6 and detector.licence == 'Apache-2.0'


def test_a_folder_needs_no_option(published, photos, tmp_path, capsys):
    for out in ('first', 'second'):
        assert main(['predict', str(photos), '--out', str(tmp_path / out), '--no-draw']) == 0
        assert people(tmp_path / out) == 4  # two persons in each, the one over the other
    assert len(published) == 1
    told = capsys.readouterr().err
    assert told.count('people are found by yolox-nano (') == 1 and 'downloaded once from http://127' in told
    assert main(['predict', str(photos / 'a.jpg'), '--out', str(tmp_path / 'one'), '--no-draw']) == 0
    assert people(tmp_path / 'one') == 2


def test_a_name_in_python(published, photo):
    predictor = TopdownPredictor(default_name(), detector='yolox-nano')
    assert predictor(photo)[0].shape == (2, 17, 2)
    assert len(published) == 1


def test_where_it_cannot_be_had(published, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('CI', '1')
    one, all_of_them = str(photos / 'a.jpg'), str(photos)
    assert main(['predict', all_of_them, '--out', str(tmp_path / 'out')]) == 2
    assert 'where CI is set, yolox-nano is fetched only for --detector yolox-nano' in capsys.readouterr().err
    assert main(['predict', one, '--out', str(tmp_path / 'one'), '--no-draw']) == 0
    assert people(tmp_path / 'one') == 1 and 'whole image is taken' in capsys.readouterr().err
    assert not published
    named = tmp_path / 'named'
    assert main(['predict', all_of_them, '--out', str(named), '--detector', 'yolox-nano', '--no-draw']) == 0
    assert people(named) == 4 and len(published) == 1


def test_without_a_network_it_is_one_line(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv('CI', raising=False)
    file = dict(url='http://127.0.0.1:9/yolox_nano.onnx', sha256='0' * 64, bytes=1)
    monkeypatch.setattr(detector_zoo, 'all_detectors',
                        lambda: [detector_zoo.NamedDetector('yolox-nano', '64x96', file, 'nothing', 'ours')])
    assert main(['predict', str(photos), '--out', str(tmp_path / 'out')]) == 2
    error = capsys.readouterr().err
    assert 'cannot be downloaded' in error and '--detector NAME' in error and 'Traceback' not in error


def test_the_command_lists_and_fetches(published, capsys):
    assert main(['weights']) == 0
    assert 'yolox-nano' in capsys.readouterr().out
    assert main(['weights', 'yolox-nano']) == 0
    assert json.loads(capsys.readouterr().out)['licence'] == 'ours'
    assert main(['weights', 'yolox-nano', '--fetch']) == 0
    path = capsys.readouterr().out.strip()
    assert len(ExportedDetector(path)(np.zeros((64, 96, 3), np.uint8))[0]) == 2
    assert detector_zoo.find_detector('yolox-nano').is_here
    with pytest.raises(ValueError, match="no detector is called 'yolox-nanu', and no file; is yolox-nano meant"):
        detector_zoo.find_detector('yolox-nanu')
