"""RAM-HRNet + GPR timed against MMPose's HRNet of the same width, every way it runs, in one interleaved run.

Each candidate has a process of its own, whose peak memory is given; a ratio is the median, over the rounds, of its time
to HRNet's in the same round.
"""

import copy
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, Optional, Tuple

if TYPE_CHECKING:
    import numpy as np
    from mmengine import Config

TRAINING_STEPS = 8  # of a turn; the first ones find what the workers loaded before it
PAUSE = 0.05  # seconds, after which the threads of the engines that we know sleep


def hrnet_config(config: 'Config') -> 'Config':
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


def write_random(config: 'Config', folder: Path, name: str) -> Tuple[str, str]:
    """Files of a config and of random weights for it; they take as long as trained ones."""
    import torch

    from .random_weights import with_random_weights
    config.dump(folder / f'{name}.py')
    torch.save(dict(state_dict=with_random_weights(config).state_dict()), folder / f'{name}.pth')
    return str(folder / f'{name}.py'), str(folder / f'{name}.pth')


def write_people(folder: Path) -> None:
    """Images and boxes to calibrate int8 on; its speed does not depend on what they show."""
    import json

    import cv2
    import numpy as np
    rng = np.random.default_rng(0)
    for name in ('0.png', '1.png'):
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (256, 192, 3), dtype=np.uint8))
    (folder / 'boxes.json').write_text(json.dumps({'0.png': [[0, 0, 192, 256]], '1.png': [[0, 0, 192, 256]]}))


def export_all(ours: Tuple[str, str], folder: Path, say: Callable[[str], None]) -> Dict[str, Tuple[str, Optional[str]]]:
    """Export to each engine that is installed; by name, the file and the dtype to run it in."""
    from ..export.exporting import ExportError, export
    write_people(folder)
    exported = {}
    for name, kwargs in (('ONNX Runtime fp32', dict(format='onnx')), ('OpenVINO fp32', dict(format='openvino')),
                         ('OpenVINO int8', dict(format='openvino', precision='int8',
                                                calibrate=(folder, folder / 'boxes.json'), thorough=False))):
        say(f'exporting for {name}')
        try:
            exported[name] = str(export(*ours, folder / name.replace(' ', '-'), **kwargs).path), None
        except (ExportError, ImportError) as error:
            say(f'{name} is left out: {error}')
    if 'OpenVINO fp32' in exported:
        exported['OpenVINO bf16'] = exported['OpenVINO fp32'][0], 'bfloat16'
    return exported


def network_candidates(hrnet: Tuple[str, str], ours: Tuple[str, str], exported: dict, inputs: 'np.ndarray',
                       device: str) -> Dict[str, tuple]:
    """Ways to run the network, by name; the first is the baseline."""
    from . import candidates as make
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


def people_candidates(hrnet: Tuple[str, str], ours: Tuple[str, str], exported: dict, image: 'np.ndarray',
                      bboxes: 'np.ndarray', flip_test: bool, device: str) -> Dict[str, tuple]:
    """Ways from an image and boxes to keypoints, by name; the first is the baseline."""
    from . import candidates as make
    found = {
        'HRNet, inference_topdown': (make.mmpose_people, *hrnet, image, bboxes, flip_test, device),
        'ours, predictor': (make.predictor_people, ours, image, bboxes, flip_test, device),
        'ours, predictor compiled': (make.predictor_people, ours, image, bboxes, flip_test, device, None, True),
    }
    for name, (path, dtype) in exported.items():
        found[f'ours, {name}'] = (make.predictor_people, [path], image, bboxes, flip_test, 'cpu', dtype)
    return found


def time_isolated(title: str, candidates: Dict[str, tuple], rounds: int, num_people: int,
                  progress: Callable[..., Iterable]) -> List[dict]:
    """Time candidates against the first; the rows of a table."""
    from .isolation import isolated
    from .latency import time_interleaved
    with isolated(candidates) as calls:
        latencies = time_interleaved(calls, rounds, pause=PAUSE, progress=lambda items: progress(items, title))
        rows = as_rows(title, latencies, num_people)
        for row in rows:
            row['memory_mb'] = round(calls[row['candidate']].peak_memory() / 1e6)
    return rows


def as_rows(title: str, latencies: dict, num_people: int, steps: int = 1) -> List[dict]:
    """Rows of a table of `num_people` a call."""
    rows = []
    for name, latency in latencies.items():
        low, high = latency.ratio_quartiles
        rows.append(dict(
            part=title, candidate=name, milliseconds=round(1e3 * latency.median / steps, 2),
            people_per_second=round(num_people * steps / latency.median, 2), ratio=round(latency.ratio, 4),
            quartile_1=round(low, 4), quartile_3=round(high, 4), memory_mb='', data_share=''))
    return rows


def write_training(config: 'Config', folder: Path, name: str, batch_size: int, workers: int) -> str:
    """File of a config that trains on generated images."""
    from .sample import make_sample
    if not (folder / 'sample').exists():
        make_sample(folder / 'sample', num_train=64, num_val=1)
    config = copy.deepcopy(config)
    config.train_dataloader.update(batch_size=batch_size, num_workers=workers, persistent_workers=workers > 0)
    config.train_dataloader.dataset.update(
        data_root=str(folder / 'sample'), ann_file='annotations/person_keypoints_train.json',
        data_prefix=dict(img='train/'))
    config.dump(folder / f'{name}.py')
    return str(folder / f'{name}.py')


def time_training(configs: Dict[str, 'Config'], batch_size: int, workers: int, rounds: int, device: str,
                  progress: Callable[..., Iterable]) -> List[dict]:
    """Time training steps of configs against the first's; the rows of a table."""
    from .candidates import mmpose_training
    from .isolation import isolated
    from .latency import time_interleaved
    title = f'Training step, {batch_size} crop(s), {workers} worker(s), PyTorch eager'
    with tempfile.TemporaryDirectory(prefix='rampose-benchmark-') as name:
        folder = Path(name)
        candidates = {
            candidate: (mmpose_training, write_training(config, folder, str(i), batch_size, workers),
                        TRAINING_STEPS, device) for i, (candidate, config) in enumerate(configs.items())}
        with isolated(candidates) as calls:
            shares: Dict[str, List[float]] = {candidate: [] for candidate in calls}

            def timed(candidate: str) -> Callable[[], None]:
                return lambda: (calls[candidate](), shares[candidate].append(calls[candidate].last()))

            latencies = time_interleaved({candidate: timed(candidate) for candidate in calls}, max(1, rounds // 4),
                                         warmup=1, progress=lambda items: progress(items, title))
            rows = as_rows(title, latencies, batch_size, TRAINING_STEPS)
            for row in rows:
                row['memory_mb'] = round(calls[row['candidate']].peak_memory() / 1e6)
                of_row = shares[row['candidate']][1:]
                row['data_share'] = round(sum(of_row) / len(of_row), 4)
    return rows


def write(out: Path, rows: List[dict], where: str) -> None:
    """benchmark.csv and benchmark.png."""
    from ..core.files import write_csv, written_whole
    from .plots import plot_latencies
    write_csv(out / 'benchmark.csv', rows)
    with written_whole(out / 'benchmark.png') as file:
        plot_latencies(rows, where).savefig(file, format='png', dpi=120)
