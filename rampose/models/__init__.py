from .backbones import RAMHRModule, RAMHRNet, StackedHourglass
from .heads import CPNHead, GPRHead
from .pose_estimators import TopdownEnsemble

__all__ = ['CPNHead', 'GPRHead', 'RAMHRModule', 'RAMHRNet', 'StackedHourglass', 'TopdownEnsemble']
