"""The people whose keypoints a test missed most: `mim test mmpose CONFIG --checkpoint FILE --badcase`."""

from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

try:
    from mmpose.engine.hooks import BadCaseAnalysisHook
except ImportError:  # MMPose < 1.2, whose tools/test.py has no --badcase

    class BadCaseAnalysisHook(Hook):  # type: ignore[no-redef]

        def __init__(self, **_: Any) -> None:
            pass


@HOOKS.register_module()
class BadCasesHook(BadCaseAnalysisHook):
    """MMPose's `BadCaseAnalysisHook`, with all its files in ``WORK_DIR/TIMESTAMP/badcase``.

    MMPose's joins this folder to itself again with every batch where the work folder is a relative path, and leaves
    each batch's pictures one folder deeper.

    Args:
        **kwargs: As MMPose's hook.
    """

    def before_test(self, runner: Runner) -> None:
        if getattr(self, 'out_dir', None) is not None:
            self.out_dir = str(Path(runner.work_dir, runner.timestamp, self.out_dir).absolute())
