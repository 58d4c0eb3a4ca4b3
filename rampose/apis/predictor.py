"""Keypoints of the people in pictures, in one call."""

from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..core.bboxes import as_bboxes, check_bboxes, what_is_wrong
from ..core.images import check_image, read_image
from . import engines
from .exported_model import EXPORTED_SUFFIXES, ExportedPoseModel

# Exported models run where neither torch nor MMEngine is installed.
if TYPE_CHECKING:
    from mmengine import Config

    from .torch_model import PoseModel

_NEEDS_MMPOSE = ('{what} needs PyTorch and OpenMMLab\'s packages ({error}): pip install "rampose[mim]", or run what '
                 'tools/export.py makes of a model')
BACKENDS = ('torch', *engines.BACKENDS)
Picture = Union[str, Path, np.ndarray]
Detector = Callable[[np.ndarray], Tuple[np.ndarray, np.ndarray]]


class TopdownPredictor:
    """Top-down pose estimation: people's boxes in, their keypoints out; with a detector, pictures alone.

    Example:
        >>> predictor = TopdownPredictor(config, checkpoint)
        >>> keypoints, scores = predictor('photo.jpg', bboxes=[[50, 30, 210, 420]])
        >>> keypoints.shape, scores.shape
        ((1, 17, 2), (1, 17))

    A model that tools/export.py wrote takes the place of config and checkpoint, and needs no more than numpy, OpenCV
    and its engine: ``TopdownPredictor('model.xml')``.

    Many pictures at once are faster than one after another, since the crops of all share batches; the results are the
    same. Threads may share a predictor.

    Args:
        config: Any top-down config of MMPose's: a file, or loaded. Or an exported model, ``.onnx`` or ``.xml``.
        checkpoint: The config's weights. All of the model's tensors must be in it.
        backend: 'torch' for a config; 'onnxruntime' or 'openvino' for an exported model. Default: None, by the file.
        device: As torch names it. Default: None, a GPU where there is one.
        dtype: 'float32', or 'bfloat16' or, in torch, 'float16' for mixed precision. Default: None, float32, or as the
            model was exported.
        flip_test: Average with the mirrored crops, as in the paper, for twice the time in the network. Default: None,
            on, unless an exported model cannot.
        batch_size: Crops in a batch, at most. Default: 32.
        compile: Make torch's network faster by torch.compile; the first crops wait a minute for it. Default: False.
        num_threads: Of an exported model's engine. Default: None, all cores.
        detector: What finds people where no boxes are given: 'faster-rcnn' for MMPose's, the config of another one of
            MMDetection's, or any function from a picture ``(h, w, 3)`` uint8 BGR to boxes ``(N, 4)`` xyxy and scores
            ``(N,)``. Default: None.
        detector_checkpoint: Weights of a detector that is not a function.

    Raises:
        FileNotFoundError: No such config, checkpoint or exported model.
        ImportError: The engine of an exported model is not installed.
        CheckpointError: A checkpoint is broken, or another model's.
        ValueError: An argument that cannot be used, by name.
    """

    def __init__(self,
                 config: Union[str, Path, 'Config'],
                 checkpoint: Union[str, Path, None] = None,
                 *,
                 backend: Optional[str] = None,
                 device: Optional[str] = None,
                 dtype: Optional[str] = None,
                 flip_test: Optional[bool] = None,
                 batch_size: int = 32,
                 compile: bool = False,
                 num_threads: Optional[int] = None,
                 detector: Union[str, Path, Detector, None] = None,
                 detector_checkpoint: Union[str, Path, None] = None) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'got batch_size {batch_size}; needed is a whole number, at least 1')
        if num_threads is not None and (not isinstance(num_threads, int) or num_threads < 1):
            raise ValueError(f'got num_threads {num_threads!r}; needed is a whole number, at least 1')
        if backend not in (None, *BACKENDS):
            raise ValueError(f'got backend {backend!r}; needed is one of {", ".join(BACKENDS)}')
        if isinstance(config, (str, Path)) and Path(config).suffix in EXPORTED_SUFFIXES:
            if checkpoint is not None or compile or backend == 'torch':
                raise ValueError(f'{config} is an exported model: it takes no checkpoint, no compile, and no '
                                 "backend='torch'")
            self.pose_model = ExportedPoseModel(config, backend, device, dtype, flip_test, num_threads)
        else:
            if num_threads is not None:
                raise ValueError('num_threads is for exported models; for PyTorch, call torch.set_num_threads')
            self.pose_model = _torch_model(config, checkpoint, backend, device, dtype, flip_test is not False, compile)
        self.batch_size = batch_size
        self._detector = _as_detector(detector, detector_checkpoint, device)

    @property
    def dataset_meta(self) -> dict:
        """MMPose's description of the keypoints that the model was trained on: names, skeleton, colours, flip pairs."""
        return self.pose_model.dataset_meta

    @property
    def num_keypoints(self) -> int:
        """K."""
        return int(self.dataset_meta['num_keypoints'])

    def detect(self, image: Picture) -> Tuple[np.ndarray, np.ndarray]:
        """Find the people of a picture. What a detector gives that can show nobody is left out.

        Args:
            image: A path, or ``(h, w, 3)`` uint8 BGR.

        Returns:
            Boxes ``(N, 4)`` xyxy in image px, and their scores ``(N,)``; float32.

        Raises:
            ValueError: There is no detector, or it gives something else than boxes and scores.
        """
        if self._detector is None:
            raise ValueError('got no boxes, and the predictor has no detector: give bboxes (an empty list if there is '
                             "nobody), or construct it with detector='faster-rcnn'")
        image = _as_image(image)
        found = self._detector(image)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise ValueError('the detector gave no pair; needed are boxes (N, 4) and scores (N,)')
        bboxes, scores = as_bboxes(found[0]), np.asarray(found[1], dtype=np.float32).reshape(-1)
        if len(bboxes) != len(scores):
            raise ValueError(f'the detector gave {len(bboxes)} boxes and {len(scores)} scores; needed is one for each')
        usable = np.array([what_is_wrong(bbox, image.shape[:2]) is None for bbox in bboxes], dtype=bool)
        return bboxes[usable], scores[usable]

    def __call__(
        self,
        image: Union[Picture, Sequence[Picture]],
        bboxes: Union[np.ndarray, Sequence, None] = None
    ) -> Tuple[Union[np.ndarray, List[np.ndarray]], Union[np.ndarray, List[np.ndarray]]]:
        """Estimate the keypoints of the people in one picture or several.

        Args:
            image: A path, or ``(h, w, 3)`` uint8 BGR; or a list of such.
            bboxes: For one picture, its boxes ``(N, 4)`` xyxy in image px, empty for nobody; for a list, a list of
                such. Default: None, the detector finds them.

        Returns:
            Keypoints ``(N, K, 2)`` in px of the picture as it is displayed, and scores ``(N, K)``, the heatmaps' peaks,
            which are no probabilities and may exceed 1; in the order of the boxes. For a list of pictures, two lists of
            such.

        Raises:
            UnreadableError: A file that cannot be read.
            ValueError: A picture or box that cannot be used, by reason and, of several, number.
        """
        if not isinstance(image, (list, tuple)):
            keypoints, scores = self._predict([image], None if bboxes is None else [bboxes])
            return keypoints[0], scores[0]
        if bboxes is not None and len(bboxes) != len(image):
            raise ValueError(f'got {len(image)} pictures and {len(bboxes)} lists of boxes; needed is one for each')
        return self._predict(image, bboxes)

    def _predict(self, pictures: Sequence[Picture],
                 bboxes: Optional[Sequence]) -> Tuple[List[np.ndarray], List[np.ndarray]]:
        keypoints = [np.zeros((0, self.num_keypoints, 2), np.float32)]
        scores = [np.zeros((0, self.num_keypoints), np.float32)]
        counts, crops = [], []
        for number, picture in enumerate(pictures):  # one after another: only their crops stay in memory
            try:
                new = self._crops_of(picture, None if bboxes is None else bboxes[number])
            except ValueError as error:
                raise type(error)(f'picture {number}: {error}' if len(pictures) > 1 else str(error)) from error
            counts.append(0)
            for crop in new:
                counts[-1] += 1
                crops.append(crop)
                if len(crops) == self.batch_size:
                    self._estimate(crops, keypoints, scores)
        self._estimate(crops, keypoints, scores)
        ends = np.cumsum(counts, dtype=int)
        starts = ends - counts
        of_all, scores_of_all = np.concatenate(keypoints), np.concatenate(scores)
        return ([of_all[start:end] for start, end in zip(starts, ends)],
                [scores_of_all[start:end] for start, end in zip(starts, ends)])

    def _crops_of(self, picture: Picture, bboxes: Union[np.ndarray, Sequence, None]) -> Iterator[dict]:
        """Check a picture and its boxes, and cut its people out as they are asked for."""
        image = _as_image(picture)
        bboxes = self.detect(image)[0] if bboxes is None else check_bboxes(bboxes, image.shape[:2])
        return (self.pose_model.crop(image, bbox) for bbox in bboxes)

    def _estimate(self, crops: List[dict], keypoints: List[np.ndarray], scores: List[np.ndarray]) -> None:
        """Estimate the crops that wait, as one batch, and empty the list."""
        if crops:
            for results, new in zip((keypoints, scores), self.pose_model(crops)):
                results.append(new)
            crops.clear()


