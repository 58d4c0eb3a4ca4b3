"""The table of set-ups in docs/install.md is that of the runs in docs/setups, and those are of the pins."""

import json
import re
import runpy


def test_the_table_is_that_of_the_runs(root):
    table = runpy.run_path(str(root / 'docs/make_support_table.py'))
    assert table['page']() == table['PAGE'].read_text(), 'run python docs/make_support_table.py'


def test_the_runs_are_of_the_pins_and_passed(root):
    runs = sorted((root / 'docs/setups').glob('*.json'))
    assert {'oldest', 'common', 'newest'} <= {path.stem for path in runs}
    for path in runs:
        run = json.loads(path.read_text())
        pins = root / ('requirements/lock.txt' if path.stem == 'locked' else f'requirements/setups/{path.stem}.txt')
        pinned = dict(re.findall(r'^([\w-]+)==([^ \n]+)', pins.read_text(), re.M))
        for package, version in run['versions'].items():
            assert package == 'rampose' or pinned[package] == version.split('+')[0], (path.stem, package)
        assert run['passed'], path.stem
