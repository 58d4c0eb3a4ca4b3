"""Keypoints of the people in images, in one call."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union, cast

import numpy as np

from .. import __version__
from ..core.bboxes import as_bboxes, check_bboxes, what_is_wrong
from ..core.images import UnreadableError, check_image, read_image
from ..core.machine import describe
from ..core.pose_result import PoseResult
from ..core.protocols import Detector, Engine, PoseModel
from .backends import open_detector, open_pose_model

if TYPE_CHECKING:  # exported models run where MMEngine is not installed
    from mmengine import Config

Picture = Union[str, Path, np.ndarray]
PADDING = 1.25  # of tight boxes, as GetBBoxCenterScale has it everywhere in MMPose


class TopdownPredictor:
    """Top-down pose estimation: people's boxes in, their keypoints out; with a detector, images alone.

    Example:
        >>> predictor = TopdownPredictor(config, checkpoint)  # or a name: `rampose weights` lists them
        >>> keypoints, scores = predictor('photo.jpg', bboxes=[[50, 30, 210, 420]])
        >>> keypoints.shape, scores.shape
        ((1, 17, 2), (1, 17))

    A model that `rampose export` wrote takes the place of config and checkpoint, and needs no more than numpy, OpenCV
    and its engine: ``TopdownPredictor('model.xml')``.

    Many images at once are faster than one after another, since the crops of all share batches; the results are the
    same. Threads may share a predictor.

    Args:
        config: A name that `rampose weights` lists; or an exported model, ``.onnx`` or ``.xml``; or any top-down config
            of MMPose's, a file or loaded; or a :class:`rampose.core.protocols.PoseModel` of one's own.
        checkpoint: The config's weights. All of the model's tensors must be in it.
        backend: 'torch' for a config; 'onnxruntime' or 'openvino' for an exported model, or an
            :class:`rampose.core.protocols.Engine` of one's own. Default: None, by the file.
        device: As torch names it. Default: None, a GPU where there is one.
        dtype: 'float32', or 'bfloat16' or, in torch, 'float16' for mixed precision. Default: None, float32, or as the
            model was exported.
        flip_test: Average with the mirrored crops, as in the paper, for twice the time in the network. Default: None,
            on, unless an exported model cannot.
        batch_size: Crops in a batch, at most. Default: 32.
        compile: Make torch's network faster by torch.compile; the first crops wait a minute for it. Default: False.
        num_threads: Of an exported model's engine. Default: None, all cores.
        detector: What finds people where no boxes are given: a name, 'yolox-nano', 'yolox-tiny' or 'yolox-s', whose
            file is downloaded once; an exported YOLOX or RTMDet, ``.onnx`` or ``.xml``; 'faster-rcnn' for MMPose's, the
            config of another one of MMDetection's; or any function from an image ``(h, w, 3)`` uint8 BGR to boxes
            ``(N, 4)`` xyxy and scores ``(N,)``. Default: None.
        detector_checkpoint: Weights of a detector that is not a function.

    Raises:
        FileNotFoundError: No such config, checkpoint or exported model.
        ImportError: The engine of an exported model is not installed.
        CheckpointError: A checkpoint is broken, or another model's.
        ValueError: An argument that cannot be used, by name.
    """

    def __init__(self,
                 config: Union[str, Path, 'Config', PoseModel],
                 checkpoint: Union[str, Path, None] = None,
                 *,
                 backend: Union[str, Engine, None] = None,
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
        self.pose_model = open_pose_model(config, checkpoint, backend, device, dtype, flip_test, compile, num_threads)
        self.batch_size = batch_size
        self._detector = open_detector(detector, detector_checkpoint, device)
        self._process = os.getpid()
        self._made_by: Dict[str, Any] = dict(
            config=config, checkpoint=checkpoint, backend=backend, device=device, dtype=dtype, flip_test=flip_test,
            batch_size=batch_size, compile=compile, num_threads=num_threads, detector=detector,
            detector_checkpoint=detector_checkpoint)

    def __reduce__(self) -> Tuple[Any, ...]:
        """Pickled, it is made anew by its arguments: for processes that are started by spawn."""
        return partial(type(self), **self._made_by), ()

    @property
    def dataset_meta(self) -> dict:
        """MMPose's description of the keypoints that the model was trained on: names, skeleton, colours, flip pairs."""
        return self.pose_model.dataset_meta

    @property
    def provenance(self) -> dict:
        """What the results depend on: versions of rampose and of the engine, the weights' SHA-256, device, machine and
        options; as far as the model says."""
        return dict(rampose=__version__, **getattr(self.pose_model, 'provenance', {}), machine=describe(),
                    flip_test=self.pose_model.flip_test, batch_size=self.batch_size)

    @property
    def num_keypoints(self) -> int:
        """K."""
        return int(self.dataset_meta['num_keypoints'])

    def detect(self, image: Picture) -> Tuple[np.ndarray, np.ndarray]:
        """Find the people in an image. What a detector gives that can show nobody is left out, and its tight boxes are
        padded for a model that was trained on padded ones.

        Args:
            image: A path, or ``(h, w, 3)`` uint8 BGR.

        Returns:
            Boxes ``(N, 4)`` xyxy in image px, and their scores ``(N,)``; float32.

        Raises:
            ValueError: There is no detector, or it gives something else than boxes and scores.
        """
        if self._detector is None:
            raise ValueError('got no boxes, and the predictor has no detector: give bboxes (an empty list if there is '
                             "nobody), or construct it with detector='yolox-nano'")
        image = _as_image(image)
        found = self._detector(image)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise ValueError('the detector gave no pair; needed are boxes (N, 4) and scores (N,)')
        bboxes, scores = as_bboxes(found[0]), np.asarray(found[1], dtype=np.float32).reshape(-1)
        if len(bboxes) != len(scores):
            raise ValueError(f'the detector gave {len(bboxes)} boxes and {len(scores)} scores; needed is one for each')
        usable = np.array([what_is_wrong(bbox, image.shape) is None for bbox in bboxes], bool).reshape(-1)
        return loosened(bboxes[usable], self.pose_model), scores[usable]

    def __call__(
        self,
        image: Union[Picture, Sequence[Picture]],
        bboxes: Union[np.ndarray, Sequence, None] = None
    ) -> Union[PoseResult, Tuple[List[np.ndarray], List[np.ndarray]]]:
        """Estimate the keypoints of the people in one image or several.

        Args:
            image: A path, or ``(h, w, 3)`` uint8 BGR; or a list of such.
            bboxes: For one image, its boxes ``(N, 4)`` xyxy in image px, empty for nobody; for a list, a list of
                such. Default: None, the detector finds them.

        Returns:
            Keypoints ``(N, K, 2)`` in px of the image as it is displayed, and scores ``(N, K)``, the heatmaps' peaks,
            which are no probabilities and may exceed 1; in the order of the boxes. For a list of images, two lists of
            such.

        Raises:
            UnreadableError: A file that cannot be read.
            ValueError: An image or box that cannot be used, by reason and, of several, number.
        """
        if isinstance(image, (str, Path, np.ndarray)) or not isinstance(image, (list, tuple)):
            return self.predict([cast(Picture, image)], None if bboxes is None else [bboxes])[0]
        results = self.predict(image, cast(Optional[Sequence], bboxes))
        return [result.keypoints for result in results], [result.keypoint_scores for result in results]

    def predict(self, images: Sequence[Picture], bboxes: Optional[Sequence] = None) -> List[PoseResult]:
        """Estimate the keypoints of the people in several images.

        Args:
            images: Paths, or ``(h, w, 3)`` uint8 BGR.
            bboxes: The boxes of each image ``(N, 4)`` xyxy in image px, empty for nobody. Default: None, the detector
                finds them.

        Returns:
            A result for each image, its people in the order of the boxes.

        Raises:
            UnreadableError: A file that cannot be read.
            ValueError: An image or box that cannot be used, by reason and, of several, number.
            RuntimeError: The predictor comes from a process that this one was forked from.
        """
        if os.getpid() != self._process:
            raise RuntimeError('this predictor was made in another process, and engines do not survive a fork: make '
                               "one in each process, or start them by multiprocessing.get_context('spawn')")
        if bboxes is not None and len(bboxes) != len(images):
            raise ValueError(f'got {len(images)} images and {len(bboxes)} lists of boxes; needed is one for each')
        keypoints = [np.zeros((0, self.num_keypoints, 2), np.float32)]
        scores = [np.zeros((0, self.num_keypoints), np.float32)]
        found: List[Tuple[np.ndarray, np.ndarray]] = []
        crops: List[Any] = []
        for number, picture in enumerate(images):  # one after another: only their crops stay in memory
            try:
                image = _as_image(picture)
                found.append(self._boxes_of(image, None if bboxes is None else bboxes[number]))
            except ValueError as error:
                # With the number in front, as the same kind of error where that takes a text and nothing else.
                kind = UnreadableError if isinstance(error, UnreadableError) else ValueError
                raise kind(f'image {number}: {error}' if len(images) > 1 else str(error)) from error
            for bbox in found[-1][0]:
                crops.append(self.pose_model.crop(image, bbox))
                if len(crops) == self.batch_size:
                    self._estimate(crops, keypoints, scores)
        self._estimate(crops, keypoints, scores)
        ends = np.cumsum([len(of_image) for of_image, _ in found], dtype=int)
        of_all, scores_of_all = np.concatenate(keypoints), np.concatenate(scores)
        people = [slice(end - len(of_image), end) for end, (of_image, _) in zip(ends, found)]
        return [PoseResult(of_all[chosen], scores_of_all[chosen], *boxes) for chosen, boxes in zip(people, found)]

    def _boxes_of(self, image: np.ndarray, bboxes: Union[np.ndarray, Sequence, None]) -> Tuple[np.ndarray, np.ndarray]:
        if bboxes is None:
            return self.detect(image)
        checked = check_bboxes(bboxes, image.shape)
        return checked, np.ones(len(checked), np.float32)

    def _estimate(self, crops: List[Any], keypoints: List[np.ndarray], scores: List[np.ndarray]) -> None:
        """Estimate the crops that wait, as one batch, and empty the list."""
        if crops:
            for results, new in zip((keypoints, scores), self.pose_model(crops)):
                results.append(new)
            crops.clear()


def loosened(bboxes: np.ndarray, pose_model: PoseModel) -> np.ndarray:
    """A detector's boxes as a model expects them.

    A model whose own padding is less than the usual was trained on labels that were padded already; a detector's boxes
    are tight.
    """
    growth = PADDING / min(getattr(pose_model, 'padding', PADDING), PADDING)
    center, half = (bboxes[:, :2] + bboxes[:, 2:]) / 2, (bboxes[:, 2:] - bboxes[:, :2]) / 2
    return np.concatenate([center - growth * half, center + growth * half], axis=1) if growth > 1 else bboxes


def _as_image(picture: Picture) -> np.ndarray:
    if isinstance(picture, (str, Path)):
        return read_image(picture)
    check_image(picture)
    return picture
