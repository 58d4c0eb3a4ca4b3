"""Requests of many callers, estimated together: what waits while the network is busy becomes its next batch."""

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from ..apis.predictor import TopdownPredictor
from ..core.pose_result import PoseResult


class _Request(NamedTuple):
    image: np.ndarray
    bboxes: Optional[np.ndarray]
    min_score: float
    future: Future


class BatchingPredictor:
    """Collects what arrives while it is busy, and estimates it in one pass.

    Args:
        predictor: With a detector, if requests come without boxes.
        max_images: Of a batch.
    """

    def __init__(self, predictor: TopdownPredictor, max_images: int = 16) -> None:
        self._predictor, self._max_images = predictor, max_images
        self._requests: SimpleQueue[Optional[_Request]] = SimpleQueue()  # None is the end
        self._thread = threading.Thread(target=self._run, name='batching', daemon=True)
        self._thread.start()

    def submit(self, image: np.ndarray, bboxes: Optional[np.ndarray] = None,
               min_score: float = 0) -> 'Future[PoseResult]':
        """Ask for the people of an image.

        Args:
            image: ``(h, w, 3)`` uint8 BGR.
            bboxes: ``(N, 4)`` xyxy in image px. Default: None, the detector finds them.
            min_score: The detector's boxes of lower scores are left out. Default: 0.
        """
        future: Future[PoseResult] = Future()
        self._requests.put(_Request(image, bboxes, min_score, future))
        return future

    def close(self) -> None:
        """Finish what was asked for, and end."""
        self._requests.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            batch, ended = self._next_batch()
            if batch:
                self._answer(batch)
            del batch  # its images need not wait for the next one
            if ended:
                return

    def _next_batch(self) -> Tuple[List[_Request], bool]:
        batch: List[_Request] = []
        while len(batch) < self._max_images and not (batch and self._requests.empty()):
            request = self._requests.get()
            if request is None:
                return batch, True
            if request.future.set_running_or_notify_cancel():
                batch.append(request)
        return batch, False

    def _answer(self, batch: List[_Request]) -> None:
        try:
            results = self._estimate(batch)
        except Exception as error:
            if len(batch) > 1:  # one request must not fail for another's sake
                for request in batch:
                    self._answer([request])
            else:
                batch[0].future.set_exception(error)
            return
        for request, result in zip(batch, results):
            request.future.set_result(result)

    def _estimate(self, batch: List[_Request]) -> List[PoseResult]:
        detected = iter(self._predictor.detect_all([request.image for request in batch if request.bboxes is None]))
        found = [_wanted(next(detected), request.min_score) if request.bboxes is None else
                 (request.bboxes, np.ones(len(request.bboxes), np.float32)) for request in batch]
        results = self._predictor.predict([request.image for request in batch], [bboxes for bboxes, _ in found])
        for result, (_, scores) in zip(results, found):
            result.bbox_scores = scores
        return results


def _wanted(found: Tuple[np.ndarray, np.ndarray], min_score: float) -> Tuple[np.ndarray, np.ndarray]:
    bboxes, scores = found
    return bboxes[scores >= min_score], scores[scores >= min_score]
