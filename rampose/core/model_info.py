"""What an exported model says of itself, so that nothing else is needed to run it."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Dict, List, Optional, Tuple, Union

import cv2
import numpy as np

METADATA_KEY = 'rampose'
FORMAT_VERSION = 1
OPTIONAL = ('calibration', 'min_keypoint_score')  # of newer files
# What JSON has no types for, in MMPose's description of a data set.
_ARRAYS = dict(keypoint_colors=np.uint8, skeleton_link_colors=np.uint8, dataset_keypoint_weights=np.float32,
               sigmas=np.float32)


@dataclass(frozen=True)
class ModelInfo:
    """Description of an exported model, stored in its file as JSON.

    Attributes:
        name: Of the config that it was exported from.
        input_size: (w, h) of the crops, px.
        heatmap_size: (w, h) of the heatmaps, cells.
        mean: Subtracted from each channel of a crop, in the order that the network takes; empty for none.
        std: Divided by, likewise.
        bgr_to_rgb: Whether the network takes RGB. Pictures are BGR.
        padding: Factor from a box to what is cut out.
        use_udp: Whether crops are cut as UDP does.
        codec: MMPose's config of the heatmaps, which says how to decode them.
        flip_indices: The keypoint that each becomes in a mirrored picture.
        shift_heatmap: Whether mirrored heatmaps are moved by one cell before they are averaged.
        dataset_meta: MMPose's description of the keypoints: names, skeleton, colours, flip pairs, sigmas.
        precision: 'fp32', 'fp16', 'bf16' or 'int8'.
        inputs: 'normalized' for ``(B, 3, h, w)`` float32, 'uint8' for ``(B, h, w, 3)`` BGR as the picture has it.
        outputs: 'heatmaps' for ``(B, K, H, W)``, 'keypoints' for ``(B, K, 2)`` in crop px and scores ``(B, K)``.
        flip_test: Whether the model averages with the mirrored crops by itself.
        rampose_version: Of the package that wrote it.
        format_version: Of this description.
        calibration: :class:`rampose.core.uncertainty.Calibration` as it is stored; None for a model that was not
            calibrated.
        min_keypoint_score: Keypoints of lower scores are better not drawn; None where nobody looked.
    """
    name: str
    input_size: Tuple[int, int]
    heatmap_size: Tuple[int, int]
    mean: List[float]
    std: List[float]
    bgr_to_rgb: bool
    padding: float
    use_udp: bool
    codec: Dict
    flip_indices: List[int]
    shift_heatmap: bool
    dataset_meta: Dict
    precision: str
    inputs: str
    outputs: str
    flip_test: bool
    rampose_version: str
    format_version: int = FORMAT_VERSION
    calibration: Optional[Dict] = None
    min_keypoint_score: Optional[float] = None

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Turn crops ``(B, h, w, 3)`` uint8 BGR into what the network takes."""
        if self.inputs == 'uint8':
            return pixels
        values = np.arange(256, dtype=np.float32)[:, None].repeat(3, axis=1)  # what each byte becomes, by channel
        if self.mean:
            values -= np.array(self.mean, np.float32)
            values /= np.array(self.std, np.float32)
        channels = (2, 1, 0) if self.bgr_to_rgb else (0, 1, 2)
        table = np.ascontiguousarray(values[None, :, channels])
        inputs = np.empty((len(pixels), 3, *pixels.shape[1:3]), np.float32)
        for crop, planes in zip(pixels, inputs):
            for channel, plane in zip(channels, cv2.split(cv2.LUT(crop, table))):
                planes[channel] = plane
        return inputs

    def to_json(self) -> str:
        """As it is stored."""
        return json.dumps(asdict(self), default=lambda array: array.tolist())

    @classmethod
    def from_json(cls, text: Optional[str], path: Union[str, Path]) -> 'ModelInfo':
        """Read a stored description.

        Args:
            text: It, or None if the file has none.
            path: The file, for messages.

        Raises:
            ValueError: There is none, it was written by a newer rampose, or it is damaged.
        """
        again = 'write the model again with rampose export'
        if not text:
            raise ValueError(f'{path} does not say what it is: another program wrote it, or removed its metadata; '
                             f'{again}')
        try:
            content = json.loads(text)
            version = int(content['format_version'])
        except (KeyError, TypeError, ValueError):
            raise ValueError(f"{path} has damaged metadata ({text[:40]!r}); {again}") from None
        if version > FORMAT_VERSION:
            raise ValueError(f'{path} was written by rampose {content.get("rampose_version")}, in format {version}; '
                             f'this rampose reads up to {FORMAT_VERSION}: update it')
        for name in OPTIONAL:
            content.setdefault(name, None)
        missing = [field.name for field in fields(cls) if field.name not in content]
        if missing:
            raise ValueError(f'{path} has metadata without {", ".join(missing)}; {again}')
        empty = [field.name for field in fields(cls) if content[field.name] is None and field.name not in OPTIONAL]
        if empty:
            raise ValueError(f'{path} has damaged metadata (nothing for {", ".join(empty)}); {again}')
        content.update(input_size=tuple(content['input_size']), heatmap_size=tuple(content['heatmap_size']),
                       dataset_meta=_restore(content['dataset_meta']))
        return cls(**{field.name: content[field.name] for field in fields(cls)})


def _restore(dataset_meta: Dict) -> Dict:
    meta = dict(dataset_meta)
    for key in _ARRAYS.keys() & meta.keys():
        meta[key] = np.array(meta[key], _ARRAYS[key])
    if 'keypoint_id2name' in meta:
        meta['keypoint_id2name'] = {int(number): name for number, name in meta['keypoint_id2name'].items()}
    return meta


def first_line(error: Exception) -> str:
    """The line of an engine's error that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and 'Exception from' not in line]
    return lines[0] if lines else type(error).__name__
