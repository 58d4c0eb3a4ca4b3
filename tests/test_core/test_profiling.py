"""Stages, timed while somebody asks."""

import threading
import time

import pytest

from rampose.core.profiling import Profile, stage


def test_stages_add_up_over_threads():
    def work():
        for _ in range(2):
            with stage('sleep'):
                time.sleep(0.02)

    with stage('sleep'):  # nobody asks
        pass
    with Profile() as profile:
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with pytest.raises(RuntimeError, match='a profile is active already'), Profile():
            pass
    (one, ) = profile.stages
    assert (one.name, one.calls) == ('sleep', 6) and one.seconds >= 0.12 > profile.seconds * 0.9
    with stage('afterwards'):
        pass
    assert len(profile.stages) == 1
