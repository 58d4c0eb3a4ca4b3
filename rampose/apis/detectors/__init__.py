"""Detectors that need no MMDetection, each kind in a file that is imported when it is asked for."""
