"""Averaging the heatmaps of several pose estimators."""

from typing import Dict, List, Optional, Sequence

import torch
from mmengine import Config
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from torch import Tensor, nn

from ...checkpoints.loading import CheckpointError
from ...checkpoints.weights import load_weights
from ...core.metainfo import in_order


def _keypoint_names(config: Config) -> list:
    """The keypoints' names, in their order; the data set's type where the config leaves them to that."""
    dataset = config.test_dataloader.dataset
    if not dataset.get('metainfo'):
        return [dataset.type]
    return list(parse_pose_metainfo(in_order(dataset.metainfo))['keypoint_id2name'].values())


# What the members' heatmaps must mean alike before they can be averaged.
_SHARED = {
    'input size': lambda config: tuple(config.codec.input_size),
    'heatmap size': lambda config: tuple(config.codec.heatmap_size),
    'codec': lambda config: (config.codec.type, config.codec.get('heatmap_type')),
    'number of keypoints': lambda config: config.model.head.out_channels,
    'keypoints': _keypoint_names,
    'data_preprocessor': lambda config: config.model.data_preprocessor,
}


@MODELS.register_module()
class TopdownEnsemble(TopdownPoseEstimator):
    """Average the heatmaps of top-down pose estimators, and decode the average as the first of them does.

    For testing: the members are trained one by one. MMPose's test tool wants a checkpoint; give it that of the first
    member, or one of the whole ensemble. Each member does its own flip test, if its config says so.

    Args:
        members: For each its ``config``, a file with a top-down config, and its ``checkpoint``. The first one's may be
            left out, where the test tool brings it.
        init_cfg: Ignored; here because every model of MMPose has it. Default: None.

    Raises:
        ValueError: No members, or members that differ in codec, heatmaps, keypoints or normalisation, or images of
            another size than theirs.
        FileNotFoundError: No such config or checkpoint.
        CheckpointError: A checkpoint that is broken or another model's; or, when the test tool loads its own, a member
            that has none.
    """

    def __init__(self, members: Sequence[Dict], init_cfg: Optional[dict] = None) -> None:
        configs = [Config.fromfile(member['config']) for member in members]
        if not configs:
            raise ValueError('got no members; an ensemble needs at least one config')
        for what, value_of in _SHARED.items():
            values = [value_of(config) for config in configs]
            if any(value != values[0] for value in values):
                raise ValueError(f'the members differ in {what}: ' + ', '.join(map(str, values)))
        BaseModel.__init__(self, configs[0].model.data_preprocessor)  # the parent's would build one backbone and head
        self.input_size = tuple(configs[0].codec.input_size)
        self.members = nn.ModuleList()
        for config, member in zip(configs, members):
            for part in (config.model.backbone, config.model):
                part.init_cfg = None  # a checkpoint comes in any case
            model = MODELS.build(config.model)
            if member.get('checkpoint'):
                load_weights(model, member['checkpoint'])
            self.members.append(model)
        self._unloaded = {i for i, member in enumerate(members) if not member.get('checkpoint')}
        self.metainfo = None
        self.train_cfg, self.test_cfg = {}, self.members[0].test_cfg
        self._register_load_state_dict_pre_hook(self._complete)

    @property
    def head(self) -> nn.Module:
        """The first member's, which decodes."""
        return self.members[0].head

    def _complete(self, state_dict: dict, prefix: str, *_) -> None:
        """Take a checkpoint of one member for the first one's; refuse what would leave any member random.

        MMPose's test tool itself only warns of tensors that are missing.
        """
        if not any(name.startswith(f'{prefix}members.') for name in state_dict):
            for name in [name for name in state_dict if name.startswith(prefix)]:
                state_dict[f'{prefix}members.0.{name[len(prefix):]}'] = state_dict.pop(name)
        for i, member in enumerate(self.members):
            own = {f'{prefix}members.{i}.{name}': value for name, value in member.state_dict().items()}
            if i and not any(name in state_dict for name in own):
                if i in self._unloaded:
                    raise CheckpointError(f'member {i + 1} of the ensemble has no checkpoint: name one in the config')
                state_dict.update(own)  # it keeps what it has
            misfits = [name for name, value in own.items() if not name.endswith('num_batches_tracked')
                       and (name not in state_dict or state_dict[name].shape != value.shape)]
            if misfits:
                raise CheckpointError(f'the checkpoint is not that of member {i + 1} of the ensemble: {misfits[0]} and '
                                      f'{len(misfits) - 1} more of {len(own)} tensors are missing or of another shape')

    def predict(self, inputs: Tensor, data_samples: List) -> List:
        """Estimate keypoints from the members' mean heatmaps."""
        if tuple(inputs.shape[:1:-1]) != self.input_size:
            raise ValueError(f'got images of {tuple(inputs.shape[:1:-1])}, but the members take {self.input_size} '
                             "(w, h): give the ensemble's config the data set of its members")
        heatmaps = []
        for member in self.members:
            flip_test = member.test_cfg.get('flip_test', False)
            feats = member.extract_feat(inputs)
            feats = [feats, member.extract_feat(inputs.flip(-1))] if flip_test else feats
            _, fields = member.head.predict(feats, data_samples, {**member.test_cfg, 'output_heatmaps': True})
            heatmaps.append(torch.stack([field.heatmaps for field in fields]))
        mean = torch.stack(heatmaps).mean(dim=0)
        fields = [PixelData(heatmaps=of_one) for of_one in mean] if self.test_cfg.get('output_heatmaps') else None
        return self.add_pred_to_datasample(self.head.decode(mean), fields, data_samples)

    def loss(self, inputs: Tensor, data_samples: List) -> dict:
        raise NotImplementedError('an ensemble is for testing; train its members by their own configs')

    def _forward(self, inputs: Tensor, data_samples: Optional[List] = None) -> List:
        """The members' raw outputs."""
        return [member._forward(inputs, data_samples) for member in self.members]
