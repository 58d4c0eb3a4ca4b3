"""Start RAM-HRNet + GPR from an HRNet: its heatmaps stay the same until training improves on them.

    python tools/convert_hrnet.py IN OUT [--config CONFIG] [--num-keypoints K] [--images FOLDER]

IN is a checkpoint of HRNet: MMPose 0.x or 1.x, the pose or ImageNet files of HRNet's authors, MMPreTrain's, timm's. OUT
is then used like any checkpoint of ours: load_from=OUT in training, or for testing as it is. An ImageNet file has no
layer to heatmaps: that starts anew.

Exit status: 0 written; 1 IN does not fit; 2 the call cannot be used.
"""

import argparse
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import List, Optional

WRITTEN, DOES_NOT_FIT, UNUSABLE = 0, 1, 2
CONFIGS = Path(__file__).resolve().parents[1] / 'configs/body_2d_keypoint/topdown_heatmap/coco'
NUM_IMAGES = 64


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', metavar='IN', type=Path, help='checkpoint of an HRNet, .pth or .safetensors')
    parser.add_argument('out', metavar='OUT', type=Path, help='checkpoint to write, .pth')
    parser.add_argument('--config', type=Path,
                        help='config of the model; default: ours for COCO, W32 or W48 as IN is')
    parser.add_argument('--num-keypoints', type=int, metavar='K',
                        help="keypoints of the model, where it is to have another number than the config; if it is not "
                        "IN's number either, the last layer starts anew")
    parser.add_argument('--images', type=Path, metavar='FOLDER',
                        help='pictures like those to train on, one person filling each: the first steps of training '
                        'stay closer to the HRNet; default: generated pictures')
    parser.add_argument('--verbose', action='store_true', help='print the name of every tensor')
    args = parser.parse_args(argv)
    if args.out.suffix != '.pth':
        parser.error(f'got OUT {args.out}; its name must end in .pth')
    if args.out.exists() and args.checkpoint.exists() and args.out.samefile(args.checkpoint):
        parser.error('IN and OUT are the same file; IN is kept as it is')
    if args.num_keypoints is not None and args.num_keypoints < 1:
        parser.error(f'got --num-keypoints {args.num_keypoints}; needed is at least 1')
    return args


def default_config(weights) -> Path:
    """Our config for COCO of the same width; with the checkpoint's own codec and input size, where it says them."""
    from mmengine import Config

    from rampose.checkpoints.conversion import ConversionError, same_codec
    names = [f'td-hm_ram-hrnet-w{weights.width}-gpr_{variant}4xb32-240e_coco-{size}.py'
             for variant in ('', 'udp-', 'dark-') for size in ('256x192', '384x288')]
    paths = [CONFIGS / name for name in names if (CONFIGS / name).is_file()]
    if not paths:
        raise ConversionError(f'it is an HRNet-W{weights.width}; our configs for COCO have W32 and W48: write one of '
                              'this width and give it by --config')
    alike = (path for path in paths if weights.codec and same_codec(weights.codec, Config.fromfile(path).codec))
    return next(alike, paths[0])


def next_step(out: Path, config_path: Path, config, num_keypoints: Optional[int]) -> str:
    """The command that trains on from what was written; with other keypoints it needs a config that has them."""
    options = f'load_from={out} model.backbone.init_cfg=None'
    if num_keypoints in (None, config.model.head.out_channels):
        return f'to train on:\nmim train mmpose {config_path} --cfg-options {options}'
    return (f'to train on, in a config with the metainfo of your {num_keypoints} keypoints '
            '(docs/custom_keypoints.md):\n'
            f'mim train mmpose CONFIG --cfg-options {options} model.head.out_channels={num_keypoints}')


