"""examples:
  rampose pack data/coco/train2017 data/coco/annotations/person_keypoints_train2017.json --out data/coco/train.lmdb
  rampose pack images train.json --out train.lmdb --max-height 256 --quality 70

FILE gets each labelled person as a crop, with the margin that augmentation needs, and FILE with the suffix .json the
annotations of the crops. Training reads them with `dataset=dict(type='PackedCocoDataset', pack=..., ann_file=...)`.
"""

import argparse
from pathlib import Path

from .console import progress
from .statuses import DONE, before_the_work, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('images', type=Path, metavar='IMAGES', help='folder of images')
    parser.add_argument('annotations', type=Path, metavar='ANNOTATIONS', help='COCO keypoint file')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE', help='the pack to write, FILE.lmdb')
    parser.add_argument('--padding', type=float, default=1.25,
                        help="of the config's GetBBoxCenterScale (default: 1.25)")
    parser.add_argument('--aspect', type=float, default=0.75,
                        help="width / height of the network's input (default: 0.75)")
    parser.add_argument('--max-scale', type=float, default=1.35,
                        help='the largest scale_factor of RandomBBoxTransform (default: 1.35)')
    parser.add_argument('--max-height', type=int, default=384, metavar='PX',
                        help="people are scaled down to this height of the padded box; 1.5 times that of the network's "
                             'input leaves room for augmentation (default: 384)')
    parser.add_argument('--format', choices=['webp', 'jpg'], default='webp')
    parser.add_argument('--quality', type=int, default=90, help='of the format, 1 to 100 (default: 90)')
    parser.add_argument('--threads', type=int, default=2, metavar='N', help='that read and cut (default: 2)')


def run(args: argparse.Namespace) -> int:
    with before_the_work():
        from ..core.files import check_writable
        from ..datasets.checking import read_coco
        from ..datasets.packing import PackOptions, write_pack
        options = PackOptions(args.padding, args.aspect, args.max_scale, True, args.max_height, args.format,
                              args.quality)
        content = read_coco(args.annotations)
        check_writable(args.out)
        if not args.images.is_dir():
            raise ValueError(f'{args.images} is no folder; needed is the folder of the images')
    with writing('make room, or name another file by --out'), before_the_work((ValueError, ImportError)):
        people, size = write_pack(content, args.images, args.out, options,
                                  lambda images: progress(images, description='Packing'), args.threads)
    print(f'{args.out}: {people} people, {size / 1e6:.1f} MB; annotations: {args.out.with_suffix(".json")}')
    return DONE
