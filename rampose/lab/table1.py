"""The paper's Table 1: what it reports of each system, and what of that can be counted and timed here.

Paper: "Learning Enhanced Resolution-wise Features for Human Pose Estimation", Table 1.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Union

import torch
from mmengine import Config
from torch import nn

from .complexity import Complexity, complexity
from .latency import Latency, time_interleaved
from .random_weights import with_random_weights

COCO = 'body_2d_keypoint/topdown_heatmap/coco'


@dataclass(frozen=True)
class Row:
    """A row of Table 1: one system at one input size.

    Attributes:
        system: Short name, by which `rampose table1 --rows` chooses.
        title: The paper's name for it.
        size: Input size, height x width.
        config: Name of our config.
        parameters: Parameters in millions, as this and all that follows reported by the paper; None where it has none.
        gflops: "FLOPs" in G, which are multiply-adds / 2^30.
        cpu_ms: CPU time a person on an Intel Xeon E5-2620 v3, ms.
        gpu_ms: GPU time a person on a Titan X, ms.
        ap_val: AP on val2017.
        ap_test_dev: AP on test-dev2017.
    """
    system: str
    title: str
    size: str
    config: str
    parameters: Optional[float]
    gflops: Optional[float]
    cpu_ms: Optional[int]
    gpu_ms: Optional[int]
    ap_val: Optional[float]
    ap_test_dev: Optional[float] = None


# Small images first, each size in the paper's order.
TABLE_1 = tuple(Row(*values) for values in (
    ('hourglass', 'Stacked Hourglass', '256x192', 'td-hm_hourglass8_4xb32-240e_coco-256x192',
     25.1, 14.3, 1470, 11, 66.9),
    ('cpn', 'CPN + OHKM', '256x192', 'td-hm_cpn-res50_4xb32-240e_coco-256x192', 27.0, 6.2, None, None, 69.4),
    ('simplebaseline', 'SimpleBaseline', '256x192', 'td-hm_res152_4xb32-240e_coco-256x192', 68.6, 15.7, 490, 7, 72.0),
    ('hrnet-w32', 'HRNet W32', '256x192', 'td-hm_hrnet-w32_4xb32-240e_coco-256x192', 28.5, 7.1, 294, 6, 74.4),
    ('hrnet-w48', 'HRNet W48', '256x192', 'td-hm_hrnet-w48_4xb32-240e_coco-256x192', 63.6, 14.6, 455, 9, 75.1),
    ('ours-w32', 'Ours of W32', '256x192', 'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192',
     31.4, 7.7, 345, 7, 76.0),
    ('ours-w48', 'Ours of W48', '256x192', 'td-hm_ram-hrnet-w48-gpr_4xb32-240e_coco-256x192',
     70.0, 15.8, 502, 12, 76.5),
    ('simplebaseline', 'SimpleBaseline', '384x288', 'td-hm_res152_4xb32-240e_coco-384x288',
     68.6, 35.6, 1053, 11, 74.3, 73.7),
    ('hrnet-w32', 'HRNet W32', '384x288', 'td-hm_hrnet-w32_4xb32-240e_coco-384x288', 28.5, 16.0, 714, 13, 75.8, 74.9),
    ('hrnet-w48', 'HRNet W48', '384x288', 'td-hm_hrnet-w48_4xb32-240e_coco-384x288', 63.6, 32.9, 1136, 15, 76.3, 75.5),
    ('ours-w32', 'Ours of W32', '384x288', 'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-384x288',
     31.4, 17.2, 877, 17, 77.3, 76.5),
    ('ours-w48', 'Ours of W48', '384x288', 'td-hm_ram-hrnet-w48-gpr_4xb32-240e_coco-384x288',
     70.0, 35.6, 1352, 23, 77.7, 77.0),
    ('cpn-ensemble', 'Ensembled CPN', '384x288', 'td-hm_cpn-ensemble_coco-384x288', None, None, None, None, None, 73.0),
))
SYSTEMS = tuple(dict.fromkeys(row.system for row in TABLE_1))
SIZES = tuple(dict.fromkeys(row.size for row in TABLE_1))


def choose(systems: Sequence[str] = SYSTEMS, sizes: Sequence[str] = SIZES) -> List[Row]:
    """Rows of Table 1 in its order.

    Raises:
        ValueError: None of the systems has a row of such a size.
    """
    rows = [row for row in TABLE_1 if row.system in systems and row.size in sizes]
    if not rows:
        raise ValueError(f'Table 1 has no row of {", ".join(systems)} at {", ".join(sizes)}')
    return rows


def build(row: Row, configs: Union[str, Path]) -> nn.Module:
    """A row's system with random weights, in eval mode; `configs` is the folder of our configs."""
    return with_random_weights(Config.fromfile(Path(configs) / COCO / f'{row.config}.py'))


def cost(row: Row, model: nn.Module) -> Complexity:
    """Parameters and multiply-adds of a row's system."""
    h, w = map(int, row.size.split('x'))
    return complexity(model, (w, h))


def latencies(models: Dict[Row, nn.Module], rounds: int, device: str = 'cpu',
              progress: Optional[Callable] = None) -> Dict[Row, Latency]:
    """Time one person's crop through each system's network in PyTorch eager, without flip test, in an interleaved run.

    Args:
        models: The systems; they are moved to the device.
        rounds: Number of rounds.
        device: 'cpu' or 'cuda'.
        progress: Wraps the rounds, to draw a progress bar.
    """
    calls = {row: _call(model.to(device), row.size, device) for row, model in models.items()}
    # The first call of a network allocates; two, since a round of all takes seconds.
    return time_interleaved(calls, rounds, warmup=2, progress=progress)


def _call(model: nn.Module, size: str, device: str) -> Callable[[], None]:
    h, w = map(int, size.split('x'))
    crop = torch.randn(1, 3, h, w).to(device)

    def call() -> None:
        with torch.no_grad():
            model(crop, None, mode='tensor')

    return call
