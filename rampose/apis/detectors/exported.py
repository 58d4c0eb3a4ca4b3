"""Detectors as ONNX or OpenVINO files: YOLOX as its authors export it, and YOLOX and RTMDet as MMDeploy does."""

from pathlib import Path
from typing import List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from ...core.coco_names import category_number
from ...core.detection import grid_boxes, grid_cells, letterbox, nms
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
        dtype: 'bfloat16' for OpenVINO on a CPU that has it. Default: None, float32.

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
                 num_threads: Optional[int] = None,
                 dtype: Optional[str] = None) -> None:
        self.category = category_number(category)
        self.min_score, self.nms_thr = min_score, nms_thr
        self._engine = open_engine(path, backend)
        shape: Tuple[Optional[int], ...] = getattr(self._engine, 'input_shape', ())
        if len(shape) != 4 or shape[1] not in (3, None):
            raise ValueError(f'{path} is no detector: it takes {shape}, needed is (1, 3, height, width)')
        h, w = (side or DEFAULT_SIDE for side in shape[2:])
        self.input_size = w, h
        self._normalized = 'rtmdet' in Path(path).name.lower()
        self._engine.start('fp32', device, dtype, num_threads)
        shapes = self._output_shapes()
        num_cells = sum((w // stride) * (h // stride) for stride in STRIDES)
        self._is_grid = len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][1] == num_cells
        if not self._is_grid and not (len(shapes) >= 2 and len(shapes[0]) == 3 and shapes[0][2] == 5):
            raise ValueError(f'{path} is no detector that is known: it gives {", ".join(map(str, shapes))}; needed is '
                             f"YOLOX's grid (1, {num_cells}, 5 + categories), or boxes (1, N, 5) and categories (1, N)")
        if self._is_grid and not 0 <= self.category < (shapes[0][2] or 0) - 5:
            raise ValueError(f'got category {category!r}, number {self.category}; {path} knows 0 to '
                             f'{(shapes[0][2] or 0) - 6}')

    def _output_shapes(self) -> List[Tuple[Optional[int], ...]]:
        """What the file gives for an image; it is run if it does not say all of a grid's."""
        said: List[Tuple[Optional[int], ...]] = getattr(self._engine, 'output_shapes', [])
        if said and len(said[0]) == 3 and said[0][2] is not None and (len(said) > 1 or said[0][1] is not None):
            return said
        w, h = self.input_size
        return [output.shape for output in self._run([np.full((h, w, 3), 114, np.uint8)])]

    def __call__(self, image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Find everybody.

        Args:
            image: ``(h, w, 3)`` uint8, BGR.

        Returns:
            Boxes ``(N, 4)`` xyxy in image px, and scores ``(N,)``; float32, the best first.
        """
        canvas, scale = letterbox(image, self.input_size)
        return self._boxes_of(image, scale, [output[0] for output in self._run([canvas])])

    def find_all(self, images: Sequence[np.ndarray]) -> List[Tuple[np.ndarray, np.ndarray]]:
        """Find everybody in several images, whose networks run beside each other; as calls one by one."""
        if not self._is_grid:  # its outputs are of any length
            return [self(image) for image in images]
        if not images:
            return []
        canvases, scales = zip(*(letterbox(image, self.input_size) for image in images))
        (grids, ) = self._run(canvases)
        return [self._boxes_of(image, scale, [grid]) for image, scale, grid in zip(images, scales, grids)]

    def _boxes_of(self, image: np.ndarray, scale: float, outputs: List[np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
        boxes, scores = self._of_grid(outputs[0]) if self._is_grid else self._of_boxes(*outputs[:2])
        h, w = image.shape[:2]
        boxes = (boxes / scale).clip(0, [w, h, w, h])
        return boxes.astype(np.float32), scores.astype(np.float32)

    def _run(self, canvases: Sequence[np.ndarray]) -> List[np.ndarray]:
        inputs: np.ndarray = cv2.dnn.blobFromImages(canvases)  # (N, 3, h, w) float32, the values as they are
        if self._normalized:
            inputs -= np.array(RTMDET_MEAN, np.float32)[:, None, None]
            inputs /= np.array(RTMDET_STD, np.float32)[:, None, None]
        return self._engine(inputs)

    def _of_grid(self, values: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        scores = values[:, 4] * values[:, 5 + self.category]
        wanted = scores >= self.min_score
        boxes = grid_boxes(values[wanted, :4], grid_cells(self.input_size, STRIDES)[wanted])
        kept = nms(boxes, scores[wanted], self.nms_thr)
        return boxes[kept], scores[wanted][kept]

    def _of_boxes(self, found: np.ndarray, categories: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        found = found[(categories.reshape(-1) == self.category) & (found[:, 4] >= self.min_score)]
        found = found[np.argsort(-found[:, 4], kind='stable')]
        return found[:, :4], found[:, 4]
