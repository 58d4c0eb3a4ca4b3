"""Write the table of set-ups in docs/install.md from the runs of tools/try_setup.py.

    python docs/make_support_table.py [work_dirs/setups/*/result.json]

Results that are given are kept in docs/setups, each in place of the set-up's last one.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).resolve().parents[1]
PAGE, RUNS = ROOT / 'docs/install.md', ROOT / 'docs/setups'
BEGIN, END = '<!-- made by docs/make_support_table.py -->\n', '<!-- end -->\n'
NAMES = ('oldest', 'common', 'locked', 'newest')
# Rows, and the packages that may stand in each: a fork is imported by the same name.
PACKAGES = (('torch', ), ('mmcv', 'onedl-mmcv'), ('mmengine', 'onedl-mmengine'), ('mmdet', 'onedl-mmdetection'),
            ('mmpose', ), ('numpy', ), ('opencv-python-headless', ), ('xtcocotools', ), ('yapf', ), ('onnxruntime', ))
STEPS = {'check-env': '`rampose check-env`', 'tests': 'fast tests', 'train': 'train, first epoch',
         'resume': 'resume, second epoch', 'test': 'test', 'predict': 'predict', 'convert': 'convert an HRNet',
         'hostile': 'refuse a hostile checkpoint'}


def read_runs() -> List[dict]:
    paths = [RUNS / f'{name}.json' for name in NAMES]
    return [json.loads(path.read_text()) for path in paths if path.is_file()]


def of_row(versions: Dict[str, str], row: tuple) -> str:
    """The version, with the fork's name before it where a fork stands in."""
    for package in row:
        if package in versions:
            return versions[package] if package == row[0] else f'{package} {versions[package]}'
    return '-'


def of_step(step: dict) -> str:
    """What a step said, and for how long it ran; `step` is empty where it was not reached."""
    if not step:
        return 'not reached'
    if not step['passed']:
        return 'fails'
    said = step['said'] if 'passed' in step['said'] else 'works'
    return f'{said} ({step["seconds"]} s)'


def table() -> str:
    runs = read_runs()
    rows = [['', *(run['name'] for run in runs)], ['---'] * (len(runs) + 1),
            ['Python', *(run['python'] for run in runs)],
            *([row[0], *(of_row(run['versions'], row) for run in runs)] for row in PACKAGES),
            ['run on', *(run['date'] for run in runs)],
            *([title, *(of_step(run['steps'].get(step, {})) for run in runs)] for step, title in STEPS.items())]
    return ''.join('| ' + ' | '.join(cells) + ' |\n' for cells in rows)


def page() -> str:
    """The page's text with the table of today's runs."""
    text = PAGE.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:begin] + table() + text[end:]


if __name__ == '__main__':
    RUNS.mkdir(exist_ok=True)
    for name in sys.argv[1:]:
        shutil.copy(name, RUNS / f'{json.loads(Path(name).read_text())["name"]}.json')
    PAGE.write_text(page())
