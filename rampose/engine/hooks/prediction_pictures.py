"""The same few validation pictures after every validation."""

from typing import Optional, Sequence

import mmcv
from mmengine import fileio
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS
from mmpose.structures import merge_data_samples


@HOOKS.register_module()
class PredictionPicturesHook(Hook):
    """Draw what the model finds on the first validation pictures, to all of the visualizer's backends.

    They are always the same, so that one sees them get better, where MMPose's `PoseVisualizationHook` draws each n-th
    batch's first. They appear as ``val/0``, ``val/1`` and so on, the step is the epoch.

    Args:
        num_pictures: How many. Default: 4.
        kpt_thr: Keypoints with a lower score are not drawn. Default: 0.3.
    """

    def __init__(self, num_pictures: int = 4, kpt_thr: float = 0.3) -> None:
        self.num_pictures = num_pictures
        self.kpt_thr = kpt_thr

    def before_val_epoch(self, runner: Runner) -> None:
        self._seen = set()
        # Asked for its epoch, a runner builds its train loop, which a validation alone has no use for.
        self._epoch = runner.epoch if isinstance(runner._train_loop, BaseLoop) else 0

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None,
                       outputs: Optional[Sequence] = None) -> None:
        if not is_main_process():
            return
        for sample in outputs:
            path = sample.get('img_path')
            if len(self._seen) == self.num_pictures:
                return
            if path in self._seen or path is None:
                continue
            runner.visualizer.set_dataset_meta(runner.val_evaluator.dataset_meta)
            runner.visualizer.add_datasample(
                f'val/{len(self._seen)}', mmcv.imfrombytes(fileio.get(path), channel_order='rgb'),
                data_sample=merge_data_samples([sample]), draw_gt=False, draw_bbox=True, kpt_thr=self.kpt_thr,
                step=self._epoch)
            self._seen.add(path)