def read_images(folder: Path, input_size: tuple):
    import cv2
    import numpy as np

    from rampose.checkpoints.conversion import normalized
    from rampose.core.images import IMAGE_SUFFIXES, read_image
    if not folder.is_dir():
        raise ValueError(f'{folder} is no folder; give a folder of pictures by --images, or leave it out')
    paths = [path for path in sorted(folder.rglob('*')) if path.suffix.lower() in IMAGE_SUFFIXES]
    if not paths:
        raise ValueError(f'{folder} holds no pictures; give a folder of pictures by --images, or leave it out')
    chosen = paths[::-(-len(paths) // NUM_IMAGES)]  # spread over the folder
    return normalized(np.stack([cv2.resize(read_image(path), input_size) for path in chosen]))


def print_names(console, title: str, names: List[str], verbose: bool) -> None:
    """One line a group: the part of the model to which tensors belong, and their number."""
    console.print(f'{title}: {len(names)} tensors')
    if verbose:
        console.print(*(f'  {name}' for name in names), sep='\n')
        return
    parts = [name.split('.') for name in names]
    # stage3.2.branches.0.1.conv1.weight belongs to stage3.branches
    groups = Counter('.'.join(part[:2] + part[3:4] if 'stage' in part[1] else part[:2]) for part in parts)
    for group, number in groups.items():
        console.print(f'  {group} ({number})')


def main() -> int:
    args = parse_args()
    warnings.simplefilter('ignore')  # of the libraries
    import logging

    from mmengine import Config
    from mmengine.logging import MMLogger
    from rich.console import Console

    MMLogger.get_instance('rampose', log_level=logging.ERROR)  # or MMEngine prints each layer that it initialises
    import rampose.plugin  # noqa: F401
    from rampose.checkpoints.conversion import ConversionError, check_is_ours, convert, read_hrnet, same_codec, save
    from rampose.checkpoints.loading import CheckpointError
    from rampose.core.files import check_writable
    console = Console(highlight=False, soft_wrap=True)
    try:
        weights = read_hrnet(args.checkpoint)
        check_writable(args.out)  # before the long work
        config_path = args.config or default_config(weights)
        config = Config.fromfile(config_path)
        check_is_ours(config)
        images = read_images(args.images, config.codec.input_size) if args.images else None
        conversion = convert(weights, config, args.num_keypoints, images)
        save(conversion, weights, args.out)
    except (CheckpointError, ConversionError) as error:
        named = str(args.checkpoint) in str(error)
        print(f'convert_hrnet.py: {"" if named else f"{args.checkpoint}: "}{error}', file=sys.stderr)
        return DOES_NOT_FIT
    except (ValueError, OSError) as error:
        print(f'convert_hrnet.py: {error}', file=sys.stderr)
        return UNUSABLE
    console.print(f'{args.checkpoint}: HRNet-W{weights.width}, layout: {weights.layout}')
    left_out = weights.left_out
    if weights.final_layer and 'head.final_layer.weight' in conversion.new:
        console.print(f'note: the HRNet has {weights.num_keypoints} keypoints, the model {args.num_keypoints}: its '
                      'last layer starts anew, so heatmaps are not compared')
        left_out = left_out + [f'final_layer.{name}' for name in weights.final_layer]
    for title, names in (('taken', conversion.taken), ('new', conversion.new), ('left out', left_out)):
        print_names(console, title, names, args.verbose)
    what = 'heatmaps' if 'head.final_layer.weight' in conversion.taken else 'highest-resolution map'
    console.print(f"{what}: at most {conversion.largest_difference:.1e} from the HRNet's, which reach "
                  f'{conversion.largest_value:.1e}')
    if weights.codec and not same_codec(weights.codec, config.codec):
        console.print(f'note: the HRNet was trained with {weights.codec["type"]} at {weights.codec["input_size"]} '
                      f'(w, h), the config has {config.codec.type} at {config.codec.input_size}: its AP is that of the '
                      'former')
    console.print(f'{args.out} written; {next_step(args.out, config_path, config, args.num_keypoints)}')
    return WRITTEN


if __name__ == '__main__':
    sys.exit(main())
