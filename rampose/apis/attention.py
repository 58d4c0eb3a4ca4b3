"""What the Resolution-wise Attention Modules of a model weigh, for given inputs."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Dict, Iterator, List, Sequence, Tuple

import numpy as np
from torch import Tensor, nn

from ..layers import ResolutionWiseAttention

if TYPE_CHECKING:
    from . import TopdownPredictor


@contextmanager
def record_attention(model: nn.Module) -> Iterator[Dict[str, np.ndarray]]:
    """Record the attention weights of every exchange unit while the model runs.

    Example:
        >>> with record_attention(model) as weights:
        ...     inference_topdown(model, image, bboxes)
        >>> weights['stage4.0'].shape  # (persons, 4 outputs, 4 inputs)

    Args:
        model: Any model with a :class:`RAMHRNet` in it.

    Yields:
        An empty dict that is filled when the context ends: for each exchange unit, in the order in which they run, its
        name ``stage{s}.{m}`` and the weights W_h^i of Eq. 2, ``(B, N outputs, M inputs)``, B over all calls. With flip
        test the mirrored crops of a call follow its crops.

    Raises:
        ValueError: The model has no attention.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, ResolutionWiseAttention)}
    if not layers:
        raise ValueError(f'{type(model).__name__} has no ResolutionWiseAttention (with_attention=False, or another '
                         'backbone than RAMHRNet)')
    recorded: Dict[str, List[np.ndarray]] = {name: [] for name in layers}

    def hook_for(name: str):

        def hook(_module: nn.Module, _inputs: tuple, weights: Tensor) -> None:
            recorded[name].append(weights.detach().float().cpu().numpy())

        return hook

    handles = [layer.register_forward_hook(hook_for(name)) for name, layer in layers.items()]
    by_unit: Dict[str, np.ndarray] = {}
    try:
        yield by_unit
    finally:
        for handle in handles:
            handle.remove()
    outputs: Dict[str, List[np.ndarray]] = {}
    for name, calls in recorded.items():
        unit = name[name.index('stage'):name.index('.attention')]
        if calls:
            outputs.setdefault(unit, []).append(np.concatenate(calls))
    by_unit.update({unit: np.stack(weights, axis=1) for unit, weights in outputs.items()})


def predict_with_attention(
    predictor: 'TopdownPredictor',
    images: Sequence[np.ndarray],
    bboxes: Sequence[np.ndarray],
) -> Tuple[List[np.ndarray], List[np.ndarray], List[Dict[str, np.ndarray]]]:
    """Estimate keypoints, and see what attention weighed for each person.

    Not for threads that share a predictor: the weights of the others' persons would be among them.

    Args:
        predictor: One of a model with a :class:`RAMHRNet` in it.
        images: Pictures, as the predictor takes them.
        bboxes: The boxes of each, N ``(4,)``.

    Returns:
        The predictor's keypoints and scores; and for each picture, by exchange unit, the weights of Eq. 2 of its
        persons, ``(N, N outputs, M inputs)``, of the crops as they are, not of the mirrored ones. Empty if no picture
        shows anybody.

    Raises:
        ValueError: The model has no attention, or there is one picture in place of a list.
    """
    if not isinstance(images, (list, tuple)):
        raise ValueError(f'got images of type {type(images).__name__}; needed are lists: [image], [bboxes]')
    with record_attention(predictor.pose_model.model) as by_unit:
        keypoints, scores = predictor(images, bboxes)
    # A batch's mirrored crops, if there are any, follow its crops.
    num_people = sum(len(of_image) for of_image in keypoints)
    passes = 2 if predictor.pose_model.flip_test else 1
    rows = np.arange(num_people)
    rows += rows // predictor.batch_size * predictor.batch_size * (passes - 1)
    ends = np.cumsum([len(of_image) for of_image in keypoints], dtype=int)
    weights = [{unit: of_unit[rows[end - len(of_image):end]] for unit, of_unit in by_unit.items()}
               for end, of_image in zip(ends, keypoints)]
    return keypoints, scores, weights
