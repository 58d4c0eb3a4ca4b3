"""Finding people: MMDetection's Faster R-CNN, as a function from a picture to boxes."""

import warnings
from pathlib import Path
from typing import Optional, Tuple, Union

import mmpose
import numpy as np
import torch
from mmdet.apis import init_detector
from mmdet.utils import get_test_pipeline_cfg
from mmengine import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpose.evaluation.functional import nms

from ..checkpoints.weights import load_weights
from .torch_model import choose_device

FASTER_RCNN_CONFIG = Path(mmpose.__file__).parent / '.mim/demo/mmdetection_cfg/faster_rcnn_r50_fpn_coco.py'


class MMDetDetector:
    """A detector of MMDetection that gives the boxes of people.

    Args:
        checkpoint: Its weights.
        config: Its config. Default: None, MMPose's Faster R-CNN with ResNet-50.
        device: As torch names it. Default: None, a GPU where there is one.
        min_score: Boxes of lower scores are left out. Default: 0.3, as in MMPose's inferencer.
        nms_thr: Of boxes that overlap with a higher IoU, the best stays. Default: 0.3, as in MMPose's inferencer.
        category: Number of the class of people. Default: 0, COCO's.

    Raises:
        FileNotFoundError: No such config or checkpoint.
        CheckpointError: The checkpoint is broken, or another model's.
        ValueError: A config without a detector.
    """

    def __init__(self,
                 checkpoint: Union[str, Path],
                 config: Optional[Union[str, Path]] = None,
                 device: Optional[str] = None,
                 min_score: float = 0.3,
                 nms_thr: float = 0.3,
                 category: int = 0) -> None:
        if config is None and not FASTER_RCNN_CONFIG.is_file():
            raise FileNotFoundError(f'{FASTER_RCNN_CONFIG} does not exist (MMPose was installed without its demos); '
                                    'name the config of a detector')
        cfg = Config.fromfile(config or FASTER_RCNN_CONFIG)
        if 'model' not in cfg or 'test_dataloader' not in cfg:
            raise ValueError(f'{config} is no detection config: it needs a model and a test_dataloader')
        self.min_score = min_score
        self.nms_thr = nms_thr
        self.category = category
        # MMDetection's parts are looked up in its scope; MMPose's is as before afterwards.
        with DefaultScope.overwrite_default_scope('mmdet'):
            with warnings.catch_warnings(record=True):  # it warns that there are no weights; those come next
                self.model = init_detector(cfg, None, device='cpu', palette='random')
            load_weights(self.model, checkpoint)
            steps = get_test_pipeline_cfg(cfg)
            steps[0].type = 'mmdet.LoadImageFromNDArray'
            self._pipeline = Compose(steps)
        self.model.to(choose_device(device))

    def __call__(self, image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Find the people of a picture.

        Args:
            image: ``(h, w, 3)`` uint8, BGR.

        Returns:
            Boxes ``(N, 4)`` xyxy in image px and scores ``(N,)``, the best first; float32.
        """
        data = self._pipeline(dict(img=image, img_id=0))
        with torch.inference_mode():
            result = self.model.test_step(dict(inputs=[data['inputs']], data_samples=[data['data_samples']]))[0]
        found = result.pred_instances.cpu().numpy()
        people = (found.labels == self.category) & (found.scores >= self.min_score)
        rows = np.concatenate([found.bboxes, found.scores[:, None]], axis=1)[people].astype(np.float32)
        rows = rows[nms(rows, self.nms_thr)]
        return rows[:, :4], rows[:, 4]
