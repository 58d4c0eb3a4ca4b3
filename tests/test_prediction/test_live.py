"""A stream that breaks off is opened again; one that stays away ends the run, by name."""

import http.server
import threading

import cv2
import numpy as np
import pytest

from rampose.prediction import inputs, live

BOUNDARY = b'--frame\r\nContent-Type: image/jpeg\r\n\r\n'


@pytest.fixture
def stream():
    """Motion JPEG that breaks off after five frames, three times; its frames are larger the second time."""
    calls = []

    class Camera(http.server.BaseHTTPRequestHandler):

        def do_GET(self):
            calls.append(self.path)
            if len(calls) > 3:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=frame')
            self.end_headers()
            size = (96, 128) if len(calls) == 2 else (48, 64)
            for number in range(5):
                image = np.full((*size, 3), 20 * (5 * len(calls) + number) % 256, np.uint8)
                self.wfile.write(BOUNDARY + cv2.imencode('.jpg', image)[1].tobytes() + b'\r\n')

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/live.mjpg', calls
    server.shutdown()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(live, 'WAITS', (0.01, 0.02))
    monkeypatch.setattr(inputs, 'WAITS', (0.01, 0.02))


def test_it_is_opened_again_and_given_up_by_name(stream):
    address, calls = stream
    waits = []
    sources, _ = inputs.find_sources([address])
    items = list(inputs.read_frames(sources, on_wait=lambda *wait: waits.append(wait)))
    frames = [item for item in items if isinstance(item, inputs.Frame)]
    # FFmpeg may drop the last frame of a stream that is cut off.
    assert 12 <= len(frames) <= 15 and len(calls) > 3
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert [frame.frame_id for frame in frames] == list(range(len(frames)))
    assert waits[0] == (1, 2, 0.01) and waits[-1] == (2, 2, 0.02)
    failure, end = items[len(frames):]
    assert 'could not be opened again' in failure.reason and f'after {len(frames)} frames' in failure.reason
    assert not end.complete


def test_a_stop_while_it_waits(stream, monkeypatch):
    monkeypatch.setattr(live, 'WAITS', (60., ))
    address, _ = stream
    waited = []
    sources, _ = inputs.find_sources([address])
    items = list(inputs.read_frames(sources, should_stop=lambda: bool(waited),
                                    on_wait=lambda *wait: waited.append(wait)))
    assert len(waited) == 1 and not any(isinstance(item, inputs.Failure) for item in items)
    assert isinstance(items[-1], inputs.VideoEnd)


def test_a_film_at_an_address_ends_where_it_ends(tmp_path, monkeypatch):
    writer = cv2.VideoWriter(str(tmp_path / 'film.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 25, (64, 48))
    for number in range(8):
        writer.write(np.full((48, 64, 3), 20 * number, np.uint8))
    writer.release()
    monkeypatch.chdir(tmp_path)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sources, _ = inputs.find_sources([f'http://127.0.0.1:{server.server_port}/film.avi'])
    items = list(inputs.read_frames(sources, on_wait=lambda *wait: pytest.fail('it is no live stream')))
    server.shutdown()
    assert sum(isinstance(item, inputs.Frame) for item in items) == 8
    assert isinstance(items[-1], inputs.VideoEnd) and items[-1].complete
