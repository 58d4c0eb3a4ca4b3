"""Weights by name: in the command, the predictor, MMPose's inferencer, mim."""

import dataclasses
import http.server
import json
import threading

import numpy as np
import pytest
import yaml

from rampose.apis import TopdownPredictor
from rampose.checkpoints import zoo
from rampose.cli.main import main


def test_the_list_is_of_these_files(root):
    for weights in zoo.all_weights():
        for kind, file in weights.files.items():
            path = zoo.fetch(weights, kind)
            assert path.stat().st_size == file['bytes']
    of_the_wheel = sum(path.stat().st_size for path in (root / 'checkpoints').iterdir() if path.suffix != '.pth')
    assert of_the_wheel < 12e6


def test_the_names_are_those_of_the_metafiles(root):
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    models = {model['Name']: model for file in index['Import']
              for model in yaml.safe_load((root / file).read_text())['Models']}
    for weights in zoo.all_weights():
        assert models[weights.name]['Config'] == weights.config
        assert models[weights.name]['Weights'] == weights.files['torch']['file']
    assert {name for name, model in models.items() if 'Weights' in model} == {w.name for w in zoo.all_weights()}


def test_the_command_lists_and_tells(capsys):
    name = zoo.default_name()
    assert main(['weights']) == 0
    assert name in capsys.readouterr().out.replace('\n', '')
    assert main(['weights', name]) == 0
    assert json.loads(capsys.readouterr().out)['input_size'] == '256x192'
    assert main(['weights', name, '--fetch']) == 0
    assert 'torch: ' in capsys.readouterr().out
    assert main(['weights', 'td-hm_efficientnet']) == 2
    assert f"no weights are called 'td-hm_efficientnet'; is {name}" in capsys.readouterr().err


def test_a_name_in_place_of_config_and_checkpoint(photo, trained_model):
    bboxes, name = [[10, 10, 200, 220]], zoo.all_weights()[1].name
    exported = TopdownPredictor(name, device='cpu')
    torch_model = TopdownPredictor(name, backend='torch', device='cpu')
    np.testing.assert_allclose(torch_model(photo, bboxes)[0],
                               TopdownPredictor(*trained_model, device='cpu')(photo, bboxes)[0], atol=1e-4)
    # Weights as fp16 in both; batch norms were folded before they were rounded in one.
    assert np.abs(exported(photo, bboxes)[1] - torch_model(photo, bboxes)[1]).max() < 0.01
    assert exported.provenance['weights_sha256'] == zoo.find_weights(name).files['onnx']['sha256']
    with pytest.raises(ValueError, match="no weights are called 'hrnet'"):
        TopdownPredictor('hrnet')


def test_mmposes_inferencer_knows_the_name(photo):
    from mmpose.apis import MMPoseInferencer
    inferencer = MMPoseInferencer(pose2d=zoo.default_name(), det_model='whole_image', device='cpu')
    inferencer.inferencer.show_progress = False
    result = next(inferencer(photo, bboxes=[np.array([10, 10, 200, 220, 1.])]))
    keypoints = np.array(result['predictions'][0][0]['keypoints'])
    assert keypoints.shape == (17, 2) and np.isfinite(keypoints).all()
    assert zoo.default_name() in inferencer.inferencer.list_models('mmpose')


@pytest.fixture
def server(tmp_path):
    """Gives a file, breaks off after half of it the first time, and knows ranges."""
    content = np.random.default_rng(0).bytes(100_000)
    requests = []

    class Handler(http.server.BaseHTTPRequestHandler):

        def do_GET(self):
            requests.append(self.headers.get('Range'))
            start = int(requests[-1][6:-1]) if requests[-1] else 0
            self.send_response(206 if start else 200)
            self.send_header('Content-Length', str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:] if len(requests) > 1 else content[:50_000])

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield content, requests, f'http://127.0.0.1:{httpd.server_port}/model.onnx'
        httpd.shutdown()


def test_a_download_is_resumed_and_checked(server, tmp_path, monkeypatch):
    import hashlib
    content, requests, url = server
    monkeypatch.setenv('RAMPOSE_CACHE', str(tmp_path / 'cache'))
    file = dict(url=url, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    weights = dataclasses.replace(zoo.all_weights()[0], files=dict(onnx=file))
    with pytest.raises((ValueError, OSError)):
        zoo.fetch(weights, 'onnx')
    assert not [path for path in (tmp_path / 'cache').iterdir() if not path.name.startswith('.rampose-part-')]
    path = zoo.fetch(weights, 'onnx')
    assert path.read_bytes() == content and requests == [None, 'bytes=50000-']
    assert zoo.fetch(weights, 'onnx') == path and len(requests) == 2  # from the cache
    path.write_bytes(b'damaged')
    with pytest.raises(ValueError, match='is damaged.*remove'):
        zoo.fetch(weights, 'onnx')
    assert weights.place == 'to be fetched'


def test_no_network_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv('RAMPOSE_CACHE', str(tmp_path))
    file = dict(url='http://127.0.0.1:9/model.onnx', sha256='0' * 64, bytes=1)
    weights = dataclasses.replace(zoo.all_weights()[0], files=dict(onnx=file))
    with pytest.raises(OSError, match='cannot be downloaded: .*refused.*by its path'):
        zoo.fetch(weights, 'onnx')
