"""One line for each epoch."""

import time
from datetime import timedelta
from typing import Callable, Dict, Optional

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class EpochSummaryHook(Hook):
    """Print a line of at most 80 columns for each epoch, apart from the log.

    ``epoch 12/240  loss 0.000512  lr 9.1e-04  2:13, data 1%  left 8:21:07``, and after a validation
    ``  AP 0.7123  best 0.7150``. The loss is the epoch's mean, `data` is the share of the time that was spent
    waiting for it.

    Args:
        metric: The metric to show, like ``coco/AP``. Default: the one that the best checkpoint is chosen by.
    """

    priority = 'LOW'  # after LoggerHook and IterTimerHook, before a checkpoint is saved

    def __init__(self, metric: Optional[str] = None) -> None:
        self.metric = metric
        self._better: Callable = max

    def before_run(self, runner: Runner) -> None:
        for hook in runner.hooks:
            if self.metric is None and isinstance(hook, CheckpointHook) and hook.save_best:
                self.metric = hook.key_indicators[0]
            if isinstance(hook, CheckpointHook) and hook.save_best and hook.rules and hook.rules[0] == 'less':
                self._better = min

    def before_train_epoch(self, runner: Runner) -> None:
        self._start = time.time()

    def after_train_epoch(self, runner: Runner) -> None:
        scalars = runner.message_hub.log_scalars
        if not {'train/loss', 'train/time', 'train/data_time'} <= scalars.keys():
            return  # another kind of model, or no IterTimerHook
        length = len(runner.train_dataloader)
        waited, took = (scalars[f'train/{name}'].mean(length) for name in ('data_time', 'time'))
        seconds = time.time() - self._start
        left = runner.message_hub.runtime_info.get('eta', 0)
        lr = max(value for values in runner.optim_wrapper.get_lr().values() for value in values)
        self._print(f'epoch {runner.epoch + 1}/{runner.max_epochs}  loss {scalars["train/loss"].mean(length):.3g}  '
                    f'lr {lr:.1e}  {_clock(seconds)}, data {waited / took:.0%}  left {_clock(left)}')

    def after_val_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        value = (metrics or {}).get(self.metric)
        if value is not None:
            best = self._better(value, runner.message_hub.runtime_info.get('best_score', value))
            self._print(f'  {self.metric.split("/")[-1]} {value:.4f}  best {best:.4f}')

    @staticmethod
    def _print(line: str) -> None:
        if is_main_process():
            print(line, flush=True)


def _clock(seconds: float) -> str:
    """Hours, where there are any, minutes and seconds."""
    text = str(timedelta(seconds=round(seconds)))
    return text[3 if text.startswith('0:0') else 2:] if text.startswith('0:') else text
