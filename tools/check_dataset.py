"""Go through a config's data set and say what is wrong with it.

    python tools/check_dataset.py CONFIG [--split train] [--fix OUT.json] [--out FOLDER]

reads every image and every annotation, and writes FOLDER/report.json and, if something is wrong, FOLDER/worst.jpg.
--fix writes a cleaned copy of the annotation file; the original is never touched.

Exit status: 0 nothing found; 1 problems found; 2 the data set cannot be checked.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import List, Optional

CLEAN, PROBLEMS, UNUSABLE = 0, 1, 2
OTHER = {'train': 'val', 'val': 'train', 'test': 'train'}


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', metavar='CONFIG', help='one with a data set in COCO\'s format')
    parser.add_argument('--split', choices=list(OTHER), default='train', help='default: train')
    parser.add_argument('--fix', type=Path, metavar='OUT.json', help='write a cleaned annotation file')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='default: work_dirs/check_dataset/SPLIT')
    parser.add_argument('--workers', type=int, default=2, help='processes that read pictures (default: 2)')
    args = parser.parse_args(argv)
    if args.workers < 1:
        parser.error(f'got --workers {args.workers}; needed is 1 or more')
    args.out = args.out or Path('work_dirs/check_dataset') / args.split
    return args


def paths_of(config, split: str):
    """The annotation file, the folder of pictures, the file of detections or None, and the data set's config.

    Raises:
        ValueError: The split has no data set of one annotation file.
    """
    dataset = (config.get(f'{split}_dataloader') or {}).get('dataset') or {}
    if not dataset.get('ann_file'):
        raise ValueError(f'{config.filename} has no {split}_dataloader.dataset.ann_file; a data set of several is '
                         'checked by a config of each')
    root = Path(dataset.get('data_root') or '')
    detections = dataset.get('bbox_file')
    return (root / dataset.ann_file, root / (dataset.get('data_prefix') or {}).get('img', ''),
            Path(detections) if detections else None, dataset)


def progress(items, total: int, description: str):
    from rich.progress import track
    return track(items, total=total, description=f'{description:<16}')


def main() -> int:
    args = parse_args()
    import logging

    from mmengine import Config
    from mmengine.logging import MMLogger
    from rich.console import Console
    MMLogger.get_instance('rampose', log_level=logging.ERROR)
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    import rampose.plugin  # noqa: F401
    from rampose.core.files import check_writable, written_whole
    from rampose.datasets import checking
    console = Console(highlight=False, soft_wrap=True)
    try:
        config = Config.fromfile(args.config)
        ann_file, folder, bbox_file, dataset = paths_of(config, args.split)
        if args.fix and args.fix.resolve() == ann_file.resolve():
            raise ValueError(f'--fix {args.fix} is the annotation file itself; name another')
        for path in filter(None, (args.out / 'report.json', args.fix)):
            check_writable(path)
        metainfo = parse_pose_metainfo(dataset.metainfo)
        names = [metainfo['keypoint_id2name'][k] for k in range(metainfo['num_keypoints'])]
        content = checking.read_coco(ann_file)
        detections = checking.read_detections(bbox_file) if bbox_file else None
        other_files = files_of_other(config, args.split)
        report = checking.check(content, folder, len(names), names, metainfo['flip_pairs'], other_files, args.workers,
                                progress)
    except (ValueError, OSError, KeyError) as error:
        print(f'check_dataset.py: {error}', file=sys.stderr)
        return UNUSABLE
    if detections is not None:
        checking.check_detections(detections, content, report)

    with written_whole(args.out / 'report.json') as file:
        file.write(json.dumps(dict(annotations_file=str(ann_file), images_folder=str(folder), **report.as_dict()),
                              indent=2).encode())
    show(ann_file, report, console)
    console.print(f'Report: {args.out / "report.json"}')
    if report.by_annotation or report.by_image:
        from rampose.datasets.worst import draw_worst
        draw_worst(content, folder, report, args.out / 'worst.jpg')
        console.print(f'The worst: {args.out / "worst.jpg"}')
    if args.fix:
        result = checking.cleaned(content, report)
        with written_whole(args.fix) as file:
            file.write(json.dumps(result).encode())
        console.print(f'Cleaned: {args.fix} has {len(result["images"])} of {report.num_images} images, '
                      f'{len(result["annotations"])} of {report.num_annotations} annotations')
    return PROBLEMS if report.counts else CLEAN


def files_of_other(config, split: str) -> List[Path]:
    """The pictures of the split that must not have the same; none where it is not there."""
    from rampose.datasets.checking import read_coco
    try:
        ann_file, folder, _, _ = paths_of(config, OTHER[split])
        return [folder / image['file_name'] for image in read_coco(ann_file)['images']]
    except ValueError as error:
        print(f'{OTHER[split]} is not compared: {error}', file=sys.stderr)
        return []


def show(ann_file: Path, report, console) -> None:
    from rich.table import Table

    from rampose.datasets.checking import KINDS
    console.print(f'{ann_file}: {report.num_images} images, {report.num_annotations} annotations')
    if not report.counts:
        console.print('Nothing found.')
        return
    table = Table()
    for name in ('problem', 'found', 'for example'):
        table.add_column(name, overflow='fold', justify='right' if name == 'found' else 'left')
    for kind in KINDS:
        if kind in report.counts:
            table.add_row(kind, str(report.counts[kind]), report.examples[kind][0])
    console.print(table, soft_wrap=False)


if __name__ == '__main__':
    sys.exit(main())
