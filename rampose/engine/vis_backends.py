"""TensorBoard where there is one."""

import warnings
from typing import Any, Callable

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
