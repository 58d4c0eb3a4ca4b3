from ..core.images import UnreadableError, read_image
from .predictor import TopdownPredictor

__all__ = ['TopdownPredictor', 'UnreadableError', 'read_image']
