"""Train, test and look at a model, from nothing to pictures, with MMPose's own tools. `make demo` calls this.

    python tools/demo.py [--out FOLDER] [--data /path/to/coco] [--photos FOLDER] [--fresh]

Without --data a sample set is generated and a small RAM-HRNet + GPR trained on it (5 minutes on 2 cores). With
--data, the real config is trained and tested on COCO in that folder. At the end, the small model that comes with
rampose (checkpoints/), trained on photographs, is tried on those in --photos. A demo that was stopped goes on where it
was.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import List, Optional

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / 'configs/body_2d_keypoint/topdown_heatmap'
SAMPLE_CONFIG = CONFIGS / 'sample/td-hm_ram-hrnet-w16-gpr_1xb16-11e_sample-128x96.py'
COCO_CONFIG = CONFIGS / 'coco/td-hm_ram-hrnet-w32-gpr_4xb32-240e_coco-256x192.py'
PHOTO_CONFIG = CONFIGS / 'lspet/td-hm_ram-hrnet-w16-gpr_1xb16-40e_lspet-128x96.py'
PHOTO_CHECKPOINTS = ROOT / 'checkpoints'
PHOTO_KEYPOINT_SCORE = '0.1'  # a small model's heatmaps are low
COCO_FILES = ('annotations/person_keypoints_train2017.json', 'annotations/person_keypoints_val2017.json',
              'person_detection_results/COCO_val2017_detections_AP_H_56_person.json', 'train2017', 'val2017')
NUM_PICTURES = 12
MIN_BBOX_SCORE = 0.5  # a detector's doubtful boxes are tested, but not drawn
PROGRESS = ('Epoch(train)', 'Epoch(val)', 'Epoch(test)', 'best checkpoint', 'resumed epoch')  # lines worth seeing


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, help='folder for all it makes; default: work_dirs/demo, or demo_coco')
    parser.add_argument('--data', type=Path, help='folder of COCO 2017; default: generate a sample set')
    parser.add_argument('--photos', type=Path,
                        help='folder of photographs, each cut to one person')
    parser.add_argument('--fresh', action='store_true', help='start over, even if a demo was stopped or is done there')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='passed on to MMPose, key=value')
    args = parser.parse_args()
    if args.photos and not args.photos.is_dir():
        parser.error(f'got --photos {args.photos}; needed is a folder of photographs')
    args.out = args.out or Path('work_dirs/demo_coco' if args.data else 'work_dirs/demo')
    if args.photos and args.out.resolve() in (args.photos.resolve(), *args.photos.resolve().parents):
        parser.error(f'--photos {args.photos} lies in --out {args.out}, which the demo may empty; put it elsewhere')
    return args


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


def prepare_data(args: argparse.Namespace) -> Path:
    """Point the config at the data; return the config."""
    if args.data is None:
        from rampose.lab.sample import describe, make_sample
        sample = make_sample(args.out / 'sample')
        for split in ('train', 'val'):
            print(f'   {split}: ' + '; '.join(describe(sample / f'annotations/person_keypoints_{split}.json')))
        os.environ['RAMPOSE_SAMPLE'] = str(sample.resolve())
        return SAMPLE_CONFIG
    missing = [name for name in COCO_FILES if not (args.data / name).exists()]
    if missing:
        sys.exit(f'{args.data} is no complete COCO 2017: it lacks {", ".join(missing)}. '
                 'See docs/install.md for what goes where and where it comes from.')
    os.environ['COCO_ROOT'] = str(args.data.resolve())
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


def draw_pictures(config: Path, checkpoint: Path, out: Path) -> int:
    """Draw skeletons on pictures of the val split and a chart of the attention weights.

    Returns:
        Number of persons.
    """
    import numpy as np
    from mmengine import Config

    from rampose.apis import TopdownPredictor, read_image
    from rampose.apis.attention import predict_with_attention
    from rampose.core.bboxes import BoxFile
    from rampose.lab.plots import plot_attention
    from rampose.prediction.drawing import PosePainter
    from rampose.prediction.media import save_picture
    from rampose.prediction.results import make_instances

    config = Config.fromfile(config)
    data = config.val_dataloader.dataset
    box_file = BoxFile(data.bbox_file or Path(data.data_root, data.ann_file))
    folder = Path(data.data_root, data.data_prefix.img)
    paths = [path for path in sorted(folder.iterdir()) if box_file.knows(path)][:NUM_PICTURES]
    images, bboxes, bbox_scores = [read_image(path) for path in paths], [], []
    for path in paths:
        of_picture, scores = box_file.boxes(path)
        bboxes.append(of_picture[scores >= MIN_BBOX_SCORE])
        bbox_scores.append(scores[scores >= MIN_BBOX_SCORE])

    predictor = TopdownPredictor(config, checkpoint)
    keypoints, keypoint_scores, weights = predict_with_attention(predictor, images, bboxes)
    painter = PosePainter(predictor.dataset_meta)
    for path, image, *people in zip(paths, images, bboxes, bbox_scores, keypoints, keypoint_scores):
        save_picture(out / path.name, painter.draw(image, make_instances(*people)))
    units = {unit: np.concatenate([of_picture[unit] for of_picture in weights]) for unit in weights[0]}
    plot_attention(units).savefig(out.parent / 'attention.png', dpi=130)
    return sum(map(len, bboxes))


def draw_photographs(photos: Optional[Path], out: Path) -> str:
    """Let tools/predict.py draw what the small model of checkpoints/ finds in photographs.

    Args:
        photos: A folder, each picture cut to one person; None for those of the tests, where they are at hand.
        out: The folder to write to.

    Returns:
        Where the drawn pictures are, or why there are none.
    """
    people = ['--whole-image']
    if photos is None and os.environ.get('RAMPOSE_TEST_DATA'):
        photos = Path(os.environ['RAMPOSE_TEST_DATA'], 'coco_tiny')
        people = ['--boxes', str(photos / 'test_coco.json')]
    checkpoint = next(PHOTO_CHECKPOINTS.glob('*.pth'), None)
    if checkpoint is None:
        return f'none: {PHOTO_CHECKPOINTS} is not here; it comes with the repository'
    if photos is None:
        return 'none at hand; --photos FOLDER takes yours, each cut to one person'
    shutil.rmtree(out, ignore_errors=True)  # of an earlier demo, perhaps of other photographs
    arguments = ['tools/predict.py', str(photos), '--config', str(PHOTO_CONFIG), '--checkpoint', str(checkpoint),
                 '--out', str(out), *people, '--min-keypoint-score', PHOTO_KEYPOINT_SCORE]
    print(f'   python {" ".join(arguments)}', flush=True)
    status = subprocess.run([sys.executable, str(ROOT / arguments[0]), *arguments[1:]]).returncode
    if status not in (0, 1):  # 1: it left some out, and named them; the demo goes on
        return f'none: see the message of tools/predict.py for {photos}'
    return f'{out / "visualizations"}  (--photos FOLDER takes yours)'


def draw_training(folder: Path, target: Path) -> None:
    from rampose.lab.plots import plot_training
    from rampose.lab.training_runs import read_records

    plot_training(read_records(folder)).savefig(target, dpi=130)


def main() -> None:
    args = parse_args()
    started = time.time()
    if args.fresh:
        shutil.rmtree(args.out, ignore_errors=True)
    train_dir, test_dir = args.out / 'train', args.out / 'test'
    for folder in (train_dir, test_dir):
        folder.mkdir(parents=True, exist_ok=True)

    say(f'1/5 Data: {"generated figures" if args.data is None else args.data}')
    config = prepare_data(args)
    options = ['--cfg-options', *args.cfg_options] if args.cfg_options else []

    begun = check_same_config(config, train_dir)
    say('2/5 Training' + (', going on where it was stopped (--fresh starts over)' if begun else ''))
    run_mim(['train', 'mmpose', str(config), '--work-dir', str(train_dir), '--resume', 'auto', *options],
            train_dir / 'train.log')

    say('3/5 Test')
    checkpoint = best_checkpoint(train_dir)
    metrics_file = (args.out / 'metrics.json').resolve()
    run_mim(['test', 'mmpose', str(config), '--checkpoint', str(checkpoint), '--work-dir', str(test_dir), '--out',
             str(metrics_file), *options], test_dir / 'test.log')
    metrics = json.loads(metrics_file.read_text())

    say('4/5 Pictures and plots')
    num_persons = draw_pictures(train_dir / config.name, checkpoint, args.out / 'pictures')
    draw_training(train_dir, args.out / 'training.png')

    say('5/5 Photographs, by the small model of checkpoints/')
    photographs = draw_photographs(args.photos, args.out / 'photographs')

    say(f'Done in {(time.time() - started) / 60:.1f} min: coco/AP {metrics["coco/AP"]:.3f} on the val split')
    print(f"""
   checkpoint     {checkpoint}
   metrics        {args.out / 'metrics.json'}
   skeletons      {args.out / 'pictures'}  ({num_persons} persons)
   photographs    {photographs}
   attention      {args.out / 'attention.png'}
   loss curve     {args.out / 'training.png'}

   Next: python tools/predict.py --help     keypoints of your own pictures and videos (docs/inference.md)
         make test                          the tests
         make demo DATA=/path/to/coco       the paper's W32 model on COCO
         make benchmark                     how fast it is, against HRNet
         README.md                          the configs from your own MMPose""")


if __name__ == '__main__':
    main()
