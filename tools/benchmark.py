"""Time RAM-HRNet + GPR against MMPose's HRNet of the same width, every way it runs, in one interleaved run.

    python tools/benchmark.py [CONFIG] [--what network people train] [--rounds 40] [--out FOLDER]
    python tools/benchmark.py [CONFIG] --train

network: normalised crops to heatmaps, --batch-size of them. people: a picture and --people boxes to keypoints, with and
without flip test. train: steps of MMPose's training on generated pictures, data loader included, and the share of the
time that they wait for data. Each candidate has a process of its own, whose peak memory is given; a ratio is the
median, over the rounds, of its time to HRNet's in the same round.
"""

import argparse
import contextlib
import copy
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

CONFIG = (Path(__file__).resolve().parents[1] / 'configs/body_2d_keypoint/topdown_heatmap/coco' /
          'td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py')
TRAINING_STEPS = 8  # of a turn; the first ones find what the workers loaded before it
PAUSE = 0.05  # seconds, after which the threads of the engines that we know sleep


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='?', default=str(CONFIG), help='one of our configs; default: W32, 256x192')
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
    return parser.parse_args()


def hrnet_config(config):
    """The config of MMPose's HRNet with its plain head, of the same stages as ours."""
    config = copy.deepcopy(config)
    backbone, head = config.model.backbone, config.model.head
    backbone.type = 'HRNet'
    backbone.pop('with_attention', None)
    backbone.extra.stage4.multiscale_output = False
    config.model.head = dict(
        type='HeatmapHead', in_channels=head.in_channels[0], out_channels=head.out_channels, deconv_out_channels=None,
        decoder=head.decoder)
    return config


def write_random(config, folder: Path, name: str) -> Tuple[str, str]:
    """Files of a config and of random weights for it; they take as long as trained ones."""
    import torch

    from rampose.lab.random_weights import with_random_weights
    config.dump(folder / f'{name}.py')
    torch.save(dict(state_dict=with_random_weights(config).state_dict()), folder / f'{name}.pth')
    return str(folder / f'{name}.py'), str(folder / f'{name}.pth')


def write_people(folder: Path) -> None:
    """Pictures and boxes to calibrate int8 on; its speed does not depend on what they show."""
    import json

    import cv2
    import numpy as np
    rng = np.random.default_rng(0)
    for name in ('0.png', '1.png'):
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (256, 192, 3), dtype=np.uint8))
    (folder / 'boxes.json').write_text(json.dumps({'0.png': [[0, 0, 192, 256]], '1.png': [[0, 0, 192, 256]]}))


def export_all(ours: Tuple[str, str], folder: Path, console) -> Dict[str, Tuple[str, Optional[str]]]:
    """Export to each engine that is installed; by name, the file and the dtype to run it in."""
    from rampose.export.exporting import ExportError, export
    write_people(folder)
    exported = {}
    for name, kwargs in (('ONNX Runtime fp32', dict(format='onnx')), ('OpenVINO fp32', dict(format='openvino')),
                         ('OpenVINO int8', dict(format='openvino', precision='int8',
                                                calibrate=(folder, folder / 'boxes.json'), thorough=False))):
        with console.status(f'Exporting for {name}'):
            try:
                exported[name] = str(export(*ours, folder / name.replace(' ', '-'), **kwargs).path), None
            except (ExportError, ImportError) as error:
                console.print(f'{name} is left out: {error}')
    if 'OpenVINO fp32' in exported:
        exported['OpenVINO bf16'] = exported['OpenVINO fp32'][0], 'bfloat16'
    return exported


def network_candidates(hrnet, ours, exported, inputs, device) -> Dict[str, tuple]:
    from rampose.lab import candidates as make
    found = {
        'HRNet, PyTorch eager': (make.mmpose_network, *hrnet, inputs, device),
        'ours, PyTorch eager': (make.mmpose_network, *ours, inputs, device),
        'ours, predictor': (make.predictor_network, *ours, inputs, device, None, False),
        'ours, predictor compiled': (make.predictor_network, *ours, inputs, device, None, True),
    }
    if device == 'cuda':
        for dtype in ('float16', 'bfloat16'):
            found[f'ours, predictor compiled {dtype}'] = (make.predictor_network, *ours, inputs, device, dtype, True)
    for name, (path, dtype) in exported.items():
        found[f'ours, {name}'] = (make.exported_network, path, inputs, dtype)
    return found


