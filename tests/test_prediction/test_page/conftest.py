"""`rampose app` in a process of its own, and small films."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List

import cv2
import numpy as np
import pytest

from rampose.apis import TopdownPredictor
from rampose.lab.example import example_image
from rampose.prediction.page.photo import Model


@pytest.fixture(scope='session')
def model(onnx_model) -> Model:
    return Model('small.onnx', TopdownPredictor(onnx_model), 0.)


@pytest.fixture(scope='session')
def example():
    return example_image()


@pytest.fixture(scope='session')
def film(tmp_path_factory, example) -> Path:
    """Forty frames of the example, which moves."""
    path = tmp_path_factory.mktemp('film') / 'film.mp4'
    image = cv2.resize(example[0], (320, 240))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), 20., (320, 240))
    for number in range(40):
        writer.write(np.roll(image, 2 * number, axis=1))
    writer.release()
    return path


class App:
    """A running `rampose app`."""

    def __init__(self, arguments: List[str], folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.temporary = folder
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'rampose', 'app', '--no-browser', '--port', '0', *arguments], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(os.environ, CI='1', TMPDIR=str(folder), OMP_NUM_THREADS='1'))
        self.said = ''
        for line in self.process.stdout:
            self.said += line
            found = re.match(r'On (http://\S+?)/? - Ctrl-C ends it', line)
            if found:
                self.address = found[1]
                return
        raise AssertionError(self.said)

    def close(self, number: int = signal.SIGINT) -> int:
        """End it as Ctrl-C does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture(scope='module')
def app(tmp_path_factory) -> Iterator[App]:
    """The packaged model; no detector."""
    pytest.importorskip('gradio')
    running = App(['--detector', 'none', '--max-mb', '2', '--max-film-mb', '4', '--max-megapixels', '4'],
                  tmp_path_factory.mktemp('app'))
    yield running
    running.close()
