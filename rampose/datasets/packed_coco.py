"""People from a pack of crops."""

import os
from pathlib import Path
from typing import Any

from mmpose.datasets.datasets.body import CocoDataset
from mmpose.registry import DATASETS

from .packing import PackReader


@DATASETS.register_module()
class PackedCocoDataset(CocoDataset):
    """MMPose's `CocoDataset` whose images are the crops of a pack that `rampose pack` wrote.

    The samples are those of the whole images, but for what encoding and scaling a crop costs: docs/datasets.md.

    Args:
        pack: The LMDB file; relative to `data_root`. ``ann_file`` is the JSON beside it.
        *args, **kwargs: As MMPose's `CocoDataset`.

    Raises:
        ImportError: lmdb is not installed.
        ValueError: The pack is not there, or is none.
    """

    def __init__(self, *args: Any, pack: str, **kwargs: Any) -> None:
        self.pack = PackReader(Path(kwargs.get('data_root') or '', pack))
        super().__init__(*args, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        info = super().get_data_info(idx)
        info['img'] = self.pack.read(os.path.basename(info['img_path']))
        return info
