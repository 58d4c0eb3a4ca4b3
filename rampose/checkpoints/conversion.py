"""Warm start: the weights of an HRNet as those of RAM-HRNet + GPR.

With the attention weights at 1 and GPR passing the highest-resolution map through, the converted model computes the
HRNet's own heatmaps (docs/reading_of_the_paper.md has why), so training starts from its AP.
"""

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
from mmengine import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from .. import __version__
from ..core.files import written_whole
from .hrnet import ConversionError, HRNetWeights
from .weights import some

TOLERANCE = 1e-4


@dataclass
class Conversion:
    """A model that starts from an HRNet, and what of it does."""
    model: nn.Module
    taken: List[str]  # names in the model's state_dict
    new: List[str]
    largest_difference: float  # between its heatmaps (or, without a head, maps) and the HRNet's, in eval mode
    largest_value: float  # of the HRNet's


def convert(weights: HRNetWeights, config: Config, images: Tensor, num_keypoints: Optional[int] = None) -> Conversion:
    """Build the model of a config and start it from an HRNet.

    Args:
        weights: The HRNet's.
        config: A config with :class:`RAMHRNet` and :class:`GPRHead`.
        images: Normalised crops ``(B, 3, h, w)`` whose statistics GPR's batch norms start with. They decide how close
            the first steps of training are to the HRNet, not what the model computes in eval mode.
        num_keypoints: Keypoints K of the model, by default the config's. If the HRNet has another number, the last
            layer starts anew; without this argument that is an error.

    Raises:
        ValueError: A config of another model.
        ConversionError: Tensors that the model lacks, or needs, or has in other shapes; or a model that does not
            compute what the HRNet did.
    """
    check_is_ours(config)
    model_config = copy.deepcopy(config.model)
    if num_keypoints:
        model_config.head.out_channels = num_keypoints
    elif weights.num_keypoints not in (None, model_config.head.out_channels):
        raise ConversionError(
            f'the checkpoint has {weights.num_keypoints} keypoints, the config {model_config.head.out_channels}: '
            f'--num-keypoints {weights.num_keypoints} keeps the last layer, '
            f'--num-keypoints {model_config.head.out_channels} starts it anew')
    model_config.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmpose'):
        return _convert(weights, model_config, images)


def _convert(weights: HRNetWeights, model_config: Config, images: Tensor) -> Conversion:
    model = MODELS.build(model_config)
    model.init_weights()
    with_head = bool(weights.final_layer) and weights.num_keypoints == model_config.head.out_channels
    state = {f'backbone.{name}': value for name, value in weights.backbone.items()}
    if with_head:
        state.update({f'head.final_layer.{name}': value for name, value in weights.final_layer.items()})
    taken, new = _load(model, state)

    model.eval()
    with torch.no_grad():
        model.head.refinement.init_pass_through(model.backbone(images)[0])
    return Conversion(model, taken, new, *_largest_difference(model, model_config, weights, with_head, images))


def check_is_ours(config: Config) -> None:
    """Raise ValueError unless the config is of a model that can start from an HRNet."""
    model = config.get('model') or {}
    backbone, head = (model.get(part, {}).get('type') for part in ('backbone', 'head'))
    if (backbone, head) != ('RAMHRNet', 'GPRHead') or not model['head'].get('with_refinement', True) \
            or 'codec' not in config:
        codec = 'a codec' if 'codec' in config else 'no codec'
        raise ValueError(f'{config.filename} has {backbone}, {head} and {codec}; needed are '
                         'RAMHRNet, GPRHead with refinement, and a codec')


def _load(model: nn.Module, state: Dict[str, Tensor]) -> tuple:
    """Load what fits exactly; everything else is an error, but for what RAM and GPR add."""
    own = model.state_dict()
    unknown = [name for name in state if name not in own]
    shapes = [f'{name} {tuple(state[name].shape)} instead of {tuple(own[name].shape)}'
              for name in state if name in own and state[name].shape != own[name].shape]
    missing = [name for name in own if name not in state and not _may_be_new(name)]
    for what, names in (('has other shapes than the config', shapes), ('has what the config has not', unknown),
                        ('lacks what the config needs', missing)):
        if names:
            raise ConversionError(f'the checkpoint {what}: {some(names)}')
    model.load_state_dict(state, strict=False)
    return [name for name in own if name in state], [name for name in own if name not in state]


def _may_be_new(name: str) -> bool:
    return bool(
        '.attention.' in name or name.startswith('head.')
        or re.match(r'backbone\.stage4\.\d+\.fuse_layers\.[1-9]\.', name)  # needed for GPR alone, or found by running
        or name.endswith('num_batches_tracked'))  # no weight, and absent from old files


def normalized(pictures: np.ndarray) -> Tensor:
    """(B, h, w, 3) uint8 BGR to (B, 3, h, w), normalised as for ImageNet, which is how every HRNet was trained."""
    rgb = pictures[..., ::-1].astype(np.float32)
    return torch.from_numpy((rgb - (123.675, 116.28, 103.53)) / (58.395, 57.12, 57.375)).float().permute(0, 3, 1, 2)


@torch.no_grad()
def _largest_difference(model: nn.Module, model_config: Config, weights: HRNetWeights, with_head: bool,
                        images: Tensor) -> Tuple[float, float]:
    """Run both models: the largest difference, and the largest value of the HRNet.

    On the highest-resolution map where the HRNet has no layer to heatmaps.
    """
    hrnet_config = copy.deepcopy(model_config.backbone)
    hrnet_config.type = 'HRNet'
    hrnet_config.pop('with_attention', None)
    hrnet_config.extra.stage4.multiscale_output = False
    hrnet = MODELS.build(hrnet_config)
    hrnet.eval()  # returns None
    own = hrnet.state_dict()
    hrnet.load_state_dict({name: weights.backbone.get(name, value) for name, value in own.items()})
    expected, got = hrnet(images)[-1], model.backbone(images)
    if with_head:
        expected = nn.functional.conv2d(expected, weights.final_layer['weight'], weights.final_layer.get('bias'))
        got = model.head(got)
    else:
        got = model.head.refinement(got)
    difference, largest = (float(x.abs().max()) for x in (got - expected, expected))
    # Of the largest value, which for feature maps may be large; heatmaps reach about 1.
    allowed = TOLERANCE * max(1., largest)
    if not difference <= allowed:  # nor NaN
        raise ConversionError(f'the converted model is {difference:.1e} off the HRNet, allowed is {allowed:.1e}: '
                              'it is of another architecture, or holds NaN')
    return difference, largest


def save(conversion: Conversion, weights: HRNetWeights, path: Path) -> None:
    """Write the converted model's checkpoint, whole or not at all.

    Raises:
        OSError: It cannot be written.
    """
    meta = dict(rampose_version=__version__, converted_from=weights.layout)
    with written_whole(path) as file:
        torch.save(dict(meta=meta, state_dict=conversion.model.state_dict()), file)
