"""examples:
  rampose convert-data annotations.json --images photos/ --out data/horses
  rampose convert-data yolo/data.yaml --keypoints nose,left_ear,right_ear --out data/cats
  rampose convert-data labelme_folder/ --out data/tools

LABELS is what an annotation tool writes: COCO's JSON (CVAT: COCO Keypoints 1.0; Roboflow: COCO, its folder), Label
Studio's JSON, labelme's folder, or Ultralytics' YOLO-pose (its data.yaml or folder). Written are
FOLDER/annotations/{train,val}.json, FOLDER/metainfo.py, MMPose's description of the keypoints, and FOLDER/images, a
link to the images. `rampose finetune FOLDER` trains a model of it.
"""

import argparse
from pathlib import Path

from .console import table, warn
from .statuses import DONE, before_the_work, writing

SHOWN = 10  # of what was left out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('labels', type=Path, metavar='LABELS')
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    add_reading_arguments(parser)
    parser.add_argument('--overwrite', action='store_true', help='write anew what FOLDER has, metainfo.py too')
    parser.add_argument('--copy', action='store_true', help='copy the images, in place of a link to their folder')


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """What reading labels needs; `rampose finetune` takes the same."""
    parser.add_argument('--images', type=Path, nargs='+', metavar='FOLDER',
                        help='of the images, one or several (default: beside the labels, or where the format has them)')
    parser.add_argument('--category', metavar='NAME', help='what counts, where there are several')
    parser.add_argument('--keypoints', metavar='A,B,...',
                        help='names of the keypoints in their order (default: as the labels have them)')
    parser.add_argument('--val', type=float, default=0.2, metavar='SHARE',
                        help='of the images, for validation, where the labels have no split (default: 0.2)')
    parser.add_argument('--seed', type=int, default=0, metavar='N', help='of the lot that draws them (default: 0)')


def run(args: argparse.Namespace) -> int:
    with before_the_work((ValueError, OSError)):
        from ..core.files import check_writable
        from ..datasets.labels.reading import read_labels
        from ..datasets.labels.splitting import split_images
        from ..datasets.labels.writing import write_data_set
        if not 0 < args.val < 1:
            raise ValueError(f'got --val {args.val}; needed is a share between 0 and 1')
        if not args.overwrite and (args.out / 'metainfo.py').exists():
            raise ValueError(f'{args.out} holds a data set already, whose metainfo.py you may have edited: name '
                             'another folder, or --overwrite')
        check_writable(args.out / 'metainfo.py')
        labels = read_labels(args.labels, args.images, args.category, args.keypoints and args.keypoints.split(','))
    splits = split_images(labels.images, args.val, args.seed)
    with writing('make room, or name another folder by --out'):
        written = write_data_set(labels, splits, args.out, copy=args.copy)
    show_labels(labels)
    for split, path in written.items():
        print(f'{path}: {len(splits[split])} images, {sum(len(image.objects) for image in splits[split])} objects')
    print(f'{args.out / "metainfo.py"}: look at swap, then `rampose finetune {args.out}`')
    return DONE


def show_labels(labels: object) -> None:
    """Print the keypoints, and what was left out."""
    from ..datasets.labels.labelled import Labels
    assert isinstance(labels, Labels)
    partner = {a: b for pair in labels.flip_pairs for a, b in (pair, pair[::-1])}
    linked = {number: [labels.keypoints[a + b - number] for a, b in labels.links if number in (a, b)]
              for number in range(len(labels.keypoints))}
    table(('keypoint', 'in a mirrored image', 'linked with'),
          [(name, labels.keypoints[partner[number]] if number in partner else 'itself', ', '.join(linked[number]))
           for number, name in enumerate(labels.keypoints)])
    if labels.repeats:
        known = ', '.join(f'{name} {sigma:g}' for name, sigma in labels.repeats.sigmas.items())
        print(f'{labels.repeats.pairs} pairs of labels are of the same objects, with a median of '
              f'{labels.repeats.median:g} px between their keypoints; their mean is taken'
              + (f', and sigmas of {known}' if known else ''))
    for line in labels.left_out[:SHOWN]:
        warn('convert-data', f'left out: {line}')
    if len(labels.left_out) > SHOWN:
        warn('convert-data', f'{len(labels.left_out) - SHOWN} more are left out')
