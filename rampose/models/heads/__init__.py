from .gpr_head import GPRHead

__all__ = ['GPRHead']
