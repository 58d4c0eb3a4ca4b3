"""Train with a compiled backbone."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class CompileHook(Hook):
    """Compile the backbone, which does nearly all of the work, by torch.compile.

    MMEngine's own ``compile=True`` compiles the whole training step and fails, on some batches, where Dynamo follows
    the copying of data samples. Needs torch >= 2.1. Names in checkpoints stay the same.
    `AttentionHook` may miss what a compiled backbone weighs.

    Args:
        kwargs: As :func:`torch.compile`.
    """

    def __init__(self, **kwargs) -> None:
        self.kwargs = kwargs

    def before_train(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.backbone.compile(**self.kwargs)
