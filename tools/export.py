"""`rampose export`, as MMPose's tools are called: python tools/export.py --help"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for a checkout that is not installed
from rampose.cli.main import run_as_tool

if __name__ == '__main__':
    run_as_tool('export')
