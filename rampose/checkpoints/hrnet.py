"""The weights of an HRNet, whoever wrote them.

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
"""

import ast
import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Union

from torch import Tensor

from .loading import load_checkpoint_file
from .weights import some

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


def read_hrnet(path: Union[str, Path]) -> HRNetWeights:
    """Read an HRNet's checkpoint in any layout above; nothing in it is run.

    Args:
        path: A file of torch's, or of safetensors where that package is installed.

    Raises:
        FileNotFoundError: No such file.
        CheckpointError: It cannot be read.
        ConversionError: It holds no HRNet.
    """
    content = load_checkpoint_file(path)
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
        for node in ast.parse(str(text)).body:  # codec = dict(type='MSRAHeatmap', ...)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) \
                    and getattr(node.targets[0], 'id', None) == 'codec':
                return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.value.keywords}
    except (AttributeError, SyntaxError, TypeError, ValueError):
        pass  # another kind of config; nothing is known of the codec
    return None


def same_codec(codec: dict, other: dict) -> bool:
    """Whether heatmaps of one mean the same in the other: kind, input size and way of decoding."""
    return all(of_one == of_other for of_one, of_other in (
        (codec['type'], other['type']), (tuple(codec['input_size']), tuple(other['input_size'])),
        (codec.get('unbiased', False), other.get('unbiased', False))))


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
