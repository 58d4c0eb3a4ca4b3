"""Time RAM-HRNet + GPR against MMPose's HRNet of the same width, in one interleaved run.

    python tools/benchmark.py [CONFIG] [--batch-size 1] [--rounds 40] [--train-batch-size 4]
"""

import argparse
import copy
import platform
from pathlib import Path
from typing import Callable, Dict

import torch
from mmengine import Config
from mmpose.registry import MODELS
from mmpose.utils import register_all_modules
from rich.console import Console
from rich.progress import track
from rich.table import Table

from rampose.analysis.complexity import complexity
from rampose.analysis.latency import Latency, time_interleaved

CONFIG = (Path(__file__).resolve().parents[1] / 'configs/body_2d_keypoint/topdown_heatmap/coco' /
          'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default=str(CONFIG), help='one of our configs; default: W32, 256x192')
    parser.add_argument('--batch-size', type=int, default=1, help='persons at once in inference')
    parser.add_argument('--train-batch-size', type=int, default=4, help='persons in a training step')
    parser.add_argument('--rounds', type=int, default=40, help='rounds of inference; training takes a quarter of them')
    return parser.parse_args()


def hrnet_config(model: dict) -> dict:
    """MMPose's HRNet with its plain head, of the same stages as `model`."""
    model = copy.deepcopy(model)
    model['backbone']['type'] = 'HRNet'
    model['backbone'].pop('with_attention', None)
    model['backbone']['extra']['stage4']['multiscale_output'] = False
    model['head'] = dict(
        type='HeatmapHead',
        in_channels=model['head']['in_channels'][0],
        out_channels=model['head']['out_channels'],
        deconv_out_channels=None,
        decoder=model['head']['decoder'])
    return model


def build(model: dict, device: str) -> torch.nn.Module:
    model = copy.deepcopy(model)
    model['backbone']['init_cfg'] = None  # random weights take as long as trained ones
    return MODELS.build(model).to(device).eval()


def inference(model: torch.nn.Module, inputs: torch.Tensor) -> Callable[[], None]:

    def call() -> None:
        with torch.no_grad():
            model(inputs, None, mode='tensor')

    return call


def training_step(model: torch.nn.Module, inputs: torch.Tensor) -> Callable[[], None]:
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    targets = torch.rand_like(model(inputs, None, mode='tensor'))

    def call() -> None:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs, None, mode='tensor'), targets).backward()
        optimizer.step()

    return call


def as_table(title: str, latencies: Dict[str, Latency], batch_size: int) -> Table:
    table = Table(title=title)
    for column in ('model', 'ms', 'persons / s', 'ratio to HRNet', 'quartiles'):
        table.add_column(column, justify='left' if column == 'model' else 'right')
    for name, latency in latencies.items():
        low, high = latency.ratio_quartiles
        table.add_row(name, f'{1e3 * latency.median:.1f}', f'{batch_size / latency.median:.1f}', f'{latency.ratio:.3f}',
                      f'{low:.3f} - {high:.3f}')
    return table


def main() -> None:
    args = parse_args()
    register_all_modules()
    console = Console()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    config = Config.fromfile(args.config)
    w, h = config.codec['input_size']
    models = {'HRNet': build(hrnet_config(config.model), device), 'RAM-HRNet + GPR': build(config.model, device)}

    where = torch.cuda.get_device_name() if device == 'cuda' else f'{torch.get_num_threads()} threads'
    console.print(f'{Path(args.config).name}\n{platform.processor() or platform.machine()}, {where}, '
                  f'torch {torch.__version__}, random weights')
    for name, model in models.items():
        cost = complexity(model, (w, h))
        console.print(f'{name}: {cost.parameters / 1e6:.2f} M parameters, {cost.paper_gflops:.3f} multiply-adds / 2^30')

    for title, prepare, batch_size, rounds in (
            ('Inference', inference, args.batch_size, args.rounds),
            ('Training step', training_step, args.train_batch_size, max(1, args.rounds // 4))):
        inputs = torch.randn(batch_size, 3, h, w, device=device)
        calls = {name: prepare(model, inputs) for name, model in models.items()}
        latencies = time_interleaved(calls, rounds, progress=lambda it, title=title: track(it, title))
        console.print(as_table(f'{title}, {batch_size} person(s), {h}x{w}, PyTorch eager', latencies, batch_size))


if __name__ == '__main__':
    main()
