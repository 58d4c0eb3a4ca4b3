"""Checkpoints: loading without running what is in a file, strict weights, conversion, publishing, weights by name."""
