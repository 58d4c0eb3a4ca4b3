from .ram_hrnet import RAMHRModule, RAMHRNet

__all__ = ['RAMHRModule', 'RAMHRNet']
