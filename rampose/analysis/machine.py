"""What a time was measured on."""

import platform
from datetime import date
from pathlib import Path

import torch


def describe_machine(device: str = 'cpu') -> str:
    """Processor and cores, or GPU; torch's version; the date."""
    what = (torch.cuda.get_device_name() if device == 'cuda' else f'{torch.get_num_threads()} cores of {_processor()}')
    return f'{what}, torch {torch.__version__}, {date.today()}'


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        return next(line.split(':', 1)[1].strip() for line in lines if line.startswith('model name'))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
