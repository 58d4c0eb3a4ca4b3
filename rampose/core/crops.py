"""Cutting people out of a picture as MMPose's `GetBBoxCenterScale` and `TopdownAffine` do."""

from typing import NamedTuple, Tuple

import cv2
import numpy as np


class Crop(NamedTuple):
    """A person cut out, and where from.

    Attributes:
        pixels: ``(h, w, 3)`` uint8 BGR.
        center: (x, y) of its centre in image px.
        scale: (w, h) that it covers in image px.
    """
    pixels: np.ndarray
    center: np.ndarray
    scale: np.ndarray

    def to_image(self, keypoints_input: np.ndarray) -> np.ndarray:
        """Take keypoints ``(K, 2)`` from crop px to image px."""
        h, w = self.pixels.shape[:2]
        return keypoints_input / (w, h) * self.scale + self.center - 0.5 * self.scale


def cut_out(image: np.ndarray, bbox: np.ndarray, input_size: Tuple[int, int], padding: float, use_udp: bool) -> Crop:
    """Cut a person out.

    Args:
        image: ``(h, w, 3)`` uint8 BGR.
        bbox: ``(4,)`` float32, xyxy in image px.
        input_size: (w, h) of the crop, px.
        padding: Factor by which the box is widened; then its shorter side grows until it has the crop's shape.
        use_udp: Whether to align the centres of the border's pixels, as UDP does, rather than the border itself.

    Returns:
        The crop; black beyond the picture.
    """
    w, h = input_size
    x1, y1, x2, y2 = np.asarray(bbox, np.float32)
    center = np.array([x1 + x2, y1 + y2], np.float32) * 0.5
    box_w, box_h = np.array([x2 - x1, y2 - y1], np.float32) * padding
    ratio = w / h
    scale = np.array([box_w, box_w / ratio] if box_w > box_h * ratio else [box_h * ratio, box_h], np.float32)
    matrix = _udp_matrix(center, scale, w, h) if use_udp else _matrix(center, scale, w, h)
    return Crop(cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR), center, scale)


def _matrix(center: np.ndarray, scale: np.ndarray, w: int, h: int) -> np.ndarray:
    # By three points, as MMPose does it, whose rounding is part of what the network was trained on.
    half = scale[0] * 0.5
    source = np.array([center, center + (-half, 0), center + (-half, half)], np.float32)
    target = np.array([(w * 0.5, h * 0.5), (0, h * 0.5), (0, h * 0.5 + w * 0.5)], np.float32)
    return cv2.getAffineTransform(source, target)


def _udp_matrix(center: np.ndarray, scale: np.ndarray, w: int, h: int) -> np.ndarray:
    scale, center = scale.astype(float), center.astype(float)
    factor = np.array([w - 1, h - 1]) / scale
    shift = factor * (0.5 * scale - center)
    return np.array([[factor[0], 0, shift[0]], [0, factor[1], shift[1]]], np.float32)
