"""Log what attention weighs while a model trains."""

from contextlib import ExitStack
from typing import Dict, Optional, Sequence

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...layers import ResolutionWiseAttention, record_attention


@HOOKS.register_module()
class AttentionHook(Hook):
    """Log mean and spread of the attention weights of every exchange unit to MMEngine's visualizer.

    Written to all of its backends, TensorBoard included: ``attention/{unit}/{output}from{input}/mean`` and ``.../std``
    over the crops of one training batch, resolutions counted from 1, the highest. 1 is HRNet's plain sum, with which
    training begins.

    For a model without attention, an ablation's, it says so once and logs nothing.

    Args:
        interval: Iterations between two records. Default: 500.
    """

    def __init__(self, interval: int = 500) -> None:
        self.interval = interval
        self._has_attention = True
        self._recording = ExitStack()
        self._weights: Optional[Dict[str, np.ndarray]] = None

    def before_train(self, runner: Runner) -> None:
        self._has_attention = any(isinstance(module, ResolutionWiseAttention) for module in runner.model.modules())
        if not self._has_attention:
            runner.logger.warning('AttentionHook: the model has no attention, so there is nothing to log')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[Sequence[dict]] = None) -> None:
        if self._has_attention and is_main_process() and self.every_n_train_iters(runner, self.interval):
            self._weights = self._recording.enter_context(record_attention(runner.model))

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[Sequence[dict]] = None,
                         outputs: Optional[dict] = None) -> None:
        if self._weights is None:
            return
        self._recording.close()
        scalars = {}
        for unit, weights in self._weights.items():
            for (i, h), mean in np.ndenumerate(weights.mean(axis=0)):
                name = f'attention/{unit}/{i + 1}from{h + 1}'
                scalars[f'{name}/mean'] = float(mean)
                scalars[f'{name}/std'] = float(weights[:, i, h].std())
        runner.visualizer.add_scalars(scalars, step=runner.iter + 1)
        self._weights = None
