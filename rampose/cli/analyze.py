"""example:
  rampose analyze CONFIG CHECKPOINT --out work_dirs/predictions

FOLDER gets people.csv (OKS of each labelled person of the val split), best.png and worst.png (the ten with the highest
and the ten with the lowest OKS), skeletons.png (the same twenty without the photographs, to publish where those may not
be), and, for a model with attention, attention.png and attention.csv: mean and spread of the weights for upright and
inverted, fully and partly labelled people.
"""

import argparse
from pathlib import Path

from .console import progress, warn
from .statuses import DONE, FOUND, before_the_work, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', type=Path, metavar='CONFIG')
    parser.add_argument('checkpoint', type=Path, metavar='CHECKPOINT')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/predictions'), metavar='FOLDER',
                        help='default: work_dirs/predictions')
    parser.add_argument('--number', type=int, default=10, metavar='N', help='of best and of worst (default: 10)')
    parser.add_argument('--limit', type=int, metavar='N', help='look at so many people, at most')
    parser.add_argument('--device', default='cpu')


def run(args: argparse.Namespace) -> int:
    for name in ('number', 'limit'):
        value = getattr(args, name)
        if value is not None and value < 1:
            args.parser.error(f'got --{name} {value}; needed is at least 1')
    with before_the_work():
        import numpy as np
        from mmengine import Config

        from ..apis import TopdownPredictor
        from ..core.files import check_writable
        from ..lab.predictions import labelled_people_of, predict_labelled, write_report
        config = Config.fromfile(args.config)
        labelled = labelled_people_of(config, args.limit)
        check_writable(args.out / 'people.csv')
        predictor = TopdownPredictor(config, args.checkpoint, device=args.device)
    with_attention = config.model.backbone.type == 'RAMHRNet' and config.model.backbone.get('with_attention', True)
    found = predict_labelled(predictor, labelled, with_attention,
                             lambda images: progress(images, description='People'))
    for reason in found.left_out:
        warn('analyze', f'left out: {reason}')
    with writing('make room, or name another folder by --out'):
        written = write_report(found, predictor.dataset_meta, args.out, args.number)
    print(f'{len(found.people)} people, mean OKS {np.nanmean(found.similarities):.3f}; {args.out}/: '
          f'{", ".join(written)}')
    return FOUND if found.left_out else DONE
