"""example:
  rampose convert hrnet_w32.pth work_dirs/start.pth

IN is a checkpoint of HRNet: MMPose 0.x or 1.x, the pose or ImageNet files of HRNet's authors, MMPreTrain's, timm's.
The heatmaps of OUT are the HRNet's until training improves on them. It is used like any checkpoint of ours:
load_from=OUT in training, or for testing as it is. An ImageNet file has no layer to heatmaps: that starts anew.
"""

import argparse
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

from .statuses import DONE, before_the_work, unusable

if TYPE_CHECKING:
    from mmengine import Config
    from torch import Tensor

    from ..checkpoints.hrnet import HRNetWeights

NUM_IMAGES = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('checkpoint', metavar='IN', type=Path, help='checkpoint of an HRNet, .pth or .safetensors')
    parser.add_argument('out', metavar='OUT', type=Path, help='checkpoint to write, .pth')
    parser.add_argument('--config', type=Path,
                        help='config of the model; default: ours for COCO, W32 or W48 as IN is')
    parser.add_argument('--num-keypoints', type=int, metavar='K',
                        help="keypoints of the model, where it is to have another number than the config; if it is not "
                        "IN's number either, the last layer starts anew")
    parser.add_argument('--images', type=Path, metavar='FOLDER',
                        help='images like those to train on, one person filling each: the first steps of training '
                        'stay closer to the HRNet; default: generated images')
    parser.add_argument('--verbose', action='store_true', help='print the name of every tensor')


def default_config(weights: 'HRNetWeights') -> Path:
    """Our config for COCO of the same width; with the checkpoint's own codec and input size, where it says them."""
    from mmengine import Config

    from ..checkpoints.hrnet import ConversionError, same_codec
    from ..core.package import shipped
    folder = shipped('configs/body_2d_keypoint/topdown_heatmap/coco')
    names = [f'td-hm_ram-hrnet-w{weights.width}-gpr_{variant}4xb32-240e_coco-{size}.py'
             for variant in ('', 'udp-', 'dark-') for size in ('256x192', '384x288')]
    paths = [folder / name for name in names if (folder / name).is_file()]
    if not paths:
        raise ConversionError(f'it is an HRNet-W{weights.width}; our configs for COCO have W32 and W48: write one of '
                              'this width and give it by --config')
    alike = (path for path in paths if weights.codec and same_codec(weights.codec, Config.fromfile(path).codec))
    return next(alike, paths[0])


def next_step(out: Path, config_path: Path, config: 'Config', num_keypoints: Optional[int]) -> str:
    """The command that trains on from what was written; with other keypoints it needs a config that has them."""
    options = f'load_from={out} model.backbone.init_cfg=None'
    if num_keypoints in (None, config.model.head.out_channels):
        return f'to train on:\nmim train mmpose {config_path} --cfg-options {options}'
    return (f'to train on, in a config with the metainfo of your {num_keypoints} keypoints '
            '(docs/custom_keypoints.md):\n'
            f'mim train mmpose CONFIG --cfg-options {options} model.head.out_channels={num_keypoints}')


def read_images(folder: Path, input_size: tuple) -> 'Tensor':
    """Crops like those that will be trained on, normalised."""
    import cv2
    import numpy as np

    from ..checkpoints.conversion import normalized
    from ..core.images import IMAGE_SUFFIXES, read_image
    if not folder.is_dir():
        raise ValueError(f'{folder} is no folder; give a folder of images by --images, or leave it out')
    paths = [path for path in sorted(folder.rglob('*')) if path.suffix.lower() in IMAGE_SUFFIXES]
    if not paths:
        raise ValueError(f'{folder} holds no images; give a folder of images by --images, or leave it out')
    chosen = paths[::-(-len(paths) // NUM_IMAGES)]  # spread over the folder
    return normalized(np.stack([cv2.resize(read_image(path), input_size) for path in chosen]))


def print_names(title: str, names: List[str], verbose: bool) -> None:
    """One line a group: the part of the model to which tensors belong, and their number."""
    print(f'{title}: {len(names)} tensors')
    if verbose:
        print(*(f'  {name}' for name in names), sep='\n')
        return
    parts = [name.split('.') for name in names]
    # stage3.2.branches.0.1.conv1.weight belongs to stage3.branches
    groups = Counter('.'.join(part[:2] + part[3:4] if 'stage' in part[1] else part[:2]) for part in parts)
    for group, number in groups.items():
        print(f'  {group} ({number})')


def check_arguments(args: argparse.Namespace) -> None:
    if args.out.suffix != '.pth':
        args.parser.error(f'got OUT {args.out}; its name must end in .pth')
    if args.out.exists() and args.checkpoint.exists() and args.out.samefile(args.checkpoint):
        args.parser.error('IN and OUT are the same file; IN is kept as it is')
    if args.num_keypoints is not None and args.num_keypoints < 1:
        args.parser.error(f'got --num-keypoints {args.num_keypoints}; needed is at least 1')


def run(args: argparse.Namespace) -> int:
    check_arguments(args)
    warnings.simplefilter('ignore')  # of the libraries
    with before_the_work():
        import logging

        from mmengine import Config
        from mmengine.logging import MMLogger
        MMLogger.get_instance('rampose', log_level=logging.ERROR)  # or MMEngine prints each layer that it initialises
        from .. import models  # noqa: F401  registers what the config builds
        from ..checkpoints.conversion import check_is_ours, convert, normalized, save
        from ..checkpoints.hrnet import ConversionError, read_hrnet, same_codec
        from ..checkpoints.loading import CheckpointError
        from ..core.files import check_writable
        from ..lab.sample import make_crops
        try:
            weights = read_hrnet(args.checkpoint)
            check_writable(args.out)  # before the long work
            config_path = args.config or default_config(weights)
            config = Config.fromfile(config_path)
            check_is_ours(config)
            size = config.codec.input_size
            images = read_images(args.images, size) if args.images else normalized(make_crops(size))
            conversion = convert(weights, config, images, args.num_keypoints)
            save(conversion, weights, args.out)
        except (CheckpointError, ConversionError) as error:
            named = str(args.checkpoint) in str(error)
            raise unusable(f'{"" if named else f"{args.checkpoint}: "}{error}') from error
    print(f'{args.checkpoint}: HRNet-W{weights.width}, layout: {weights.layout}')
    left_out = weights.left_out
    if weights.final_layer and 'head.final_layer.weight' in conversion.new:
        print(f'note: the HRNet has {weights.num_keypoints} keypoints, the model {args.num_keypoints}: its '
                      'last layer starts anew, so heatmaps are not compared')
        left_out = left_out + [f'final_layer.{name}' for name in weights.final_layer]
    for title, names in (('taken', conversion.taken), ('new', conversion.new), ('left out', left_out)):
        print_names(title, names, args.verbose)
    what = 'heatmaps' if 'head.final_layer.weight' in conversion.taken else 'highest-resolution map'
    print(f"{what}: at most {conversion.largest_difference:.1e} from the HRNet's, which reach "
                  f'{conversion.largest_value:.1e}')
    if weights.codec and not same_codec(weights.codec, config.codec):
        print(f'note: the HRNet was trained with {weights.codec["type"]} at {weights.codec["input_size"]} '
                      f'(w, h), the config has {config.codec.type} at {config.codec.input_size}: its AP is that of the '
                      'former')
    print(f'{args.out} written; {next_step(args.out, config_path, config, args.num_keypoints)}')
    return DONE
