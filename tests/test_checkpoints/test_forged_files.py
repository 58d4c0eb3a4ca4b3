"""Forged files by the thousand, in a process of their own: one that ends it is a failure, too."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / 'fuzz_loading.py'


def fuzz(number, seed, folder):
    done = subprocess.run([sys.executable, str(SCRIPT), str(number), str(seed), str(folder)], text=True,
                          capture_output=True, timeout=900)
    assert done.returncode == 0, f'seed {seed}, status {done.returncode}:\n{done.stderr[-3000:]}'
    counts = dict(zip(done.stdout.split()[::2], map(int, done.stdout.split()[1::2])))
    assert sum(counts.values()) >= number, counts


def test_some_forged_files(tmp_path):
    fuzz(400, 0, tmp_path)


@pytest.mark.long
def test_many_forged_files(tmp_path):
    """Others at each call; the seed stands in the failure."""
    fuzz(20_000, random.randrange(2**32), tmp_path)
