"""`rampose convert-lsp`, as MMPose's converters are called: python tools/dataset_converters/lsp2coco.py --help"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for a checkout that is not installed
from rampose.cli.main import run_as_tool

if __name__ == '__main__':
    run_as_tool('convert-lsp')
