"""`rampose serve` as a process."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import cv2
import pytest

from rampose.cli.main import main

pytest.importorskip('uvicorn')
pytest.importorskip('fastapi')


def test_it_serves_and_stops(onnx_model, photo):
    process = subprocess.Popen([sys.executable, '-m', 'rampose', 'serve', '--config', str(onnx_model), '--no-detector',
                                '--port', '0'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = re.match(r'Serving on (http://127.0.0.1:\d+) - try: curl', process.stdout.readline())[1]
        body = cv2.imencode('.jpg', photo)[1].tobytes()
        with urllib.request.urlopen(f'{address}/predict?boxes=[[50,60,120,200]]', body, timeout=60) as answer:
            assert len(json.load(answer)['instances'][0]['keypoints']) == 17
        with pytest.raises(urllib.error.HTTPError, match='400') as refused:
            urllib.request.urlopen(f'{address}/predict', body, timeout=60)
        assert 'this server has no detector; needed is ?boxes=' in json.load(refused.value)['error']
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and 'Traceback' not in err


@pytest.mark.parametrize('arguments, message', [
    (['--detector', 'a.onnx', '--no-detector'], 'got --detector and --no-detector'),
    ([], 'there is no detector (where CI is set, yolox-nano is fetched only for --detector yolox-nano)'),
    (['--max-requests', '0'], 'got --max-requests 0; needed is at least 1'),
    (['--no-detector', '--host', '203.0.113.1'], 'OSError'),
])
def test_calls_that_cannot_be_used(onnx_model, capsys, arguments, message):
    assert main(['serve', '--config', str(onnx_model), *arguments]) == 2
    assert message in capsys.readouterr().err
