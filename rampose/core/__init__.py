"""What needs neither torch nor OpenMMLab: numpy, OpenCV and, where it is installed, Pillow."""
