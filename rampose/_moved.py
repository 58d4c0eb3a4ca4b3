"""Old import paths, which work until the next release and say where their contents are now."""

import importlib
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Dict, Optional, Sequence, Tuple

_PREDICTION = {f'rampose.apis.{name}': (f'rampose.prediction.{name}', )
               for name in ('drawing', 'inputs', 'media', 'run', 'stream', 'tracking')}
_LAB = {f'rampose.analysis.{name}': (f'rampose.lab.{name}', ) for name in (
    'candidates', 'complexity', 'isolation', 'kills', 'labelled', 'latency', 'machine', 'random_weights', 'table1')}
MOVED: Dict[str, Tuple[str, ...]] = {
    **_PREDICTION, **_LAB,
    'rampose.analysis': (),
    'rampose.analysis.attention': ('rampose.apis.attention', 'rampose.layers.recording'),
    'rampose.analysis.plots': ('rampose.lab.plots', 'rampose.prediction.attention'),
    'rampose.apis.bboxes': ('rampose.core.bboxes', 'rampose.core.box_file'),
    'rampose.apis.detector': ('rampose.apis.mmdet_detector', ),
    'rampose.apis.images': ('rampose.core.images', ),
    'rampose.apis.pose_model': ('rampose.apis.torch_model', ),
    'rampose.apis.results': ('rampose.prediction.folder', 'rampose.prediction.records'),
    'rampose.datasets.coco_server': ('rampose.prediction.coco_server', ),
    'rampose.datasets.figure': ('rampose.lab.figure', ),
    'rampose.datasets.sample': ('rampose.lab.sample', ),
    'rampose.deploy': (),
    'rampose.deploy.calibration': ('rampose.export.calibration', ),
    'rampose.deploy.crops': ('rampose.core.crops', ),
    'rampose.deploy.decoding': ('rampose.core.decoding', ),
    'rampose.deploy.engines': ('rampose.apis.engines', ),
    'rampose.deploy.evaluation': ('rampose.export.evaluation', ),
    'rampose.deploy.export': ('rampose.export.exporting', 'rampose.export.description'),
    'rampose.deploy.folding': ('rampose.export.folding', ),
    'rampose.deploy.metadata': ('rampose.core.model_info', ),
    'rampose.deploy.network': ('rampose.export.network', ),
    'rampose.deploy.pose_model': ('rampose.apis.exported_model', ),
    'rampose.engine.checkpoint': ('rampose.checkpoints.loading', 'rampose.checkpoints.mmengine_loaders'),
    'rampose.engine.conversion': ('rampose.checkpoints.conversion', 'rampose.checkpoints.hrnet'),
    'rampose.engine.publishing': ('rampose.checkpoints.publishing', ),
    'rampose.engine.training_runs': ('rampose.lab.training_runs', ),
    'rampose.engine.weights': ('rampose.checkpoints.weights', ),
    'rampose.experiments': (),
    **{f'rampose.experiments.{name}': (f'rampose.lab.experiments.{name}', )
       for name in ('comparison', 'page', 'plan', 'results', 'running')},
    'rampose.files': ('rampose.core.files', ),
    'rampose.pretraining': ('rampose.engine.pretraining', ),
}


class _Finder(MetaPathFinder, Loader):
    """Finds what has moved; asked after everything else."""

    def find_spec(self, fullname: str, path: Optional[Sequence[str]] = None,
                  target: Optional[ModuleType] = None) -> Optional[ModuleSpec]:
        if fullname not in MOVED:
            return None
        return ModuleSpec(fullname, self, is_package=not MOVED[fullname])

    def exec_module(self, module: ModuleType) -> None:
        places = [importlib.import_module(name) for name in MOVED[module.__name__]]
        if places:
            new = ' and '.join(MOVED[module.__name__])
            warnings.warn(f'{module.__name__} has moved to {new}; the old name goes with the next release',
                          DeprecationWarning, stacklevel=2)

        def find(name: str) -> Any:
            for place in places:
                if hasattr(place, name):
                    return getattr(place, name)
            raise AttributeError(f'module {module.__name__!r} has no attribute {name!r}')

        module.__getattr__ = find  # type: ignore[attr-defined,method-assign]


def install() -> None:
    """Make the old paths known."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
