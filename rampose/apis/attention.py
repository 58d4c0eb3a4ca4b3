"""Keypoints, and what the Resolution-wise Attention Modules weighed for each person."""

from typing import TYPE_CHECKING, Dict, List, Sequence, Tuple

import numpy as np

from ..core.pose_result import PoseResult

if TYPE_CHECKING:
    from torch import nn

    from .predictor import TopdownPredictor


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
        ValueError: The model has no attention, or is exported or compiled; or there is one image in place of a list.
    """
    results = predict_results_with_attention(predictor, images, bboxes)
    return ([result.keypoints for result in results], [result.keypoint_scores for result in results],
            [result.attention or {} for result in results])


def predict_results_with_attention(predictor: 'TopdownPredictor', images: Sequence[np.ndarray],
                                   bboxes: Sequence[np.ndarray]) -> List[PoseResult]:
    """The same as :func:`predict_with_attention`, as results with their `attention`."""
    if not isinstance(images, (list, tuple)):
        raise ValueError(f'got images of type {type(images).__name__}; needed are lists: [image], [bboxes]')
    model = observable_model(predictor)
    from ..layers import record_attention
    with record_attention(model) as by_unit:
        results = predictor.predict(images, bboxes)
    # A batch's mirrored crops, if there are any, follow its crops.
    num_people = sum(result.num_people for result in results)
    passes = 2 if predictor.pose_model.flip_test else 1
    rows = np.arange(num_people)
    rows += rows // predictor.batch_size * predictor.batch_size * (passes - 1)
    ends = np.cumsum([result.num_people for result in results], dtype=int)
    for end, result in zip(ends, results):
        result.attention = {unit: of_unit[rows[end - result.num_people:end]] for unit, of_unit in by_unit.items()}
    return results


def observable_model(predictor: 'TopdownPredictor') -> 'nn.Module':
    """The network of a predictor whose attention can be recorded.

    Raises:
        ValueError: It is exported or compiled, or has no attention.
    """
    model = getattr(predictor.pose_model, 'model', None)
    if model is None or getattr(predictor.pose_model, 'is_compiled', False):
        raise ValueError('got an exported or a compiled model, which does not give its attention weights; needed is a '
                         'config with its checkpoint, and compile=False')
    from ..layers import record_attention
    with record_attention(model):  # says if there is none to record
        return model
