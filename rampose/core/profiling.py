"""Where the time of a run goes: stages that are timed while somebody asks."""

import threading
import time
from typing import Any, Dict, List, NamedTuple, Optional

_active: 'Optional[Profile]' = None


class StageTime(NamedTuple):
    """Time of one stage.

    Attributes:
        name: Of the stage.
        seconds: Spent in it, in all threads.
        calls: How often it was entered.
    """
    name: str
    seconds: float
    calls: int


class Profile:
    """Adds up what :class:`stage` times, in all threads of the process, while it is entered.

    Stages of different threads overlap, so their sum may exceed the time that passed.

    Example:
        >>> with Profile() as profile:
        ...     predictor(images)
        >>> profile.stages[0]
        StageTime(name='read', seconds=0.31, calls=40)

    Attributes:
        seconds: That passed while it was entered.
    """

    def __init__(self) -> None:
        self._times: Dict[str, List[float]] = {}
        self._lock = threading.Lock()
        self.seconds = 0.

    def __enter__(self) -> 'Profile':
        global _active
        if _active is not None:
            raise RuntimeError('a profile is active already; one at a time')
        _active, self._started = self, time.perf_counter()
        return self

    def __exit__(self, *_: Any) -> None:
        global _active
        _active = None
        self.seconds += time.perf_counter() - self._started

    def add(self, name: str, seconds: float) -> None:
        """Add a stage's time."""
        with self._lock:
            so_far = self._times.setdefault(name, [0., 0])
            so_far[0] += seconds
            so_far[1] += 1

    @property
    def stages(self) -> List[StageTime]:
        """Those that were entered, in the order of their first end."""
        with self._lock:
            return [StageTime(name, seconds, int(calls)) for name, (seconds, calls) in self._times.items()]


class stage:
    """Time what is done within, if a profile is active; next to nothing if none is.

    Args:
        name: Of the stage: 'read', 'detect', 'crop', 'network', 'decode', 'draw' or 'write'.
    """
    __slots__ = ('_name', '_profile', '_started')

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._profile = _active
        if self._profile is not None:
            self._started = time.perf_counter()

    def __exit__(self, *_: Any) -> None:
        if self._profile is not None:
            self._profile.add(self._name, time.perf_counter() - self._started)
