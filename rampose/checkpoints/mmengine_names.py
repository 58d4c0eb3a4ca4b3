"""Our models by their names in MMEngine's inferencers: ``MMPoseInferencer(pose2d=NAME)``."""

from functools import wraps
from typing import Any, Iterator

from mmengine.infer.infer import BaseInferencer

from ..core.package import shipped
from .zoo import all_weights, config_of

_MMENGINES = BaseInferencer._get_models_from_metafile


def install_names() -> None:
    """Make MMEngine's inferencers find the models that have weights here, beside those of the host's metafiles."""
    if not hasattr(BaseInferencer._get_models_from_metafile, '__wrapped__'):
        BaseInferencer._get_models_from_metafile = staticmethod(_with_ours)


@wraps(_MMENGINES)
def _with_ours(dir: str) -> Iterator[Any]:
    for weights in all_weights():
        file = weights.files['torch']
        yield dict(Name=weights.name, Config=str(config_of(weights)),
                   Weights=str(shipped(file['file'])) if 'file' in file else file['url'])
    yield from _MMENGINES(dir)
