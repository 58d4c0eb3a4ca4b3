import threading
import time

import pytest

from rampose.prediction.stream import WriteBehind, read_ahead


def test_reads_in_order_and_ahead():
    read = []

    def items():
        for number in range(20):
            read.append(number)
            yield number

    ahead = read_ahead(items(), weigh=lambda item: 1, budget=5)
    assert next(ahead) == 0
    deadline = time.monotonic() + 10
    while len(read) < 7 and time.monotonic() < deadline:  # 0 is out, 1 to 5 wait, 6 is read and finds no room
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(read) == 7
    assert list(ahead) == list(range(1, 20))


def test_an_item_heavier_than_the_budget_goes_alone():
    assert list(read_ahead(range(5), weigh=lambda item: 100, budget=5)) == list(range(5))


def test_what_reading_raises_is_raised_after_what_was_read():

    def items():
        yield 1
        raise OSError('gone')

    ahead = read_ahead(items(), weigh=lambda item: 0)
    assert next(ahead) == 1
    with pytest.raises(OSError, match='gone'):
        next(ahead)


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    ahead = read_ahead(iter(int, 1), weigh=lambda item: 1, budget=3)  # endless zeros
    next(ahead)
    ahead.close()
    assert threading.active_count() == before


def test_writes_in_order_and_waits_for_the_last():
    written = []
    with WriteBehind() as writer:
        for number in range(10):
            writer.submit(lambda number=number: (time.sleep(0.005), written.append(number)))
    assert written == list(range(10))


def test_an_error_of_a_task_stops_the_later_ones_and_is_raised():
    written = []

    def fail():
        raise OSError('disk full')

    with pytest.raises(OSError, match='disk full'), WriteBehind() as writer:
        writer.submit(lambda: written.append(1))
        writer.submit(fail)
        writer.submit(lambda: written.append(2))
    assert written == [1]


def test_the_callers_error_comes_first_and_what_was_submitted_is_written():
    written = []
    with pytest.raises(KeyError), WriteBehind() as writer:
        writer.submit(lambda: written.append(1))
        raise KeyError('mine')
    assert written == [1]
