"""A pose estimator described so that it can be run without MMPose."""

from pathlib import Path
from typing import List

from torch import nn

from .. import __version__
from ..core.decoding import check_codec
from ..core.model_info import ModelInfo


def describe(model: nn.Module,
             steps: List[dict],
             precision: str = 'fp32',
             inputs: str = 'normalized',
             outputs: str = 'heatmaps',
             flip_test: bool = False) -> ModelInfo:
    """Describe a pose estimator so that it can be run without MMPose.

    Args:
        model: The estimator.
        steps: Its test pipeline.
        precision: As in :func:`export`; the others, too.

    Raises:
        ValueError: It does something that the run-time does not know.
    """
    by_type = {step['type']: step for step in steps}
    unknown = by_type.keys() - {'LoadImage', 'GetBBoxCenterScale', 'TopdownAffine', 'PackPoseInputs'}
    if unknown or 'TopdownAffine' not in by_type:
        raise ValueError(f'got a test pipeline of {", ".join(by_type)}; exported models know LoadImage, '
                         'GetBBoxCenterScale, TopdownAffine, PackPoseInputs')
    codec = model.cfg.model.head.get('decoder')
    if not isinstance(codec, dict):
        raise ValueError(f'got head {model.cfg.model.head.type} with decoder {codec}; exported models need one decoder '
                         'of heatmaps')
    codec = dict(codec)
    check_codec(codec)
    if model.test_cfg.get('flip_mode', 'heatmap') != 'heatmap' or model.test_cfg.get('output_keypoint_indices'):
        raise ValueError("got a test_cfg with flip_mode other than 'heatmap' or with output_keypoint_indices, which "
                         'exported models do not know')
    preprocessor = model.data_preprocessor
    normalizes = preprocessor._enable_normalize
    # MMEngine has one switch for exchanging first and last channel, whichever of its two options asked for it.
    return ModelInfo(
        name=Path(model.cfg.filename or 'model').stem,
        input_size=tuple(by_type['TopdownAffine']['input_size']),
        heatmap_size=tuple(codec['heatmap_size']),
        mean=preprocessor.mean.flatten().tolist() if normalizes else [],
        std=preprocessor.std.flatten().tolist() if normalizes else [],
        bgr_to_rgb=bool(preprocessor._channel_conversion),
        padding=float(by_type.get('GetBBoxCenterScale', {}).get('padding', 1.25)),
        use_udp=bool(by_type['TopdownAffine'].get('use_udp', False)),
        codec=codec,
        flip_indices=list(model.dataset_meta['flip_indices']),
        shift_heatmap=bool(model.test_cfg.get('shift_heatmap', False)),
        dataset_meta=dict(model.dataset_meta),
        precision=precision,
        inputs=inputs,
        outputs=outputs,
        flip_test=flip_test,
        rampose_version=__version__)
