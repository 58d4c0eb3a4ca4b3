"""Calling things in processes of their own, so that neither threads nor memory of one disturb another."""

import contextlib
import multiprocessing
import sys
import traceback
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Callable, Dict, Iterator, Tuple

_here: Dict[str, Any] = {}  # in the other process: the function, and what it returned last


class IsolatedCall:
    """A function that is made, and called, in a process of its own.

    Args:
        make: Makes the function; importable, since the other process imports it.
        *args: Arguments for it.

    Raises:
        RuntimeError: Making it failed; on waiting for it, or calling it.
    """

    def __init__(self, make: Callable[..., Callable[[], object]], *args: object) -> None:
        self._process = ProcessPoolExecutor(1, multiprocessing.get_context('spawn'))
        self._made = self._process.submit(_make, make, args)

    def wait(self) -> None:
        """Wait until the function is made."""
        _result_of(self._made)

    def __call__(self) -> None:
        self._ask(_call)

    def peak_memory(self) -> int:
        """The most memory that the process has had so far, bytes."""
        return self._ask(_peak_memory)

    def last(self) -> Any:
        """What the function returned when it was called last."""
        return self._ask(_here_last)

    def close(self) -> None:
        """End the process."""
        self._process.shutdown(wait=True)

    def _ask(self, function: Callable[[], Any]) -> Any:
        self.wait()
        return _result_of(self._process.submit(function))


@contextlib.contextmanager
def isolated(candidates: Dict[str, Tuple]) -> Iterator[Dict[str, IsolatedCall]]:
    """Start candidates, ``name: (make, *args)``, one after another; end them all afterwards."""
    calls: Dict[str, IsolatedCall] = {}
    try:
        for name, candidate in candidates.items():
            calls[name] = IsolatedCall(*candidate)
            calls[name].wait()
        yield calls
    finally:
        for call in calls.values():
            call.close()


def _result_of(future: Future) -> Any:
    try:
        return future.result()
    except BrokenProcessPool:
        raise RuntimeError('the process ended; did it run out of memory?') from None
    except Exception as error:
        raise RuntimeError(''.join(traceback.format_exception(type(error), error, error.__traceback__))) from error


# What follows runs in the other process.


def _make(make: Callable, args: tuple) -> None:
    _here['call'] = make(*args)


def _call() -> None:
    _here['last'] = _here['call']()


def _here_last() -> Any:
    return _here['last']


def _peak_memory() -> int:
    try:
        with open('/proc/self/status') as file:  # getrusage on Linux starts from the parent's peak
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith('VmHWM'))
    except (OSError, StopIteration):
        import resource  # not on Windows
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
