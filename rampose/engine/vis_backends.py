"""Where the visualizer writes to: TensorBoard where there is one, MLflow."""

import warnings
from typing import Any, Callable, Dict, Mapping

import mmengine.visualization
import numpy as np
from mmengine.visualization import TensorboardVisBackend
from mmpose.registry import VISBACKENDS


@VISBACKENDS.register_module()
class OptionalTensorboardVisBackend(TensorboardVisBackend):
    """MMEngine's `TensorboardVisBackend`, which does nothing where TensorBoard is not installed, and says so once."""

    def _init_env(self) -> None:
        try:
            super()._init_env()
        except ImportError:
            warnings.warn('TensorBoard is not installed, so nothing is written for it: pip install tensorboard',
                          stacklevel=2)
            self._tensorboard = _Nowhere()


class _Nowhere:
    """Takes whatever a SummaryWriter takes."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **kwargs: None


@VISBACKENDS.register_module()
class MLflowVisBackend(mmengine.visualization.MLflowVisBackend):
    """MMEngine's `MLflowVisBackend`, which stops at a config with numbers for keys and at an image without a suffix.

    Inline keypoints are numbered, and MMPose names its images ``val_img``. A config gets this one by the same name.
    """

    def _flatten(self, d: Mapping, parent_key: str = '', sep: str = '.') -> Dict[str, Any]:
        return super()._flatten({str(key): value for key, value in d.items()}, parent_key, sep)

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        super().add_image(f'{name}_{step}.png', image, step, **kwargs)
