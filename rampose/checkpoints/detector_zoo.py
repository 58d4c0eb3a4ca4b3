"""Detectors by name: where their files are.

The list is ``checkpoints/detectors.json``. Nothing here needs torch or MMEngine.
"""

import difflib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Union

from ..core.package import shipped
from .fetching import cached_path, fetch_file

DEFAULT = 'yolox-nano'  # the smallest


@dataclass(frozen=True)
class NamedDetector:
    """A detector that its authors publish, exported.

    Attributes:
        name: Ours.
        input_size: Height x width of its input.
        file: ``url``, ``sha256``, ``bytes``.
        published: What its authors measured.
        licence: Of the weights.
    """
    name: str
    input_size: str
    file: Dict
    published: str
    licence: str

    @property
    def megabytes(self) -> float:
        return self.file['bytes'] / 1e6

    @property
    def is_here(self) -> bool:
        """Whether it was downloaded before."""
        return cached_path(self.file['url'], self.file['sha256']).is_file()

    def fetch(self) -> Path:
        """Its file, downloaded once, checked each time.

        Raises:
            ValueError: It is another file than was published.
            OSError: It cannot be downloaded.
        """
        return fetch_file(self.file['url'], self.file['sha256'], self.file['bytes'])


@lru_cache(maxsize=None)
def all_detectors() -> List[NamedDetector]:
    """All of them, the smallest first."""
    return [NamedDetector(**entry) for entry in json.loads(shipped('checkpoints/detectors.json').read_text())]


def find_detector(name: str) -> NamedDetector:
    """A detector by its name.

    Raises:
        ValueError: None is called so; similar names are given.
    """
    by_name = {detector.name: detector for detector in all_detectors()}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, 3, 0.4) or list(by_name)
        raise ValueError(f'no detector is called {name!r}, and no file; is {" or ".join(near)} meant?')
    return by_name[name]


def is_name(source: Union[str, Path]) -> bool:
    """Whether a name is meant, and no file."""
    return not Path(source).suffix and not Path(source).exists()


def detector_file(source: Union[str, Path]) -> Path:
    """The file that a name or a path stands for; a named one is downloaded once.

    Raises:
        OSError: It cannot be downloaded.
        ValueError: No detector is called so.
    """
    return find_detector(str(source)).fetch() if is_name(source) else Path(source)
