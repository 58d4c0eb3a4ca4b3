"""Exported models: making them (torch, MMPose), and running them (numpy, OpenCV and one engine).

`metadata`, `crops`, `decoding`, `engines` and `pose_model` are the run-time; a test holds them to import neither torch
nor a package of OpenMMLab's.
"""
