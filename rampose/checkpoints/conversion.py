"""Warm start: the weights of an HRNet, whoever wrote them, as those of RAM-HRNet + GPR.

All of HRNet's packages kept the names that its authors gave the layers of the backbone. They differ in what stands
before the names, and in the head:

=================================  =========================================  ==========================
layout                             backbone                                   convolution to heatmaps
=================================  =========================================  ==========================
MMPose 1.x                         ``backbone.stage2...``                     ``head.final_layer``
MMPose 0.x                         ``backbone.stage2...``                     ``keypoint_head.final_layer``
MMPreTrain, MMClassification       ``backbone.stage2...``                     none: a classifier
HRNet's authors, pose              ``stage2...``, perhaps ``module.stage2``   ``final_layer``
HRNet's authors, ImageNet; timm    ``stage2...``, perhaps ``module.stage2``   none: a classifier
=================================  =========================================  ==========================

With the attention weights at 1 and GPR passing the highest-resolution map through, the converted model computes the
HRNet's own heatmaps (docs/reading_of_the_paper.md has why), so training starts from its AP.
"""

import ast
import copy
import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

import numpy as np
import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch import Tensor, nn

from .. import __version__
from ..core.files import written_whole
from ..lab.sample import make_picture
from .loading import CheckpointError, load_checkpoint_file
from .weights import some

TOLERANCE = 1e-4
_BACKBONE = re.compile(r'(conv1|bn1|conv2|bn2|layer1|transition\d|stage\d)\.')
_POSE_HEADS = {
    '': {'final_layer': "HRNet's authors, pose"},
    'backbone.': {'head.final_layer': 'MMPose 1.x', 'keypoint_head.final_layer': 'MMPose 0.x'},
}
_CLASSIFIER = re.compile(r'(incre_modules|downsamp_modules|final_layer|classifier|neck|head)\.')


class ConversionError(ValueError):
    """A checkpoint that does not fit the model it is to start."""


@dataclass
class HRNetWeights:
    """An HRNet's tensors under the names that MMPose 1.x gives them, without ``backbone.`` and ``head.``."""
    layout: str
    backbone: Dict[str, Tensor]
    final_layer: Dict[str, Tensor]  # weight and bias of the convolution to heatmaps; empty if there is none
    left_out: List[str]  # names in the file of what is neither
    codec: Optional[dict] = None  # what its heatmaps mean; MMPose 1.x alone writes it into the file

    @property
    def num_keypoints(self) -> Optional[int]:
        return len(self.final_layer['weight']) if self.final_layer else None

    @property
    def width(self) -> int:
        """The channels of the highest resolution, by which HRNets are named."""
        return len(self.backbone['stage2.0.branches.0.0.conv1.weight'])


@dataclass
class Conversion:
    """A model that starts from an HRNet, and what of it does."""
    model: nn.Module
    taken: List[str]  # names in the model's state_dict
    new: List[str]
    largest_difference: float  # between its heatmaps (or, without a head, maps) and the HRNet's, in eval mode
    largest_value: float  # of the HRNet's


def read_hrnet(path: Union[str, Path]) -> HRNetWeights:
    """Read an HRNet's checkpoint in any layout above; nothing in it is run.

    Args:
        path: A file of torch's, or of safetensors where that package is installed.

    Raises:
        FileNotFoundError: No such file.
        CheckpointError: It cannot be read.
        ConversionError: It holds no HRNet.
    """
    path = Path(path)
    if path.suffix == '.safetensors':
        content = _load_safetensors(path)
    else:
        content = load_checkpoint_file(path, map_location='cpu')
    state = content
    if isinstance(content, dict) and not any(isinstance(value, Tensor) for value in content.values()):
        state = next((content[key] for key in ('state_dict', 'best_state_dict', 'model') if key in content), None)
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ConversionError('it holds no state_dict; give the checkpoint of an HRNet')
    # float32, since half precision is how files are stored, not how they were trained.
    state = {name[len('module.'):] if name.startswith('module.') else name:
             value.float() if value.is_floating_point() else value for name, value in state.items()}
    return dataclasses.replace(_sorted_out(state), codec=_codec_of(content))


