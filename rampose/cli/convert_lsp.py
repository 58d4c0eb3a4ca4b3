"""example:
  rampose convert-lsp lspet_dataset

FOLDER is either data set as its authors pack it: joints.mat and images/. Written are annotations/train.json and, for
LSP, annotations/test.json (its own halves), for LSPET, which has no test set, annotations/val.json (every twentieth
image). Where the data sets come from and what their labels are worth: docs/datasets.md.
"""

import argparse
from pathlib import Path

from .console import progress
from .statuses import DONE, before_the_work


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, metavar='FOLDER', help='with joints.mat and images/')
    parser.add_argument('--out', type=Path, help='where annotations/ is made; default: FOLDER')


def run(args: argparse.Namespace) -> int:
    with before_the_work((ValueError, OSError, ImportError)):
        from ..datasets.lsp import default_split, read_joints, write_split
        keypoints, paths = read_joints(args.folder)
        for split, numbers in default_split(paths).items():
            path = (args.out or args.folder) / 'annotations' / f'{split}.json'
            people, left_out = write_split(path, keypoints, paths, progress(numbers, description=split))
            without = f', {left_out} images without enough keypoints left out' if left_out else ''
            print(f'{path}: {people} people{without}')
    return DONE
