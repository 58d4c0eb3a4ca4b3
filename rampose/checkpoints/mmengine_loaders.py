"""MMEngine's own loading of checkpoints, replaced by ours: for its code and MMPose's, which call MMEngine."""

from typing import Any

import mmengine.runner.checkpoint as mmengine_checkpoint
from mmengine.runner import CheckpointLoader

from .loading import load_checkpoint_file, load_from_http


def load_from_local(filename: str, map_location: Any = None) -> Any:
    """A file, by :func:`rampose.checkpoints.loading.load_checkpoint_file`."""
    return load_checkpoint_file(filename, map_location)


def install_safe_loading() -> None:
    """Make MMEngine load checkpoints from files, http and its model zoos through `load_checkpoint_file`."""
    CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)
    CheckpointLoader.register_scheme(prefixes=('http://', 'https://'), loader=load_from_http, force=True)
    # MMEngine's loaders for torchvision://, openmmlab:// and mmcls:// call this function of their module.
    mmengine_checkpoint.load_from_http = load_from_http
