"""The server over a real connection on loopback."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from rampose.apis import TopdownPredictor

uvicorn = pytest.importorskip('uvicorn')
pytest.importorskip('fastapi')
pytest.importorskip('prometheus_client')

from rampose.prediction.server import Limits, make_app  # noqa: E402

BOXES = [[10, 10, 200, 220], [100, 20, 310, 239]]


class Served:
    """A server in a thread, on a free port."""

    def __init__(self, predictor, **limits):
        self.listening = socket.create_server(('127.0.0.1', 0))
        self.port = self.listening.getsockname()[1]
        self.server = uvicorn.Server(uvicorn.Config(make_app(predictor, Limits(**limits)), log_level='error',
                                                    timeout_graceful_shutdown=20))
        self.thread = threading.Thread(target=self.server.run, kwargs=dict(sockets=[self.listening]), daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def stop(self):
        self.server.should_exit = True
        self.thread.join(30)

    def ask(self, path, body=None):
        """Status and answer."""
        request = urllib.request.Request(f'http://127.0.0.1:{self.port}{path}', body)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def raw(self, content):
        """The first line of the answer to bytes of one's own."""
        with socket.create_connection(('127.0.0.1', self.port), 60) as connection:
            connection.sendall(content)
            return connection.recv(65536).split(b'\r\n')[0].decode()


@pytest.fixture(scope='module')
def detector():
    return lambda image: (np.array(BOXES, np.float32), np.array([0.9, 0.4], np.float32))


@pytest.fixture(scope='module')
def served(onnx_model, detector):
    served = Served(TopdownPredictor(onnx_model, detector=detector, flip_test=False), max_bytes=500_000,
                    max_pixels=200_000, max_requests=4, body_seconds=1)
    yield served
    served.stop()


def png(image):
    file = BytesIO()
    Image.fromarray(image[..., ::-1]).save(file, 'png')
    return file.getvalue()


def test_the_people_of_an_image(served, onnx_model, photo):
    status, text = served.ask('/predict', png(photo))
    answer = json.loads(text)
    expected, scores = TopdownPredictor(onnx_model, flip_test=False)(photo, BOXES)
    assert status == 200 and (answer['width'], answer['height']) == (320, 240)
    assert [person['bbox_score'] for person in answer['instances']] == [pytest.approx(0.9), pytest.approx(0.4)]
    np.testing.assert_allclose([person['keypoints'] for person in answer['instances']], expected, atol=2e-3)
    np.testing.assert_allclose([person['keypoint_scores'] for person in answer['instances']], scores, atol=2e-3)


def test_parameters(served, photo):
    assert len(json.loads(served.ask('/predict?min_score=0.5', png(photo))[1])['instances']) == 1
    one = json.loads(served.ask('/predict?boxes=[[50,60,120,200]]', png(photo))[1])['instances']
    assert [person['bbox'] for person in one] == [[50, 60, 120, 200]]
    assert json.loads(served.ask('/predict?boxes=[]', png(photo))[1])['instances'] == []


