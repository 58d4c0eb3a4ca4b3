from .backbones import RAMHRModule, RAMHRNet
from .heads import GPRHead

__all__ = ['GPRHead', 'RAMHRModule', 'RAMHRNet']
