"""Strip a training checkpoint to what others need: weights, and what the keypoints are.

    python tools/publish_model.py IN OUT [--half]

writes OUT-{hash}_{date}.pth. Optimizer, schedule, log and config, which names folders of this machine, stay behind.

Exit status: 0 written; 2 the call cannot be used.
"""

import argparse
import os
import sys


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint', metavar='IN', help='checkpoint of a training')
    parser.add_argument('out', metavar='OUT', help='what to call it, before hash and date')
    parser.add_argument('--half', action='store_true', help='store weights as fp16, for half the size')
    args = parser.parse_args()
    args.checkpoint = os.path.expanduser(args.checkpoint)
    from pathlib import Path

    from rampose.checkpoints.loading import CheckpointError
    from rampose.checkpoints.publishing import publish
    try:
        path = publish(args.checkpoint, args.out, half=args.half)
    except (CheckpointError, OSError) as error:
        print(f'publish_model.py: {error}', file=sys.stderr)
        return 2
    before, after = (Path(name).stat().st_size / 1e6 for name in (args.checkpoint, path))
    print(f'{path} written: {after:.1f} MB of {before:.1f} MB')
    return 0


if __name__ == '__main__':
    sys.exit(main())
