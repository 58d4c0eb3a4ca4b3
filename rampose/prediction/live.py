"""Live streams, which break off and come back."""

import time
from typing import Any, Callable, Tuple

import cv2
import numpy as np

WAITS = (1., 2., 4., 8., 15.)  # seconds before each try to reach a stream again: half a minute in all
_STEP = 0.1  # s; how soon a stop is noticed


class LiveCapture:
    """OpenCV's capture of an address, which is opened again where it breaks off.

    A film at an address, which says how many frames it has, is a file that is read from afar: it ends where it ends.

    Args:
        address: Of the stream.
        on_wait: Called with the number of the try, of how many, and the seconds before it.
        should_stop: Asked while it waits.
    """

    def __init__(self, address: str, on_wait: Callable[[int, int, float], None] = lambda *_: None,
                 should_stop: Callable[[], bool] = lambda: False) -> None:
        self._address, self._on_wait, self._should_stop = address, on_wait, should_stop
        self._capture = cv2.VideoCapture(address)
        self._size: Tuple[int, int] = (0, 0)  # (w, h) of the first frame, which all others are scaled to

    def isOpened(self) -> bool:
        return self._capture.isOpened()

    def get(self, prop: int) -> float:
        return self._capture.get(prop)

    def release(self) -> None:
        self._capture.release()

    def read(self) -> Tuple[bool, Any]:
        """The next frame, after as many tries as it takes; (False, None) when all were in vain."""
        more, image = self._capture.read()
        if not more and self._capture.get(cv2.CAP_PROP_FRAME_COUNT) <= 0:
            for number, seconds in enumerate(WAITS, 1):
                self._on_wait(number, len(WAITS), seconds)
                if not self._wait(seconds):
                    break
                self._capture.release()
                self._capture = cv2.VideoCapture(self._address)
                more, image = self._capture.read()
                if more:
                    break
        return (True, self._scaled(image)) if more else (False, None)

    def _wait(self, seconds: float) -> bool:
        """Whether the time passed without a stop."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._should_stop():
                return False
            time.sleep(min(_STEP, seconds))
        return not self._should_stop()

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        h, w = image.shape[:2]
        if self._size == (0, 0):
            self._size = (w, h)
        return image if self._size == (w, h) else cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
