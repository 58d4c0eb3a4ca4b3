"""The page as programs meet it: its API, its limits, and what it does not give away."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest

from rampose.apis import TopdownPredictor
from rampose.checkpoints.zoo import default_name
from rampose.cli.main import main

pytest.importorskip('gradio')
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from .conftest import App


@pytest.fixture(scope='module')
def client(app, tmp_path_factory):
    return Client(app.address, verbose=False, download_files=str(tmp_path_factory.mktemp('downloads')))


@pytest.fixture
def example_file(example, tmp_path) -> Path:
    path = tmp_path / 'example.png'
    cv2.imwrite(str(path), example[0])
    return path


def test_the_api_gives_what_the_predictor_gives(client, example, example_file):
    answer = client.predict(handle_file(example_file), json.dumps(example[1].tolist()), api_name='/predict')
    expected = TopdownPredictor(default_name()).predict([example[0]], [example[1]])[0]
    assert (answer['width'], answer['height']) == (640, 480) and answer['keypoints'][0] == 'nose'
    np.testing.assert_allclose([one['keypoints'] for one in answer['instances']], expected.keypoints, atol=0.01)
    np.testing.assert_allclose([one['keypoint_scores'] for one in answer['instances']], expected.keypoint_scores,
                               atol=0.001)
    assert [name for name in client.view_api(return_format='dict')['named_endpoints']] == ['/predict']


@pytest.mark.parametrize(('name', 'content', 'boxes', 'message'), [
    ('a.svg', b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', '', 'it is no image'),
    ('a.jpg', b'', '', 'cannot be read'),
    ('a.png', b'\x89PNG\r\n\x1a\nbroken', '', 'cannot be read'),
    ('a.eps', b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n', '', 'it is no image'),
    ('bomb.png', 'bomb', '', 'px, more than 4 million'),
    ('large.bmp', b'BM' + b'\0' * 2_500_000, '', 'The file has 2 MB|The file has 3 MB'),
    ('good.png', 'good', '', 'There is no detector'),
    ('good.png', 'good', '{}', 'needed is|four numbers|box'),
    ('good.png', 'good', '[[1, 2', r'needed is JSON \[\[x1, y1, x2, y2\], ...\]'),
    ('good.png', 'good', '[[1, 2, "x", 4]]', 'row 1 of the boxes is'),
    ('good.png', 'good', '[[NaN, 2, 3, 4]]', 'four numbers'),
    ('good.png', 'good', str([[0, 0, 9, 9]] * 200), 'at most 100'),
    ('good.png', 'good', '[' * 100_000, 'needed is JSON')], ids=str)
def test_bad_uploads_are_told_and_the_next_one_works(client, tmp_path, example, name, content, boxes, message):
    made = dict(good=lambda: cv2.imencode('.png', example[0])[1].tobytes(),
                bomb=lambda: cv2.imencode('.png', np.zeros((9000, 9000, 3), np.uint8))[1].tobytes())
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else made[content]())
    with pytest.raises(AppError, match=message) as error:
        client.predict(handle_file(path), boxes, api_name='/predict')
    assert str(tmp_path) not in str(error.value) and 'rampose-app' not in str(error.value)
    good = tmp_path / 'next.png'
    good.write_bytes(made['good']())
    assert len(client.predict(handle_file(good), '[[10, 10, 600, 400]]', api_name='/predict')['instances']) == 1


def fetch(app, path: str, **options):
    return urlopen(Request(app.address + path, **options), timeout=30)


def call(app, *data) -> str:
    """What the API says when it is called by hand."""
    asked = fetch(app, '/gradio_api/call/predict', data=json.dumps(dict(data=data)).encode(),
                  headers={'Content-Type': 'application/json'})
    return fetch(app, f'/gradio_api/call/predict/{json.load(asked)["event_id"]}').read().decode()


@pytest.mark.parametrize('path', ['/etc/passwd', '{root}/README.md', '/proc/self/environ', '../../../../etc/passwd',
                                  '{secret}'])
def test_no_file_of_the_machine_can_be_read(app, root, path, example):
    secret = app.temporary / 'secret.png'
    cv2.imwrite(str(secret), example[0])
    place = path.format(root=root, secret=secret)
    for way in ('/gradio_api/file=', '/file=', '/static/', '/assets/'):
        with pytest.raises(HTTPError) as error:
            fetch(app, way + place)
        assert error.value.code in (403, 404, 405)
    answer = call(app, dict(path=place, meta=dict(_type='gradio.FileData')), '[[0, 0, 90, 90]]')
    assert 'event: error' in answer and 'instances' not in answer


def test_a_stream_of_two_gigabytes_is_read_and_forgotten(app):
    host, port = app.address.removeprefix('http://').split(':')
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.putrequest('POST', '/gradio_api/upload')
    connection.putheader('Content-Type', 'multipart/form-data; boundary=x')
    connection.putheader('Content-Length', str(2_000_000_000))
    connection.endheaders()
    connection.send(b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n')
    sent, most = 0, 0
    chunk = b'x' * 4_000_000
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while sent < 1_900_000_000:
            connection.send(chunk)
            sent += len(chunk)
            if sent % 400_000_000 == 0:
                most = max(most, sum(path.stat().st_size for path in app.temporary.rglob('*') if path.is_file()))
    with contextlib.suppress(ConnectionResetError):
        assert connection.getresponse().status == 413
    connection.close()
    assert most < 60_000_000 and memory_of(app.process.pid) < 2e9
    assert fetch(app, '/').status == 200


def memory_of(pid: int) -> float:
    """Resident, bytes."""
    return int(Path(f'/proc/{pid}/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def test_nobody_gets_round_the_queue(app):
    for way in ('/gradio_api/run/predict', '/run/predict', '/gradio_api/api/predict'):
        with pytest.raises(HTTPError) as error:
            fetch(app, way, data=json.dumps(dict(data=[None, ''], fn_index=0)).encode(),
                  headers={'Content-Type': 'application/json'})
        assert error.value.code in (401, 403, 404, 405)


def test_nothing_is_loaded_from_elsewhere(app):
    answer = fetch(app, '/')
    assert "default-src 'self'" in answer.headers['Content-Security-Policy']
    assert "frame-ancestors 'none'" in answer.headers['Content-Security-Policy']
    for place in ('/docs', '/redoc', '/monitoring', '/gradio_api/run-history/records/predict'):
        try:
            assert 'swagger' not in fetch(app, place).read().decode().lower()
        except HTTPError as error:
            assert error.code in (403, 404, 405)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['Ctrl-C', 'kill'])
def test_the_folder_goes_with_the_page(tmp_path, example_file, number):
    app = App(['--detector', 'none'], tmp_path / 'temporary')
    client = Client(app.address, verbose=False)
    client.predict(handle_file(example_file), '[[10, 10, 600, 400]]', api_name='/predict')
    assert list(app.temporary.glob('rampose-app-*/uploads/*/example.png'))
    assert app.close(number) == 0
    assert not list(app.temporary.glob('rampose-app-*'))


def test_what_it_says_of_who_can_come_in(tmp_path):
    app = App(['--detector', 'none', '--host', '0.0.0.0'], tmp_path / 'temporary')
    assert 'everybody who reaches this machine' in app.said
    app.close()


def test_it_needs_no_torch():
    code = ('import os, signal, sys, threading\nclass No:\n    def find_spec(self, name, *_):\n'
            '        if name.split(".")[0] in ("torch", "mmengine", "mmcv", "mmpose", "mmdet", "matplotlib"):\n'
            '            raise ImportError(name)\nsys.meta_path.insert(0, No())\nfrom rampose.cli.main import main\n'
            'from rampose.prediction.page import serving\nserve = serving.serve\n'
            'def briefly(*arguments):\n    threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()\n'
            '    return serve(*arguments)\nserving.serve = briefly\n'
            'sys.exit(main(["app", "--no-browser", "--port", "0", "--detector", "none"]))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and 'Ctrl-C ends it' in done.stdout, done.stderr


@pytest.mark.parametrize(('arguments', 'message'), [
    (('--model', 'gone.onnx'), 'gone.onnx'),
    (('--model', '{model}', '--model', '{model}'), 'needed are one, or two that are not the same'),
    (('--max-frames', '0'), 'got --max-frames 0; needed is at least 1'),
    (('--detector', 'yolo99'), 'yolo99')], ids=['model', 'twice', 'frames', 'detector'])
def test_bad_calls_are_one_line(capsys, arguments, message, onnx_model, monkeypatch):
    monkeypatch.setattr(os, 'environ', os.environ.copy())
    assert main(['app', '--no-browser', *(argument.format(model=onnx_model) for argument in arguments)]) == 2
    assert message in capsys.readouterr().err


def test_visitors_who_come_at_once_all_get_their_own(client, app, tmp_path, example):
    jobs = []
    for number in range(8):
        path = tmp_path / f'{number}.png'
        cv2.imwrite(str(path), np.roll(example[0], 20 * number, axis=1))
        boxes = [[10 + number, 20, 300 + number, 400]]
        jobs.append((boxes, client.submit(handle_file(path), json.dumps(boxes), api_name='/predict')))
    started = time.monotonic()
    for boxes, job in jobs:
        assert job.result(timeout=60)['instances'][0]['bbox'] == boxes[0]
    assert time.monotonic() - started < 60
