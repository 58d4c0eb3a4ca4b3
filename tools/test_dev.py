"""A checkpoint's results on COCO test-dev2017, as the zip that COCO's evaluation server takes.

    python tools/test_dev.py CONFIG CHECKPOINT --name ALGORITHM [--bboxes FILE] [--out FOLDER]

writes FOLDER/person_keypoints_test-dev2017_ALGORITHM_results.zip. COCO lies in data/coco, or where $COCO_ROOT says;
boxes are those of the Faster R-CNN with 60.9 AP on persons, or FILE, in the same format. docs/experiments.md says where
to get all of it.

Exit status: 0 written; 1 the results cannot be submitted; 2 the call cannot be used.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import List, Optional, Tuple

TEST_DEV = Path(__file__).resolve().parents[1] / 'configs/_base_/datasets/coco_test-dev2017.py'
TESTSET = 'test-dev2017'
WRITTEN, NOT_SUBMITTABLE, UNUSABLE = 0, 1, 2


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', metavar='CONFIG', help='config of a model with COCO\'s 17 keypoints')
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help="its checkpoint; an ensemble's: the first member's")
    parser.add_argument('--name', required=True, metavar='ALGORITHM', help='what the server is to call the results')
    parser.add_argument('--bboxes', metavar='FILE', help='detections in COCO\'s format, in place of the 60.9 AP ones')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/test-dev'), metavar='FOLDER',
                        help='default: work_dirs/test-dev')
    parser.add_argument('--cfg-options', nargs='+', default=[], help='changes to the config, key=value, as in MMPose')
    return parser.parse_args(argv)


def load_config(args: argparse.Namespace):
    """The config with test-dev2017 laid over it."""
    from mmengine import Config, DictAction
    config = Config.fromfile(args.config)
    test_dev = Config.fromfile(TEST_DEV)
    config.test_evaluator = test_dev.test_evaluator
    config.merge_from_dict(dict(test_dataloader=test_dev.test_dataloader.to_dict()))
    if args.bboxes:
        config.test_dataloader.dataset.bbox_file = args.bboxes
    # DictAction parses what follows the option; it is a list here, so that --help needs no import.
    option_parser = argparse.ArgumentParser()
    option_parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    if args.cfg_options:
        config.merge_from_dict(option_parser.parse_args(['--cfg-options', *args.cfg_options]).cfg_options)
    config.load_from = args.checkpoint
    config.setdefault('work_dir', str(args.out / 'work'))
    return config


def needed_files(config) -> List[Tuple[str, Path, str]]:
    """What is to be there, where, and where to get it."""
    dataset = config.test_dataloader.dataset
    root = Path(dataset.data_root)
    return [
        ('the list of images', root / dataset.ann_file, 'it is in "2017 Testing Image info" of COCO'),
        ('the folder of pictures', root / dataset.data_prefix.img, 'it is "2017 Test images" of COCO'),
        ('the file of detections', Path(dataset.bbox_file),
         "HRNet's authors offer it with their data, or make one of your own and give it by --bboxes"),
        ('the checkpoint', Path(config.load_from), 'give one that a training wrote'),
    ]


def check(config) -> List[int]:
    """The ids of the images, after a look at all that is needed.

    Raises:
        ValueError: Something is missing, or does not belong together.
    """
    for what, path, remedy in needed_files(config):
        if not path.exists() and '://' not in str(path):
            raise ValueError(f'{what} is missing, looked for at {path}: {remedy}; docs/experiments.md has more')
    (_, images_path, _), _, (_, bboxes_path, _), _ = needed_files(config)
    contents = []
    for path in (images_path, bboxes_path):
        try:
            contents.append(json.loads(path.read_text()))
        except ValueError as error:
            raise ValueError(f'{path} cannot be read as JSON: {error}') from None
    try:
        image_ids = [image['id'] for image in contents[0]['images']]
        unknown = {box['image_id'] for box in contents[1] if box['category_id'] == 1} - set(image_ids)
    except (KeyError, TypeError):
        raise ValueError(f"{images_path} or {bboxes_path} is not in COCO's format: needed are images with ids, and a "
                         'list of boxes with image_id, category_id, bbox and score') from None
    if unknown:
        raise ValueError(f'{bboxes_path} has boxes of {len(unknown)} images that {images_path} does not list, such as '
                         f'{min(unknown)}: they are of another test set')
    return image_ids


def main() -> int:
    args = parse_args()
    import rampose.plugin  # noqa: F401
    from rampose.datasets.coco_server import as_submission, submission_name, write_submission
    from rampose.engine.checkpoint import CheckpointError
    try:
        submission_name(TESTSET, args.name)
        config = load_config(args)
        image_ids = check(config)
    except (ValueError, OSError, AttributeError) as error:
        print(f'test_dev.py: {error}', file=sys.stderr)
        return UNUSABLE

    from mmengine.runner import Runner
    with tempfile.TemporaryDirectory(prefix='rampose-test-dev-') as folder:
        config.test_evaluator.update(format_only=True, outfile_prefix=f'{folder}/results',
                                     ann_file=str(needed_files(config)[0][1]))
        try:
            Runner.from_cfg(config).test()
        except CheckpointError as error:
            print(f'test_dev.py: {error}', file=sys.stderr)
            return UNUSABLE
        results = json.loads(Path(f'{folder}/results.keypoints.json').read_text())
    try:
        path = write_submission(as_submission(results, image_ids), args.out, TESTSET, args.name)
    except (ValueError, OSError) as error:
        print(f'test_dev.py: {error}', file=sys.stderr)
        return NOT_SUBMITTABLE
    print(f'{path} written: {len(results)} people on {len({result["image_id"] for result in results})} of '
          f'{len(image_ids)} images; upload it to the server of COCO keypoints, {TESTSET}')
    return WRITTEN


if __name__ == '__main__':
    sys.exit(main())
