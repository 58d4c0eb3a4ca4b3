"""Steps within a budget: what they said is kept, and time is kept to."""

import json
import sys
import time

from rampose.lab.gpu import Step, run_steps


def test_steps_share_the_time_and_leave_their_logs(tmp_path):
    said = []
    started = time.monotonic()
    outcomes = run_steps([
        Step('good', [sys.executable, '-c', 'print("done with it")']),
        Step('bad', [sys.executable, '-c', 'import sys; sys.exit("broken")']),
        Step('endless', [sys.executable, '-c', 'import time; print("begun", flush=True); time.sleep(99)']),
        Step('late', [sys.executable, '-c', ''])], 12, tmp_path, said.append)
    assert time.monotonic() - started < 25
    assert {name: outcome.status for name, outcome in outcomes.items()} == dict(good=0, bad=1, endless=None)
    assert 'late: no time left' in said
    assert 'begun' in (tmp_path / 'endless.log').read_text() and 'broken' in (tmp_path / 'bad.log').read_text()
    record = json.loads((tmp_path / 'gpu.json').read_text())
    assert record['device'] and record['steps']['good']['tail'] == 'done with it'
