"""The one import that makes MMPose know rampose.

In a config::

    custom_imports = dict(imports=['rampose.plugin'], allow_failed_imports=False)

It registers `RAMHRNet`, `GPRHead`, `Cutout`, `AttentionHook`, `ChannelsLastHook`, `KeypointNumberHook`, and for the
paper's Table 1 `StackedHourglass`, `CPNHead` and `TopdownEnsemble`, in MMPose's own registries, lets checkpoints that
MMEngine wrote be loaded again (:mod:`rampose.engine.checkpoint`) and inline metainfo be read from configs that MMEngine
wrote (:mod:`rampose.datasets.metainfo`). It changes nothing else.
"""

# Imported for what they register.
from . import models
from .datasets import transforms
from .datasets.metainfo import install_ordered_metainfo
from .engine import hooks
from .engine.checkpoint import install_safe_loading

__all__ = ['hooks', 'models', 'transforms']

install_safe_loading()
install_ordered_metainfo()
