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


def usable_cores() -> int:
    """How many cores this process may use; a container's share of them is not seen."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
