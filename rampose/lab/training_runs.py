"""Trainings by MMPose's own tool, from outside: the program that starts one, and the log that it leaves."""

import contextlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import List


def find_mim() -> str:
    """The `mim` of this environment, which need not be on the path.

    Raises:
        OSError: There is none.
    """
    mim = shutil.which('mim', path=f'{Path(sys.executable).parent}{os.pathsep}{os.environ.get("PATH", "")}')
    if mim is None:
        raise OSError('mim is missing; pip install openmim')
    return mim


def read_records(folder: Path) -> List[dict]:
    """What MMEngine logged in a work folder, the lines of each start's ``vis_data/scalars.json``, oldest first."""
    records = []
    for file in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in file.read_text().splitlines():
            with contextlib.suppress(ValueError):  # a kill, or a full disk, cut it off
                records.append(json.loads(line))
    return records
