"""An exported model as the predictor uses it: crops in, keypoints out."""

from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ..core.crops import Crop, cut_out
from ..core.decoding import check_codec, decode, turned_back
from ..core.files import sha256_of
from ..core.model_info import ModelInfo
from ..core.profiling import stage
from ..core.protocols import Engine
from ..core.uncertainty import calibration_of, covariances
from .engines import open_engine

EXPORTED_SUFFIXES = ('.onnx', '.xml')


class ExportedPoseModel:
    """An exported model in an engine, with MMPose's test pipeline and decoder in numpy.

    Args:
        path: What `rampose export` wrote: ``.onnx``, or ``.xml`` with its ``.bin`` beside it.
        backend: 'onnxruntime' or 'openvino', or an engine of one's own. Default: None, by the file.
        device: 'cpu' or 'cuda'. Default: None, a GPU where the engine has one.
        dtype: 'float32' or 'bfloat16', in which OpenVINO computes. Default: None, as the model was exported.
        flip_test: Average with the heatmaps of the mirrored crops. Default: None, if the file can.
        num_threads: Of the engine. Default: None, all cores.

    Raises:
        FileNotFoundError: No such file.
        ImportError: The engine is not installed.
        ValueError: The file is no model, or none of `rampose export`'s; or something that the engine cannot do.
    """

    def __init__(self,
                 path: Union[str, Path],
                 backend: Union[str, Engine, None] = None,
                 device: Optional[str] = None,
                 dtype: Optional[str] = None,
                 flip_test: Optional[bool] = None,
                 num_threads: Optional[int] = None) -> None:
        engine = open_engine(path, backend)
        self.info = ModelInfo.from_json(engine.metadata, path)
        self.calibration = calibration_of(self.info.calibration)
        self.padding = self.info.padding
        check_codec(self.info.codec)
        if flip_test is None:
            flip_test = self.info.flip_test or self.info.outputs == 'heatmaps'
        if self.info.flip_test and not flip_test:
            raise ValueError(f'{path} averages with the mirrored crops by itself: construct with flip_test=True, or '
                             'export without --flip-test')
        if self.info.outputs == 'keypoints' and flip_test and not self.info.flip_test:
            raise ValueError(f'{path} gives keypoints, which cannot be averaged with those of mirrored crops: '
                             'construct with flip_test=False, or export with --flip-test')
        self.flip_test = flip_test
        self._engine = engine
        self._path = Path(path)
        self._device = device
        engine.start(self.info.precision, device, dtype, num_threads)

    @property
    def provenance(self) -> Dict:
        """What the results depend on."""
        return dict(model=self.info.name, weights=self._path.name, weights_sha256=_sha256(self._path),
                    precision=self.info.precision, exported_by=self.info.rampose_version,
                    engine=getattr(self._engine, 'version', type(self._engine).__name__),
                    device=self._device or 'default')

    @property
    def dataset_meta(self) -> Dict:
        """MMPose's description of the keypoints."""
        return self.info.dataset_meta

    @property
    def gives_heatmaps(self) -> bool:
        """Whether :meth:`with_uncertainty` can be called."""
        return self.info.outputs == 'heatmaps'

    def crop(self, image: np.ndarray, bbox: np.ndarray) -> Crop:
        """Cut a person out.

        Args:
            image: ``(h, w, 3)`` uint8, BGR.
            bbox: ``(4,)`` float32, xyxy in image px.
        """
        return cut_out(image, bbox, self.info.input_size, self.info.padding, self.info.use_udp)

    def __call__(self, crops: Sequence[Crop]) -> Tuple[np.ndarray, np.ndarray]:
        """Estimate the keypoints of B crops.

        Returns:
            Keypoints ``(B, K, 2)`` in image px, and their scores ``(B, K)``; float32.
        """
        pixels = np.stack([crop.pixels for crop in crops])
        if self.info.outputs == 'keypoints':
            keypoints, scores = self.run(self.info.prepare(pixels))
            return self._in_image(crops, keypoints), scores
        return self.decode(crops, self.heatmaps(pixels))

    def with_uncertainty(self, crops: Sequence[Crop]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Estimate the keypoints of B crops, and how sure they are.

        Returns:
            Keypoints and scores as of a call; and the covariances of the keypoints' errors ``(B, K, 2, 2)`` float32, px
            squared, as far as heatmaps show them: those of an uncalibrated model are the heatmaps' own.
        """
        heatmaps = self.heatmaps(np.stack([crop.pixels for crop in crops]))
        sigma = float(np.mean(self.info.codec.get('sigma', 2)))
        keypoints, scores = self.decode(crops, heatmaps)
        of_cells = covariances(heatmaps, sigma)
        if self.calibration is not None:
            of_cells *= self.calibration.spread(scores)[..., None, None]
        to_image = np.stack([crop.scale for crop in crops]) / heatmaps.shape[:1:-1]  # px of a cell's sides, (B, 2)
        in_image = of_cells * (to_image[:, None, :, None] * to_image[:, None, None, :])
        return keypoints, scores, in_image.astype(np.float32)

    def decode(self, crops: Sequence[Crop], heatmaps: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Keypoints ``(B, K, 2)`` in image px, and scores ``(B, K)``, of the heatmaps ``(B, K, H, W)`` of B crops."""
        with stage('decode'):
            keypoints, scores = decode(heatmaps, self.info.codec)
            return self._in_image(crops, keypoints), scores

    @staticmethod
    def _in_image(crops: Sequence[Crop], keypoints: np.ndarray) -> np.ndarray:
        return np.stack([crop.to_image(of_crop) for crop, of_crop in zip(crops, keypoints)]).astype(np.float32)

    def heatmaps(self, pixels: np.ndarray) -> np.ndarray:
        """The heatmaps of crops ``(B, h, w, 3)`` uint8 BGR: ``(B, K, H, W)`` float32, with flip test if it is on."""
        views = self.views(pixels)
        return views[0] if len(views) == 1 else (views[0] + views[1]) * 0.5

    def views(self, pixels: np.ndarray) -> List[np.ndarray]:
        """What flip test averages: the heatmaps of crops, and those of the mirrored crops, turned back; each as of
        :meth:`heatmaps`. The first alone where it is off, or inside the model."""
        inputs = self.info.prepare(pixels)
        if not self.flip_test or self.info.flip_test:
            return [self.run(inputs)[0]]
        mirrored = inputs[:, :, ::-1] if self.info.inputs == 'uint8' else inputs[..., ::-1]
        heatmaps = self.run(np.concatenate([inputs, mirrored]))[0]
        half = len(pixels)
        return [heatmaps[:half], turned_back(heatmaps[half:], self.info.flip_indices, self.info.shift_heatmap)]

    def pixels_and_heatmaps(self, crop: Crop) -> Tuple[np.ndarray, np.ndarray]:
        """What the network sees of a crop, ``(h, w, 3)`` uint8 BGR, and its heatmaps ``(K, H, W)`` float32.

        Raises:
            ValueError: It gives none.
        """
        if not self.gives_heatmaps:
            raise ValueError(f'{self._path} gives keypoints alone; rampose export without --decode keeps heatmaps')
        return crop.pixels, self.heatmaps(crop.pixels[None])[0]

    def run(self, inputs: np.ndarray) -> List[np.ndarray]:
        """Run the network alone: its inputs, as :meth:`ModelInfo.prepare` makes them, to its outputs."""
        with stage('network'):
            return self._engine(inputs)


def _sha256(path: Path) -> str:
    weights = path.with_suffix('.bin') if path.suffix == '.xml' else path  # the .xml describes, the .bin weighs
    return sha256_of(weights) if weights.is_file() else ''
