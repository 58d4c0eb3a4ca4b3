"""examples:
  rampose results predictions --to csv coco
  rampose results predictions --to openpose --out for_blender

coco          annotations.json: CVAT, FiftyOne, and training on
csv           people.csv: a row for each person
csv-long      keypoints.csv: a row for each keypoint
parquet       people.parquet: the same as csv, in typed columns: pandas, polars, DuckDB
yolo-pose     a text file for each image, and data.yaml: Ultralytics
openpose      a JSON file for each image or frame, BODY_25: Sports2D, Pose2Sim, Blender's add-ons
label-studio  label_studio.json: tasks with predictions
"""

import argparse
from pathlib import Path

from .statuses import DONE, unusable, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('folder', type=Path, metavar='FOLDER', help='that `rampose predict` wrote')
    parser.add_argument('--to', nargs='+', required=True, metavar='FORMAT', help='one or more of those above')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='default: the same folder')
    parser.add_argument('--min-keypoint-score', type=float, default=0.3, metavar='S',
                        help='keypoints of lower scores count as not found, where a format knows this (default: 0.3)')


def run(args: argparse.Namespace) -> int:
    from ..prediction.formats import convert_results
    with writing('make room, or name another folder by --out'):
        try:
            written = convert_results(args.folder, args.to, args.out, args.min_keypoint_score)
        except ValueError as error:
            raise unusable(str(error)) from error
    for path in written:
        print(path)
    return DONE
