import operator
import time
from functools import partial

import pytest

from rampose.lab.isolation import IsolatedCall, isolated
from rampose.lab.latency import time_interleaved


def test_interleaves_and_takes_ratios():
    calls = []

    def sleep(name, seconds):
        calls.append(name)
        time.sleep(seconds)

    latencies = time_interleaved({'a': lambda: sleep('a', 0.01), 'b': lambda: sleep('b', 0.03)}, rounds=3, warmup=1)
    assert sorted(calls) == ['a'] * 4 + ['b'] * 4
    assert all({*calls[i:i + 2]} == {'a', 'b'} for i in range(0, 8, 2))  # each once a round
    assert calls != ['a', 'b'] * 4  # and not always in the same order
    assert latencies['a'].ratio == 1
    assert latencies['b'].seconds.shape == (3, )
    assert latencies['b'].ratio == pytest.approx(3, rel=0.3)
    low, high = latencies['b'].ratio_quartiles
    assert low <= latencies['b'].ratio <= high


def test_a_pause_calls_each_twice_and_times_the_second():
    calls = []
    latencies = time_interleaved({'a': lambda: (calls.append(0), time.sleep(0.05 if len(calls) % 2 else 0))}, rounds=2,
                                 warmup=0, pause=0.001)
    assert len(calls) == 4 and latencies['a'].median < 0.04


def test_isolated_calls_run_elsewhere_and_report_their_memory():
    candidates = {name: (partial, operator.mul, b'x', size) for name, size in (('few', 10**6), ('many', 300 * 10**6))}
    with isolated(candidates) as calls:
        calls['few']()
        calls['many']()
        memory = {name: call.peak_memory() for name, call in calls.items()}
    assert memory['many'] - memory['few'] > 250e6


def test_an_isolated_call_that_cannot_be_made_says_why():
    call = IsolatedCall(int, 'seven')
    with pytest.raises(RuntimeError, match="invalid literal for int.*'seven'"):
        call()
    call.close()
