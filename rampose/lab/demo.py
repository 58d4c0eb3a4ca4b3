"""Train, test and look at a model, from nothing to images, with MMPose's own tools."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Dict, List, Optional

import numpy as np
from mmengine import Config

from ..apis import TopdownPredictor
from ..apis.attention import predict_results_with_attention
from ..core.box_file import BoxFile
from ..core.images import read_image
from ..core.own_folder import check_own, remove_own
from ..core.package import shipped
from ..prediction.drawing import PosePainter
from ..prediction.media import save_picture
from .plots import plot_attention, plot_training
from .sample import describe, make_sample
from .training_runs import read_records

CONFIGS = shipped('configs') / 'body_2d_keypoint/topdown_heatmap'
SAMPLE_CONFIG = CONFIGS / 'sample/td-hm_ram-hrnet-w16-gpr_1xb16-11e_sample-128x96.py'
COCO_CONFIG = CONFIGS / 'coco/td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'
COCO_FILES = ('annotations/person_keypoints_train2017.json', 'annotations/person_keypoints_val2017.json',
              'person_detection_results/COCO_val2017_detections_AP_H_56_person.json', 'train2017', 'val2017')
MARKER = '.rampose-demo'  # in a folder that a demo made, which --fresh may therefore remove
MADE = ('sample', 'train', 'test', 'pictures', 'photographs', 'metrics.json', 'attention.png', 'training.png')
NUM_PICTURES = 12
MIN_BBOX_SCORE = 0.5  # a detector's doubtful boxes are tested, but not drawn
PROGRESS = ('Epoch(train)', 'Epoch(val)', 'Epoch(test)', 'best checkpoint', 'resumed epoch')  # lines worth seeing


def say(text: str) -> None:
    print(f'\n== {text}', flush=True)


def run_mim(arguments: List[str], log: Path) -> None:
    """Run `mim`, its whole output in `log`, what tells the progress on the terminal.

    Raises:
        SystemExit: It failed; the end of its output was printed.
    """
    # By way of the interpreter, lest another environment's mim be found on the path.
    command = [sys.executable, '-c', 'from mim.cli import cli; cli()', *arguments]
    print(f'   mim {" ".join(arguments)}', flush=True)
    environment = dict(os.environ, PYTHONUNBUFFERED='1', PYTHONWARNINGS='ignore')
    with log.open('w') as file, subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        for line in process.stdout:
            file.write(line)
            if any(mark in line for mark in PROGRESS):
                print('   ' + line.split(' - INFO - ')[-1].rstrip()[:150], flush=True)
    if process.returncode:
        print('\n'.join(log.read_text().splitlines()[-20:]), file=sys.stderr)
        sys.exit(f'mim {arguments[0]} failed; its whole output is in {log}')


def prepare_data(out: Path, data: Optional[Path]) -> Path:
    """Point the config at the data; return the config."""
    if data is None:
        sample = make_sample(out / 'sample')
        for split in ('train', 'val'):
            print(f'   {split}: ' + '; '.join(describe(sample / f'annotations/person_keypoints_{split}.json')))
        os.environ['RAMPOSE_SAMPLE'] = str(sample.resolve())
        return SAMPLE_CONFIG
    missing = [name for name in COCO_FILES if not (data / name).exists()]
    if missing:
        sys.exit(f'{data} is no complete COCO 2017: it lacks {", ".join(missing)}. '
                 'See docs/install.md for what goes where and where it comes from.')
    os.environ['COCO_ROOT'] = str(data.resolve())
    return COCO_CONFIG


def check_same_config(config: Path, train_dir: Path) -> bool:
    """Whether a training of this config was begun in the folder.

    Raises:
        SystemExit: A training of another config was.
    """
    if not (train_dir / 'last_checkpoint').exists():
        return False
    if not (train_dir / config.name).exists():  # MMEngine leaves the config that it trains with there
        sys.exit(f'{train_dir} holds the training of another config than {config.name}; '
                 '--fresh removes it, --out FOLDER goes elsewhere')
    return True


def best_checkpoint(folder: Path) -> Path:
    checkpoints = sorted(folder.glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
    if not checkpoints:
        sys.exit(f'{folder} holds no checkpoint best_*.pth; training was not evaluated once. See {folder}/train.log')
    return checkpoints[-1]


def draw_pictures(config_file: Path, checkpoint: Path, out: Path) -> int:
    """Draw skeletons on images of the val split and a chart of the attention weights.

    Returns:
        Number of persons.
    """
    config = Config.fromfile(config_file)
    data = config.val_dataloader.dataset
    box_file = BoxFile(data.bbox_file or Path(data.data_root, data.ann_file))
    folder = Path(data.data_root, data.data_prefix.img)
    paths = [path for path in sorted(folder.iterdir()) if box_file.knows(path)][:NUM_PICTURES]
    images, bboxes = [read_image(path) for path in paths], []
    for path in paths:
        of_image, scores = box_file.boxes(path)
        bboxes.append(of_image[scores >= MIN_BBOX_SCORE])

    predictor = TopdownPredictor(config, checkpoint)
    results = predict_results_with_attention(predictor, images, bboxes)
    painter = PosePainter(predictor.dataset_meta)
    for path, image, result in zip(paths, images, results):
        save_picture(out / path.name, painter.draw(image, result))
    units: Dict[str, list] = {}
    for result in results:
        for unit, weights in (result.attention or {}).items():
            units.setdefault(unit, []).append(weights)
    figure = plot_attention({unit: np.concatenate(weights) for unit, weights in units.items()})
    figure.savefig(out.parent / 'attention.png', dpi=130)
    return sum(result.num_people for result in results)


def draw_photographs(photos: Optional[Path], out: Path) -> str:
    """Let `rampose predict` draw what the model that comes with rampose finds in photographs.

    Args:
        photos: A folder, each image cut to one person; None for those of the tests, where they are at hand.
        out: The folder to write to.

    Returns:
        Where the drawn images are, or why there are none.
    """
    people = ['--whole-image']
    if photos is None and os.environ.get('RAMPOSE_TEST_DATA'):
        photos = Path(os.environ['RAMPOSE_TEST_DATA'], 'coco_tiny')
        people = ['--boxes', str(photos / 'test_coco.json')]
    if photos is None:
        return 'none at hand; --photos FOLDER takes yours, each cut to one person'
    shutil.rmtree(out, ignore_errors=True)  # of an earlier demo, perhaps of other photographs
    arguments = ['predict', str(photos), '--out', str(out), *people]
    print(f'   rampose {" ".join(arguments)}', flush=True)
    status = subprocess.run([sys.executable, '-m', 'rampose', *arguments]).returncode
    if status not in (0, 1):  # 1: it left some out, and named them; the demo goes on
        return f'none: see the message of rampose predict for {photos}'
    return f'{out / "visualizations"}  (--photos FOLDER takes yours)'


def draw_training(folder: Path, target: Path) -> None:
    plot_training(read_records(folder)).savefig(target, dpi=130)


def run_demo(out: Path, data: Optional[Path], photos: Optional[Path], fresh: bool, cfg_options: List[str]) -> None:
    """Train, test and draw; a demo that was stopped is resumed.

    Args:
        out: Folder for all that it makes.
        data: Folder of COCO 2017; None generates a sample set.
        photos: Folder of photographs, each cut to one person.
        fresh: Start over.
        cfg_options: Passed on to MMPose, key=value.

    Raises:
        SystemExit: A step failed, with what it said.
    """
    started = time.time()
    try:
        if fresh:
            remove_own(out, MARKER, MADE)
        elif not (out / MARKER).exists():  # its folders may have the names of the demo's, which are emptied
            check_own(out, MARKER, ())
    except ValueError as error:
        sys.exit(str(error))
    train_dir, test_dir = out / 'train', out / 'test'
    for folder in (train_dir, test_dir):
        folder.mkdir(parents=True, exist_ok=True)
    (out / MARKER).touch()

    say(f'1/5 Data: {"generated figures" if data is None else data}')
    config = prepare_data(out, data)
    options = ['--cfg-options', *cfg_options] if cfg_options else []

    begun = check_same_config(config, train_dir)
    say('2/5 Training' + (', going on where it was stopped (--fresh starts over)' if begun else ''))
    run_mim(['train', 'mmpose', str(config), '--work-dir', str(train_dir), '--resume', 'auto', *options],
            train_dir / 'train.log')

    say('3/5 Test')
    checkpoint = best_checkpoint(train_dir)
    metrics_file = (out / 'metrics.json').resolve()
    run_mim(['test', 'mmpose', str(config), '--checkpoint', str(checkpoint), '--work-dir', str(test_dir), '--out',
             str(metrics_file), *options], test_dir / 'test.log')
    metrics = json.loads(metrics_file.read_text())

    say('4/5 Pictures and plots')
    num_persons = draw_pictures(train_dir / config.name, checkpoint, out / 'pictures')
    draw_training(train_dir, out / 'training.png')

    say('5/5 Photographs, by the small model of checkpoints/')
    photographs = draw_photographs(photos, out / 'photographs')

    say(f'Done in {(time.time() - started) / 60:.1f} min: coco/AP {metrics["coco/AP"]:.3f} on the val split')
    print(f"""
   checkpoint     {checkpoint}
   metrics        {out / 'metrics.json'}
   skeletons      {out / 'pictures'}  ({num_persons} persons)
   photographs    {photographs}
   attention      {out / 'attention.png'}
   loss curve     {out / 'training.png'}

   Next: rampose predict --help             keypoints of your own images and videos (docs/inference.md)
         make test                          the tests
         make demo DATA=/path/to/coco       the paper's W32 model on COCO
         make benchmark                     how fast it is, against HRNet
         README.md                          the configs from your own MMPose""")
