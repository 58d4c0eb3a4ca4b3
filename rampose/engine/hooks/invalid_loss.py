"""A training that has diverged, stopped where it did."""

from typing import List, Optional

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.models.losses import KeypointMSELoss
from mmpose.registry import HOOKS

from ..stopping import RunStopped
from .durable_checkpoint import last_checkpoint


@HOOKS.register_module()
class StopOnInvalidLossHook(Hook):
    """Stop at the first loss that is NaN or infinite, and never save weights that are.

    MMEngine has no such hook; MMDetection's looks at every 50th loss and says no more than that it is invalid. This one
    looks at each, one iteration late, so that a GPU need not be waited for, and names the iteration, the learning rate,
    the pictures of the batch and the last good checkpoint.

    Raises:
        RunStopped: The loss, or a weight about to be saved, is NaN or infinite; or a squared error is negative.
    """

    def __init__(self) -> None:
        self._unseen: Optional[dict] = None
        self._is_squared = False

    def before_train(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._is_squared = isinstance(getattr(getattr(model, 'head', None), 'loss_module', None), KeypointMSELoss)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        self._look(runner)
        if outputs and 'loss' in outputs:
            self._unseen = dict(loss=outputs['loss'].detach(), iter=runner.iter + 1, epoch=runner.epoch + 1,
                                lr=runner.optim_wrapper.get_lr(), data_batch=data_batch)

    def after_train_epoch(self, runner: Runner) -> None:
        self._look(runner)
        self._unseen = None

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        for name, value in checkpoint['state_dict'].items():
            if torch.is_tensor(value) and value.is_floating_point() and not torch.isfinite(value).all():
                raise RunStopped(f'{name} is NaN or infinite at iteration {runner.iter} (epoch '
                                      f'{runner.epoch + 1}), so nothing was saved; {_last_good(runner)}')

    def _look(self, runner: Runner) -> None:
        seen = self._unseen
        if seen is None:
            return
        if torch.isfinite(seen['loss']).all():
            if self._is_squared and float(seen['loss']) < 0:
                raise RunStopped(
                    f'the loss is {float(seen["loss"]):g} at iteration {seen["iter"]} (epoch {seen["epoch"]}), and a '
                    'squared error is never negative: keypoints have negative weights, which visibilities below 0 '
                    'make; rampose check-data finds and mends them')
            return
        lr = ', '.join(f'{value:g}' for values in seen['lr'].values() for value in sorted(set(values)))
        raise RunStopped(
            f'the loss is {float(seen["loss"])} at iteration {seen["iter"]} (epoch {seen["epoch"]}), learning rate '
            f'{lr}, in the batch of {", ".join(_pictures(seen["data_batch"]))}; {_last_good(runner)}')


def _pictures(data_batch: dict) -> List[str]:
    return [str(sample.get('img_path')) for sample in data_batch['data_samples']]


def _last_good(runner: Runner) -> str:
    last = last_checkpoint(runner.work_dir)
    if last is None:
        return 'no checkpoint was saved before. Look at these pictures, or lower the learning rate'
    return (f'the last good checkpoint is {last}. Look at the data with rampose check-data, or go on from there '
            'with --resume and a lower learning rate')
