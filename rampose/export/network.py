"""The network of an exported model: tensors in, tensors out."""

from typing import Tuple, Union

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..core.model_info import ModelInfo


class ExportedNetwork(nn.Module):
    """A pose estimator as a function of tensors alone.

    Args:
        model: MMPose's top-down estimator, in eval mode.
        info: What goes in and what comes out.
        half: Whether to compute in float16; inputs and outputs are float32 in any case. Default: False.

    Shape:
        - Input: ``(B, 3, h, w)`` float32, normalised; or ``(B, h, w, 3)`` uint8, BGR
        - Output: heatmaps ``(B, K, H, W)``; or keypoints ``(B, K, 2)`` in crop px and scores ``(B, K)``
    """

    def __init__(self, model: nn.Module, info: ModelInfo, half: bool = False) -> None:
        super().__init__()
        self.dtype = torch.float16 if half else torch.float32
        self.model = model.to(self.dtype)
        self.info = info
        if info.mean:
            self.register_buffer('mean', torch.tensor(info.mean).view(3, 1, 1))
            self.register_buffer('std', torch.tensor(info.std).view(3, 1, 1))

    def forward(self, inputs: Tensor) -> Union[Tensor, Tuple[Tensor, Tensor]]:
        if self.info.inputs == 'uint8':
            inputs = self._normalize(inputs)
        inputs = inputs.to(self.dtype)
        if self.info.flip_test:
            # One batch, so that the network is there once: in the file, and in what int8 decides about each layer.
            both = self._heatmaps(torch.cat([inputs, inputs.flip(-1)]))
            heatmaps, flipped = both.unflatten(0, (2, inputs.shape[0])).unbind()
            flipped = flipped.flip(-1)[:, self.info.flip_indices]
            if self.info.shift_heatmap:
                flipped = torch.cat([flipped[..., :1], flipped[..., :-1]], dim=-1)
            heatmaps = (heatmaps + flipped) * 0.5
        else:
            heatmaps = self._heatmaps(inputs)
        if self.info.outputs == 'heatmaps':
            return heatmaps
        return decode(heatmaps, self.info.codec)

    def _normalize(self, pixels: Tensor) -> Tensor:
        inputs = pixels.permute(0, 3, 1, 2).float()
        if self.info.bgr_to_rgb:
            inputs = inputs.flip(1)
        return (inputs - self.mean) / self.std if self.info.mean else inputs

    def _heatmaps(self, inputs: Tensor) -> Tensor:
        heatmaps = self.model.head.forward(self.model.extract_feat(inputs))
        return (heatmaps[-1] if isinstance(heatmaps, list) else heatmaps).float()  # heads of several stages: the last


def decode(heatmaps: Tensor, codec: dict) -> Tuple[Tensor, Tensor]:
    """Decode heatmaps within a network, as `rampose.core.decoding.decode` does in numpy.

    Args:
        heatmaps: ``(B, K, H, W)``.
        codec: MMPose's config of the codec.

    Returns:
        Keypoints ``(B, K, 2)`` in crop px, and scores ``(B, K)``.
    """
    h, w = heatmaps.shape[2:]
    scores, index = heatmaps.flatten(2).max(dim=2)
    found = (scores > 0)[..., None]
    x, y = index % w, torch.div(index, w, rounding_mode='floor')
    cells = torch.stack([x, y], dim=2).to(heatmaps.dtype)
    size = torch.tensor(codec['input_size'], dtype=heatmaps.dtype)
    kernel = codec.get('blur_kernel_size', 11)
    if codec['type'] == 'UDPHeatmap':
        logs = F.pad(_blur(heatmaps, kernel).clamp(1e-3, 50.).log(), (1, 1, 1, 1), mode='replicate')
        cells = cells - _newton(logs, x + 1, y + 1, udp=True)
        factor = size / torch.tensor([w - 1, h - 1], dtype=heatmaps.dtype)
    elif codec.get('unbiased', False):
        logs = _blur(heatmaps, kernel).clamp(min=1e-10).log()
        inside = ((x > 1) & (x < w - 2) & (y > 1) & (y < h - 2))[..., None]
        step = _newton(logs, x.clamp(2, w - 3), y.clamp(2, h - 3), udp=False)
        cells = cells - torch.where(inside, step, torch.zeros_like(step))
        factor = size / torch.tensor([w, h], dtype=heatmaps.dtype)
    else:
        at = _Reader(heatmaps, x.clamp(1, w - 2), y)
        dx = (at(1, 0) - at(-1, 0)).sign() * ((x > 1) & (x < w - 1) & (y > 0))
        at = _Reader(heatmaps, x, y.clamp(1, h - 2))
        dy = (at(0, 1) - at(0, -1)).sign() * ((y > 1) & (y < h - 1) & (x > 0))
        cells = cells + 0.25 * torch.stack([dx, dy], dim=2)
        factor = size / torch.tensor([w, h], dtype=heatmaps.dtype)
    return torch.where(found, cells, -torch.ones_like(cells)) * factor, scores


class _Reader:
    """Values of heatmaps ``(B, K, H, W)`` at cells ``(B, K)``, and so many cells away."""

    def __init__(self, heatmaps: Tensor, x: Tensor, y: Tensor) -> None:
        self._flat, self._width = heatmaps.flatten(2), heatmaps.shape[3]
        self._index = y * self._width + x

    def __call__(self, dx: int, dy: int) -> Tensor:
        return self._flat.gather(2, (self._index + dy * self._width + dx)[..., None])[..., 0]


def _newton(logs: Tensor, x: Tensor, y: Tensor, udp: bool) -> Tensor:
    """The Hessian's inverse times the gradient of the logarithm, ``(B, K, 2)``; by UDP's differences or DarkPose's."""
    step = 1 if udp else 2
    at = _Reader(logs, x, y)
    center = at(0, 0)
    gx, gy = 0.5 * (at(1, 0) - at(-1, 0)), 0.5 * (at(0, 1) - at(0, -1))
    gxx = (at(step, 0) - 2 * center + at(-step, 0)) / step**2
    gyy = (at(0, step) - 2 * center + at(0, -step)) / step**2
    if udp:
        gxy = 0.5 * (at(1, 1) - at(1, 0) - at(0, 1) + 2 * center - at(-1, 0) - at(0, -1) + at(-1, -1))
        eps = torch.finfo(torch.float32).eps
        gxx, gyy = gxx + eps, gyy + eps
    else:
        gxy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1))
    determinant = gxx * gyy - gxy * gxy
    solvable = determinant != 0
    determinant = torch.where(solvable, determinant, torch.ones_like(determinant))
    solution = torch.stack([gyy * gx - gxy * gy, gxx * gy - gxy * gx], dim=2) / determinant[..., None]
    return torch.where(solvable[..., None], solution, torch.zeros_like(solution))


def _blur(heatmaps: Tensor, kernel: int) -> Tensor:
    """Blur with zeros around, as OpenCV's Gaussian of that size does, and scale to the maximum that was there."""
    line = torch.from_numpy(cv2.getGaussianKernel(kernel, 0)).to(heatmaps)
    single = heatmaps.flatten(0, 1)[:, None]
    blurred = F.conv2d(single, line.view(1, 1, 1, -1), padding=(0, kernel // 2))
    blurred = F.conv2d(blurred, line.view(1, 1, -1, 1), padding=(kernel // 2, 0)).view_as(heatmaps)
    maximum = blurred.amax(dim=(2, 3), keepdim=True)
    factor = heatmaps.amax(dim=(2, 3), keepdim=True) / torch.where(maximum == 0, torch.ones_like(maximum), maximum)
    return blurred * factor
