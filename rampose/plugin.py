"""The one import that makes MMPose know rampose.

In a config::

    custom_imports = dict(imports=['rampose.plugin'], allow_failed_imports=False)

It registers in MMPose's own registries `RAMHRNet`, `GPRHead` and `Cutout`; for the paper's Table 1 `StackedHourglass`,
`CPNHead` and `TopdownEnsemble`; for small models `EfficientNetLite`; for training the hooks of
:mod:`rampose.engine.hooks`, `CheckedTrainLoop`, `LoadReadableImage`, `PackedCocoDataset`, `PoseVisualizer`,
`OptionalTensorboardVisBackend` and `MLflowVisBackend`, and a file backend `durable` in MMEngine's. It lets checkpoints
that MMEngine wrote be loaded again (:mod:`rampose.checkpoints.mmengine_loaders`), inline metainfo be read from configs
that MMEngine wrote (:mod:`rampose.datasets.metainfo`), and our models be named in MMEngine's inferencers
(:mod:`rampose.checkpoints.mmengine_names`). It changes nothing else.
"""

# Imported for what they register.
from . import models
from .checkpoints.mmengine_loaders import install_safe_loading
from .checkpoints.mmengine_names import install_names
from .datasets import packed_coco, transforms
from .datasets.metainfo import install_ordered_metainfo
from .engine import file_backend, hooks, train_loop, vis_backends, visualizer

__all__ = ['file_backend', 'hooks', 'models', 'packed_coco', 'train_loop', 'transforms', 'vis_backends',
           'visualizer']

install_names()
install_safe_loading()
install_ordered_metainfo()
