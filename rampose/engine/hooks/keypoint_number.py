"""Saying so before a run when model, metainfo and annotations mean different keypoints."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.datasets.transforms import KeypointConverter
from mmpose.registry import HOOKS

from ..stopping import RunStopped


@HOOKS.register_module()
class KeypointNumberHook(Hook):
    """Compare the number of keypoints K of the head, of each data set's metainfo and of its first annotation.

    Without it, a head that disagrees ends in an error about tensor shapes, and annotations that disagree with the
    metainfo may train without any error, with other keypoints swapped by a flip than the metainfo says.

    Raises:
        RunStopped: They disagree. Before the workers of a data loader start.
    """

    def before_run(self, runner: Runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        head = getattr(model, 'head', None)
        out_channels = getattr(head, 'out_channels', None)
        if getattr(getattr(head, 'decoder', None), 'heatmap_type', None) == 'combined':
            out_channels //= 3  # UDP with a heatmap and two maps of offsets for each keypoint
        for name, loop in (('train', runner._train_loop), ('val', runner._val_loop), ('test', runner._test_loop)):
            dataset = getattr(getattr(loop, 'dataloader', None), 'dataset', None)
            metainfo = getattr(dataset, 'metainfo', None) or {}
            num_keypoints = metainfo.get('num_keypoints')
            if num_keypoints is None:  # a loop that this run has not, or another kind of data set
                continue
            pipeline = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
            if any(isinstance(step, KeypointConverter) for step in pipeline):  # joint training on several data sets
                continue
            chosen = model.test_cfg.get('output_keypoint_indices') if name != 'train' else None
            if chosen:  # a test on one of several data sets that the model was trained on
                if len(chosen) != num_keypoints:
                    raise RunStopped(f"the model gives {len(chosen)} keypoints, the metainfo of {name}'s data set "
                                     f'({metainfo.get("dataset_name")}) {num_keypoints}: set '
                                     f'model.test_cfg.output_keypoint_indices to {num_keypoints} of its keypoints')
            elif out_channels not in (None, num_keypoints):
                raise RunStopped(f"the model has {out_channels} keypoints, the metainfo of {name}'s data set "
                                 f'({metainfo.get("dataset_name")}) {num_keypoints}: set model.head.out_channels to '
                                 f'{num_keypoints}, or give the data set the metainfo it was annotated with')
            keypoints = dataset.get_data_info(0).get('keypoints') if len(dataset) else None
            if keypoints is not None and keypoints.shape[-2] != num_keypoints:
                where = getattr(dataset, 'ann_file', name)
                raise RunStopped(f'the first annotation in {where} has {keypoints.shape[-2]} keypoints, the '
                                 f"metainfo of {name}'s data set ({metainfo.get('dataset_name')}) {num_keypoints}: "
                                 'give the metainfo that belongs to these annotations')
