from .cpn_head import CPNHead
from .gpr_head import GPRHead

__all__ = ['CPNHead', 'GPRHead']
