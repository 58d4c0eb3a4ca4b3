"""Trainings by MMPose's own tool, from outside: the program that starts one, and the log that it leaves."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import List, Optional


def find_mim() -> Optional[str]:
    """The `mim` of this environment, which need not be on the path; None where there is none."""
    return shutil.which('mim', path=f'{Path(sys.executable).parent}{os.pathsep}{os.environ.get("PATH", "")}')


def read_records(folder: Path) -> List[dict]:
    """What MMEngine logged in a work folder, the lines of each start's ``vis_data/scalars.json``, oldest first."""
    files = sorted(folder.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for file in files for line in file.read_text().splitlines() if line.strip()]
