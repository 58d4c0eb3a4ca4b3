"""Reading ahead and writing behind, so that neither disk nor decoder starves the network."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Callable, Generator, Iterable, Optional, TypeVar

T = TypeVar('T')
# What may lie between two threads: 90 frames of 1280x720. A single item may be larger.
BUDGET_BYTES = 256 * 1024**2


class _Budget:
    """Room for so many bytes; whoever finds none waits, unless nothing else is there."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._items = self._used = 0
        self._changed = threading.Condition()
        self._closed = False

    def take(self, weight: int) -> bool:
        """Wait for room. False if nobody will make any."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._items or self._used + weight <= self._budget)
            self._items += 1
            self._used += weight
            return not self._closed

    def give_back(self, weight: int) -> None:
        with self._changed:
            self._items -= 1
            self._used -= weight
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def read_ahead(items: Iterable[T], weigh: Callable[[T], int], budget: int = BUDGET_BYTES) -> Generator[T, None, None]:
    """Iterate in a thread of its own, as far ahead as a budget of memory allows.

    Args:
        items: What to iterate.
        weigh: Bytes of an item.
        budget: Bytes that may wait.

    Yields:
        The items in order. What iterating raises is raised here.
    """
    queue: SimpleQueue = SimpleQueue()  # of futures: each has an item, or the error; a cancelled one is the end
    room = _Budget(budget)

    def fill() -> None:
        end: Future = Future()
        try:
            for item in items:
                if not room.take(weigh(item)):
                    return
                future: Future = Future()
                future.set_result(item)
                queue.put(future)
            end.cancel()
        except BaseException as error:  # whatever it is, it belongs to the consumer
            end.set_exception(error)
        queue.put(end)

    with ThreadPoolExecutor(1, 'read ahead') as thread:
        thread.submit(fill)
        try:
            while True:
                future = queue.get()
                if future.cancelled():
                    return
                item = future.result()
                room.give_back(weigh(item))
                yield item
        finally:
            room.close()


class WriteBehind:
    """Run tasks in order in a thread of its own. Leaving the context waits for them.

    An error of a task is raised by the next call, or on leaving; tasks after it are not run.
    """

    def __init__(self, budget: int = BUDGET_BYTES) -> None:
        self._room = _Budget(budget)
        self._error: Optional[BaseException] = None
        self._running = threading.Event()
        self._thread = ThreadPoolExecutor(1, 'write behind')

    def __enter__(self) -> 'WriteBehind':
        self._running.set()
        return self

    @property
    def is_running(self) -> bool:
        """Whether its thread may still run a task; after an interrupted wait it may."""
        return self._running.is_set()

    def submit(self, task: Callable[[], None], weight: int = 0) -> None:
        """Run a task soon. Waits while tasks of more than the budget's bytes are waiting."""
        self._raise()
        self._room.take(weight)
        self._thread.submit(self._run, task, weight)

    def __exit__(self, kind: object, *_: object) -> None:
        self._thread.shutdown(wait=True)
        self._running.clear()
        if kind is None:
            self._raise()

    def _run(self, task: Callable[[], None], weight: int) -> None:
        try:
            if self._error is None:
                task()
        except BaseException as error:  # raised in the thread that submits
            self._error = error
        finally:
            self._room.give_back(weight)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
