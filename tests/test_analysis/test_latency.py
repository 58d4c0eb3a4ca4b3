import time

import pytest

from rampose.analysis.latency import time_interleaved


def test_interleaves_and_takes_ratios():
    calls = []

    def sleep(name, seconds):
        calls.append(name)
        time.sleep(seconds)

    latencies = time_interleaved({'a': lambda: sleep('a', 0.01), 'b': lambda: sleep('b', 0.03)}, rounds=3, warmup=1)
    assert calls == ['a', 'b'] * 4
    assert latencies['a'].ratio == 1
    assert latencies['b'].seconds.shape == (3, )
    assert latencies['b'].ratio == pytest.approx(3, rel=0.3)
    low, high = latencies['b'].ratio_quartiles
    assert low <= latencies['b'].ratio <= high
