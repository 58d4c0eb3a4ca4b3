"""example:
  rampose test-dev CONFIG CHECKPOINT --name ram-hrnet-w32

writes FOLDER/person_keypoints_test-dev2017_ALGORITHM_results.zip. COCO lies in data/coco, or where $COCO_ROOT says;
boxes are those of the Faster R-CNN with 60.9 AP on persons, or FILE, in the same format. docs/experiments.md says where
to get all of it. Status 3: the results cannot be submitted; they stay in FOLDER.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, List

from .statuses import DONE, NOT_WRITTEN, CommandError, before_the_work

if TYPE_CHECKING:
    from mmengine import Config

TESTSET = 'test-dev2017'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', metavar='CONFIG', help='config of a model with COCO\'s 17 keypoints')
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help="its checkpoint; an ensemble's: the first member's")
    parser.add_argument('--name', required=True, metavar='ALGORITHM', help='what the server is to call the results')
    parser.add_argument('--bboxes', metavar='FILE', help='detections in COCO\'s format, in place of the 60.9 AP ones')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/test-dev'), metavar='FOLDER',
                        help='default: work_dirs/test-dev')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='changes to the config, key=value, as in MMPose')


def load_config(args: argparse.Namespace) -> 'Config':
    """The config with test-dev2017 laid over it.

    Raises:
        ValueError: It is no config of a top-down model with COCO's keypoints.
    """
    from mmengine import Config, DictAction

    from ..core.package import shipped
    from ..datasets.metainfo import parse_metainfo
    from ..prediction.coco_server import NUM_KEYPOINTS
    config = Config.fromfile(args.config)
    test_dev = Config.fromfile(shipped('configs/_base_/datasets/coco_test-dev2017.py'))
    config.test_evaluator = test_dev.test_evaluator
    config.merge_from_dict(dict(test_dataloader=test_dev.test_dataloader.to_dict()))
    if args.bboxes:
        config.test_dataloader.dataset.bbox_file = args.bboxes
    if args.cfg_options:  # parsed here, so that --help needs no import
        parser = argparse.ArgumentParser()
        parser.add_argument('--cfg-options', nargs='+', action=DictAction)
        config.merge_from_dict(parser.parse_args(['--cfg-options', *args.cfg_options]).cfg_options)
    dataset = config.test_dataloader.dataset
    metainfo = parse_metainfo(dataset.metainfo) if dataset.get('metainfo') else dict(num_keypoints=NUM_KEYPOINTS)
    if not config.get('model') or dataset.get('type') != 'CocoDataset' or metainfo['num_keypoints'] != NUM_KEYPOINTS:
        raise ValueError(f"{args.config} is no config of a model with COCO's {NUM_KEYPOINTS} keypoints: its data "
                         f'set is {dataset.get("type")} with {metainfo["num_keypoints"]} keypoints')
    # Never the config's own: MMEngine writes the config there, over that of the training.
    config.work_dir = str(args.out / 'work')
    return config


def images_file(config: 'Config') -> Path:
    dataset = config.test_dataloader.dataset
    return Path(dataset.data_root) / dataset.ann_file


def check_files(config: 'Config', checkpoint: str) -> None:
    """Raise ValueError if something is missing, with where to get it."""
    dataset = config.test_dataloader.dataset
    for what, path, remedy in (
            ('the list of images', images_file(config), 'it is in "2017 Testing Image info" of COCO'),
            ('the folder of pictures', Path(dataset.data_root) / dataset.data_prefix.img,
             'it is "2017 Test images" of COCO'),
            ('the file of detections', Path(str(dataset.bbox_file)),
             "HRNet's authors offer it with their data, or make one of your own and give it by --bboxes")):
        if not path.exists():
            raise ValueError(f'{what} is missing, looked for at {path}: {remedy}; docs/experiments.md has more')
    if '://' not in checkpoint and not Path(checkpoint).is_file():
        raise ValueError(f'the checkpoint is missing, looked for at {checkpoint}: give one that a training wrote')


def check_boxes(config: 'Config') -> List[int]:
    """The ids of the images, after a look whether images, boxes and pictures belong together.

    Raises:
        ValueError: They do not, or a file is not in COCO's format.
    """
    dataset = config.test_dataloader.dataset
    contents = []
    for path in (images_file(config), Path(dataset.bbox_file)):
        try:
            contents.append(json.loads(path.read_text()))
        except ValueError as error:
            raise ValueError(f'{path} cannot be read as JSON: {error}') from None
    try:
        names = {image['id']: image['file_name'] for image in contents[0]['images']}
        used = {box['image_id'] for box in contents[1]
                if box['category_id'] == 1 and len(box['bbox']) >= 4 and box['score'] is not None}
    except (KeyError, TypeError):
        raise ValueError(f"{images_file(config)} or {dataset.bbox_file} is not in COCO's format: needed are "
                         'images with id and file_name, and boxes with image_id, category_id, bbox, score') from None
    if not used:
        raise ValueError(f'{dataset.bbox_file} has no box of a person (category_id 1)')
    if used - set(names):
        raise ValueError(f'{dataset.bbox_file} has boxes of {len(used - set(names))} images that {images_file(config)} '
                         f'does not list, such as {min(used - set(names))}: they are of another test set')
    folder = Path(dataset.data_root) / dataset.data_prefix.img
    missing = [names[image_id] for image_id in sorted(used) if not (folder / names[image_id]).is_file()]
    if missing:
        raise ValueError(f'{len(missing)} of {len(used)} pictures are missing in {folder}, such as {missing[0]}')
    return list(names)


def predict(config: 'Config', checkpoint: str, folder: Path) -> List[dict]:
    """MMPose's test loop; the results as its evaluator writes them, into `folder` too."""
    from mmengine.runner import Runner

    from ..checkpoints.weights import load_weights
    config.test_evaluator.update(format_only=True, outfile_prefix=str(folder / 'results'),
                                 ann_file=str(images_file(config)))
    runner = Runner.from_cfg(config)
    load_weights(runner.model, checkpoint)  # the runner itself only warns of another model's checkpoint
    runner.test()
    return json.loads((folder / 'results.keypoints.json').read_text())


def run(args: argparse.Namespace) -> int:
    with before_the_work():
        from .. import plugin  # noqa: F401  MMEngine's runner loads and registers by it
        from ..prediction.coco_server import as_submission, submission_name, write_submission
        submission_name(TESTSET, args.name)
        config = load_config(args)
        check_files(config, args.checkpoint)
        image_ids = check_boxes(config)
        folder = args.out / 'work'
        folder.mkdir(parents=True, exist_ok=True)
        results = predict(config, args.checkpoint, folder)
    try:
        path = write_submission(as_submission(results, image_ids), args.out, TESTSET, args.name)
    except (ValueError, OSError) as error:
        raise CommandError(NOT_WRITTEN, f'{error}; the results stay in {folder}/results.keypoints.json') from error
    print(f'{path} written: {len(results)} people on {len({result["image_id"] for result in results})} of '
          f'{len(image_ids)} images; upload it to the server of COCO keypoints, {TESTSET}')
    return DONE
