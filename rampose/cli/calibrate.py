"""examples:
  rampose calibrate exported/model.onnx --data images/ val.json
  rampose predict photos/ --config exported/model-calibrated.onnx --uncertainty

Fits, on the labelled people of images with even ids, how often a keypoint of each score is right (its own term of OKS
is at least 0.5) and how far it is off, and judges it on those with odd ids. The copy of the model that is written
holds what was fitted; its scores and keypoints are the model's as before. Beside it, .png shows confidences and
ellipses before and after, and .json has the numbers.
"""

import argparse
import dataclasses
import json
from functools import partial
from pathlib import Path

from .console import progress, table
from .statuses import DONE, before_the_work, unusable, writing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('model', type=Path, help='what `rampose export` wrote (.onnx, .xml), without --decode; or a '
                                                 'name that `rampose weights` lists')
    parser.add_argument('--data', nargs=2, type=Path, required=True, metavar=('IMAGES', 'ANNOTATIONS'),
                        help="the images' folder and COCO annotations that the model was not trained on")
    parser.add_argument('--category', type=int, metavar='ID', help='that is labelled, where there are several')
    parser.add_argument('--no-flip-test', action='store_true', help='calibrate for use without it')
    parser.add_argument('--out', type=Path, metavar='FILE', help='default: MODEL-calibrated, beside it')


def run(args: argparse.Namespace) -> int:
    with before_the_work():
        from ..apis import TopdownPredictor
        from ..core.files import check_writable, written_whole
        from ..core.metainfo import keypoint_names
        from ..export.metadata import write_described
        from ..lab import confidence
        from ..lab.comparison.data import LabelledImages
        from ..lab.plots import plot_calibration
        source = _file_of(args.model)
        out = args.out or source.with_name(f'{source.stem}-calibrated{source.suffix}')
        if out.suffix != source.suffix:
            raise unusable(f'got --out {out}; needed is another {source.suffix}')
        check_writable(out)
        predictor = TopdownPredictor(source, uncertainty=True, flip_test=False if args.no_flip_test else None)
        model = predictor.pose_model
        info, model.calibration = model.info, None  # type: ignore[attr-defined]  # anew
        images, annotations = args.data
        meta = predictor.dataset_meta
        data = LabelledImages.read(annotations, args.category, meta.get('sigmas'))
        keypoints = tuple(keypoint_names(meta))
        if data.keypoints != keypoints:
            raise unusable(f'{annotations} labels {", ".join(data.keypoints[:4])}, ...; the model finds '
                           f'{", ".join(keypoints[:4])}, ...')
        to_fit, to_judge = confidence.halves(data)
        fitted_by, judged_by = (
            confidence.estimate(predictor, half, images, partial(progress, description=what))
            for half, what in ((to_fit, 'To fit by'), (to_judge, 'To judge by')))
    calibration = confidence.fit(fitted_by, f'{annotations.name}, {len(fitted_by.scores)} keypoints',
                                 predictor.pose_model.flip_test)
    report = dict(confidence.judge(judged_by, calibration), model=source.name, calibration=calibration.as_dict())
    with writing('make room, or name another file by --out'):
        with written_whole(out.with_suffix('.json')) as file:
            file.write(json.dumps(report, indent=1).encode())
        with written_whole(out.with_suffix('.png')) as file:
            plot_calibration(report).savefig(file, format='png', dpi=120)
        write_described(source, dataclasses.replace(info, calibration=calibration.as_dict()), out)
    shares = list(report['before']['coverage'])
    table(['', 'calibration error', *(f'in the {float(share):.0%} ellipse' for share in shares)],
          [[name, f'{report[name]["ece"]:.3f}', *(f'{report[name]["coverage"][share]:.1%}' for share in shares)]
           for name in ('before', 'after')],
          f'{report["keypoints"]} keypoints that it was not fitted on, {report["right"]:.1%} right')
    print(f'{out}, .png, .json')
    return DONE


def _file_of(model: Path) -> Path:
    """The exported file that is meant."""
    from ..checkpoints.zoo import fetch, find_weights
    if model.suffix in ('.onnx', '.xml') or model.exists():
        return model
    weights = find_weights(str(model))
    if 'onnx' not in weights.files:
        raise unusable(f'{model} is not exported; rampose export does it')
    return fetch(weights, 'onnx')