def people_candidates(hrnet, ours, exported, image, bboxes, flip_test, device) -> Dict[str, tuple]:
    from rampose.lab import candidates as make
    found = {
        'HRNet, inference_topdown': (make.mmpose_people, *hrnet, image, bboxes, flip_test, device),
        'ours, predictor': (make.predictor_people, ours, image, bboxes, flip_test, device),
        'ours, predictor compiled': (make.predictor_people, ours, image, bboxes, flip_test, device, None, True),
    }
    for name, (path, dtype) in exported.items():
        found[f'ours, {name}'] = (make.predictor_people, [path], image, bboxes, flip_test, 'cpu', dtype)
    return found


def time_isolated(title: str, candidates: Dict[str, tuple], rounds: int, num_people: int, console) -> List[dict]:
    """Time candidates against the first; the rows of a table, which is printed."""
    from rich.progress import track

    from rampose.lab.isolation import isolated
    from rampose.lab.latency import time_interleaved
    with contextlib.ExitStack() as stack:
        with console.status(f'{title}: starting {len(candidates)} processes'):
            calls = stack.enter_context(isolated(candidates))
        latencies = time_interleaved(calls, rounds, pause=PAUSE, progress=lambda it: track(it, title, console=console))
        rows = as_rows(title, latencies, num_people)
        for row in rows:
            row['memory_mb'] = round(calls[row['candidate']].peak_memory() / 1e6)
    show(title, rows, console)
    return rows


def as_rows(title: str, latencies: dict, num_people: int, steps: int = 1) -> List[dict]:
    rows = []
    for name, latency in latencies.items():
        low, high = latency.ratio_quartiles
        rows.append(dict(
            part=title, candidate=name, milliseconds=round(1e3 * latency.median / steps, 2),
            people_per_second=round(num_people * steps / latency.median, 2), ratio=round(latency.ratio, 4),
            quartile_1=round(low, 4), quartile_3=round(high, 4), memory_mb='', data_share=''))
    return rows


def show(title: str, rows: List[dict], console) -> None:
    from rich.table import Table
    table = Table(title=title)
    table.add_column('', no_wrap=True)
    training = any(row['data_share'] != '' for row in rows)
    for column in ('ms', 'people / s', 'ratio to HRNet', 'quartiles', 'times as fast', 'peak memory, MB',
                   *(['waits for data'] if training else [])):
        table.add_column(column, justify='right')
    for row in rows:
        table.add_row(row['candidate'], f'{row["milliseconds"]:.1f}', f'{row["people_per_second"]:.1f}',
                      f'{row["ratio"]:.3f}', f'{row["quartile_1"]:.3f} - {row["quartile_3"]:.3f}',
                      f'{1 / row["ratio"]:.2f}', str(row['memory_mb']),
                      *([f'{row["data_share"]:.1%}'] if training else []))
    console.print(table)


def write_training(config, folder: Path, name: str, batch_size: int, workers: int) -> str:
    """File of a config that trains on generated pictures."""
    from rampose.lab.sample import make_sample
    if not (folder / 'sample').exists():
        make_sample(folder / 'sample', num_train=64, num_val=1)
    config = copy.deepcopy(config)
    config.train_dataloader.update(batch_size=batch_size, num_workers=workers, persistent_workers=workers > 0)
    config.train_dataloader.dataset.update(
        data_root=str(folder / 'sample'), ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='train/'))
    config.dump(folder / f'{name}.py')
    return str(folder / f'{name}.py')


