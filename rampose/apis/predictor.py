"""Keypoints of the people in images, in one call."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple, Union, cast

import numpy as np

from .. import __version__
from ..core.bboxes import as_bboxes, check_bboxes, what_is_wrong
from ..core.machine import describe
from ..core.pose_result import PoseResult
from ..core.profiling import stage
from ..core.protocols import Detector, Engine, PoseModel
from .backends import open_detector, open_pose_model
from .crop_batches import CropBatches
from .exported_model import ExportedPoseModel
from .opening import OpenedImage, Picture, enlarged, numbered, opened_in_groups

if TYPE_CHECKING:  # exported models run where MMEngine is not installed
    from mmengine import Config

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
        reduce_large: Read large JPEGs at a half, a quarter or an eighth of their size, as far as everybody in them
            stays as large as the network's input: for files, and exported models. Keypoints, in px of the file, are
            not quite the same. Default: False.
        uncertainty: Give each keypoint's confidence and the covariance of its error, too, as fields of the result; for
            exported models that give heatmaps. Default: False.

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
                 detector_checkpoint: Union[str, Path, None] = None,
                 reduce_large: bool = False,
                 uncertainty: bool = False) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f'got batch_size {batch_size}; needed is a whole number, at least 1')
        self.pose_model = open_pose_model(config, checkpoint, backend, device, dtype, flip_test, compile, num_threads)
        if uncertainty and not getattr(self.pose_model, 'gives_heatmaps', False):
            raise ValueError(f'got uncertainty=True for {config}; needed is an exported model that gives heatmaps: '
                             'rampose export writes one, without --decode')
        calibration = self.pose_model.calibration if uncertainty else None  # type: ignore[attr-defined]
        if calibration is not None and calibration.flip_test != self.pose_model.flip_test:
            raise ValueError(f'got flip_test={self.pose_model.flip_test} for {config}, which was calibrated with '
                             f'flip_test={calibration.flip_test}: take that, or calibrate it again')
        if reduce_large and not isinstance(self.pose_model, ExportedPoseModel):
            raise ValueError(f'got reduce_large=True for {config}; needed is an exported model')
        self.batch_size, self.reduce_large, self.uncertainty = batch_size, reduce_large, uncertainty
        self._detector = open_detector(detector, detector_checkpoint, device)
        # Beside what comes next only where no OpenMP is: two programs of it would wait for each other. One thread for
        # all calls, since memory that a new one takes is not soon given back.
        ours = isinstance(self.pose_model, ExportedPoseModel) and (backend is None or isinstance(backend, str))
        self._beside = ThreadPoolExecutor(1, 'pose') if ours else None
        self._process = os.getpid()
        self._made_by: Dict[str, Any] = dict(
            config=config, checkpoint=checkpoint, backend=backend, device=device, dtype=dtype, flip_test=flip_test,
            batch_size=batch_size, compile=compile, num_threads=num_threads, detector=detector,
            detector_checkpoint=detector_checkpoint, reduce_large=reduce_large, uncertainty=uncertainty)

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

    @property
    def has_detector(self) -> bool:
        """Whether it finds people where no boxes are given."""
        return self._detector is not None

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
        return self.detect_all([image])[0]

    def detect_all(self, images: Sequence[Picture]) -> List[Tuple[np.ndarray, np.ndarray]]:
        """Find the people in several images, as :meth:`detect` one by one."""
        return [found for group in opened_in_groups(images) for found in self._detect(group, len(images))]

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
        model, factors = self.pose_model, []
        found: List[Tuple[np.ndarray, np.ndarray]] = []  # of each image: boxes in px of the file, and their scores
        estimate = cast(ExportedPoseModel, model).with_uncertainty if self.uncertainty else model
        batches = CropBatches(estimate, self.batch_size, self._beside)
        for group in opened_in_groups(images, self.reduce_large):  # only their crops stay in memory
            found += self._boxes_of(group, bboxes, len(images))
            for opened in group:
                boxes = found[opened.number][0]
                opened = opened.finer(self._fitting_factor(boxes, opened.factor))
                factors.append(opened.factor)
                for bbox in enlarged(boxes, opened.factor, back=True):
                    with stage('crop'):
                        crop = model.crop(opened.image, bbox)
                    batches.add(crop)
        results = self._as_results(batches.finish(), found)
        for result, factor in zip(results, factors):
            result.keypoints = enlarged(result.keypoints, factor)
            if result.covariances is not None:
                result.covariances = result.covariances * np.float32(factor**2)
        return results

    def _boxes_of(self, group: List[OpenedImage], bboxes: Optional[Sequence],
                  total: int) -> List[Tuple[np.ndarray, np.ndarray]]:
        """Boxes in px of the file, given or found, and their scores."""
        if bboxes is None:
            return [(enlarged(boxes, opened.factor), scores)
                    for opened, (boxes, scores) in zip(group, self._detect(group, total))]
        found = []
        for opened in group:
            with numbered(opened.number, total):
                h, w = (side * opened.factor for side in opened.image.shape[:2])
                boxes = check_bboxes(bboxes[opened.number], (h, w))
            found.append((boxes, np.ones(len(boxes), np.float32)))
        return found

    def _fitting_factor(self, boxes: np.ndarray, factor: int) -> int:
        """By how much an image may be reduced, if everybody's crop is to be as large as the network's input."""
        if factor == 1 or not len(boxes):
            return factor
        info = cast(ExportedPoseModel, self.pose_model).info
        enough = ((boxes[:, 2:] - boxes[:, :2]) * info.padding / info.input_size).max(axis=1).min()
        return max(fitting for fitting in (1, 2, 4, 8) if fitting == 1 or fitting <= min(factor, enough))

    def _as_results(self, batches: List[Tuple[np.ndarray, ...]],
                    found: List[Tuple[np.ndarray, np.ndarray]]) -> List[PoseResult]:
        """The results of images, from those of batches and the boxes of each image."""
        k = self.num_keypoints
        shapes = [(0, k, 2), (0, k), *([(0, k, 2, 2)] if self.uncertainty else [])]
        nobody = tuple(np.zeros(shape, np.float32) for shape in shapes)
        of_all = [np.concatenate(arrays) for arrays in zip(nobody, *batches)]
        ends = np.cumsum([len(of_image) for of_image, _ in found], dtype=int)
        people = [slice(end - len(of_image), end) for end, (of_image, _) in zip(ends, found)]
        return [self._as_result([values[chosen] for values in of_all], boxes) for chosen, boxes in zip(people, found)]

    def _as_result(self, estimated: Sequence[np.ndarray], boxes: Tuple[np.ndarray, np.ndarray]) -> PoseResult:
        result = PoseResult(estimated[0], estimated[1], *boxes)
        if self.uncertainty:
            calibration = cast(ExportedPoseModel, self.pose_model).calibration
            result.covariances = estimated[2]
            if calibration is not None:
                result.confidences = calibration.confidence(result.keypoint_scores)
        return result

    def _detect(self, group: List[OpenedImage], total: int) -> List[Tuple[np.ndarray, np.ndarray]]:
        """The people in images, as of :meth:`detect`, in px of what is in memory."""
        if self._detector is None:
            raise ValueError('got no boxes, and the predictor has no detector: give bboxes (an empty list if there is '
                             "nobody), or construct it with detector='yolox-nano'")
        with stage('detect'):
            find_all = getattr(self._detector, 'find_all', None)
            if find_all is not None and len(group) > 1:
                found = find_all([opened.image for opened in group])
            else:
                found = []
                for opened in group:
                    with numbered(opened.number, total):
                        found.append(self._detector(opened.image))
        usable = []
        for opened, of_image in zip(group, found):
            with numbered(opened.number, total):
                usable.append(self._usable(opened.image, of_image))
        return usable

    def _usable(self, image: np.ndarray, found: Tuple[np.ndarray, np.ndarray]) -> Tuple[np.ndarray, np.ndarray]:
        """What a detector gave, without what can show nobody, and padded for the model."""
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise ValueError('the detector gave no pair; needed are boxes (N, 4) and scores (N,)')
        bboxes, scores = as_bboxes(found[0]), np.asarray(found[1], dtype=np.float32).reshape(-1)
        if len(bboxes) != len(scores):
            raise ValueError(f'the detector gave {len(bboxes)} boxes and {len(scores)} scores; needed is one for each')
        usable = np.array([what_is_wrong(bbox, image.shape) is None for bbox in bboxes], bool).reshape(-1)
        return loosened(bboxes[usable], self.pose_model), scores[usable]


def loosened(bboxes: np.ndarray, pose_model: PoseModel) -> np.ndarray:
    """A detector's boxes as a model expects them.

    A model whose own padding is less than the usual was trained on labels that were padded already; a detector's boxes
    are tight.
    """
    growth = PADDING / min(getattr(pose_model, 'padding', PADDING), PADDING)
    center, half = (bboxes[:, :2] + bboxes[:, 2:]) / 2, (bboxes[:, 2:] - bboxes[:, :2]) / 2
    return np.concatenate([center - growth * half, center + growth * half], axis=1) if growth > 1 else bboxes