def _torch_model(config: Union[str, Path, 'Config'], checkpoint: Union[str, Path, None], backend: Optional[str],
                 *args: object) -> 'PoseModel':
    if checkpoint is None:
        raise ValueError(f'got {str(config)!r:.200} without a checkpoint; needed are a config and its checkpoint, or '
                         f'an exported model ({" or ".join(EXPORTED_SUFFIXES)}) alone')
    if backend not in (None, 'torch'):
        raise ValueError(f'got a config for backend {backend!r}, which runs what tools/export.py makes of it')
    try:
        from .torch_model import PoseModel
    except ModuleNotFoundError as error:
        raise ImportError(_NEEDS_MMPOSE.format(what=config, error=error)) from error
    return PoseModel(config, checkpoint, *args)


def _as_image(picture: Picture) -> np.ndarray:
    if isinstance(picture, (str, Path)):
        return read_image(picture)
    check_image(picture)
    return picture


def _as_detector(detector: Union[str, Path, Detector, None], checkpoint: Union[str, Path, None],
                 device: Optional[str]) -> Optional[Detector]:
    if detector is None or callable(detector):
        if checkpoint is not None:
            raise ValueError('got detector_checkpoint without the detector that it belongs to: '
                             "give detector='faster-rcnn' or the config of another one")
        return detector
    if detector != 'faster-rcnn' and not Path(detector).is_file():
        raise ValueError(f"got detector={str(detector)!r}; needed is 'faster-rcnn', the file of a config, or a "
                         'function')
    if checkpoint is None:
        raise ValueError(f'got detector={str(detector)!r} without detector_checkpoint, its weights')
    try:
        from .mmdet_detector import MMDetDetector  # MMDetection's models are needed only here
    except ModuleNotFoundError as error:
        raise ImportError(_NEEDS_MMPOSE.format(what=detector, error=error)) from error
    return MMDetDetector(checkpoint, None if detector == 'faster-rcnn' else detector, device)
