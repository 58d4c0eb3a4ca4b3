"""A pose estimator of MMPose as the predictor uses it: crops in, keypoints out."""

import contextlib
import copy
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
import torch
from mmcv.cnn import fuse_conv_bn
from mmengine import Config
from mmengine.dataset import Compose, pseudo_collate
from mmpose.apis import init_model

import rampose.plugin  # noqa: F401  registers the models, and loads checkpoints safely

from .weights import load_weights

DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16, 'float16': torch.float16}


def choose_device(device: Optional[str]) -> torch.device:
    """The device asked for; a GPU, or else the CPU, if none was.

    Raises:
        ValueError: No such device.
    """
    if device is None:
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f'device {device!r} cannot be used ({str(error).splitlines()[0]}); take cpu, or a device that '
                         'python tools/check_env.py lists') from None
    return chosen


class PoseModel:
    """MMPose's model, test pipeline and decoder of one config, with the weights of one checkpoint.

    `model` is for inference alone: its batch norms are folded into the convolutions before them.

    Args:
        config: Any top-down config of MMPose's.
        checkpoint: Its weights.
        device: As torch names it. Default: None, a GPU where there is one.
        dtype: 'float32', or 'bfloat16' or 'float16' for torch's automatic mixed precision; keypoints are decoded from
            float32 in any case.
        flip_test: Average with the heatmaps of the mirrored crops.

    Raises:
        FileNotFoundError: No such config or checkpoint.
        CheckpointError: The checkpoint is broken, or another model's.
        ValueError: A config without a top-down model and its test pipeline, or an unknown dtype or device.
    """

    def __init__(self,
                 config: Union[str, Path, Config],
                 checkpoint: Union[str, Path],
                 device: Optional[str] = None,
                 dtype: str = 'float32',
                 flip_test: bool = True) -> None:
        if dtype not in DTYPES:
            raise ValueError(f'got dtype {dtype!r}; needed is one of {", ".join(DTYPES)}')
        name = 'the config' if isinstance(config, Config) else str(config)
        cfg = copy.deepcopy(config) if isinstance(config, Config) else Config.fromfile(config)
        try:
            steps = cfg.test_dataloader.dataset.pipeline
            topdown = cfg.model.type == 'TopdownPoseEstimator'
        except AttributeError:
            topdown = False
        if not topdown:
            raise ValueError(f'{name} is no top-down pose config: it needs a model of type TopdownPoseEstimator and '
                             'a test_dataloader with a pipeline')
        self.device = choose_device(device)
        self.model = init_model(cfg, device='cpu')
        meta = load_weights(self.model, checkpoint)
        self.dataset_meta: Dict = meta.get('dataset_meta') or self.model.dataset_meta
        self.model.dataset_meta = self.dataset_meta
        self.model.test_cfg['flip_test'] = flip_test
        # The same values but for rounding, in four fifths of the time on a CPU.
        fuse_conv_bn(self.model)
        self.model.to(self.device, memory_format=torch.channels_last)
        if dtype != 'float32':
            self.model.head.decode = _decode_float32(self.model.head.decode)
        self.dtype = DTYPES[dtype]
        self.flip_test = flip_test
        self._pipeline = Compose(steps)

    def crop(self, image: np.ndarray, bbox: np.ndarray) -> dict:
        """Cut a person out, by the config's test pipeline.

        Args:
            image: ``(h, w, 3)`` uint8, BGR.
            bbox: ``(4,)`` float32, xyxy in image px.

        Returns:
            What MMPose's pipeline gives: the crop and where it came from.
        """
        return self._pipeline(
            dict(self.dataset_meta, img=image, bbox=bbox[None], bbox_score=np.ones(1, dtype=np.float32)))

    def __call__(self, crops: Sequence[dict]) -> Tuple[np.ndarray, np.ndarray]:
        """Estimate the keypoints of B crops in one batch.

        Returns:
            Keypoints ``(B, K, 2)`` in image px, and their scores ``(B, K)``; float32.
        """
        mixed = self.dtype != torch.float32
        precision = torch.autocast(self.device.type, self.dtype) if mixed else contextlib.nullcontext()
        with torch.inference_mode(), precision:
            samples = self.model.test_step(pseudo_collate(list(crops)))
        instances = [sample.pred_instances for sample in samples]
        return (np.concatenate([instance.keypoints[..., :2] for instance in instances]).astype(np.float32),
                np.concatenate([instance.keypoint_scores for instance in instances]).astype(np.float32))


def _decode_float32(decode: Callable) -> Callable:
    """A head's `decode` that numpy can do after mixed precision."""

    def decode_float32(outputs: Union[torch.Tensor, Tuple[torch.Tensor, ...]]) -> List:
        if isinstance(outputs, tuple):
            return decode(tuple(output.float() for output in outputs))
        return decode(outputs.float())

    return decode_float32
