"""Averaging the heatmaps of several pose estimators."""

from typing import Dict, List, Optional, Sequence

import torch
from mmengine import Config
from mmengine.model import BaseModel
from mmengine.runner import load_checkpoint
from mmengine.structures import PixelData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from torch import Tensor, nn


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
        ValueError: No members, or members that differ in input size, heatmap size, keypoints or normalisation.
    """

    def __init__(self, members: Sequence[Dict], init_cfg: Optional[dict] = None) -> None:
        configs = [Config.fromfile(member['config']) for member in members]
        if not configs:
            raise ValueError('got no members; an ensemble needs at least one config')
        for what, value_of in (('input size', lambda config: tuple(config.codec.input_size)),
                               ('heatmap size', lambda config: tuple(config.codec.heatmap_size)),
                               ('number of keypoints', lambda config: config.model.head.out_channels),
                               ('data_preprocessor', lambda config: config.model.data_preprocessor)):
            values = [value_of(config) for config in configs]
            if any(value != values[0] for value in values):
                raise ValueError(f'the members differ in {what}: ' + ', '.join(map(str, values)))
        BaseModel.__init__(self, configs[0].model.data_preprocessor)  # the parent's would build one backbone and head
        self.members = nn.ModuleList()
        for config, member in zip(configs, members):
            for part in (config.model.backbone, config.model):
                part.init_cfg = None  # a checkpoint comes in any case
            model = MODELS.build(config.model)
            if member.get('checkpoint'):
                load_checkpoint(model, member['checkpoint'], map_location='cpu', strict=True)
            self.members.append(model)
        self.metainfo = None
        self.train_cfg, self.test_cfg = {}, self.members[0].test_cfg
        self._register_load_state_dict_pre_hook(self._as_first_member)

    @property
    def head(self) -> nn.Module:
        """The first member's, which decodes."""
        return self.members[0].head

    @staticmethod
    def _as_first_member(state_dict: dict, prefix: str, *_) -> None:
        """Rename the tensors of a checkpoint that is one member's, not the ensemble's."""
        if not any(name.startswith(f'{prefix}members.') for name in state_dict):
            for name in [name for name in state_dict if name.startswith(prefix)]:
                state_dict[f'{prefix}members.0.{name[len(prefix):]}'] = state_dict.pop(name)

    def predict(self, inputs: Tensor, data_samples: List) -> List:
        """Estimate keypoints from the members' mean heatmaps."""
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
