"""rampose: RAM-HRNet and Gradual Pyramid Refinement for MMPose."""

__version__ = '0.1.0'
