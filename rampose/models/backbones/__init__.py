from .efficientnet_lite import EfficientNetLite
from .ram_hrnet import RAMHRModule, RAMHRNet
from .stacked_hourglass import StackedHourglass

__all__ = ['EfficientNetLite', 'RAMHRModule', 'RAMHRNet', 'StackedHourglass']
