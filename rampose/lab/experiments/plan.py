"""A plan of an experiment: which configs are trained with which seeds, and which are compared."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from mmengine import Config

from ...checkpoints.conversion import check_is_ours

KEYS = ('title', 'folder', 'metrics', 'seeds', 'candidates', 'comparisons')
CANDIDATE_KEYS = ('title', 'config', 'seeds', 'options', 'start', 'convert')


@dataclass(frozen=True)
class Candidate:
    """What is trained, once for each seed.

    Attributes:
        name: Its key in the plan and its folder.
        title: Its name in tables.
        config: Path of the config.
        seeds: The value of ``randomness.seed`` of each of its runs.
        options: What the plan changes in the config, by dotted key, as ``--cfg-options`` does.
        start: Name of the candidate whose last checkpoint of the same seed this one starts from, or None.
        convert: Whether that is an HRNet to be turned into RAM-HRNet + GPR first (docs/warm_start.md).
        digest: Of all that decides what a run computes, but for seed, code, data and GPUs.
    """
    name: str
    title: str
    config: Path
    seeds: Tuple[int, ...]
    options: Dict[str, Any]
    start: Optional[str]
    convert: bool
    digest: str


@dataclass(frozen=True)
class Plan:
    """An experiment.

    Attributes:
        title: What it asks, a line.
        metrics: What the evaluators call each metric, by its name in tables; higher is better. Plots show the first.
        candidates: By name, each after what it starts from.
        comparisons: Pairs (a, b) of names: how much better is a than b?
    """
    title: str
    metrics: Dict[str, str]
    candidates: Dict[str, Candidate]
    comparisons: Tuple[Tuple[str, str], ...]

    def runs(self) -> List[Tuple[Candidate, int]]:
        """Every candidate with every seed of its; all candidates with the first seed come first."""
        seeds = dict.fromkeys(seed for candidate in self.candidates.values() for seed in candidate.seeds)
        return [(candidate, seed) for seed in seeds for candidate in self.candidates.values()
                if seed in candidate.seeds]


def read_plan(path: Path) -> Plan:
    """Read a plan, a config file with the keys :data:`KEYS`.

    Args:
        path: The file. Relative paths in it start at its folder.

    Raises:
        ValueError: Something in it is missing, unknown or contradictory.
        FileNotFoundError: It, or one of its configs, is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing; needed is a plan, such as configs/experiments/lspet-128x96.py')
    try:
        content = Config.fromfile(path, import_custom_modules=False).to_dict()
    except SyntaxError as error:
        raise ValueError(f'{path}:{error.lineno}: {error.msg}') from None
    content = {key: value for key, value in content.items() if not key.startswith('_')}  # names of a plan's own
    _check_keys(content, KEYS, ('title', 'metrics', 'seeds', 'candidates'), str(path))
    candidates: Dict[str, Candidate] = {}
    for name, entry in content['candidates'].items():
        where = f'{path}: candidate {name}'
        _check_keys(entry, CANDIDATE_KEYS, ('config', ), where)
        config = Path(os.path.normpath(path.parent / content.get('folder', '') / entry['config']))
        if not config.is_file():
            raise FileNotFoundError(f'{where}: the config {config} is missing')
        seeds = entry.get('seeds', content['seeds'])
        if not isinstance(seeds, (list, tuple)) or not seeds or len(set(seeds)) < len(seeds) \
                or not all(isinstance(seed, int) for seed in seeds):
            raise ValueError(f'{where}: got the seeds {seeds}; needed is a list of different whole numbers')
        start = entry.get('start')
        if start is not None:
            if start not in candidates:
                raise ValueError(f'{where} starts from {start}, which no candidate above it is called')
            lacking = sorted(set(seeds) - set(candidates[start].seeds))
            if lacking:
                raise ValueError(f'{where} has the seeds {lacking}, with which {start}, its start, is not trained')
        options, convert = entry.get('options', {}), bool(entry.get('convert', False))
        if convert:
            if start is None:
                raise ValueError(f'{where}: convert needs a start, the HRNet to be converted')
            check_is_ours(config_of(config, options))
        decisive = [_content(config), options, convert, candidates[start].digest if start else None]
        digest = hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()[:12]
        candidates[name] = Candidate(
            name, entry.get('title', name), config, tuple(seeds), options, start, convert, digest)
    comparisons = content.get('comparisons', ())
    for pair in comparisons:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not set(pair) <= set(candidates):
            raise ValueError(f'{path}: got the comparison {pair!r}; needed are two of {", ".join(candidates)}')
    metrics = content['metrics']
    if not isinstance(metrics, dict) or not metrics:
        raise ValueError(f'{path}: got the metrics {metrics}; needed is, for example, metrics=dict(AP="coco/AP")')
    return Plan(content['title'], dict(metrics), candidates, tuple(map(tuple, comparisons)))


def config_of(path: Path, options: Dict[str, Any]) -> Config:
    """A candidate's config, changed as the plan wants it."""
    config = Config.fromfile(path, import_custom_modules=False)
    config.merge_from_dict(options)
    return config


def _check_keys(content: dict, known: Tuple[str, ...], needed: Tuple[str, ...], where: str) -> None:
    unknown = sorted(set(content) - set(known))
    missing = sorted(set(needed) - set(content))
    if unknown or missing:
        what = ' and '.join([f'{", ".join(unknown)} is not known'] * bool(unknown)
                            + [f'{", ".join(missing)} is missing'] * bool(missing))
        raise ValueError(f'{where}: {what}; keys are {", ".join(known)}, and names of your own that begin with _')


def _content(config: Path) -> dict:
    # Without this machine's folders, so that a run counts as done wherever it was done.
    content = Config.fromfile(config, import_custom_modules=False, use_environment_variables=False).to_dict()
    content.get('default_hooks', {}).pop('badcase', None)  # draws what a test missed; of no run before it was there
    return content
