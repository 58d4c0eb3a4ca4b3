"""Augmentation that a resumed run repeats."""

import random
from typing import Any, Callable

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class SampleSeedHook(Hook):
    """Draw what is random in a sample from the run's seed, the epoch and the sample's index, and from nothing else.

    MMEngine seeds the workers of a data loader when they start, so a resumed run draws other augmentations than the
    uninterrupted one; and workers that start anew with each epoch draw the same in every epoch. With this hook, each
    sample of each epoch is the same whenever, by whichever worker and by however many processes it is made, and a run
    that was killed and resumed ends, on a CPU, with the same weights to the last bit.

    A resumed run without a seed in its config takes the first run's from the checkpoint, for the data's order, too.

    Transforms with a generator of their own, Albumentations' among them, are not reached; nor are samples that a data
    set draws from others by an index of its own (`RepeatDataset`).
    """

    priority = 'VERY_HIGH'  # before a hook that uses the data

    def before_train(self, runner: Runner) -> None:
        dataset = runner.train_dataloader.dataset
        self._epoch = None
        if not isinstance(runner.train_loop, EpochBasedTrainLoop) or not hasattr(dataset, 'prepare_data'):
            runner.logger.warning(f'SampleSeedHook: nothing done for {type(runner.train_loop).__name__} and '
                                  f'{type(dataset).__name__}; a resumed run will draw other augmentations')
            return
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()  # seen by workers that live on
        dataset.prepare_data = SeededPreparation(dataset.prepare_data, runner.seed, self._epoch)
        sampler = runner.train_dataloader.sampler
        if hasattr(sampler, 'seed') and not runner._randomness_cfg.get('diff_rank_seed'):
            sampler.seed = runner.seed

    def before_train_epoch(self, runner: Runner) -> None:
        if self._epoch is not None:
            self._epoch.fill_(runner.epoch)
            # What the model itself draws, as for dropout.
            torch.manual_seed(seed_all(runner.seed, runner.epoch, get_rank()))


class SeededPreparation:
    """A data set's `prepare_data` after seeding Python's, NumPy's and torch's generators for the sample."""

    def __init__(self, prepare_data: Callable[[int], Any], seed: int, epoch: torch.Tensor) -> None:
        self.prepare_data = prepare_data
        self.seed = seed
        self.epoch = epoch
        self._is_retry = False

    def __call__(self, idx: int) -> Any:
        if not self._is_retry:
            seed_all(self.seed, int(self.epoch), idx)
        sample = self.prepare_data(idx)
        # After None, the data set draws another index; seeded anew for each, it might come back to this one for ever.
        self._is_retry = sample is None
        return sample


def seed_all(*parts: int) -> int:
    """Seed the generators of Python, NumPy and, on the CPU, torch; return torch's seed."""
    for_python, for_numpy, for_torch = np.random.SeedSequence(parts).generate_state(3).tolist()
    random.seed(for_python)
    np.random.seed(for_numpy)
    torch.default_generator.manual_seed(for_torch)
    return for_torch
