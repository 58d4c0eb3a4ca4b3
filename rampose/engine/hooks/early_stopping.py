"""Stop a training run that does not get better."""

from typing import Dict, Optional

from mmengine.hooks import EarlyStoppingHook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class LearnedEarlyStoppingHook(EarlyStoppingHook):
    """MMEngine's `EarlyStoppingHook`, counting from the first validation whose metric is above 0: a run that has not
    begun to learn is not one that has stopped learning.

    It counts anew where a run is resumed.
    """

    def after_val_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        if metrics is not None and metrics.get(self.monitor, 1) > 0:
            super().after_val_epoch(runner, metrics)
