"""Detectors as ONNX or OpenVINO files: YOLOX as its authors export it, and YOLOX and RTMDet as MMDeploy does."""

from pathlib import Path
from typing import List, Optional, Tuple, Union

import numpy as np

from ...core.coco_names import category_number
from ...core.detection import grid_boxes, letterbox, nms
from ..engines import open_engine

STRIDES = (8, 16, 32)
DEFAULT_SIDE = 640  # px, where the file leaves it open
# Of RTMDet's images, BGR; YOLOX takes them as they are.
RTMDET_MEAN, RTMDET_STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


class ExportedDetector:
    """A detector that gives the boxes of one category.

    Two kinds of files are known, told apart by what they give: YOLOX's raw grid, one output ``(1, A, 5 + C)``; and
    files with NMS inside, two outputs ``(1, N, 5)`` of boxes with scores and ``(1, N)`` of categories. Of the latter,
    those with ``rtmdet`` in their name get RTMDet's normalized images.

    Args:
        path: ``.onnx``, or ``.xml`` with its ``.bin`` beside it.
        category: Number or COCO's name of what to find. Default: 'person'.
        min_score: Boxes of lower scores are left out. Default: 0.3.
        nms_thr: Of boxes that overlap with a higher IoU, the best stays; for raw grids. Default: 0.65, as YOLOX is
            tested.
        backend: 'onnxruntime' or 'openvino'. Default: None, whichever is there.
        device: 'cpu' or 'cuda'. Default: None, the engine's choice.
        num_threads: Of the engine. Default: None, all cores.

    Raises:
        FileNotFoundError: No such file.
        ImportError: The engine is not installed.
        ValueError: The file is no such detector.
    """

    def __init__(self,
                 path: Union[str, Path],
                 category: Union[int, str] = 'person',
                 min_score: float = 0.3,
                 nms_thr: float = 0.65,
                 backend: Optional[str] = None,
                 device: Optional[str] = None,
                 num_threads: Optional[int] = None) -> None:
        self.category = category_number(category)
        self.min_score, self.nms_thr = min_score, nms_thr
        self._engine = open_engine(path, backend)
        shape: Tuple[Optional[int], ...] = getattr(self._engine, 'input_shape', ())
        if len(shape) != 4 or shape[1] not in (3, None):
            raise ValueError(f'{path} is no detector: it takes {shape}, needed is (1, 3, height, width)')
        h, w = (side or DEFAULT_SIDE for side in shape[2:])
        self.input_size = w, h
        self._normalized = 'rtmdet' in Path(path).name.lower()
        self._engine.start('fp32', device, None, num_threads)
        outputs = self._run(np.full((h, w, 3), 114, np.uint8))
        num_cells = sum((w // stride) * (h // stride) for stride in STRIDES)
        self._is_grid = len(outputs) == 1 and outputs[0].ndim == 3 and outputs[0].shape[1] == num_cells
        if not self._is_grid and not (len(outputs) >= 2 and outputs[0].ndim == 3 and outputs[0].shape[2] == 5):
            shapes = ', '.join(str(output.shape) for output in outputs)
            raise ValueError(f'{path} is no detector that is known: it gives {shapes}; needed is YOLOX\'s grid (1, '
                             f'{num_cells}, 5 + categories), or boxes (1, N, 5) and categories (1, N)')
        if self._is_grid and not 0 <= self.category < outputs[0].shape[2] - 5:
            raise ValueError(f'got category {category!r}, number {self.category}; {path} knows 0 to '
                             f'{outputs[0].shape[2] - 6}')

    def __call__(self, image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Find everybody.

        Args:
            image: ``(h, w, 3)`` uint8, BGR.

        Returns:
            Boxes ``(N, 4)`` xyxy in image px, and scores ``(N,)``; float32, the best first.
        """
        canvas, scale = letterbox(image, self.input_size)
        outputs = self._run(canvas)
        boxes, scores = self._of_grid(outputs[0][0]) if self._is_grid else self._of_boxes(outputs)
        h, w = image.shape[:2]
        boxes = (boxes / scale).clip(0, [w, h, w, h])
        return boxes.astype(np.float32), scores.astype(np.float32)

    def _run(self, canvas: np.ndarray) -> List[np.ndarray]:
        values = canvas.astype(np.float32)
        if self._normalized:
            values = (values - np.array(RTMDET_MEAN, np.float32)) / np.array(RTMDET_STD, np.float32)
        return self._engine(values.transpose(2, 0, 1)[None])

    def _of_grid(self, values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        scores = values[:, 4] * values[:, 5 + self.category]
        wanted = scores >= self.min_score
        boxes = grid_boxes(values[:, :4], self.input_size, STRIDES)[wanted]
        kept = nms(boxes, scores[wanted], self.nms_thr)
        return boxes[kept], scores[wanted][kept]

    def _of_boxes(self, outputs: List[np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
        found, categories = outputs[0][0], outputs[1].reshape(-1)
        found = found[(categories == self.category) & (found[:, 4] >= self.min_score)]
        found = found[np.argsort(-found[:, 4], kind='stable')]
        return found[:, :4], found[:, 4]
