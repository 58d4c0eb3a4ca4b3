"""What something was computed on."""

import os
import platform
from pathlib import Path


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        return next(line.split(':', 1)[1].strip() for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def describe() -> str:
    """Processor, cores, system and Python, in a line."""
    return f'{os.cpu_count()} cores of {processor()}, {platform.system()}, Python {platform.python_version()}'
