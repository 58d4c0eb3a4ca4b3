"""Leeds Sports Pose (LSP) or Leeds Sports Pose Extended (LSPET) to COCO's format.

    python tools/dataset_converters/lsp2coco.py FOLDER [--out FOLDER]

FOLDER is either data set as its authors pack it: joints.mat and images/. Written are annotations/train.json and, for
LSP, annotations/test.json (its own halves), for LSPET, which has no test set, annotations/val.json (every twentieth
picture). Where the data sets come from and what their labels are worth: docs/datasets.md.

Exit status: 0 written; 2 the call or the data set cannot be used.
"""

import argparse
import sys
from pathlib import Path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path, metavar='FOLDER', help='with joints.mat and images/')
    parser.add_argument('--out', type=Path, help='where annotations/ is made; default: FOLDER')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from rich.progress import track

    from rampose.datasets.lsp import default_split, read_joints, write_split
    try:
        keypoints, paths = read_joints(args.folder)
        for split, numbers in default_split(paths).items():
            path = (args.out or args.folder) / 'annotations' / f'{split}.json'
            people, left_out = write_split(path, keypoints, paths, track(numbers, split))
            without = f', {left_out} pictures without enough keypoints left out' if left_out else ''
            print(f'{path}: {people} people{without}')
    except (ValueError, OSError) as error:
        print(f'lsp2coco.py: {error}', file=sys.stderr)
        return 2
    return 0


if __name__ == '__main__':
    sys.exit(main())
