"""examples:
  rampose benchmark
  rampose benchmark CONFIG --what network --rounds 40 --out work_dirs/benchmark
  rampose benchmark --train

network: normalised crops to heatmaps, --batch-size of them. people: an image and --people boxes to keypoints, with and
without flip test. train: steps of MMPose's training on generated images, data loader included, and the share of the
time that they wait for data. Each candidate has a process of its own, whose peak memory is given; a ratio is the
median, over the rounds, of its time to HRNet's in the same round.
"""

import argparse
import copy
import tempfile
from pathlib import Path
from typing import Iterable, List

from .console import progress, table
from .statuses import DONE, before_the_work, writing

CONFIG = 'configs/body_2d_keypoint/topdown_heatmap/coco/td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', nargs='?', help='one of our configs; default: W32, 256x192')
    parser.add_argument('--what', nargs='+', default=['network', 'people', 'train'],
                        choices=['network', 'people', 'train'], help='default: all three')
    parser.add_argument('--train', dest='what', action='store_const', const=['train'], help='short for --what train')
    parser.add_argument('--rounds', type=int, default=40,
                        help='rounds for the network; people and training take a quarter of them (default: 40)')
    parser.add_argument('--batch-size', type=int, default=1, help='crops at once in the network (default: 1)')
    parser.add_argument('--people', type=int, default=8, help='people in the picture (default: 8)')
    parser.add_argument('--train-batch-size', type=int, default=4, help='crops in a training step (default: 4)')
    parser.add_argument('--workers', type=int, default=2, help='of the data loader in training (default: 2)')
    parser.add_argument('--device', choices=['cpu', 'cuda'], help='default: a GPU where there is one')
    parser.add_argument('--out', type=Path, help='folder for benchmark.csv and benchmark.png')


def show(rows: List[dict]) -> None:
    """Print the rows of a part as a table."""
    training = any(row['data_share'] != '' for row in rows)
    columns = ['', 'ms', 'people / s', 'ratio to HRNet', 'quartiles', 'times as fast', 'peak memory, MB',
               *(['waits for data'] if training else [])]
    table(columns, [[row['candidate'], f'{row["milliseconds"]:.1f}', f'{row["people_per_second"]:.1f}',
                     f'{row["ratio"]:.3f}', f'{row["quartile_1"]:.3f} - {row["quartile_3"]:.3f}',
                     f'{1 / row["ratio"]:.2f}', str(row['memory_mb']),
                     *([f'{row["data_share"]:.1%}'] if training else [])] for row in rows], rows[0]['part'])


def shown(items: Iterable, title: str) -> Iterable:
    return progress(items, description=title)


def run(args: argparse.Namespace) -> int:
    with before_the_work():
        import numpy as np
        import torch
        from mmengine import Config
        from mmpose.registry import MODELS
        from mmpose.utils import register_all_modules

        from .. import models  # noqa: F401  registers what the configs build
        from ..core.package import shipped
        from ..lab import benchmark
        from ..lab.complexity import complexity
        from ..lab.machine import describe_machine
        register_all_modules()
        device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
        config = Config.fromfile(args.config or shipped(CONFIG))
        w, h = config.codec.input_size
        configs = {'HRNet': benchmark.hrnet_config(config), 'RAM-HRNet + GPR': config}
    where = describe_machine(device)
    print(f'{Path(config.filename).name}\n{where}, random weights')
    for name, one in configs.items():
        model = copy.deepcopy(one.model)
        model.backbone.init_cfg = None
        cost = complexity(MODELS.build(model).eval(), (w, h))
        print(f'{name}: {cost.parameters / 1e6:.2f} M parameters, {cost.paper_gflops:.3f} multiply-adds / 2^30')

    rng = np.random.default_rng(0)
    rows: List[dict] = []

    def add(part: List[dict]) -> None:
        show(part)
        rows.extend(part)

    if {'network', 'people'} & set(args.what):
        with tempfile.TemporaryDirectory(prefix='rampose-benchmark-') as name:
            folder = Path(name)
            hrnet, ours = (benchmark.write_random(one, folder, stem)
                           for one, stem in zip(configs.values(), ('hrnet', 'ours')))
            exported = benchmark.export_all(ours, folder, print) if device == 'cpu' else {}
            if 'network' in args.what:
                inputs = rng.normal(size=(args.batch_size, 3, h, w)).astype(np.float32)
                add(benchmark.time_isolated(
                    f'Network, {args.batch_size} crop(s), {h}x{w}',
                    benchmark.network_candidates(hrnet, ours, exported, inputs, device), args.rounds, args.batch_size,
                    shown))
            if 'people' in args.what:
                image = rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
                corners = rng.uniform(0, (1000, 300), (args.people, 2))
                bboxes = np.concatenate([corners, corners + (200, 400)], axis=1).astype(np.float32)
                for flip_test in (False, True):
                    add(benchmark.time_isolated(
                        f'Image and {args.people} boxes to keypoints, flip test {"on" if flip_test else "off"}',
                        benchmark.people_candidates(hrnet, ours, exported, image, bboxes, flip_test, device),
                        max(1, args.rounds // 4), args.people, shown))
    if 'train' in args.what:
        add(benchmark.time_training(configs, args.train_batch_size, args.workers, args.rounds, device, shown))
    if args.out:
        with writing('make room, or name another folder by --out'):
            benchmark.write(args.out, rows, where)
        print(f'{args.out}/benchmark.csv, {args.out}/benchmark.png')
    return DONE
