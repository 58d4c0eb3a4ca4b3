"""Saying so before a run when model, metainfo and annotations mean different keypoints."""

import numpy as np
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.datasets.transforms import KeypointConverter
from mmpose.registry import HOOKS

from ...core.metainfo import keypoint_names
from ..stopping import RunStopped

NUM_LOOKED_AT = 2000  # annotations, evenly spread; `rampose check-data` looks at all


@HOOKS.register_module()
class KeypointNumberHook(Hook):
    """Compare the number of keypoints K of the head, of each data set's metainfo and of its annotations, and the names.

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
            where = getattr(dataset, 'ann_file', name)
            for index in np.unique(np.linspace(0, len(dataset) - 1, NUM_LOOKED_AT).astype(int)) if len(dataset) else ():
                info = dataset.get_data_info(int(index))
                keypoints = info.get('keypoints')
                if keypoints is not None and keypoints.shape[-2] != num_keypoints:
                    raise RunStopped(f'annotation {info.get("id", index)} in {where} has {keypoints.shape[-2]} '
                                     f"keypoints, the metainfo of {name}'s data set ({metainfo.get('dataset_name')}) "
                                     f'{num_keypoints}: give the metainfo that belongs to these annotations, and each '
                                     'category a file of its own')
            self._compare_names(where, metainfo)

    @staticmethod
    def _compare_names(where: str, metainfo: dict) -> None:
        """The same names in another order would swap wrong keypoints in a flip, and train without any error."""
        for category in metainfo.get('CLASSES') or ():  # which are the file's categories
            if not isinstance(category, dict):
                continue
            wanted = [_plain(name) for name in keypoint_names(metainfo)]
            said = [_plain(name) for name in category.get('keypoints') or ()]
            if said != wanted and sorted(said) == sorted(wanted):
                k = next(k for k, pair in enumerate(zip(said, wanted)) if pair[0] != pair[1])
                raise RunStopped(
                    f'{where} names its keypoints in another order than the metainfo ({metainfo.get("dataset_name")}): '
                    f'keypoint {k} is {category["keypoints"][k]}, in the metainfo {metainfo["keypoint_id2name"][k]}; '
                    'give the metainfo the order of the file')


def _plain(name: object) -> str:
    """A name without what programs write differently."""
    return ''.join(letter for letter in str(name).lower() if letter.isalnum())
