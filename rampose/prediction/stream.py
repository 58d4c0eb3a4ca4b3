"""Reading ahead and writing behind, so that neither disk nor decoder starves the network."""

import threading
from collections import deque
from typing import Callable, Deque, Generic, Iterable, Iterator, Optional, Tuple, TypeVar

T = TypeVar('T')
# What may lie between two threads: 90 frames of 1280x720. A single item may be larger.
BUDGET_BYTES = 256 * 1024**2


class _Buffer(Generic[T]):
    """A queue bounded by the weight of what is in it."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._items: Deque[Tuple[T, int]] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T, weight: int = 0) -> bool:
        """Wait for room. False if the other side has closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._items or self._weight + weight <= self._budget)
            if self._closed:
                return False
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()
            return True

    def get(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._items)
            item, weight = self._items.popleft()
            self._weight -= weight
            self._changed.notify_all()
            return item

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def read_ahead(items: Iterable[T], weigh: Callable[[T], int], budget: int = BUDGET_BYTES) -> Iterator[T]:
    """Iterate in a thread of its own, as far ahead as a budget of memory allows.

    Args:
        items: What to iterate.
        weigh: Bytes of an item.
        budget: Bytes that may wait.

    Yields:
        The items in order. What iterating raises is raised here.
    """
    buffer: _Buffer[Tuple[str, object]] = _Buffer(budget)

    def fill() -> None:
        try:
            for item in items:
                if not buffer.put(('item', item), weigh(item)):
                    return
            buffer.put(('end', None))
        except BaseException as error:  # whatever it is, it belongs to the consumer
            buffer.put(('error', error))

    thread = threading.Thread(target=fill, name='read ahead', daemon=True)
    thread.start()
    try:
        while True:
            kind, value = buffer.get()
            if kind == 'end':
                return
            if kind == 'error':
                raise value
            yield value
    finally:
        buffer.close()
        thread.join()


class WriteBehind:
    """Run tasks in order in a thread of its own. Leaving the context waits for them.

    An error of a task is raised by the next call, or on leaving; tasks after it are not run.
    """

    def __init__(self, budget: int = BUDGET_BYTES) -> None:
        self._buffer: _Buffer[Optional[Callable[[], None]]] = _Buffer(budget)
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._work, name='write behind', daemon=True)

    def __enter__(self) -> 'WriteBehind':
        self._thread.start()
        return self

    @property
    def is_running(self) -> bool:
        """Whether its thread may still run a task; after an interrupted wait it may."""
        return self._thread.is_alive()

    def submit(self, task: Callable[[], None], weight: int = 0) -> None:
        """Run a task soon. Waits while tasks of more than the budget's bytes are waiting."""
        self._raise()
        self._buffer.put(task, weight)

    def __exit__(self, kind: object, *_: object) -> None:
        self._buffer.put(None)
        self._thread.join()
        if kind is None:
            self._raise()

    def _work(self) -> None:
        while True:
            task = self._buffer.get()
            if task is None:
                return
            if self._error is None:
                try:
                    task()
                except BaseException as error:  # raised in the thread that submits
                    self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
