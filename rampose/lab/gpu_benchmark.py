"""RAM-HRNet + GPR against HRNet on a GPU: inference and training steps, memory, in one interleaved run for each batch.

Weights are random, inputs too; both are on the GPU already. Rows are written as they are measured.
"""

import copy
import itertools
from pathlib import Path
from typing import Any, Callable, Dict, List

import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch import nn

from .. import models as registered  # noqa: F401
from ..core.files import write_csv
from ..core.package import shipped
from .benchmark import hrnet_config
from .latency import time_interleaved

COCO = 'configs/body_2d_keypoint/topdown_heatmap/coco'
WIDTHS = ('w32', 'w48')
MODES = {  # name: (channels_last, autocast to bfloat16)
    'fp32': (False, False), 'fp32, channels_last': (True, False), 'bf16': (False, True),
    'bf16, channels_last': (True, True)}
ROUNDS = {1: 30, 8: 20, 32: 8, 64: 8}  # of each batch size


def gpu_benchmark(out: Path, device: str = 'cuda', batch_sizes: tuple = (1, 8, 64), train_batch_size: int = 32,
                  compiled: bool = True, say: Callable[[str], None] = print) -> List[Dict[str, Any]]:
    """Measure everything, the quick things first, torch.compile last.

    Args:
        out: Folder for gpu_benchmark.csv.
        device: 'cuda', or 'cpu' to try it.
        batch_sizes: Crops at once in inference.
        train_batch_size: Crops of a training step.
        compiled: Also compile W32 for bf16 in channels_last.
        say: Told of each row.

    Returns:
        The rows of the CSV.
    """
    rows: List[Dict[str, Any]] = []

    def add(part: str, batch_size: int, calls: Dict[str, Callable[[], object]]) -> None:
        latencies = time_interleaved(calls, ROUNDS.get(batch_size, 5), warmup=3)
        baseline = next(iter(calls))
        for name, latency in latencies.items():
            low, high = latency.ratio_quartiles
            rows.append(dict(part=part, batch_size=batch_size, candidate=name, baseline=baseline,
                             milliseconds=round(1e3 * latency.median, 3),
                             crops_per_second=round(batch_size / latency.median, 1), ratio=round(latency.ratio, 4),
                             quartile_1=round(low, 4), quartile_3=round(high, 4),
                             memory_mb=_peak_memory(calls[name], device)))
            say(f'{part}, {batch_size}, {name}: {rows[-1]["milliseconds"]} ms, ratio {rows[-1]["ratio"]}, '
                f'{rows[-1]["memory_mb"]} MB')
        write_csv(out / 'gpu_benchmark.csv', rows)

    for width in WIDTHS:
        ours = Config.fromfile(shipped(COCO) / f'td-hm_ram-hrnet-{width}-gpr_4xb32-240e_coco-256x192.py')
        pair = {f'HRNet-{width.upper()}': hrnet_config(ours), f'ours {width.upper()}': ours}
        for batch_size, (mode, (channels_last, bf16)) in itertools.product(batch_sizes, MODES.items()):
            add(f'inference, {mode}', batch_size, {
                name: inference(_built(config, device, channels_last), batch_size, config, device, channels_last, bf16)
                for name, config in pair.items()})
        for mode, (channels_last, bf16) in MODES.items():
            add(f'training step, {mode}', train_batch_size, {
                name: training_step(_built(config, device, channels_last), train_batch_size, config, device,
                                    channels_last, bf16) for name, config in pair.items()})
        if compiled and width == 'w32':
            for batch_size in batch_sizes:
                add('inference, bf16, channels_last, compiled', batch_size, {
                    name: inference(torch.compile(_built(config, device, True)), batch_size, config, device, True, True)
                    for name, config in pair.items()})
    return rows


class _Heatmaps(nn.Module):
    """A pose estimator from crops to heatmaps."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head.forward(self.backbone(x))


def _built(config: Config, device: str, channels_last: bool) -> nn.Module:
    model_config = copy.deepcopy(config.model)
    model_config.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = _Heatmaps(MODELS.build(model_config)).to(device).eval()
    return model.to(memory_format=torch.channels_last) if channels_last else model


def _crops(batch_size: int, config: Config, device: str, channels_last: bool) -> torch.Tensor:
    w, h = config.codec.input_size
    crops = torch.randn(batch_size, 3, h, w, device=device)
    return crops.to(memory_format=torch.channels_last) if channels_last else crops


def inference(model: nn.Module, batch_size: int, config: Config, device: str, channels_last: bool,
              bf16: bool) -> Callable[[], object]:
    """A call that goes from crops to heatmaps."""
    crops = _crops(batch_size, config, device, channels_last)

    def call() -> None:
        with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=bf16):
            model(crops)

    return call


def training_step(model: nn.Module, batch_size: int, config: Config, device: str, channels_last: bool,
                  bf16: bool) -> Callable[[], object]:
    """A call that takes a step of Adam on the squared error of random heatmaps."""
    crops = _crops(batch_size, config, device, channels_last)
    w, h = config.codec.heatmap_size
    target = torch.rand(batch_size, config.model.head.out_channels, h, w, device=device)
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), foreach=True)

    def call() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            heatmaps = model(crops)
        (heatmaps.float() - target).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    return call


def _peak_memory(call: Callable[[], object], device: str) -> int:
    """MB that a call has allocated at most, with weights and inputs of all candidates."""
    if device != 'cuda':
        return 0
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    torch.cuda.synchronize()
    return round((torch.cuda.max_memory_allocated() - before) / 1e6)


if __name__ == '__main__':  # a step of its own: FOLDER [DEVICE]
    import sys
    gpu_benchmark(Path(sys.argv[1]), *sys.argv[2:3])
