"""int8: which layers are quantised, and by what."""

from typing import Any, Callable, List, Optional, Set

import numpy as np

from ..apis.engines.openvino_engine import in_own_thread
from ..core.model_info import ModelInfo

NUM_KEPT = 3  # convolutions before the heatmaps that int8 leaves as they are


def left_in_float(convolutions: List[str], info: ModelInfo, followers: Callable[[str], List[str]]) -> List[str]:
    """The names of what int8 leaves alone: the last convolutions, which cost next to nothing, and all that decodes.

    Args:
        convolutions: Names of all convolutions, in their order.
        info: What the model does.
        followers: Gives the names of the nodes that take a node's output.
    """
    blurs = info.outputs == 'keypoints' and (info.codec['type'] == 'UDPHeatmap' or info.codec.get('unbiased', False))
    convolutions = convolutions[:-2] if blurs else convolutions  # the decoder's own
    after: Set[str] = set()
    todo = convolutions[-1:]
    while todo:
        new = set(followers(todo.pop())) - after
        after |= new
        todo += new
    return [*convolutions[-NUM_KEPT:], *sorted(after)]


def quantize(model: Any, kept: List[str], info: ModelInfo, calibration: Optional[np.ndarray], as_feed: Callable,
             thorough: bool) -> Any:
    """Quantise a model of ONNX's or OpenVINO's.

    Args:
        model: The model.
        kept: Names of the nodes that stay in floating point.
        info: What it does.
        calibration: Crops ``(N, h, w, 3)`` uint8 BGR whose ranges are taken.
        as_feed: Turns the network's input into what the model takes.
        thorough: Correct the biases of one layer after another.
    """
    if calibration is None:
        raise ValueError('int8 needs crops to choose its ranges by')
    import nncf
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet
    crops = nncf.Dataset(calibration, lambda crop: as_feed(info.prepare(crop[None])))
    # Histograms and the thorough bias correction take minutes, and more than halve the shift of the keypoints
    # (docs/deployment.md).
    return in_own_thread(lambda: nncf.quantize(
        model, crops, preset=nncf.QuantizationPreset.MIXED, subset_size=len(calibration),
        fast_bias_correction=not thorough,
        ignored_scope=nncf.IgnoredScope(names=kept, validate=False),
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            activations_range_estimator_params=RangeEstimatorParametersSet.HISTOGRAM)))
