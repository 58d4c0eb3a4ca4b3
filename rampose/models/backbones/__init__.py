from .ram_hrnet import RAMHRModule, RAMHRNet
from .stacked_hourglass import StackedHourglass

__all__ = ['RAMHRModule', 'RAMHRNet', 'StackedHourglass']
