"""examples:
  rampose export CONFIG CHECKPOINT --out exported
  rampose export CONFIG CHECKPOINT --out exported --format openvino --precision bf16
  rampose export CONFIG CHECKPOINT --out exported --format openvino --precision int8 --calibrate images boxes.json

FOLDER gets model.onnx, or model.xml and model.bin. What was written is run and compared with PyTorch, and kept only if
it agrees. Then, with numpy, OpenCV and the engine alone:

    from rampose.apis import TopdownPredictor
    keypoints, scores = TopdownPredictor('FOLDER/model.xml')(image, bboxes)
"""

import argparse
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from .console import progress, status, warn
from .statuses import DONE, FOUND, NOT_WRITTEN, CommandError, before_the_work

if TYPE_CHECKING:
    from ..export.evaluation import LabelledPeople


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'got {text}; needed is at least 1')
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', type=Path, help='top-down heatmap config: ours, HRNet, SimpleBaseline')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', required=True, type=Path, metavar='FOLDER', help='folder for the model')
    parser.add_argument('--format', default='onnx', choices=['onnx', 'openvino'])
    parser.add_argument('--precision', default='fp32', choices=['fp32', 'fp16', 'bf16', 'int8'],
                        help='bf16: OpenVINO only; int8: with --calibrate')
    parser.add_argument('--half-weights', action='store_true',
                        help='onnx in fp32: store the weights as fp16, for half the file')
    parser.add_argument('--int8-weights', action='store_true',
                        help='likewise as int8, for a quarter of the file; nothing to calibrate')
    graph = parser.add_argument_group('what is part of the model')
    graph.add_argument('--uint8-input', action='store_true', help='take crops (B, h, w, 3) uint8 BGR')
    graph.add_argument('--decode', action='store_true', help='give keypoints and scores in place of heatmaps')
    graph.add_argument('--flip-test', action='store_true', help='average with the mirrored crops, for twice the time')
    data = parser.add_argument_group('data')
    data.add_argument('--calibrate', nargs=2, type=Path, metavar=('IMAGES', 'BOXES'),
                      help='for int8: a folder of images, and a JSON file of boxes as `rampose predict` takes it')
    data.add_argument('--num-calibrate', type=positive, default=300, metavar='N',
                      help='people to calibrate on, at most (default: 300)')
    data.add_argument('--fast', action='store_true', help='for int8: a minute in place of several, for twice the loss')
    data.add_argument('--evaluate', nargs=2, type=Path, metavar=('IMAGES', 'ANNOTATIONS'),
                      help='measure the loss in AP on a folder of images and its COCO keypoint file')
    data.add_argument('--num-evaluate', type=positive, metavar='N', help='people to measure on, at most; default: all')


def run(args: argparse.Namespace) -> int:
    if args.precision == 'int8' and not args.calibrate:
        args.parser.error('int8 needs --calibrate IMAGES BOXES: images of people to choose its ranges by')
    if args.calibrate and args.precision != 'int8':
        args.parser.error('--calibrate is for --precision int8')
    warnings.filterwarnings('default', message='this CPU has no bfloat16')
    with before_the_work():
        from ..export.exporting import ExportError, export
        if args.evaluate:
            from ..export.evaluation import LabelledPeople
            labelled = LabelledPeople(args.evaluate[0], args.evaluate[1], args.num_evaluate)  # before the long work
        with status('') as say:
            try:
                report = export(
                    args.config, args.checkpoint, args.out, args.format, args.precision,
                    'uint8' if args.uint8_input else 'normalized', 'keypoints' if args.decode else 'heatmaps',
                    args.flip_test, args.calibrate, args.num_calibrate, not args.fast,
                    args.half_weights, args.int8_weights, on_step=say)
            except ExportError as error:
                raise CommandError(NOT_WRITTEN, str(error)) from None
    what = 'scores' if args.decode else 'heatmaps'
    print(f'{report.path}  ({report.num_bytes / 1e6:.1f} MB, {args.precision})\n'
          f'Largest difference from PyTorch, {what}: {report.difference:.2g} (allowed: {report.tolerance:.2g})')
    if report.shift:
        print(f'Keypoints shift by {report.shift[0]:.1f} px of the crop on average (at most {report.shift[1]:.1f}); '
              '--evaluate measures it, and AP, on labelled people' + '; without --fast it may be less' * args.fast)
    if args.decode and not args.flip_test:
        print('Keypoints come out of single crops, without the flip test that is the default elsewhere: they differ '
              'from its; --flip-test puts it into the file')
    if args.evaluate:
        try:
            evaluate(args, report.path, labelled)
        except Exception as error:  # labels may be wrong in any way
            warn('export', f'{report.path} is written, but {args.evaluate[1]} cannot be evaluated: {error}')
            return FOUND
    return DONE


def evaluate(args: argparse.Namespace, path: Path, labelled: 'LabelledPeople') -> None:
    """Print how the exported model's keypoints and AP compare with PyTorch's."""
    from ..apis import TopdownPredictor
    from ..export.evaluation import compare
    flip_test = args.flip_test or not args.decode
    agreement = compare(
        TopdownPredictor(args.config, args.checkpoint, device='cpu', flip_test=flip_test),
        TopdownPredictor(path, flip_test=flip_test), labelled,
        progress=lambda images: progress(images, description='Comparing'))
    print(f'{agreement.num_people} people, flip test {"on" if flip_test else "off"}: keypoints shift by '
          f'{agreement.mean_shift:.3f} px on average (median {agreement.median_shift:.3f}, most '
          f'{agreement.max_shift:.1f}; '
          f'{agreement.mean_shift_sure:.3f} where PyTorch is sure)\n'
          f'AP {100 * agreement.reference_ap:.2f} in PyTorch, {100 * agreement.ap:.2f} exported: '
          f'{100 * (agreement.ap - agreement.reference_ap):+.2f} points')