def time_training(configs: dict, args: argparse.Namespace, device: str, console) -> List[dict]:
    from rich.progress import track

    from rampose.lab.candidates import mmpose_training
    from rampose.lab.isolation import isolated
    from rampose.lab.latency import time_interleaved
    title = f'Training step, {args.train_batch_size} crop(s), {args.workers} worker(s), PyTorch eager'
    with tempfile.TemporaryDirectory(prefix='rampose-benchmark-') as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        candidates = {
            candidate: (mmpose_training, write_training(config, folder, str(i), args.train_batch_size, args.workers),
                        TRAINING_STEPS, device) for i, (candidate, config) in enumerate(configs.items())}
        with console.status(f'{title}: starting {len(candidates)} processes'):
            calls = stack.enter_context(isolated(candidates))
        shares: Dict[str, List[float]] = {candidate: [] for candidate in calls}

        def timed(candidate: str) -> Callable[[], None]:
            return lambda: (calls[candidate](), shares[candidate].append(calls[candidate].last()))

        latencies = time_interleaved({candidate: timed(candidate) for candidate in calls}, max(1, args.rounds // 4),
                                     warmup=1, progress=lambda it: track(it, title, console=console))
        rows = as_rows(title, latencies, args.train_batch_size, TRAINING_STEPS)
        for row in rows:
            row['memory_mb'] = round(calls[row['candidate']].peak_memory() / 1e6)
            row['data_share'] = round(sum(shares[row['candidate']][1:]) / (len(shares[row['candidate']]) - 1), 4)
    show(title, rows, console)
    return rows


def write(out: Path, rows: List[dict], where: str) -> None:
    """benchmark.csv and benchmark.png."""
    from rampose.core.files import write_csv, written_whole
    from rampose.lab.plots import plot_latencies
    write_csv(out / 'benchmark.csv', rows)
    with written_whole(out / 'benchmark.png') as file:
        plot_latencies(rows, where).savefig(file, format='png', dpi=120)


def main() -> int:
    args = parse_args()
    import numpy as np
    import torch
    from mmengine import Config
    from mmpose.registry import MODELS
    from mmpose.utils import register_all_modules
    from rich.console import Console

    from rampose.lab.complexity import complexity
    from rampose.lab.machine import describe_machine
    register_all_modules()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 130)
    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    config = Config.fromfile(args.config)
    w, h = config.codec.input_size
    configs = {'HRNet': hrnet_config(config), 'RAM-HRNet + GPR': config}
    where = describe_machine(device)
    console.print(f'{Path(args.config).name}\n{where}, random weights')
    for name, one in configs.items():
        model = copy.deepcopy(one.model)
        model.backbone.init_cfg = None
        cost = complexity(MODELS.build(model).eval(), (w, h))
        console.print(f'{name}: {cost.parameters / 1e6:.2f} M parameters, {cost.paper_gflops:.3f} multiply-adds / 2^30')

    rng = np.random.default_rng(0)
    rows: List[dict] = []
    if {'network', 'people'} & set(args.what):
        with tempfile.TemporaryDirectory(prefix='rampose-benchmark-') as name:
            folder = Path(name)
            hrnet, ours = (write_random(one, folder, stem) for one, stem in zip(configs.values(), ('hrnet', 'ours')))
            exported = export_all(ours, folder, console) if device == 'cpu' else {}
            if 'network' in args.what:
                inputs = rng.normal(size=(args.batch_size, 3, h, w)).astype(np.float32)
                rows += time_isolated(f'Network, {args.batch_size} crop(s), {h}x{w}',
                                      network_candidates(hrnet, ours, exported, inputs, device), args.rounds,
                                      args.batch_size, console)
            if 'people' in args.what:
                image = rng.integers(0, 256, (720, 1280, 3), dtype=np.uint8)
                corners = rng.uniform(0, (1000, 300), (args.people, 2))
                bboxes = np.concatenate([corners, corners + (200, 400)], axis=1).astype(np.float32)
                for flip_test in (False, True):
                    rows += time_isolated(
                        f'Picture and {args.people} boxes to keypoints, flip test {"on" if flip_test else "off"}',
                        people_candidates(hrnet, ours, exported, image, bboxes, flip_test, device),
                        max(1, args.rounds // 4), args.people, console)
    if 'train' in args.what:
        rows += time_training(configs, args, device, console)
    if args.out:
        write(args.out, rows, where)
        console.print(f'{args.out}/benchmark.csv, {args.out}/benchmark.png')
    return 0


if __name__ == '__main__':
    sys.exit(main())
