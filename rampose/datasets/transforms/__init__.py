from .cutout import Cutout

__all__ = ['Cutout']
