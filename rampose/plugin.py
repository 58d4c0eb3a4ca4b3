"""The one import that makes MMPose know rampose.

In a config::

    custom_imports = dict(imports=['rampose.plugin'], allow_failed_imports=False)

It registers `RAMHRNet`, `GPRHead`, `Cutout` and `ChannelsLastHook` in MMPose's own registries, and lets checkpoints
that MMEngine wrote be loaded again (see :mod:`rampose.engine.checkpoint`). It changes nothing else.
"""

# Imported for what they register.
from . import models
from .datasets import transforms
from .engine import hooks
from .engine.checkpoint import install_safe_loading

__all__ = ['hooks', 'models', 'transforms']

install_safe_loading()
