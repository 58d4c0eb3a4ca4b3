"""Detectors of torchvision, such as the paper's Faster R-CNN, without mmcv and MMDetection."""

import inspect
from typing import Optional, Tuple, Union

import numpy as np
import torch
import torchvision

from ...core.coco_names import category_name

DEFAULT = 'fasterrcnn_resnet50_fpn_v2'


class TorchvisionDetector:
    """A detection model of torchvision with its own COCO weights, which are downloaded once.

    Args:
        name: One of ``torchvision.models.list_models(torchvision.models.detection)``.
        category: Number or COCO's name of what to find. Default: 'person'.
        min_score: Boxes of lower scores are left out. Default: 0.3.
        device: As torch names it. Default: None, a GPU where there is one.

    Raises:
        ValueError: torchvision has no such model, or it does not know the category.
        OSError: The weights cannot be downloaded.
        RuntimeError: They are others than were published.
    """

    def __init__(self, name: str = DEFAULT, category: Union[int, str] = 'person', min_score: float = 0.3,
                 device: Optional[str] = None) -> None:
        known = torchvision.models.list_models(torchvision.models.detection)
        if name not in known:
            raise ValueError(f'torchvision {torchvision.__version__} has no detector {name!r}; it has '
                             f'{", ".join(known)}')
        weights = torchvision.models.get_model_weights(name).DEFAULT
        categories = weights.meta['categories']
        wanted = category_name(category)
        if wanted not in categories:
            raise ValueError(f'{name} does not find {wanted!r}')
        self.category, self.min_score = categories.index(wanted), min_score
        self.device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        self.model = torchvision.models.get_model(name, weights=None, weights_backbone=None,
                                                  num_classes=len(categories))
        self.model.load_state_dict(weights.get_state_dict(**_options()))
        self.model.eval().to(self.device)

    def __call__(self, image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Find everybody.

        Args:
            image: ``(h, w, 3)`` uint8, BGR.

        Returns:
            Boxes ``(N, 4)`` xyxy in image px and scores ``(N,)``; float32, the best first.
        """
        rgb = torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1))).to(self.device)
        with torch.inference_mode():
            found, = self.model([rgb.float() / 255])
        wanted = (found['labels'] == self.category) & (found['scores'] >= self.min_score)
        return found['boxes'][wanted].cpu().numpy(), found['scores'][wanted].cpu().numpy()


def _options() -> dict:
    """Of torch.hub's download: the hash in the file's name is compared, and no code in the file is run."""
    options = dict(progress=True, check_hash=True)
    if 'weights_only' in inspect.signature(torch.hub.load_state_dict_from_url).parameters:
        options['weights_only'] = True
    return options
