"""MMEngine's loop over epochs, with a look at config and annotations before it loads the data."""

from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpose.registry import LOOPS

from .checks import check_config
from .data_checks import check_data
from .stopping import RunStopped


@LOOPS.register_module()
class CheckedTrainLoop(EpochBasedTrainLoop):
    """MMEngine's `EpochBasedTrainLoop` after :func:`~rampose.engine.checks.check_config` and
    :func:`~rampose.engine.data_checks.check_data`.

    The data sets are loaded when the loop is made, before any hook is called, so this is where to look.

    Takes what MMEngine's takes; beside its ``type``, MMEngine allows no ``by_epoch`` in ``train_cfg``.

    Raises:
        RunStopped: With what is wrong with config or annotations and what to do, in one line.
    """

    def __init__(self, runner: Runner, dataloader: dict, **kwargs) -> None:
        try:
            check_config(runner.cfg)
            check_data(runner.cfg)
        except ValueError as error:
            raise RunStopped(str(error)) from None
        super().__init__(runner, dataloader, **kwargs)