def _codec_of(content: dict) -> Optional[dict]:
    """The codec in the config that MMPose 1.x keeps in its checkpoints as text; it is read, not run."""
    meta = content.get('meta')
    text = meta.get('cfg') if isinstance(meta, dict) else None
    try:
        for node in ast.parse(text).body:  # codec = dict(type='MSRAHeatmap', ...)
            if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) == 'codec':
                return {keyword.arg: ast.literal_eval(keyword.value) for keyword in node.value.keywords}
    except (AttributeError, SyntaxError, TypeError, ValueError):
        pass  # another kind of config; nothing is known of the codec
    return None


def same_codec(codec: dict, other: dict) -> bool:
    """Whether heatmaps of one mean the same in the other: kind, input size and way of decoding."""
    return all(of_one == of_other for of_one, of_other in (
        (codec['type'], other['type']), (tuple(codec['input_size']), tuple(other['input_size'])),
        (codec.get('unbiased', False), other.get('unbiased', False))))


def _load_safetensors(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(f'{path} can not be found.')
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError:
        raise CheckpointError(f'{path} needs the package safetensors: pip install safetensors') from None
    try:
        return load_file(path)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f'{path} cannot be read: {error}; download it again') from error


def _sorted_out(state: Dict[str, Tensor]) -> HRNetWeights:
    prefix = 'backbone.' if any(name.startswith('backbone.') for name in state) else ''
    backbone = {name[len(prefix):]: value for name, value in state.items()
                if name.startswith(prefix) and (prefix or _BACKBONE.match(name))}
    if 'stage2.0.branches.0.0.conv1.weight' not in backbone or not any(key.startswith('stage4.') for key in backbone):
        raise ConversionError(f'it is no HRNet: {prefix}stage2.0.branches.0.0.conv1.weight or stage4 is missing; it '
                              f'has {len(state)} tensors: {some(list(state))}')
    layout, head = 'MMPreTrain, ImageNet' if prefix else "HRNet's authors or timm, ImageNet", None
    for name, its_layout in _POSE_HEADS[prefix].items():
        if f'{name}.weight' in state:  # a classifier has final_layer.0.weight
            layout, head = its_layout, name
    final_layer = {key: state[f'{head}.{key}'] for key in ('weight', 'bias') if f'{head}.{key}' in state}
    left_out = [key for key in state if (key[len(prefix):] if key.startswith(prefix) else None) not in backbone
                and key not in (f'{head}.weight', f'{head}.bias')]
    misfits = [key for key in left_out if final_layer or not _CLASSIFIER.match(key)]
    if misfits:
        raise ConversionError(f'it has more than an HRNet and its last layer: {some(misfits)}; a head or a neck with '
                              'layers of its own cannot be carried over')
    return HRNetWeights(layout, backbone, final_layer, left_out)


def convert(weights: HRNetWeights, config: Config, num_keypoints: Optional[int] = None,
            images: Optional[Tensor] = None) -> Conversion:
    """Build the model of a config and start it from an HRNet.

    Args:
        weights: The HRNet's.
        config: A config with :class:`RAMHRNet` and :class:`GPRHead`.
        num_keypoints: Keypoints K of the model, by default the config's. If the HRNet has another number, the last
            layer starts anew; without this argument that is an error.
        images: Normalised crops ``(B, 3, h, w)`` whose statistics GPR's batch norms start with. They decide how close
            the first steps of training are to the HRNet, not what the model computes in eval mode. Default: generated
            pictures of people.

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
        return _convert(weights, model_config, config.codec.input_size, images)


def _convert(weights: HRNetWeights, model_config: Config, input_size: tuple, images: Optional[Tensor]) -> Conversion:
    model = MODELS.build(model_config)
    model.init_weights()
    with_head = bool(weights.final_layer) and weights.num_keypoints == model_config.head.out_channels
    state = {f'backbone.{name}': value for name, value in weights.backbone.items()}
    if with_head:
        state.update({f'head.final_layer.{name}': value for name, value in weights.final_layer.items()})
    taken, new = _load(model, state)

    images = generated_images(input_size) if images is None else images
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


def generated_images(input_size: tuple, number: int = 8) -> Tensor:
    """Pictures of generated people, ``(number, 3, h, w)``, normalised as for ImageNet; `input_size` is (w, h)."""
    import cv2
    pictures = [cv2.resize(make_picture(np.random.default_rng((0, i)))[0], input_size) for i in range(number)]
    return normalized(np.stack(pictures))


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
