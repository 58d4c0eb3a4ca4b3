from .backbones import EfficientNetLite, RAMHRModule, RAMHRNet, StackedHourglass
from .heads import CPNHead, GPRHead
from .pose_estimators import TopdownEnsemble

__all__ = ['CPNHead', 'EfficientNetLite', 'GPRHead', 'RAMHRModule', 'RAMHRNet', 'StackedHourglass', 'TopdownEnsemble']
