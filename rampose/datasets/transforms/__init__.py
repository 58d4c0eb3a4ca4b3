from .cutout import Cutout
from .load_readable_image import LoadReadableImage

__all__ = ['Cutout', 'LoadReadableImage']
