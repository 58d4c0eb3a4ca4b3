"""What is random in a sample depends on seed, epoch and index, whoever makes it and when."""

import copy

import numpy as np
import pytest
import torch
from mmengine.runner import Runner

from rampose.engine.hooks.sample_seed import SeededPreparation, seed_all


def test_seeding_all_generators():
    import random

    def drawn():
        return random.random(), np.random.rand(), float(torch.rand(1))

    seed_all(1, 2, 3)
    first = drawn()
    seed_all(1, 2, 4)
    assert all(a != b for a, b in zip(first, drawn()))
    seed_all(1, 2, 3)
    assert first == drawn()


def test_epochs_and_samples_differ():
    epoch = torch.zeros(1, dtype=torch.int64)
    prepare = SeededPreparation(lambda idx: np.random.rand(), 0, epoch)
    first = [prepare(0), prepare(1), prepare(0)]
    assert first[0] == first[2] != first[1]
    epoch.fill_(1)
    assert prepare(0) not in first


def test_a_sample_in_place_of_a_broken_one_is_drawn_until_it_is_whole():
    def try_all(broken):
        prepare = SeededPreparation(lambda idx: None if idx in broken else np.random.rand(), 0, torch.zeros(1))
        for idx in range(10):
            sample, attempts = prepare(idx), 1
            while sample is None and attempts < 200:  # as MMEngine's BaseDataset does
                idx = np.random.randint(0, 10)
                sample, attempts = prepare(idx), attempts + 1
            yield idx, sample, attempts

    found = list(try_all(broken=range(1, 10)))
    assert all(idx == 0 for idx, _, _ in found) and max(attempts for _, _, attempts in found) < 200
    assert found == list(try_all(broken=range(1, 10)))
    assert found[0] == next(try_all(broken=[])), 'a whole one is as if there were no broken ones'


def batches(config, name, epochs, start=0):
    """Inputs of each epoch, by the files that they were made of."""
    config = copy.deepcopy(config)
    config.experiment_name = config.visualizer.name = name
    config.train_cfg.max_epochs = epochs
    runner = Runner.from_cfg(config)
    runner.train_loop._epoch = start
    hooks = [hook for hook in runner.hooks if type(hook).__name__ in ('SampleSeedHook', 'DistSamplerSeedHook')]
    for hook in hooks:
        hook.before_train(runner)
    made = []
    for epoch in range(start, epochs):
        runner.train_loop._epoch = epoch
        for hook in hooks:
            hook.before_train_epoch(runner)
        made.append([(sample.img_path, sample.id, image.clone()) for batch in runner.train_dataloader
                     for image, sample in zip(batch['inputs'], batch['data_samples'])])
    return made


def same(one, other):
    return [a[:2] for a in one] == [b[:2] for b in other] and all(torch.equal(a[2], b[2]) for a, b in zip(one, other))


def test_workers_and_a_late_start_make_the_same_samples(tiny_config):
    alone = batches(tiny_config, 'alone', 3)
    assert not same(sorted(alone[0], key=lambda item: item[:2]), sorted(alone[1], key=lambda item: item[:2]))
    for name, persistent in (('living', True), ('anew', False)):
        tiny_config.train_dataloader.update(num_workers=2, persistent_workers=persistent)
        for one, other in zip(alone, batches(tiny_config, name, 3)):
            assert same(one, other)
    assert same(alone[2], batches(tiny_config, 'late', 3, start=2)[0])


@pytest.mark.slow
def test_a_resumed_run_without_a_seed_takes_the_first_runs(tiny_config):
    tiny_config.pop('randomness')
    tiny_config.train_dataloader.batch_size = 24
    whole = copy.deepcopy(tiny_config)
    whole.experiment_name = whole.visualizer.name = 'whole'
    runner = Runner.from_cfg(whole)
    runner.train()
    expected = {name: value.clone() for name, value in runner.model.state_dict().items()}
    resumed = copy.deepcopy(tiny_config)
    resumed.experiment_name = resumed.visualizer.name = 'resumed'
    resumed.resume, resumed.load_from = True, f'{tiny_config.work_dir}/epoch_1.pth'
    resumed.work_dir += '-resumed'
    second = Runner.from_cfg(resumed)
    second.train()
    for name, value in second.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_other_loops_and_data_sets_are_left_alone(tiny_config):
    dataset = tiny_config.train_dataloader.dataset
    tiny_config.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=dataset)
    tiny_config.experiment_name = tiny_config.visualizer.name = 'repeated'
    runner = Runner.from_cfg(tiny_config)
    warned = []
    runner.logger.warning = warned.append
    hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'SampleSeedHook')
    hook.before_train(runner)
    hook.before_train_epoch(runner)
    assert 'nothing done for CheckedTrainLoop and RepeatDataset' in warned[0]
