"""A training that diverges stops at once and says where."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import Runner
from mmpose.models.losses import KeypointMSELoss

from rampose.engine.hooks import StopOnInvalidLossHook
from rampose.engine.stopping import RunStopped


@pytest.fixture
def runner(tmp_path):
    return SimpleNamespace(iter=6, epoch=1, work_dir=str(tmp_path),
                           optim_wrapper=SimpleNamespace(get_lr=lambda: dict(lr=[1e-3, 1e-3])))


def batch(*names):
    return dict(data_samples=[SimpleNamespace(get=dict(img_path=name).get) for name in names])


def test_the_message(runner, tmp_path):
    (tmp_path / 'last_checkpoint').write_text(f'{tmp_path}/epoch_1.pth')
    hook = StopOnInvalidLossHook()
    hook.after_train_iter(runner, 0, batch('good.jpg'), dict(loss=torch.tensor(1.)))
    hook.after_train_iter(runner, 1, batch('a.jpg', 'b.jpg'), dict(loss=torch.tensor(math.nan)))
    with pytest.raises(RunStopped) as stopped:
        hook.after_train_iter(runner, 2, batch('later.jpg'), dict(loss=torch.tensor(math.nan)))
    assert str(stopped.value).startswith(
        'the loss is nan at iteration 7 (epoch 2), learning rate 0.001, in the batch of a.jpg, b.jpg; the last good '
        f'checkpoint is {tmp_path}/epoch_1.pth')


def test_the_last_loss_of_an_epoch_counts(runner):
    hook = StopOnInvalidLossHook()
    hook.after_train_iter(runner, 0, batch('a.jpg'), dict(loss=torch.tensor(math.inf)))
    with pytest.raises(RunStopped, match=r'the loss is inf .* no checkpoint was saved before'):
        hook.after_train_epoch(runner)


def test_weights_that_are_not_numbers_are_not_saved(runner):
    weights = dict(count=torch.tensor(3), good=torch.ones(2))
    StopOnInvalidLossHook().before_save_checkpoint(runner, dict(state_dict=weights))
    with pytest.raises(RunStopped, match=r'backbone\.bad is NaN or infinite at iteration 6 \(epoch 2\)'):
        StopOnInvalidLossHook().before_save_checkpoint(
            runner, dict(state_dict={**weights, 'backbone.bad': torch.tensor([1, math.inf])}))


@pytest.mark.slow
def test_a_training_that_diverges(tiny_config):
    tiny_config.optim_wrapper.optimizer.lr = 1e30
    tiny_config.train_cfg.val_interval = 5
    with pytest.raises(RunStopped, match=r'^the loss is (nan|inf) at iteration \d+ \(epoch 1\), learning rate '
                                              r'1e\+30, in the batch of .*\.jpg, .*; no checkpoint'):
        Runner.from_cfg(tiny_config).train()


def test_a_squared_error_below_zero(runner):
    """Visibility -1 gives it, and the model unlearns those keypoints without a word."""
    hook = StopOnInvalidLossHook()
    losses = dict(loss=torch.tensor(-0.5))
    hook.after_train_iter(runner, 0, batch('a.jpg'), losses)
    hook.after_train_epoch(runner)  # another kind of loss may be negative
    runner.model = SimpleNamespace(head=SimpleNamespace(loss_module=KeypointMSELoss()))
    hook.before_train(runner)
    hook.after_train_iter(runner, 0, batch('a.jpg'), losses)
    with pytest.raises(RunStopped, match=r'the loss is -0\.5 at iteration 7 .* visibilities below 0 make; rampose'):
        hook.after_train_epoch(runner)
