"""What a time was measured on."""

from datetime import date
from typing import Optional

import torch

from ..core.machine import processor


def describe_machine(device: str = 'cpu', number: Optional[int] = None) -> str:
    """Processor and cores, or GPU; torch's version; the date.

    Args:
        device: ``cpu`` or ``cuda``.
        number: How many cores or GPUs did the work; None for this process's threads, or one GPU.
    """
    if device == 'cuda':
        what = f'{number} x ' * (number is not None) + torch.cuda.get_device_name()
    else:
        number = number or torch.get_num_threads()
        what = f'{number} core{"s" * (number > 1)} of {processor()}'
    return f'{what}, torch {torch.__version__}, {date.today()}'

