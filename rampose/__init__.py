"""rampose: RAM-HRNet and Gradual Pyramid Refinement for MMPose."""

from ._moved import install as _install_moved

__version__ = '0.1.0'

_install_moved()
