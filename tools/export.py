"""Export a trained pose estimator to ONNX or OpenVINO.

    python tools/export.py CONFIG CHECKPOINT --out FOLDER [--format onnx|openvino] [--precision fp32|fp16|bf16|int8]

FOLDER gets model.onnx, or model.xml and model.bin. What was written is run and compared with PyTorch; it is kept
only if it agrees. Then, with numpy, OpenCV and the engine alone:

    from rampose.apis import TopdownPredictor
    keypoints, scores = TopdownPredictor('FOLDER/model.xml')(image, bboxes)

Exit status: 0 written; 1 not written, since it differs too much; 2 the call cannot be used; 3 written, but the labels
for --evaluate cannot be used.
"""

import argparse
import sys
import warnings
from pathlib import Path
from typing import List, Optional

WRITTEN, DIFFERS, UNUSABLE, NOT_EVALUATED = 0, 1, 2, 3


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'got {text}; needed is at least 1')
    return number


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path, help='top-down heatmap config: ours, HRNet, SimpleBaseline')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--out', required=True, type=Path, help='folder for the model')
    parser.add_argument('--format', default='onnx', choices=['onnx', 'openvino'])
    parser.add_argument('--precision', default='fp32', choices=['fp32', 'fp16', 'bf16', 'int8'],
                        help='bf16: OpenVINO only; int8: with --calibrate')
    graph = parser.add_argument_group('what is part of the model')
    graph.add_argument('--uint8-input', action='store_true', help='take crops (B, h, w, 3) uint8 BGR')
    graph.add_argument('--decode', action='store_true', help='give keypoints and scores in place of heatmaps')
    graph.add_argument('--flip-test', action='store_true', help='average with the mirrored crops, for twice the time')
    data = parser.add_argument_group('data')
    data.add_argument('--calibrate', nargs=2, type=Path, metavar=('IMAGES', 'BOXES'),
                      help='for int8: a folder of pictures, and a JSON file of boxes as tools/predict.py takes it')
    data.add_argument('--num-calibrate', type=positive, default=300,
                      help='people to calibrate on, at most (default: 300)')
    data.add_argument('--fast', action='store_true', help='for int8: a minute in place of several, for twice the loss')
    data.add_argument('--evaluate', nargs=2, type=Path, metavar=('IMAGES', 'ANNOTATIONS'),
                      help='measure the loss in AP on a folder of pictures and its COCO keypoint file')
    data.add_argument('--num-evaluate', type=positive, help='people to measure on, at most; default: all')
    args = parser.parse_args(argv)
    if args.precision == 'int8' and not args.calibrate:
        parser.error('int8 needs --calibrate IMAGES BOXES: pictures of people to choose its ranges by')
    if args.calibrate and args.precision != 'int8':
        parser.error('--calibrate is for --precision int8')
    return args


def main() -> int:
    args = parse_args()
    warnings.simplefilter('ignore')  # of the libraries
    warnings.filterwarnings('default', message='this CPU has no bfloat16')
    from rich.console import Console

    from rampose.export.exporting import ExportError, export
    console = Console(highlight=False, soft_wrap=True)
    try:
        if args.evaluate:
            from rampose.export.evaluation import LabelledPeople
            labelled = LabelledPeople(*args.evaluate, args.num_evaluate)  # before the long work
        with console.status('') as status:
            report = export(
                args.config, args.checkpoint, args.out, args.format, args.precision,
                'uint8' if args.uint8_input else 'normalized', 'keypoints' if args.decode else 'heatmaps',
                args.flip_test, args.calibrate, args.num_calibrate, not args.fast,
                on_step=lambda text: status.update(text))
    except ExportError as error:
        print(f'export.py: {error}', file=sys.stderr)
        return DIFFERS
    except Exception as error:  # a config is Python and may raise anything
        lines = str(error).strip().splitlines() or ['']
        kind = '' if isinstance(error, (ImportError, RuntimeError, ValueError)) else f'{type(error).__name__}: '
        print(f'export.py: {kind}{lines[0]}', file=sys.stderr)
        return UNUSABLE
    what = 'scores' if args.decode else 'heatmaps'
    console.print(f'{report.path}  ({report.num_bytes / 1e6:.1f} MB, {args.precision})\n'
                  f'Largest difference from PyTorch, {what}: {report.difference:.2g} (allowed: {report.tolerance:.2g})')
    if args.evaluate:
        try:
            evaluate(args, report.path, labelled, console)
        except Exception as error:  # labels may be wrong in any way
            print(f'export.py: {report.path} is written, but {args.evaluate[1]} cannot be evaluated: {error}',
                  file=sys.stderr)
            return NOT_EVALUATED
    return WRITTEN


def evaluate(args: argparse.Namespace, path: Path, labelled: object, console: object) -> None:
    """Print how the exported model's keypoints and AP compare with PyTorch's."""
    from rich.progress import track

    from rampose.apis import TopdownPredictor
    from rampose.export.evaluation import compare
    flip_test = args.flip_test or not args.decode
    agreement = compare(
        TopdownPredictor(args.config, args.checkpoint, device='cpu', flip_test=flip_test),
        TopdownPredictor(path, flip_test=flip_test), labelled,
        progress=lambda pictures: track(pictures, 'Comparing', console=console))
    console.print(
        f'{agreement.num_people} people, flip test {"on" if flip_test else "off"}: keypoints shift by '
        f'{agreement.mean_shift:.3f} px on average (median {agreement.median_shift:.3f}, most '
        f'{agreement.max_shift:.1f}; '
        f'{agreement.mean_shift_sure:.3f} where PyTorch is sure)\n'
        f'AP {100 * agreement.reference_ap:.2f} in PyTorch, {100 * agreement.ap:.2f} exported: '
        f'{100 * (agreement.ap - agreement.reference_ap):+.2f} points')


if __name__ == '__main__':
    sys.exit(main())
