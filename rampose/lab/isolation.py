"""Calling things in processes of their own, so that neither threads nor memory of one disturb another."""

import contextlib
import multiprocessing
import resource
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Callable, Dict, Iterator, Tuple


class IsolatedCall:
    """A function that is made, and called, in a process of its own.

    Args:
        make: Makes the function; importable, since the other process imports it.
        *args: Arguments for it.

    Raises:
        RuntimeError: Making it failed; on waiting for it, or calling it.
    """

    def __init__(self, make: Callable[..., Callable[[], object]], *args: object) -> None:
        context = multiprocessing.get_context('spawn')
        self._connection, theirs = context.Pipe()
        # No daemon: those may not have a data loader's workers. Without its other end, the process ends by itself.
        self._process = context.Process(target=_serve, args=(theirs, make, args))
        self._process.start()
        theirs.close()
        self._ready = False

    def wait(self) -> None:
        """Wait until the function is made."""
        if not self._ready:
            self._receive()
            self._ready = True

    def __call__(self) -> None:
        self.wait()
        self._ask('call')

    def peak_memory(self) -> int:
        """The most memory that the process has had so far, bytes."""
        self.wait()
        return self._ask('memory')

    def last(self) -> object:
        """What the function returned when it was called last."""
        self.wait()
        return self._ask('last')

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(timeout=5)
        self._process.terminate()
        self._process.join()

    def _ask(self, request: str) -> object:
        with contextlib.suppress(OSError):  # it ended: receiving says so
            self._connection.send(request)
        return self._receive()

    def _receive(self) -> object:
        try:
            failed, content = self._connection.recv()
        except (EOFError, OSError):
            raise RuntimeError('the process ended; did it run out of memory?') from None
        if failed:
            raise RuntimeError(content)
        return content


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


def _serve(connection: Connection, make: Callable, args: tuple) -> None:
    try:
        call = make(*args)
        connection.send((False, None))
        while True:
            request, answer = connection.recv(), None
            if request == 'call':
                last = call()
            elif request == 'last':
                answer = last
            elif request == 'memory':
                answer = _peak_memory()
            connection.send((False, answer))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        pass  # the other side is done
    except Exception:
        connection.send((True, traceback.format_exc()))


def _peak_memory() -> int:
    try:
        with open('/proc/self/status') as file:  # getrusage on Linux starts from the parent's peak
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith('VmHWM'))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)
