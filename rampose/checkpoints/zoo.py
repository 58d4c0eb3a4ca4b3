"""Weights by name: which models have weights, and where their files are.

The list is ``checkpoints/weights.json``. Its names are those of the metafiles (model-index.yml). Nothing here needs
torch or MMEngine, so that exported models can be named where neither is installed.
"""

import difflib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Dict, List

from ..core.package import shipped
from .fetching import check_file, fetch_file


@dataclass(frozen=True)
class Weights:
    """A model that has weights.

    Attributes:
        name: As in the metafiles.
        config: Its config, below the package's files.
        keypoints: What it finds, in words.
        num_keypoints: K.
        input_size: Height x width of its input.
        measured: What was measured, by what on what.
        trained_on: Its training data and their terms.
        licence: Of the weights.
        min_keypoint_score: Keypoints of lower scores are better not drawn.
        files: By kind, 'torch' for a checkpoint of the config and 'onnx' for an exported model: ``file``, a path below
            the package's files, or ``url``; ``sha256``; ``bytes``.
    """
    name: str
    config: str
    keypoints: str
    num_keypoints: int
    input_size: str
    measured: Dict[str, float]
    trained_on: str
    licence: str
    min_keypoint_score: float
    files: Dict[str, dict]

    @property
    def megabytes(self) -> float:
        """Size of all of its files."""
        return sum(file['bytes'] for file in self.files.values()) / 1e6

    @property
    def measured_text(self) -> str:
        return ', '.join(f'{what} {value}' for what, value in self.measured.items())

    @property
    def place(self) -> str:
        """Where its files are: 'here' for those that come with the package."""
        return 'here' if all('file' in file for file in self.files.values()) else 'to be fetched'

    def as_dict(self) -> dict:
        return asdict(self)


@lru_cache(maxsize=None)
def all_weights() -> List[Weights]:
    """All models that have weights; the first is the one that is taken where none is named."""
    return [Weights(**entry) for entry in json.loads(shipped('checkpoints/weights.json').read_text())]


def default_name() -> str:
    """The model that is taken where none is named."""
    return all_weights()[0].name


def find_weights(name: str) -> Weights:
    """A model by its name.

    Raises:
        ValueError: No model of that name has weights; similar names are given.
    """
    by_name = {weights.name: weights for weights in all_weights()}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, 3, 0.4) or list(by_name)[:3]
        raise ValueError(f'no weights are called {name!r}; is {" or ".join(near)} meant? `rampose weights` lists all')
    return by_name[name]


def config_of(weights: Weights) -> Path:
    """The config's file."""
    return shipped(weights.config)


def fetch(weights: Weights, kind: str) -> Path:
    """A file of a model, checked by its hash; downloaded to the cache where it does not come with the package.

    Args:
        weights: The model.
        kind: 'torch' or 'onnx'.

    Raises:
        ValueError: The model has no such file, or the file is another one than the list says.
        OSError: It cannot be downloaded.
    """
    if kind not in weights.files:
        raise ValueError(f'{weights.name} has no {kind} file, but {" and ".join(weights.files)}')
    file = weights.files[kind]
    if 'file' in file:
        try:
            path = shipped(file['file'])
        except FileNotFoundError:  # too large for the wheel
            raise ValueError(f'{weights.name}: {file["file"]} is too large for the wheel that is installed; install '
                             'from a checkout, which has it: pip install -e /path/to/rampose') from None
        check_file(path, file['sha256'], 'install rampose again')
        return path
    return fetch_file(file['url'], file['sha256'], file['bytes'])
