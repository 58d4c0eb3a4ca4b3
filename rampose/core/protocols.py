"""What the predictor asks of its parts, written down so that a third party can bring one of its own."""

from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple

import numpy as np


class Engine(Protocol):
    """Runs the network of an exported model: arrays in, arrays out.

    Attributes:
        metadata: The model's description, JSON of :class:`rampose.core.model_info.ModelInfo`; None if it has none.
    """

    @property
    def metadata(self) -> Optional[str]:
        ...

    def start(self, precision: str, device: Optional[str], dtype: Optional[str], num_threads: Optional[int]) -> None:
        """Get ready to run.

        Args:
            precision: Of the model: 'fp32', 'fp16', 'bf16' or 'int8'.
            device: As the caller of the predictor named it; None for the engine's choice.
            dtype: Likewise.
            num_threads: Likewise.

        Raises:
            ValueError: Something that it cannot do.
        """

    def __call__(self, inputs: np.ndarray) -> List[np.ndarray]:
        """Run ``(B, 3, h, w)`` float32 or ``(B, h, w, 3)`` uint8, as the model takes them; several threads may call."""


class PoseModel(Protocol):
    """Crops in, keypoints out.

    Attributes:
        dataset_meta: MMPose's description of the keypoints.
        flip_test: Whether it averages with the mirrored crops.
    """

    @property
    def dataset_meta(self) -> Dict:
        ...

    @property
    def flip_test(self) -> bool:
        ...

    def crop(self, image: np.ndarray, bbox: np.ndarray) -> Any:
        """Cut a person out of an image ``(h, w, 3)`` uint8 BGR by a box ``(4,)`` xyxy in image px."""

    def __call__(self, crops: Sequence[Any]) -> Tuple[np.ndarray, np.ndarray]:
        """Keypoints ``(B, K, 2)`` in image px and their scores ``(B, K)`` of B crops; float32."""


class Detector(Protocol):
    """Finds people; any function with these arguments is one."""

    def __call__(self, image: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Boxes ``(N, 4)`` xyxy in image px and scores ``(N,)`` in an image ``(h, w, 3)`` uint8 BGR."""


def check_protocol(value: object, protocol: type, what: str) -> None:
    """Raise ValueError unless an object has everything that a protocol names.

    Args:
        value: The object.
        protocol: One of those above.
        what: What the caller gave it for, for the message.
    """
    wanted = [name for name in vars(protocol)
              if not name.startswith('_') or name == '__call__']
    missing = [name for name in dict.fromkeys(wanted) if not hasattr(value, name)]
    if missing:
        raise ValueError(f'got {what} of type {type(value).__name__}, which lacks {", ".join(missing)}; needed is a '
                         f'{protocol.__name__} (rampose.core.protocols)')
