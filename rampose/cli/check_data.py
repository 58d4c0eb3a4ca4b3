"""examples:
  rampose check-data CONFIG
  rampose check-data CONFIG --split val --fix cleaned.json

reads every annotation, then, unless those would spoil a training run, every image. It writes FOLDER/report.json and, if
something is wrong, FOLDER/worst.jpg. --fix writes a cleaned copy of the annotation file; the original is never touched.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, List

from .console import progress, table, warn
from .statuses import DONE, FOUND, before_the_work, writing

if TYPE_CHECKING:
    from mmengine import Config

    from ..datasets.checking import Report

OTHER = {'train': 'val', 'val': 'train', 'test': 'train'}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', metavar='CONFIG', help='one with a data set in COCO\'s format')
    parser.add_argument('--split', choices=list(OTHER), default='train', help='default: train')
    parser.add_argument('--fix', type=Path, metavar='OUT.json', help='write a cleaned annotation file')
    parser.add_argument('--out', type=Path, metavar='FOLDER', help='default: work_dirs/check_dataset/SPLIT')
    parser.add_argument('--workers', type=int, default=2, metavar='N', help='processes that read images (default: 2)')


def paths_of(config: 'Config', split: str) -> tuple:
    """The annotation file, the folder of images, the file of detections or None, and the data set's config.

    Raises:
        ValueError: The split has no data set of one annotation file.
    """
    dataset = (config.get(f'{split}_dataloader') or {}).get('dataset') or {}
    if not dataset.get('ann_file'):
        raise ValueError(f'{config.filename} has no {split}_dataloader.dataset.ann_file; a data set of several is '
                         'checked by a config of each')
    root = Path(dataset.get('data_root') or '')
    detections = dataset.get('bbox_file')
    return (root / dataset['ann_file'], root / (dataset.get('data_prefix') or {}).get('img', ''),
            Path(detections) if detections else None, dataset)


def run(args: argparse.Namespace) -> int:
    if args.workers < 1:
        args.parser.error(f'got --workers {args.workers}; needed is 1 or more')
    out = args.out or Path('work_dirs/check_dataset') / args.split
    with before_the_work():
        import logging

        from mmengine import Config
        from mmengine.logging import MMLogger
        MMLogger.get_instance('rampose', log_level=logging.ERROR)
        from ..core.files import check_writable, written_whole
        from ..core.metainfo import keypoint_names, problems_of
        from ..datasets import checking
        from ..datasets.metainfo import config_metainfo
        config = Config.fromfile(args.config)
        ann_file, folder, bbox_file, dataset = paths_of(config, args.split)
        if args.fix and args.fix.resolve() == ann_file.resolve():
            raise ValueError(f'--fix {args.fix} is the annotation file itself; name another')
        for path in filter(None, (out / 'report.json', args.fix)):
            check_writable(path)
        wrong = problems_of(dataset.get('metainfo') or {})
        if wrong and dataset.get('metainfo'):
            raise ValueError(f"{args.config}: the data set's metainfo: {'; '.join(wrong)}")
        metainfo = config_metainfo(config) or {}
        names = keypoint_names(metainfo)
        content = checking.read_coco(ann_file)
        detections = checking.read_detections(bbox_file) if bbox_file else None
        other_files = files_of_other(config, args.split)
    report = checking.check(content, folder, len(names), names, metainfo['flip_pairs'], other_files, args.workers,
                            lambda items, total, description: progress(items, total, description),
                            thorough=bool(args.fix))
    if detections is not None:
        checking.check_detections(detections, content, report)

    with writing('make room, or name another folder by --out'):
        with written_whole(out / 'report.json') as file:
            file.write(json.dumps(dict(annotations_file=str(ann_file), images_folder=str(folder), **report.as_dict()),
                                  indent=2).encode())
        show(ann_file, report)
        if not report.images_opened:
            print('The images were not opened: mend the annotations first, or all at once by --fix OUT.json')
        print(f'Report: {out / "report.json"}')
        if report.by_annotation or report.by_image:
            from ..datasets.worst import draw_worst
            draw_worst(content, folder, report, out / 'worst.jpg')
            print(f'The worst: {out / "worst.jpg"}')
        if args.fix:
            result = checking.cleaned(content, report)
            with written_whole(args.fix) as file:
                file.write(json.dumps(result).encode())
            print(f'Cleaned: {args.fix} has {len(result["images"])} of {report.num_images} images, '
                  f'{len(result["annotations"])} of {report.num_annotations} annotations')
    return FOUND if report.counts else DONE


def files_of_other(config: 'Config', split: str) -> List[Path]:
    """The images of the split that must not have the same; none where it is not there."""
    from ..datasets.checking import read_coco
    try:
        ann_file, folder, _, _ = paths_of(config, OTHER[split])
        return [folder / image['file_name'] for image in read_coco(ann_file)['images']]
    except ValueError as error:
        warn('check-data', f'{OTHER[split]} is not compared: {error}')
        return []


def show(ann_file: Path, report: 'Report') -> None:
    """Print what was found."""
    from ..datasets.checking import KINDS
    print(f'{ann_file}: {report.num_images} images, {report.num_annotations} annotations')
    if not report.counts:
        print('Nothing found.')
        return
    table(('problem', 'found', 'for example'),
          [(kind, str(report.counts[kind]), report.examples[kind][0]) for kind in KINDS if kind in report.counts])
