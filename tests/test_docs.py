"""The README's commands run, its links and the docs' lead somewhere, its numbers are those that are measured."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

RUNNABLE = re.compile(r'<!-- runnable -->\n```(?:bash|shell)\n(.*?)```', re.DOTALL)
LINK = re.compile(r'\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)')


def runnable_blocks(root):
    return [block for name in ('README.md', 'docs/deployment.md')
            for block in RUNNABLE.findall((root / name).read_text())]


@pytest.mark.slow
def test_runnable_commands_of_the_readme(root, tiny_sample, monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', f'{Path(sys.executable).parent}:{os.environ["PATH"]}')
    monkeypatch.setenv('RAMPOSE_SAMPLE', str(tiny_sample))
    blocks = runnable_blocks(root)
    assert len(blocks) >= 3
    for block in blocks:
        done = subprocess.run(['bash', '-euo', 'pipefail', '-c', block], capture_output=True, text=True, cwd=root)
        assert done.returncode == 0, f'{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}'


def markdown_files(root):
    return [root / name for name in ('README.md', 'CHANGELOG.md', 'CONTRIBUTING.md')] + sorted(root.glob('docs/*.md'))


def test_links_lead_somewhere(root):
    for path in markdown_files(root):
        for target in LINK.findall(path.read_text()):
            if not target.startswith(('http://', 'https://', 'mailto:')):
                assert (path.parent / target).exists(), f'{path.name}: {target}'


def test_paths_in_the_docs_exist(root):
    for path in markdown_files(root):
        for name in re.findall(r'`((?:rampose|configs|tools|tests|docs|requirements)/[\w./-]+\.\w+)`',
                               path.read_text()):
            assert (root / name).exists(), f'{path.name}: {name}'


def test_the_metafile_names_every_config_of_table_1(root):
    import yaml
    index = yaml.safe_load((root / 'model-index.yml').read_text())
    models = [model for file in index['Import'] for model in yaml.safe_load((root / file).read_text())['Models']]
    configs = {path.relative_to(root).as_posix() for path in root.glob('configs/**/td-hm_*4xb32*.py')}
    assert {model['Config'] for model in models} == configs
    readme = (root / 'README.md').read_text()
    for model in models:
        reported = model['Results'][0]['Metrics']['AP (reported by the paper)']
        assert f'| {reported} |' in readme
        assert str(model['Metadata']['Parameters (M)']) in readme