@pytest.mark.parametrize('query, body, status, message', [
    ('', b'', 400, 'the body is empty; needed are the bytes of an image file'),
    ('', b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 422, 'it is no image'),
    ('', b'\xff\xd8\xff\xe0' + bytes(1000), 422, 'cannot be read'),
    ('', bytes(600_000), 413, 'the file has more than 0.5 MB'),
    ('', 'large', 413, 'has 2000x2000 px, more than 0.2 million'),
    ('', 'bomb', 413, 'px, more than 0.2 million'),
    ('', 'truncated', 422, 'cannot be read'),
    ('?min_score=2', 'photo', 400, 'min_score cannot be used'),
    ('?boxes=[[1,2,3]]', 'photo', 400, 'boxes cannot be used: got boxes of shape (1, 3)'),
    ('?boxes=[[5,5,1,1]]', 'photo', 400, 'is reversed'),
    ('?boxes={', 'photo', 400, 'boxes cannot be used'),
    ('?boxes=[[1' + '0' * 400 + ',0,5,5]]', 'photo', 400, 'boxes cannot be used'),
    ('?boxes=[' + ','.join(['[0,0,9,9]'] * 101) + ']', 'photo', 400, 'got 101, at most 100 are taken'),
    ('', b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n{} loop\n%%EOF\n', 422, 'it is no image'),
    ('?boxes=' + '[' * 3000, 'photo', 400, 'boxes cannot be used'),
])
def test_what_is_refused(served, photo, query, body, status, message):
    made = dict(photo=lambda: png(photo), large=lambda: png(np.zeros((2000, 2000, 3), np.uint8)),
                bomb=lambda: png(np.zeros((12_000, 12_000, 3), np.uint8)), truncated=lambda: png(photo)[:500])
    content = made[body]() if isinstance(body, str) else body
    found, text = served.ask(f'/predict{query}', content)
    assert found == status and message in json.loads(text)['error']
    assert served.ask('/predict', png(photo))[0] == 200  # the next one is served


def test_a_body_that_does_not_come_and_one_that_never_ends(served):
    head = b'POST /predict HTTP/1.1\r\nHost: localhost\r\n'
    assert served.raw(head + b'Content-Length: 1000\r\n\r\nabc') == 'HTTP/1.1 408 Request Timeout'
    chunk = b'10000\r\n' + bytes(0x10000) + b'\r\n'
    assert served.raw(head + b'Transfer-Encoding: chunked\r\n\r\n' + 20 * chunk).startswith('HTTP/1.1 413')
    assert served.raw(head + b'Content-Length: 20000000000\r\n\r\n').startswith('HTTP/1.1 413')
    assert json.loads(served.ask('/health')[1]) == dict(status='ok')


def test_requests_that_arrive_together_share_batches_and_too_many_are_sent_away(onnx_model, photo):
    sizes, go_on = [], threading.Event()

    class Slow(TopdownPredictor):
        def predict(self, images, bboxes=None):
            go_on.wait(30)
            sizes.append(len(images))
            return super().predict(images, bboxes)

    served = Served(Slow(onnx_model, flip_test=False), max_requests=6)
    try:
        with ThreadPoolExecutor(8) as threads:
            answers = [threads.submit(served.ask, '/predict?boxes=[[50,60,120,200]]', png(photo)) for _ in range(8)]
            while 'in_progress 6.0' not in served.ask('/metrics')[1]:
                time.sleep(0.05)
            while sum(answer.done() for answer in answers) < 2:  # those who are sent away need not wait
                time.sleep(0.05)
            go_on.set()
            statuses = sorted(answer.result()[0] for answer in answers)
        assert statuses == [200] * 6 + [503] * 2
        assert sum(sizes) == 6 and max(sizes) > 1
        assert 'rampose_requests_total{status="503"} 2.0' in served.ask('/metrics')[1]
    finally:
        served.stop()


def test_one_that_fails_takes_no_other_along(onnx_model, photo):
    """Of a batch with an image on which the detector fails, the others are answered."""
    def detector(image):
        if image.shape[0] == 100:
            raise RuntimeError('no')
        return np.array(BOXES, np.float32), np.ones(2, np.float32)

    served = Served(TopdownPredictor(onnx_model, detector=detector, flip_test=False))
    try:
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda image: served.ask('/predict', png(image))[0],
                                       [photo, photo[:100], photo, photo[:100], photo, photo]))
        assert answers == [200, 500, 200, 500, 200, 200]
        assert 'rampose_requests_total{status="500"} 2.0' in served.ask('/metrics')[1]
        assert "error of the server's own" in served.ask('/predict', png(photo[:100]))[1]
    finally:
        served.stop()


def test_it_finishes_what_was_begun(onnx_model, photo, detector):
    class Slow(TopdownPredictor):
        def predict(self, images, bboxes=None):
            time.sleep(0.5)
            return super().predict(images, bboxes)

    served = Served(Slow(onnx_model, detector=detector, flip_test=False))
    with ThreadPoolExecutor(3) as threads:
        answers = [threads.submit(served.ask, '/predict', png(photo)) for _ in range(3)]
        while 'in_progress 3.0' not in served.ask('/metrics')[1]:
            time.sleep(0.02)
        served.stop()
        assert [answer.result()[0] for answer in answers] == [200] * 3


def test_addresses_and_methods_that_are_not_there(served):
    assert served.ask('/nothing') == (404, '{"error":"Not Found"}')
    assert served.ask('/predict') == (405, '{"error":"Method Not Allowed"}')


def test_what_it_says_of_itself(served):
    model = json.loads(served.ask('/model')[1])
    assert model['keypoints'][0] == 'nose' and model['made_by']['weights_sha256'] and len(model['skeleton']) > 10
    described = json.loads(served.ask('/openapi.json')[1])
    assert {'200', '400', '408', '413', '422', '503'} <= described['paths']['/predict']['post']['responses'].keys()
