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
from mmpose.models.heads import HeatmapHead
from torch import nn

# Imported for what they register, too.
from .. import models  # noqa: F401
from ..checkpoints.weights import load_weights
from ..core.files import sha256_of
from ..core.profiling import stage
from ..datasets import transforms  # noqa: F401
from ..datasets.metainfo import config_metainfo

CONFIG_SUFFIXES = ('.py', '.json', '.yaml', '.yml')
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
        raise ValueError(f'device {device!r} cannot be used ({str(error).splitlines()[0]}); here is '
                         f'{", ".join(devices())}') from None
    return chosen


def devices() -> List[str]:
    """The devices of this machine, as torch names them."""
    return ['cpu', *(f'cuda:{number}' for number in range(torch.cuda.device_count()))]


def load_estimator(config: Union[str, Path, Config],
                   checkpoint: Union[str, Path]) -> Tuple[nn.Module, List[dict]]:
    """Build a top-down pose estimator of MMPose's and load its weights, on the CPU.

    Args:
        config: Any top-down config; stays as it is.
        checkpoint: Its weights. The model's `dataset_meta` is the checkpoint's, if that has one.

    Returns:
        The estimator in eval mode, and its test pipeline.

    Raises:
        FileNotFoundError: No such config or checkpoint.
        CheckpointError: The checkpoint is broken, or another model's.
        ValueError: A config without a top-down model and its test pipeline.
    """
    if not isinstance(config, Config) and Path(config).suffix not in CONFIG_SUFFIXES:
        swapped = ' (are config and checkpoint swapped?)' * (Path(checkpoint).suffix in CONFIG_SUFFIXES)
        raise ValueError(f'got the config {config}{swapped}; needed is a file {", ".join(CONFIG_SUFFIXES)}')
    cfg = copy.deepcopy(config) if isinstance(config, Config) else Config.fromfile(config)
    try:
        steps = cfg.test_dataloader.dataset.pipeline
        topdown = cfg.model.type == 'TopdownPoseEstimator'
    except AttributeError:
        topdown = False
    if not topdown:
        raise ValueError(f'{cfg.filename or "the config"} is no top-down pose config: it needs a model of type '
                         'TopdownPoseEstimator and a test_dataloader with a pipeline')
    model = init_model(cfg, device='cpu')
    meta = load_weights(model, checkpoint)
    # Not what MMPose reads from a config, whose keypoints may stand in another order there.
    model.dataset_meta = meta.get('dataset_meta') or config_metainfo(cfg) or model.dataset_meta
    return model, steps


class TorchPoseModel:
    """MMPose's model, test pipeline and decoder of one config, with the weights of one checkpoint.

    `model` is for inference alone: its batch norms are folded into the convolutions before them.

    Args:
        config: Any top-down config of MMPose's.
        checkpoint: Its weights.
        device: As torch names it. Default: None, a GPU where there is one.
        dtype: 'bfloat16' or 'float16' for torch's automatic mixed precision; keypoints are decoded from float32 in any
            case. Default: None, float32.
        flip_test: Average with the heatmaps of the mirrored crops.
        compile: Compile the network with torch.compile, which takes a minute at the first crops. Default: False.

    Raises:
        FileNotFoundError: No such config or checkpoint.
        CheckpointError: The checkpoint is broken, or another model's.
        ValueError: A config without a top-down model and its test pipeline, or an unknown dtype or device.
    """

    def __init__(self,
                 config: Union[str, Path, Config],
                 checkpoint: Union[str, Path],
                 device: Optional[str] = None,
                 dtype: Optional[str] = None,
                 flip_test: bool = True,
                 compile: bool = False) -> None:
        dtype = dtype or 'float32'
        if dtype not in DTYPES:
            raise ValueError(f'got dtype {dtype!r}; needed is one of {", ".join(DTYPES)}')
        self.device = choose_device(device)
        self.model, steps = load_estimator(config, checkpoint)
        self.dataset_meta: Dict = self.model.dataset_meta
        self.model.test_cfg['flip_test'] = flip_test
        # The same values but for rounding, in four fifths of the time on a CPU.
        fuse_conv_bn(self.model)
        self.model.to(self.device).to(memory_format=torch.channels_last)
        if dtype != 'float32':
            self.model.head.decode = _decode_float32(self.model.head.decode)
        if compile:
            # Weights become constants, laid out beforehand as each convolution likes them; and a CPU is done with a
            # convolution in less time than Python takes to call many of them.
            options = dict(freezing=True, cpp_wrapper=self.device.type == 'cpu')
            for part in (self.model.backbone, self.model.head):
                part.forward = torch.compile(part.forward, options=options)
        self.dtype = DTYPES[dtype]
        self.flip_test = flip_test
        self.provenance = dict(
            model=Path((config.filename if isinstance(config, Config) else config) or '').stem,
            weights=Path(checkpoint).name,
            weights_sha256=sha256_of(Path(checkpoint)) if Path(checkpoint).is_file() else '',
            precision=dtype, engine=f'torch {torch.__version__}' + ' compiled' * compile, device=str(self.device))
        self.is_compiled = compile
        self._pipeline = Compose(steps)
        self.padding = next((float(step.get('padding', 1.25)) for step in steps
                             if step['type'] == 'GetBBoxCenterScale'), 1.25)

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
        no_grad = torch.no_grad() if self.is_compiled else torch.inference_mode()  # compiling needs the former
        with stage('network'), no_grad, precision:
            samples = self.model.test_step(pseudo_collate(list(crops)))
        instances = [sample.pred_instances for sample in samples]
        return (np.concatenate([instance.keypoints[..., :2] for instance in instances]).astype(np.float32),
                np.concatenate([instance.keypoint_scores for instance in instances]).astype(np.float32))

    def pixels_and_heatmaps(self, crop: dict) -> Tuple[np.ndarray, np.ndarray]:
        """What the network sees of a crop, ``(h, w, 3)`` uint8 BGR, and its heatmaps ``(K, H, W)`` float32, without
        flip test.

        Raises:
            ValueError: It gives none.
        """
        if not isinstance(self.model.head, HeatmapHead):
            raise ValueError(f'{self.provenance["model"]} has no heatmaps')
        with torch.inference_mode():
            inputs = self.model.data_preprocessor(pseudo_collate([crop]), False)['inputs']
            heatmaps = self.model(inputs, None, mode='tensor')
        return crop['inputs'].permute(1, 2, 0).numpy(), heatmaps[0].float().cpu().numpy()


def _decode_float32(decode: Callable) -> Callable:
    """A head's `decode` that numpy can do after mixed precision."""

    def decode_float32(outputs: Union[torch.Tensor, Tuple[torch.Tensor, ...]]) -> List:
        if isinstance(outputs, tuple):
            return decode(tuple(output.float() for output in outputs))
        return decode(outputs.float())

    return decode_float32
