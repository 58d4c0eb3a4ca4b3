"""When a run stops, and when it does not."""

from types import SimpleNamespace

import pytest
from mmengine.logging import MMLogger

from rampose.engine.hooks import LearnedEarlyStoppingHook


@pytest.mark.parametrize(('metrics', 'stops'), [
    ([0.1, 0.5, 0.5, 0.5, 0.5, 0.5], 5), ([0, 0, 0, 0, 0, 0.2, 0.4, 0.6], None), ([-1] * 9, None),
    ([0.5, 0.5, 0.5, 0.52, 0.5, 0.5, 0.5, 0.5], 7)], ids=str)
def test_it_counts_from_the_first_that_is_above_0(metrics, stops):
    runner = SimpleNamespace(train_loop=SimpleNamespace(stop_training=False),
                             logger=MMLogger.get_instance('early_stopping'))
    hook = LearnedEarlyStoppingHook('coco/AP', rule='greater', min_delta=0.005, patience=4)
    hook.before_run(runner)
    stopped = []
    for value in metrics:
        hook.after_val_epoch(runner, {'coco/AP': value})
        stopped.append(runner.train_loop.stop_training)
    assert (stopped.index(True) if any(stopped) else None) == stops
